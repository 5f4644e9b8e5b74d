"""Attributes follow the record: what nobody says is cleared, what was lost is restored, nothing is forgotten."""

from __future__ import annotations

from typing import Any

from tests.rehearsal import CAMPAIGN, CONTRACT, TYPE, Rehearsal

CUSTOMER, STAGE = "Onboarding.Customer Number", "Onboarding.Stage"


def _attributes(stage: Rehearsal, person: str) -> dict[str, Any]:
    found: dict[str, Any] = stage.box.call("GET", f"/braze/users/{person}")["custom_attributes"]
    return {name: value for name, value in found.items() if name.startswith("ecm_")}


def _at_a_stage(stage: Rehearsal) -> tuple[int, str]:
    """Return a workspace, the only one of its person, whose stage Braze has from us."""
    workspace = stage.open_workspaces()[0]
    stage.box.edit_workspace(workspace, {STAGE: "KYC"})
    stage.run()
    person = stage.customer(workspace)
    assert _attributes(stage, person) == {"ecm_stage": "KYC"}
    return workspace, person


def test_a_changed_customer_number_leaves_nothing_with_the_first_person(stage: Rehearsal) -> None:
    workspace, person = _at_a_stage(stage)
    other = stage.customer(stage.open_workspaces()[1])

    stage.box.edit_workspace(workspace, {CUSTOMER: other})
    stage.run()

    assert _attributes(stage, person) == {}
    assert stage.run()["counts"]["planned"] == 0


def test_a_deleted_workspace_leaves_nothing_after_two_looks(stage: Rehearsal) -> None:
    workspace, person = _at_a_stage(stage)
    stage.box.delete_workspace(workspace)

    stage.run()
    once = _attributes(stage, person)
    stage.run()

    assert once == {"ecm_stage": "KYC"}
    assert _attributes(stage, person) == {}


def test_what_somebody_else_wrote_is_not_cleared(stage: Rehearsal) -> None:
    workspace, person = _at_a_stage(stage)
    stage.box.call("PUT", f"/braze/users/{person}", {"custom_attributes": {"ecm_stage": "KYC", "theirs": "kept"}})

    stage.box.delete_workspace(workspace)
    stage.run()
    stage.run()

    found = stage.box.call("GET", f"/braze/users/{person}")["custom_attributes"]
    assert found["theirs"] == "kept"


def test_clearing_many_people_waits_for_a_person(stage: Rehearsal) -> None:
    stage.config["guards"] = {"max_cleared_people": 2}
    victims = stage.open_workspaces()[:3]
    for workspace in victims:
        stage.box.edit_workspace(workspace, {STAGE: "KYC"})
    people = [stage.customer(workspace) for workspace in victims]
    stage.run()
    for workspace in victims:
        stage.box.delete_workspace(workspace)
    stage.run()

    report = stage.run(code=6)

    assert "3 of" in report["exit_reason"]
    assert "would lose their attributes" in report["exit_reason"]
    assert all(_attributes(stage, person) == {"ecm_stage": "KYC"} for person in people)


def test_a_workspace_first_seen_late_gets_its_attributes_at_once_and_no_message(stage: Rehearsal) -> None:
    person = stage.customer(stage.open_workspaces()[0])
    stage.box.call("PUT", "/braze/users/LATE", {"email": "late@example.com"})
    old = {"created": "2026-01-01T00:00:00Z", "modified": "2026-01-01T00:00:00Z"}
    values = {CUSTOMER: "LATE", STAGE: "Signed", CONTRACT: "Approved"}
    stage.box.create_workspace(TYPE, values=values, **old)

    report = stage.run()

    assert person
    assert report["counts"]["first_seen_late"] == 1
    assert _attributes(stage, "LATE")["ecm_stage"] == "Signed"
    assert not [key for key in stage.messages() if key[0] == "LATE"]


def test_a_profile_that_was_deleted_and_made_anew_gets_its_state_again(stage: Rehearsal) -> None:
    stage.config["verify"] = {"share": 1.0}
    _, person = _at_a_stage(stage)
    mail = stage.box.call("GET", f"/braze/users/{person}")["email"]
    stage.box.call("DELETE", f"/braze/users/{person}")
    stage.box.call("PUT", f"/braze/users/{person}", {"email": mail})
    stage.box.advance(600)

    report = stage.run()

    assert _attributes(stage, person) == {"ecm_stage": "KYC"}
    assert any("sent again" in note for note in report["notes"])
    stage.box.advance(600)
    assert stage.run()["counts"]["sent"] == 0


