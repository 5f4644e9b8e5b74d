"""Workspace types whose listing carries every attribute that rules name: no detail is read of what did not change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ecmbraze.engine.scan import columns
from ecmbraze.ledger.codec import dump
from ecmbraze.model import WorkspaceRow
from tests.rehearsal import CAMPAIGN, CONTRACT, KYC, TYPE, Rehearsal, rehearsal, rehearsal_after

NUMBER, STAGE, DAY = "Onboarding.Customer Number", "Onboarding.Stage", "Onboarding.Contract Approved On"
COLUMNS = [CONTRACT, KYC, NUMBER, STAGE, DAY]


LONG = "Waiting for the second signature of the board"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Rehearsal]:
    with rehearsal_after(_with_columns, tmp_path) as stage:
        yield stage


def _with_columns(stage: Rehearsal) -> None:
    stage.box.switch(columns=COLUMNS)
    stage.set_up()
    stage.box.clear_journal()


def _asked(stage: Rehearsal) -> tuple[int, int]:
    """(listing pages, details read) since the journal was cleared."""
    paths = [entry["path"] for entry in stage.box.journal(system="ecm") if entry["method"] == "GET"]
    listed = sum(path.endswith("/v2/businessworkspaces") for path in paths)
    return listed, sum("/v2/businessworkspaces/" in path for path in paths)


def _user(stage: Rehearsal, workspace: int) -> dict[str, Any]:
    users: list[dict[str, Any]] = stage.box.call("GET", "/braze/users")
    return next(user for user in users if user["external_id"] == stage.customer(workspace))


def _with_a_long_stage(stage: Rehearsal) -> int:
    """Give a workspace that stands on no first page a text that columns may cut, and let a run read it."""
    names = {int(one["id"]): one["name"] for one in stage.box.workspaces(TYPE)}
    workspace = max(stage.open_workspaces(), key=lambda number: names[number].casefold())
    stage.box.edit_workspace(workspace, {STAGE: LONG})
    stage.run()
    return workspace


@pytest.mark.parametrize(
    ("listed", "held", "same"),
    [
        (("a", "b"), ["a", "b"], True),
        (("a", "b"), ["b", "a"], False),
        (("a",), ["a", "b"], False),
        ((1,), [True], False),
        (1, 1.0, False),
        (None, None, True),
        ("a", ["a"], False),
    ],
)
def test_a_column_shows_what_is_known_where_value_and_type_agree(listed: Any, held: Any, same: bool) -> None:
    moment = datetime(2026, 1, 5, tzinfo=UTC)
    row = WorkspaceRow(
        id=1, type_id=1, name="V", created_at=moment, modified_at=moment, columns={"x": listed, "y": "n"}
    )

    assert columns.shows(row, {"C.X": "x", "C.Y": "y"}, {"C.X": held, "C.Y": "n"}) is same
    assert not columns.shows(row, {"C.X": "x", "C.Y": "z"}, {"C.X": held, "C.Y": None})
    assert dict(columns.moved(dump({"C.X": held}), {"C.X": listed})) == ({} if same else {"C.X": False})


def test_a_quiet_run_reads_no_detail_and_a_change_only_for_its_message(stage: Rehearsal) -> None:
    stage.run()
    quiet = _asked(stage)
    stage.box.clear_journal()
    workspace = stage.open_workspaces()[0]
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved", DAY: "2026-11-19"})

    report = stage.run()

    assert quiet[1] == 0
    assert _asked(stage) == (quiet[0], 1)  # one screen read per message occasion
    customer = stage.customer(workspace)
    assert stage.messages() == {(customer, "contract_approved"): 1, (customer, CAMPAIGN): 1}
    assert report["counts"]["changed"] == 1
    assert stage.received()["events"][0]["time"] == "2026-11-18T23:00:00Z"


def test_a_category_edit_that_moves_no_date_is_seen_at_once(stage: Rehearsal) -> None:
    stage.box.switch(category_write_bumps_modify_date=False)
    workspace = stage.open_workspaces()[0]
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})

    stage.run()

    assert stage.messages()[(stage.customer(workspace), CAMPAIGN)] == 1


def test_the_baseline_of_a_type_with_columns_reads_a_few_details_only(tmp_path: Path) -> None:
    with rehearsal(tmp_path, "--workspaces", "400") as stage:
        stage.config["ecm"]["page_size"] = 100
        stage.box.switch(columns=COLUMNS)

        stage.set_up()

        assert _asked(stage)[1] < 40


def test_a_column_that_shows_something_else_is_not_trusted(tmp_path: Path) -> None:
    with rehearsal(tmp_path) as stage:
        stage.config["flows"]["onboarding"]["attributes"] = {"tags": "Onboarding.Tags"}
        stage.box.switch(columns=[*COLUMNS, "Onboarding.Tags"])  # several values: a column shows the first
        stage.set_up()
        stage.box.clear_journal()
        stage.run()
        assert _asked(stage)[1] == 0  # what a column shows wrongly is not tried again in each run
        workspace = stage.open_workspaces()[0]
        stage.box.edit_workspace(workspace, {"Onboarding.Tags": ["new", "large"]})

        stage.run()

        tagged = _user(stage, workspace)["custom_attributes"]["ecm_tags"]
        assert tagged == ["new", "large"]


def test_an_attribute_the_listing_does_not_show_has_details_read(stage: Rehearsal) -> None:
    stage.flow["milestones"][1]["when"] = {KYC: "Completed", "Onboarding.VIP": True}
    stage.run()
    stage.box.clear_journal()
    workspace = stage.open_workspaces()[0]
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})

    stage.run()

    assert _asked(stage)[1] == 1  # read in this run, so the screen need not read it again
    assert stage.messages()[(stage.customer(workspace), CAMPAIGN)] == 1


def test_columns_that_vanish_cost_nothing_but_details(stage: Rehearsal) -> None:
    stage.box.switch(columns=COLUMNS[:3])
    workspace = stage.open_workspaces()[0]
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})

    report = stage.run()

    assert report["counts"]["changed"] == 1
    assert stage.messages()[(stage.customer(workspace), CAMPAIGN)] == 1


def test_a_column_that_shows_less_than_there_is_is_found_out_by_the_sweep(stage: Rehearsal) -> None:
    workspace = stage.open_workspaces()[0]
    stage.box.switch(columns_cut=20)
    stage.box.edit_workspace(workspace, {STAGE: LONG})
    stage.run()  # short texts are as they were; this one is not
    stage.config["sweep_every"] = "1h"
    stage.config["ecm"]["sweep_requests"] = 100

    notes: list[str] = []
    for _ in range(8):
        stage.box.advance(2 * 3600)
        notes += stage.run()["notes"]

    assert _user(stage, workspace)["custom_attributes"]["ecm_stage"] == LONG
    assert sum("details are read instead" in note for note in notes) == 1
    assert not stage.messages()


def test_what_details_held_is_not_overwritten_by_a_column_that_shows_less(tmp_path: Path) -> None:
    """Columns that come later are proven on other rows; the long text differs, and no date says why."""
    with rehearsal(tmp_path) as stage:
        stage.set_up()
        workspace = _with_a_long_stage(stage)
        stage.box.switch(columns=COLUMNS, columns_cut=20)
        stage.box.advance(60)

        notes = [note for _ in range(3) for note in stage.run()["notes"]]

        assert _user(stage, workspace)["custom_attributes"]["ecm_stage"] == LONG
        assert sum("details are read instead" in note for note in notes) == 1


def test_a_new_attribute_lets_no_column_overwrite_what_details_held(tmp_path: Path) -> None:
    """Rules that name one more fact have the columns proven anew, on rows whose texts are short enough."""
    with rehearsal(tmp_path) as stage:
        stage.set_up()
        workspace = _with_a_long_stage(stage)
        stage.flow["attributes"]["vip"] = "Onboarding.VIP"
        stage.box.switch(columns=[*COLUMNS, "Onboarding.VIP"], columns_cut=20)
        stage.box.advance(60)

        for _ in range(3):
            stage.run()

        assert _user(stage, workspace)["custom_attributes"]["ecm_stage"] == LONG


def test_rules_that_drop_an_attribute_read_no_details_and_change_no_workspace(stage: Rehearsal) -> None:
    stage.flow["attributes"] = {}

    report = stage.run()

    assert report["counts"]["changed"] == 0
    assert _asked(stage)[1] <= 12  # the proof


def test_a_category_taken_off_a_workspace_is_no_cleared_attribute(tmp_path: Path) -> None:
    with rehearsal(tmp_path) as stage:
        stage.box.add_category("Extra", [{"name": "Note", "type": "String"}])
        stage.box.add_type("Noted", ["Onboarding", "Extra"])
        customer = stage.customer(stage.open_workspaces()[0])
        noted = stage.box.create_workspace("Noted", name="Noted", values={NUMBER: customer, "Extra.Note": "first"})
        rule = {"name": "third", "when": {"Extra.Note": "third"}, "send": {"event": "third"}}
        stage.flow.update(workspace_types=["Noted"], attributes={"note": "Extra.Note"}, milestones=[rule])
        stage.box.switch(columns=[NUMBER, "Extra.Note"])
        stage.set_up()
        stage.box.edit_workspace(noted, {"Extra.Note": "second"})
        stage.box.clear_journal()
        stage.run()
        changed = _asked(stage)
        stage.box.advance(60)
        stage.box.edit_workspace(noted, {"Extra": None})

        report = stage.run(code=3)

        assert changed[1] == 0
        assert report["counts"]["quarantined"] == 1
        assert _user(stage, stage.open_workspaces()[0])["custom_attributes"]["ecm_note"] == "second"


def test_an_edit_between_a_proof_and_the_next_listing_speaks_against_no_column(stage: Rehearsal) -> None:
    workspace = stage.open_workspaces()[0]
    stage.box.switch(columns_cut=20)
    stage.box.edit_workspace(workspace, {STAGE: LONG})
    stage.run()
    stage.config["sweep_every"] = "1h"
    stage.config["ecm"]["sweep_requests"] = 100
    for _ in range(4):
        stage.box.advance(2 * 3600)
        stage.box.edit_workspace(workspace, {STAGE: f"now {stage.box.now():%H}"})  # short again, and a new date

        report = stage.run()

        assert report["notes"] == []


def test_check_says_how_changes_are_found(stage: Rehearsal) -> None:
    by_columns = stage.ecmbraze("check").stdout
    stage.box.switch(columns=COLUMNS[1:], column_query_modify_date=True)
    stage.config["ecm"]["date_query_from"] = 10
    by_dates = stage.ecmbraze("check").stdout

    assert "changes of 'Customer Onboarding': found by the columns of its listing" in by_columns
    assert "found by modify dates, listed completely once per sweep_every, else by date" in by_dates
    assert "no column Onboarding.Contract Status" in by_dates
