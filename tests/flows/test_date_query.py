"""Large types are asked only for what changed since a date between complete listings, where ECM answers rightly."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from tests.rehearsal import CAMPAIGN, CONTRACT, TYPE, Rehearsal, rehearsal


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Rehearsal]:
    with rehearsal(tmp_path, "--workspaces", "120") as stage:
        stage.config["ecm"] |= {"date_query_from": 50, "page_size": 20}
        stage.box.switch(column_query_modify_date=True)
        stage.set_up()
        stage.box.advance(3 * 24 * 3600)  # the world's own edits lie behind the overlap
        stage.run()
        stage.box.clear_journal()
        yield stage


def _listings(stage: Rehearsal) -> list[dict[str, Any]]:
    entries = stage.box.journal(system="ecm")
    return [entry for entry in entries if entry["path"].endswith("/v2/businessworkspaces")]


def test_between_complete_listings_one_page_shows_what_changed(stage: Rehearsal) -> None:
    workspace = stage.open_workspaces()[0]
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})

    report = stage.run()

    assert len(_listings(stage)) == 1
    assert (report["counts"]["read"], report["counts"]["changed"]) == (
        2,
        1,
    )  # the newest of last time is in the overlap
    assert stage.messages()[(stage.customer(workspace), CAMPAIGN)] == 1
    assert stage.run()["counts"]["sent"] == 0


def test_a_query_looks_back_further_than_any_two_zones_are_apart(stage: Rehearsal) -> None:
    """In which zone the server reads the date is documented nowhere (api/ecm.md 15, 3)."""
    newest = max(datetime.fromisoformat(str(one["modified"])) for one in stage.box.workspaces(TYPE))

    stage.run()

    (asked,) = _listings(stage)
    since = datetime.fromisoformat(re.findall(r"modify_date\W+([-\dT:]+)", unquote(str(asked)))[0])
    assert newest.replace(tzinfo=None) - since >= timedelta(hours=24)


def test_what_is_gone_is_found_by_the_complete_listing_of_the_next_day(stage: Rehearsal) -> None:
    for workspace in stage.box.workspaces(TYPE)[:60]:
        stage.box.delete_workspace(int(workspace["id"]))

    assert stage.run()["exit_code"] == 0  # asked by date, a type that shows little has not shrunk
    stage.box.advance(25 * 3600)

    assert stage.run(code=6)["exit_code"] == 6


def test_a_silent_edit_is_found_by_the_sweep_and_the_books_balance(stage: Rehearsal) -> None:
    stage.box.switch(category_write_bumps_modify_date=False)
    stage.config["sweep_every"] = "2h"
    stage.box.advance(1800)
    stage.run()
    workspace = stage.open_workspaces()[0]
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    stage.config["sweep_every"] = "24h"
    for _ in range(3):
        stage.box.advance(12 * 3600)
        counts = stage.run()["counts"]
        parts = ("new", "changed", "unchanged", "filtered", "quarantined")
        assert counts["read"] == sum(counts[name] for name in parts)

    assert stage.messages()[(stage.customer(workspace), CAMPAIGN)] == 1


@pytest.mark.parametrize("large", [True, False])
def test_a_server_that_refuses_the_query_is_listed_completely(tmp_path: Path, large: bool) -> None:
    with rehearsal(tmp_path, "--workspaces", "60") as stage:
        stage.config["ecm"] |= {"date_query_from": 50 if large else 5000, "page_size": 20}
        stage.set_up()
        stage.box.clear_journal()
        workspace = stage.open_workspaces()[0]
        stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})

        stage.run()

        assert len(_listings(stage)) == 3 + large  # three pages, and one more question
        assert stage.messages()[(stage.customer(workspace), CAMPAIGN)] == 1
