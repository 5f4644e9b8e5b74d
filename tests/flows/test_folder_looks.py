"""Where category edits move no modify date, and workspaces share few folders, folder listings show them each run."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from tests.rehearsal import CAMPAIGN, CONTRACT, TYPE, Rehearsal


def _learn(stage: Rehearsal) -> None:
    """Let the sweep find one edit that moved no date."""
    stage.box.switch(category_write_bumps_modify_date=False)
    stage.box.edit_workspace(stage.open_workspaces()[0], {"Onboarding.Stage": "KYC"})
    stage.box.advance(25 * 3600)
    stage.run()


def _file_with(stage: Rehearsal, workspace: int, neighbour: int) -> None:
    """Move a workspace into the folder of another one."""
    login = urlencode({"username": stage.box.username, "password": stage.box.password}).encode()
    ticket = _call(Request(f"{stage.box.ecm}/api/v1/auth", login))["ticket"]
    headers, nodes = {"OTCSTicket": ticket}, f"{stage.box.ecm}/api/v2/nodes"
    properties = _call(Request(f"{nodes}/{neighbour}", headers=headers))["results"]["data"]["properties"]
    moved = urlencode({"parent_id": properties["parent_id"]}).encode()
    _call(Request(f"{nodes}/{workspace}", moved, headers, method="PUT"))


def _call(request: Request) -> Any:
    with urlopen(request, timeout=60) as answer:
        return json.load(answer)


def test_a_workspace_of_another_type_in_the_same_folder_stays_what_it_is(fresh: Rehearsal) -> None:
    fresh.box.add_type("Partner", ["Onboarding"])
    neighbour = fresh.open_workspaces()[0]
    values = {"Onboarding.Customer Number": fresh.customer(neighbour)}
    partner = fresh.box.create_workspace("Partner", name="Partner", values=values)
    _file_with(fresh, partner, neighbour)
    fresh.flow["workspace_types"] = ["Partner", TYPE]
    fresh.set_up()
    _learn(fresh)
    fresh.box.edit_workspace(partner, {"Onboarding.Stage": "Review"})
    for _ in range(2):
        fresh.run()

    with closing(sqlite3.connect(fresh.state)) as state:
        kept = state.execute("SELECT stream FROM record WHERE key = ?", (f"ws:{partner}",)).fetchone()

    assert kept == ("workspaces/Partner",)


def _folders_of_the_next_run(stage: Rehearsal) -> list[str]:
    stage.box.clear_journal()
    stage.run()
    paths = [str(entry["path"]) for entry in stage.box.journal(system="ecm")]
    return [path for path in paths if path.endswith("/nodes")]


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

    assert _folders_of_the_next_run(stage) == []


def test_an_edit_that_moved_its_date_while_the_sweep_was_on_teaches_nothing(stage: Rehearsal) -> None:
    """The listing was read before the edit, the detail after it: no proof that edits move no date."""
    stage.box.advance(25 * 3600)
    workspace = stage.open_workspaces()[0]
    edit = {"do": "edit", "id": workspace, "values": {"Onboarding.Stage": "KYC"}}
    stage.box.fault("edit", path=f"/v2/businessworkspaces/{workspace}$", when="before", edits=[edit])
    stage.run()

    assert _folders_of_the_next_run(stage) == []


def test_a_folder_that_cannot_be_listed_is_told_and_costs_nothing_else(stage: Rehearsal) -> None:
    _learn(stage)
    stage.box.fault("status", system="ecm", path="/nodes$", status=500, times=50)
    workspace = stage.open_workspaces()[1]
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})

    report = stage.run()

    assert any("found by the sweep only" in note for note in report["notes"])
    assert not stage.messages()
