"""A run reads the rate limits of every kind of Braze account: it waits out a full window and sends once."""

from __future__ import annotations

import pytest

from tests.rehearsal import CAMPAIGN, CONTRACT, Rehearsal


@pytest.mark.parametrize("dialect", ["classic", "mau", "absent"])
def test_every_header_dialect_waits_out_a_full_window_and_sends_once(stage: Rehearsal, dialect: str) -> None:
    stage.box.call("POST", "/braze/switches", {"headers": dialect, "limited_body": "empty", "track_per_window": 1})
    chosen = stage.open_workspaces()[:2]
    stage.config["braze"]["track_batch"] = 2  # each person a request of their own: the second meets the limit
    for workspace in chosen:
        stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})

    stage.run()

    people = [stage.customer(workspace) for workspace in chosen]
    assert stage.messages() == {(p, name): 1 for p in people for name in ("contract_approved", CAMPAIGN)}
    refused = [entry["status"] for entry in stage.box.journal(system="braze") if entry["path"] == "/users/track"]
    assert 429 in refused or dialect == "classic"  # there the answer before tells that the window is used up
