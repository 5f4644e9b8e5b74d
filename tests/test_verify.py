"""`verify:`: what Braze accepted is read back from the profiles, and told apart from what was only accepted."""

from __future__ import annotations

from tests.rehearsal import CONTRACT, Rehearsal


def test_what_was_accepted_is_seen_in_the_next_run(stage: Rehearsal) -> None:
    stage.config["verify"] = {"share": 1.0}
    stage.box.edit_workspace(stage.open_workspaces()[0], {CONTRACT: "Approved", "Onboarding.Stage": "Active"})
    sent = stage.run()["counts"]["sent"]
    stage.box.advance(6 * 60)

    second, third = stage.run(), stage.run()

    assert second["counts"]["seen"] == sent > 2
    assert third["counts"]["seen"] == 0  # each write is looked for once


def test_what_was_accepted_and_never_arrived_is_told(stage: Rehearsal) -> None:
    stage.config["verify"] = {"share": 1.0}
    workspace = stage.open_workspaces()[0]
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    stage.run()
    stage.box.call("DELETE", f"/braze/users/{stage.customer(workspace)}")
    stage.box.advance(6 * 60)

    report = stage.run()

    assert report["counts"]["seen"] == 0
    assert any("do not show in their profiles" in note for note in report["notes"])


def test_a_share_of_nothing_reads_nothing(stage: Rehearsal) -> None:
    stage.config["verify"] = {"share": 0}
    stage.box.edit_workspace(stage.open_workspaces()[0], {CONTRACT: "Approved"})
    stage.run()
    stage.box.advance(6 * 60)

    report = stage.run()

    assert (report["counts"]["seen"], report["requests"]["braze"]) == (0, 0)


def test_a_canary_that_arrives_is_silent_and_one_that_does_not_is_told(stage: Rehearsal) -> None:
    stage.config["verify"] = {"canary": "ecmbraze-canary"}
    stage.box.call("PUT", "/braze/users/ecmbraze-canary", {"email": "canary@example.com"})
    stage.run()
    stage.box.advance(6 * 60)
    assert stage.run()["notes"] == []

    stage.box.call("DELETE", "/braze/users/ecmbraze-canary")
    stage.box.advance(6 * 60)
    notes = stage.run()["notes"]

    assert len(notes) == 1
    assert "the canary ecmbraze-canary has no profile in Braze" in notes[0]
    assert not stage.messages()


def test_a_baseline_writes_not_even_the_canary(fresh: Rehearsal) -> None:
    fresh.config["verify"] = {"canary": "ecmbraze-canary"}

    fresh.set_up()

    assert fresh.received()["requests"] == 0