def test_a_type_that_left_the_flow_speaks_no_more_for_its_people(stage: Rehearsal) -> None:
    stage.box.add_type("Other Onboarding", ["Onboarding"])
    stage.flow["workspace_types"] = [TYPE, "Other Onboarding"]
    first = stage.open_workspaces()[0]
    person = stage.customer(first)
    stage.box.create_workspace("Other Onboarding", values={CUSTOMER: person, STAGE: "Other", CONTRACT: "Draft"})
    stage.run()

    stage.flow["workspace_types"] = [TYPE]
    stage.box.edit_workspace(first, {STAGE: "KYC"})
    stage.run()

    assert _attributes(stage, person)["ecm_stage"] == "KYC"


def test_a_refused_attribute_that_is_replayed_is_judged_again_and_never_forgotten(stage: Rehearsal) -> None:
    workspace = stage.open_workspaces()[0]
    person = stage.customer(workspace)
    stage.box.edit_workspace(workspace, {STAGE: "x" * 300})
    stage.run(code=3)

    replayed = stage.ecmbraze("quarantine", "replay", f"ws:{workspace}")
    again = stage.run(code=3)  # unmended: put aside once more

    assert replayed.code == 0
    assert again["counts"]["quarantined"] == 1
    assert "300" not in _attributes(stage, person)
    stage.box.edit_workspace(workspace, {STAGE: "KYC"})
    stage.run()
    assert _attributes(stage, person) == {"ecm_stage": "KYC"}
    assert stage.ecmbraze("quarantine", "list", "--json").stdout.strip() == "[]"


def test_a_refused_attribute_stays_put_aside_when_another_fact_of_its_record_moves(stage: Rehearsal) -> None:
    workspace = stage.open_workspaces()[0]
    stage.box.edit_workspace(workspace, {STAGE: "x" * 300})
    stage.run(code=3)

    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    stage.run(code=3)

    assert stage.messages()[(stage.customer(workspace), CAMPAIGN)] == 1
    assert f"ws:{workspace}" in stage.ecmbraze("quarantine", "list", "--json").stdout


def _lose(stage: Rehearsal, person: str) -> None:
    """Have a profile made anew with nothing of ours in it, and let Braze's time for it pass."""
    mail = stage.box.call("GET", f"/braze/users/{person}")["email"]
    stage.box.call("DELETE", f"/braze/users/{person}")
    stage.box.call("PUT", f"/braze/users/{person}", {"email": mail})
    stage.box.advance(6 * 60)


def test_an_attribute_that_left_the_configuration_is_not_restored(stage: Rehearsal) -> None:
    stage.config["verify"] = {"share": 1.0}
    _, person = _at_a_stage(stage)
    stage.flow["attributes"] = {"contract_status": CONTRACT}
    _lose(stage, person)

    report = stage.run()

    assert _attributes(stage, person) == {}
    assert not any("sent again" in note for note in report["notes"])


def test_what_another_writer_changes_is_sent_again_once_a_day_at_most(stage: Rehearsal) -> None:
    stage.config["verify"] = {"share": 1.0}
    _, person = _at_a_stage(stage)
    sent = []
    for _ in range(4):
        _lose(stage, person)
        stage.run()
        sent.append(_attributes(stage, person))

    assert sent == [{"ecm_stage": "KYC"}, {}, {}, {}]


def test_a_waiting_attribute_that_left_the_configuration_does_not_go(stage: Rehearsal) -> None:
    workspace = stage.open_workspaces()[0]
    person = stage.customer(workspace)
    mail = stage.box.call("GET", f"/braze/users/{person}")["email"]
    stage.box.call("DELETE", f"/braze/users/{person}")
    stage.box.edit_workspace(workspace, {STAGE: "KYC"})
    assert stage.run()["counts"]["waiting"] == 1
    stage.flow["attributes"] = {"contract_status": CONTRACT}
    stage.box.call("PUT", f"/braze/users/{person}", {"email": mail})

    report = stage.run()

    assert "ecm_stage" not in _attributes(stage, person)
    (line,) = [line for line in report["actions"] if line["name"] == "ecm_stage"]
    assert (line["state"], line["why"]) == ("superseded", "the attribute ecm_stage is no longer configured")
