"""Where category edits move no modify date, and workspaces share few folders, folder listings show them each run."""

from __future__ import annotations

from tests.rehearsal import CAMPAIGN, CONTRACT, Rehearsal


def _learn(stage: Rehearsal) -> None:
    """Let the sweep find one edit that moved no date."""
    stage.box.switch(category_write_bumps_modify_date=False)
    stage.box.edit_workspace(stage.open_workspaces()[0], {"Onboarding.Stage": "KYC"})
    stage.box.advance(25 * 3600)
    stage.run()


def test_after_the_first_silent_edit_the_next_ones_are_seen_at_once(stage: Rehearsal) -> None:
    _learn(stage)
    workspace = stage.open_workspaces()[1]
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    stage.box.clear_journal()

    report = stage.run()

    assert stage.messages()[(stage.customer(workspace), CAMPAIGN)] == 1
    parts = ("new", "changed", "unchanged", "filtered", "quarantined")
    assert report["counts"]["read"] == sum(report["counts"][name] for name in parts)
    paths = [entry["path"] for entry in stage.box.journal(system="ecm")]
    assert sum("/v2/businessworkspaces/" in path for path in paths) == 1  # no detail of an unchanged workspace


def test_a_tenant_whose_edits_move_their_date_pays_for_no_folder(stage: Rehearsal) -> None:
    stage.box.edit_workspace(stage.open_workspaces()[0], {"Onboarding.Stage": "KYC"})
    stage.run()
    stage.box.clear_journal()

    stage.run()

    paths = [entry["path"] for entry in stage.box.journal(system="ecm")]
    assert not [path for path in paths if path.endswith("/nodes")]


def test_a_folder_that_cannot_be_listed_is_told_and_costs_nothing_else(stage: Rehearsal) -> None:
    _learn(stage)
    stage.box.fault("status", system="ecm", path="/nodes$", status=500, times=50)
    workspace = stage.open_workspaces()[1]
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})

    report = stage.run()

    assert any("found by the sweep only" in note for note in report["notes"])
    assert not stage.messages()
