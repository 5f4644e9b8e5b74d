"""Onboarding as its users run it, against the sandbox with pages of seven rows."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.rehearsal import CAMPAIGN, CANVAS, CONTRACT, GROUP, KYC, KYC_CAMPAIGN, SOAK, TYPE, Rehearsal, rehearsal


def test_a_first_run_writes_to_neither_system(stage: Rehearsal) -> None:
    got = stage.received()

    assert (got["messages"], got["events"], got["attributes"]) == ([], [], [])


def test_a_milestone_reaches_the_customer_once(stage: Rehearsal) -> None:
    workspace = stage.open_workspaces()[0]
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved", "Onboarding.Contract Approved On": "2026-11-19"})

    first, second = stage.run(), stage.run()

    customer = stage.customer(workspace)
    assert stage.messages() == {(customer, "contract_approved"): 1, (customer, CAMPAIGN): 1}
    assert (first["counts"]["sent"], second["counts"]["sent"]) == (3, 0)
    event = stage.received()["events"][0]
    assert event["time"] == "2026-11-18T23:00:00Z"  # midnight in Berlin
    assert event["properties"]["ecm_time_source"] == "date"


def test_u04_a_dry_run_names_the_records_and_changes_nothing(stage: Rehearsal) -> None:
    chosen = stage.open_workspaces()[:3]
    for workspace in chosen:
        stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    before = hashlib.sha256(stage.state.read_bytes()).hexdigest()

    report = stage.run("--dry-run")

    assert {line["record"] for line in report["actions"]} == {f"ws:{number}" for number in chosen}
    assert hashlib.sha256(stage.state.read_bytes()).hexdigest() == before
    assert not list(stage.folder.glob("*.plan-*"))
    assert not stage.messages()
    assert stage.ecmbraze("onboarding", "--dry-run", "--exit-code").code == 9


@pytest.mark.soak  # `make soak` has three thousand of them; a few hundred also fill more than a page
def test_many_old_workspaces_are_silent_and_five_transitions_are_five(tmp_path: Path) -> None:
    with rehearsal(tmp_path, "--workspaces", "3000" if SOAK else "250") as stage:
        stage.config["ecm"]["page_size"] = 500 if SOAK else 100
        stage.set_up()
        stage.flow["milestones"].append({"name": "vip", "when": {"Onboarding.VIP": False}, "send": {"event": "vip"}})
        assert stage.run()["counts"]["planned"] == 0  # a rule added on an attribute the ledger never held
        chosen = stage.open_workspaces()[:5]
        for workspace in chosen:
            stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})

        dry, live = stage.run("--dry-run"), stage.run()

        records = {f"ws:{number}" for number in chosen}
        assert {line["record"] for line in dry["actions"]} == records
        assert {line["record"] for line in live["actions"]} == records
        assert stage.messages().keys() == {
            (stage.customer(number), name) for number in chosen for name in ("contract_approved", CAMPAIGN)
        }
        assert dry["plan_hash"] == live["plan_hash"]


def test_a_workspace_created_after_the_baseline_fires(stage: Rehearsal) -> None:
    customer = stage.customer(stage.open_workspaces()[0])
    stage.box.advance(60)
    stage.box.create_workspace(TYPE, values={"Onboarding.Customer Number": customer, CONTRACT: "Approved"})

    stage.run()

    assert stage.messages()[(customer, CAMPAIGN)] == 1


def test_a_workspace_older_than_the_baseline_but_first_seen_now_fires_nothing(stage: Rehearsal) -> None:
    customer = stage.customer(stage.open_workspaces()[0])
    values = {"Onboarding.Customer Number": customer, CONTRACT: "Approved"}
    stage.box.create_workspace(TYPE, values=values, created="2026-01-01T00:00:00Z", modified="2026-01-01T00:00:00Z")

    report = stage.run()

    assert report["counts"]["first_seen_late"] == 1
    assert not stage.messages()
    assert "first seen" in report["skipped"][0]["reason"]


def test_a_jump_over_two_stages_records_both_events_and_sends_the_last_message(stage: Rehearsal) -> None:
    workspace = stage.open_workspaces()[0]
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved", KYC: "Completed"})

    report = stage.run()

    customer = stage.customer(workspace)
    assert stage.messages() == dict.fromkeys(
        [(customer, "contract_approved"), (customer, "kyc_completed"), (customer, KYC_CAMPAIGN)], 1
    )
    assert "overtaken by kyc_completed" in report["skipped"][0]["reason"]


def test_once_per_workspace_unless_repeat(stage: Rehearsal) -> None:
    stage.flow["milestones"][1]["repeat"] = True
    workspace = stage.open_workspaces()[0]
    for value in ("Approved", "Draft", "Approved"):
        stage.box.advance(10)
        other = "Completed" if value == "Approved" else "Open"
        stage.box.edit_workspace(workspace, {CONTRACT: value, KYC: other})
        stage.run()

    customer = stage.customer(workspace)
    assert stage.messages()[(customer, "contract_approved")] == 1
    assert stage.messages()[(customer, "kyc_completed")] == 2


def test_an_unsubscribed_person_gets_the_event_but_no_message(stage: Rehearsal) -> None:
    workspace = stage.open_workspaces()[0]
    customer = stage.customer(workspace)
    stage.box.call("PUT", f"/braze/users/{customer}", {"email_subscribe": "unsubscribed"})
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})

    report = stage.run()

    assert stage.messages() == {(customer, "contract_approved"): 1}
    assert report["counts"]["suppressed"] == 1
    assert not stage.received()["not_sent"]  # we did not even ask


@pytest.mark.parametrize(("state", "sent"), [("subscribed", 1), ("unsubscribed", 0), (None, 0)])
def test_a_group_must_be_subscribed_and_unknown_is_not_consent(stage: Rehearsal, state: str | None, sent: int) -> None:
    stage.flow["milestones"][0]["send"]["consent"] = {"email": "subscribed", "group": GROUP}
    stage.box.call("PUT", "/braze/groups/b0000000-0000-4000-8000-000000000001", {"name": "other"})
    workspace = stage.open_workspaces()[0]
    customer = stage.customer(workspace)
    if state is None:
        stage.flow["milestones"][0]["send"]["consent"]["group"] = "b0000000-0000-4000-8000-000000000001"
    else:
        stage.box.call("PUT", f"/braze/users/{customer}", {"groups": {GROUP: state}})
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})

    stage.run()

    assert stage.messages()[(customer, CAMPAIGN)] == sent


def test_a_bounced_address_gets_no_message(stage: Rehearsal) -> None:
    workspace = stage.open_workspaces()[0]
    customer = stage.customer(workspace)
    stage.box.call("PUT", f"/braze/users/{customer}", {"hard_bounced": True})
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})

    report = stage.run()

    assert stage.messages() == {(customer, "contract_approved"): 1}
    assert "the e-mail address bounced" in [line["why"] for line in report["actions"]]  # Braze would drop it as well


def test_a_person_enters_a_canvas_once_per_workspace_although_braze_counts_one_entry_a_second(stage: Rehearsal) -> None:
    """Two entries in one second count once (api/braze.md 3.3): the second would be lost without a word."""
    stage.flow["milestones"][0]["send"] = {"canvas": CANVAS, "consent": {"email": "subscribed"}}
    customer = stage.customer(stage.open_workspaces()[0])
    stage.box.advance(60)
    for _ in range(3):
        stage.box.create_workspace(TYPE, values={"Onboarding.Customer Number": customer, CONTRACT: "Approved"})

    report = stage.run()

    assert report["by_action"]["triggers"] == 3
    assert stage.messages()[(customer, CANVAS)] == 3


def test_entries_into_a_canvas_stay_apart_though_the_first_waited_for_a_rate_limit(stage: Rehearsal) -> None:
    stage.flow["milestones"][0]["send"] = {"canvas": CANVAS, "consent": {"email": "subscribed"}}
    customer = stage.customer(stage.open_workspaces()[0])
    stage.box.advance(60)
    for _ in range(2):
        stage.box.create_workspace(TYPE, values={"Onboarding.Customer Number": customer, CONTRACT: "Approved"})
    stage.box.fault("status", system="braze", path="canvas/trigger", status=429, headers={"Retry-After": "3"})

    stage.run()

    assert stage.messages()[(customer, CANVAS)] == 2


def test_a_person_braze_does_not_know_waits_until_the_profile_appears(stage: Rehearsal) -> None:
    workspace = stage.box.create_workspace(TYPE, values={"Onboarding.Customer Number": "NEW-1", CONTRACT: "Draft"})
    stage.run()
    stage.box.advance(60)
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    waiting = stage.run()
    assert waiting["counts"]["waiting"] > 0
    assert not stage.messages()

    stage.box.call("PUT", "/braze/users/NEW-1", {"email": "new1@example.com"})
    stage.run()

    assert stage.messages() == {("NEW-1", "contract_approved"): 1, ("NEW-1", CAMPAIGN): 1}


def test_who_appears_in_braze_gets_the_whole_state_not_only_what_changed_since(stage: Rehearsal) -> None:
    """Values that stood before anything waited were never planned for a person nobody knew."""
    values = {"Onboarding.Customer Number": "NEW-3", "Onboarding.Stage": "Signed", CONTRACT: "Draft"}
    created = {"created": "2026-01-01T00:00:00Z", "modified": "2026-01-01T00:00:00Z"}
    workspace = stage.box.create_workspace(TYPE, values=values, **created)
    assert stage.run()["by_action"]["events"] == 0  # older than the baseline: its attributes wait, nothing fires
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    stage.run()
    stage.run()

    stage.box.call("PUT", "/braze/users/NEW-3", {"email": "new3@example.com"})
    stage.run()
    third = stage.run()

    user = next(user for user in stage.box.call("GET", "/braze/users") if user["external_id"] == "NEW-3")
    assert user["custom_attributes"]["ecm_stage"] == "Signed"
    assert stage.messages()[("NEW-3", CAMPAIGN)] == 1
    assert third["counts"]["planned"] == third["counts"]["sent"] == 0


def test_a_person_who_is_waited_for_takes_no_place_in_a_limited_run(stage: Rehearsal) -> None:
    stage.box.create_workspace(TYPE, values={"Onboarding.Customer Number": "NEW-4", "Onboarding.Stage": "Signed"})
    stage.run()
    stage.run()
    stage.box.advance(60)
    workspace = stage.open_workspaces()[0]
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})

    report = stage.run("--limit", "1")

    assert stage.messages()[(stage.customer(workspace), CAMPAIGN)] == 1
    moved = report["watermarks"][f"workspaces/{TYPE}"]
    assert moved["after"] > moved["before"]  # all that changed was planned


def test_what_waited_too_long_expires_and_never_goes_out(stage: Rehearsal) -> None:
    workspace = stage.box.create_workspace(TYPE, values={"Onboarding.Customer Number": "NEW-2", CONTRACT: "Approved"})
    stage.run()
    stage.box.advance(80 * 3600)
    stage.box.call("PUT", "/braze/users/NEW-2", {"email": "new2@example.com"})

    report = stage.run(code=3)

    assert report["counts"]["expired"] == 2
    assert [(line["record"], line["customer"], line["rule"], line["why"]) for line in report["actions"]] == [
        (f"ws:{workspace}", "NEW-2", "contract_approved", "expired unsent: not in Braze yet")
    ] * 2
    assert not [key for key in stage.messages() if key[0] == "NEW-2"]


def test_attributes_are_sent_only_when_they_changed(stage: Rehearsal) -> None:
    workspace = stage.open_workspaces()[0]
    stage.box.edit_workspace(workspace, {"Onboarding.Stage": "KYC"})
    stage.run()
    stage.box.advance(10)
    stage.box.edit_workspace(workspace, {"Onboarding.Product": "other"})

    second = stage.run()

    assert second["by_action"]["attributes"] == 0
    assert [entry["name"] for entry in stage.received()["attributes"]] == ["ecm_stage"]


def test_of_two_workspaces_of_one_customer_the_later_stage_date_speaks(stage: Rehearsal) -> None:
    first, second = stage.open_workspaces()[:2]
    customer = stage.customer(first)
    stage.box.edit_workspace(second, {"Onboarding.Customer Number": customer})
    stage.box.edit_workspace(
        first, {CONTRACT: "Approved", "Onboarding.Contract Approved On": "2026-11-19", "Onboarding.Stage": "KYC"}
    )
    stage.box.edit_workspace(
        second, {CONTRACT: "Approved", "Onboarding.Contract Approved On": "2026-11-10", "Onboarding.Stage": "Contract"}
    )

    stage.run()

    user = stage.box.call("GET", f"/braze/users/{customer}")
    assert user["custom_attributes"]["ecm_stage"] == "KYC"
    assert stage.messages()[(customer, "contract_approved")] == 2  # an occurrence for each workspace


def test_a_complaint_suppresses_the_rule_with_the_reason(stage: Rehearsal) -> None:
    stage.flow["milestones"][0]["suppress_when"] = {"Onboarding.Complaint": "Open"}
    stage.run()  # the new attribute is read once for all
    workspace = stage.open_workspaces()[0]
    stage.box.advance(10)
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved", "Onboarding.Complaint": "Open"})

    report = stage.run()

    assert not stage.messages()
    assert report["skipped"][0]["reason"] == "suppressed: Onboarding.Complaint is Open"


def test_at_most_max_per_person_messages_a_day(stage: Rehearsal) -> None:
    stage.config["max_per_person"] = 1
    stage.flow["messages"] = "all"
    workspace = stage.open_workspaces()[0]
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved", KYC: "Completed"})

    first = stage.run()
    stage.box.advance(23 * 3600)
    second = stage.run()
    stage.box.advance(2 * 3600)
    stage.run()

    assert (first["by_action"]["triggers"], first["counts"]["waiting"]) == (1, 1)
    assert (second["by_action"]["triggers"], second["counts"]["waiting"]) == (0, 1)
    assert stage.messages()[(stage.customer(workspace), KYC_CAMPAIGN)] == 1


def test_a_silent_category_edit_is_found_by_the_sweep(stage: Rehearsal) -> None:
    stage.box.switch(category_write_bumps_modify_date=False)
    workspace = stage.open_workspaces()[0]
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    assert stage.run()["counts"]["planned"] == 0

    stage.box.advance(25 * 3600)
    report = stage.run()

    assert report["counts"]["changed"] == 1
    assert stage.messages()[(stage.customer(workspace), CAMPAIGN)] == 1


def test_the_books_of_a_report_balance(stage: Rehearsal) -> None:
    for workspace in stage.open_workspaces()[:2]:
        stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    stage.box.create_workspace(TYPE, values={"Onboarding.Customer Number": "C-1"})

    counts = stage.run()["counts"]

    told = sum(counts[name] for name in ("new", "changed", "unchanged", "filtered", "quarantined"))
    assert counts["read"] == told == 26


def test_a_backfill_sends_attributes_and_messages_only_when_confirmed(stage: Rehearsal) -> None:
    report = stage.run("--since", "2000-01-01")
    assert report["mode"] == "backfill"
    assert report["by_action"]["attributes"] > 0
    assert not stage.messages()
    watermarks = report["watermarks"]["workspaces/Customer Onboarding"]
    assert watermarks["before"] == watermarks["after"]

    stage.run("--since", "2000-01-01", "--include-messages", code=6)

    assert not stage.messages()


def test_a_plan_hash_is_the_same_at_another_second(stage: Rehearsal) -> None:
    workspace = stage.open_workspaces()[0]
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved", "Onboarding.Contract Approved On": "2027-01-01"})

    first = stage.run("--dry-run")
    stage.box.advance(26 * 3600)  # also: everything is swept in the second look
    second = stage.run("--dry-run")

    assert first["plan_hash"] == second["plan_hash"]


def test_a_quarantined_record_is_planned_again_on_replay(stage: Rehearsal) -> None:
    workspace = stage.open_workspaces()[0]
    stage.flow["milestones"][0]["send"]["properties"] = {"product": "${Onboarding.Product}"}
    stage.run()
    stage.box.advance(10)
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved", "Onboarding.Product": "x" * 300})
    assert stage.run(code=3)["counts"]["quarantined"] == 1
    shown = stage.ecmbraze("quarantine", "show", f"ws:{workspace}")
    assert (shown.code, "longer than 255" in shown.stdout) == (0, True)

    assert stage.ecmbraze("quarantine", "replay", f"ws:{workspace}").code == 0
    assert f"ws:{workspace}" in stage.ecmbraze("quarantine", "list", "--json").stdout  # until a run has judged it
    assert stage.ecmbraze("quarantine", "drop", "ws:1").code == 2
    stage.box.edit_workspace(workspace, {"Onboarding.Product": "Depot"})
    stage.run()
    assert stage.messages()[(stage.customer(workspace), CAMPAIGN)] == 1
    assert stage.ecmbraze("quarantine", "list", "--json").stdout.strip() == "[]"


def test_a_limited_run_goes_on_where_the_last_one_stopped(stage: Rehearsal) -> None:
    chosen = stage.open_workspaces()[:3]
    for workspace in chosen:
        stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})

    reports = [stage.run("--limit", "2") for _ in range(3)]

    assert [report["by_action"]["triggers"] for report in reports] == [2, 1, 0]
    marks = reports[0]["watermarks"]["workspaces/Customer Onboarding"]
    assert marks["before"] == marks["after"]


def test_c11_a_changed_customer_mapping_takes_a_baseline_and_nothing_fires(stage: Rehearsal) -> None:
    stage.flow["customer"] = "Contacts[Role=Primary].Customer Number"
    stage.box.edit_workspace(stage.open_workspaces()[0], {CONTRACT: "Approved"})

    report = stage.run()

    assert report["mode"] == "baseline"
    assert not stage.messages()


def test_a_deleted_and_restored_workspace_is_not_new(stage: Rehearsal) -> None:
    workspace = stage.open_workspaces()[0]
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    stage.run()
    stage.box.delete_workspace(workspace)
    stage.run()
    stage.box.act(workspace, "restore")

    assert stage.run()["counts"]["planned"] == 0
    assert set(stage.messages().values()) == {1}


def test_e23_a_workspace_that_goes_between_listing_and_reading_is_named_and_its_neighbours_go_on(
    stage: Rehearsal,
) -> None:
    gone, stays = stage.open_workspaces()[:2]
    for workspace in (gone, stays):
        stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    stage.box.fault(
        "status",
        system="ecm",
        path=f"/v2/businessworkspaces/{gone}",
        status=400,
        times=None,
        json={"error": "Could not get a node"},
    )

    report = stage.run()

    assert report["counts"]["filtered"] == 1
    assert report["skipped"][0]["record"] == f"ws:{gone}"
    assert {key[0] for key in stage.messages()} == {stage.customer(stays)}
    stage.box.clear_faults()
    stage.run()
    assert stage.messages()[(stage.customer(gone), CAMPAIGN)] == 1


def test_bad_records_are_quarantined_with_a_reason_and_their_neighbours_go_through(tmp_path: Path) -> None:
    with rehearsal(tmp_path, "--world", "onboarding-odd") as stage:
        assert stage.ecmbraze("init", "--non-interactive").code == 0
        first = stage.run(code=3)
        workspace = stage.open_workspaces()[0]
        stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
        stage.run(code=3)

        assert first["counts"]["quarantined"] > 0
        reasons = [line["reason"] for line in first["skipped"]]
        assert any("2 values where one customer is expected" in reason for reason in reasons)
        assert stage.messages()[(stage.customer(workspace), CAMPAIGN)] == 1


def _two_borrowers(stage: Rehearsal) -> tuple[int, str, str]:
    """Prepare a workspace that leads to two people who share one address; return (workspace, person, person)."""
    stage.flow["customer"] = "Contacts[Role=Borrower].Customer Number"
    stage.set_up()
    workspace, other = stage.open_workspaces()[:2]
    people = (stage.customer(workspace), stage.customer(other))
    for person in people:
        stage.box.call("PUT", f"/braze/users/{person}", {"email": "Family@example.com"})
    rows = [{"Role": "Borrower", "Customer Number": person, "Email": ""} for person in people]
    stage.box.edit_workspace(workspace, {"Onboarding.Contacts": rows})
    stage.run()
    return (workspace, *people)


def test_b30_two_people_of_one_workspace_with_one_address_get_one_copy(fresh: Rehearsal) -> None:
    workspace, first, second = _two_borrowers(fresh)
    fresh.box.edit_workspace(workspace, {CONTRACT: "Approved"})

    report = fresh.run()

    got = fresh.messages()
    assert (got[(first, "contract_approved")], got[(second, "contract_approved")]) == (1, 1)
    assert got[(first, CAMPAIGN)] + got[(second, CAMPAIGN)] == 1
    assert any("same e-mail address" in line["why"] for line in report["actions"])


def test_b30_a_copy_that_had_to_wait_does_not_go_after_the_first(fresh: Rehearsal) -> None:
    workspace, first, second = _two_borrowers(fresh)
    fresh.box.call("DELETE", f"/braze/users/{second}")
    fresh.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    fresh.run()
    fresh.box.call("PUT", f"/braze/users/{second}", {"email": "family@example.com"})

    report = fresh.run()

    assert fresh.messages()[(first, CAMPAIGN)] == 1
    assert fresh.messages()[(second, CAMPAIGN)] == 0
    assert report["counts"]["suppressed"] == 1


def test_e13_an_edit_in_the_second_in_which_the_record_was_read_is_found_by_the_next_run(stage: Rehearsal) -> None:
    workspace = stage.open_workspaces()[0]
    quiet = stage.run()["requests"]["ecm"]
    stage.box.freeze()
    stage.box.edit_workspace(workspace, {"Onboarding.VIP": True})
    stage.run()
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})  # the modify date stays what it was

    found = stage.run()

    assert (found["counts"]["changed"], found["counts"]["sent"]) == (1, 2)
    stage.box.freeze(False)
    stage.box.advance(2)
    stage.run()
    assert stage.run()["requests"]["ecm"] == quiet < len(stage.box.workspaces(TYPE))  # and none is read for ever


def test_c13_a_dry_run_after_a_changed_mapping_shows_the_baseline_and_does_not_take_it(stage: Rehearsal) -> None:
    stage.flow["customer"] = "Contacts[Role=Primary].Customer Number"

    shown = [stage.run("--dry-run")["mode"] for _ in range(2)]

    assert shown == ["baseline", "baseline"]
    assert stage.run()["mode"] == "baseline"


def test_a_recipient_can_stand_on_the_related_customer_workspace(fresh: Rehearsal) -> None:
    fresh.flow["customer"] = {"related": "Customer", "attribute": "Customer.Customer Number"}
    fresh.set_up()
    workspace = next(number for number in fresh.open_workspaces() if fresh.box.workspace(number)["related"])
    fresh.box.edit_workspace(workspace, {"Onboarding.Customer Number": "somebody else", CONTRACT: "Approved"})
    fresh.box.advance(5)

    fresh.run()

    parent = fresh.box.workspace(fresh.box.workspace(workspace)["related"][0][0])
    assert fresh.messages()[(parent["values"]["Customer.Customer Number"], CAMPAIGN)] == 1
    assert len(fresh.messages()) == 2


def test_a_related_type_that_does_not_exist_is_exit_15_with_a_suggestion(fresh: Rehearsal) -> None:
    fresh.flow["customer"] = {"related": "Custmer", "attribute": "Customer.Customer Number"}
    assert fresh.ecmbraze("init", "--non-interactive").code == 0

    ended = fresh.ecmbraze("onboarding")

    assert ended.code == 15
    assert "did you mean 'Customer'?" in ended.stderr


def test_a_milestone_of_a_workspace_that_names_nobody_is_not_lost_when_the_customer_is_filled_in(
    stage: Rehearsal,
) -> None:
    workspace = stage.open_workspaces()[0]
    customer = stage.customer(workspace)
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved", "Onboarding.Customer Number": ""})
    quarantined = stage.run(code=3)
    stage.box.advance(5)
    stage.box.edit_workspace(workspace, {"Onboarding.Customer Number": customer})

    stage.run()

    assert any("names no customer" in skip["reason"] for skip in quarantined["skipped"])
    assert stage.messages()[(customer, CAMPAIGN)] == 1
    assert json.loads(stage.ecmbraze("quarantine", "list", "--json").stdout) == []


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
def test_a_date_at_the_end_of_the_calendar_ends_no_run(stage: Rehearsal, day: str) -> None:
    first, second = stage.open_workspaces()[:2]
    stage.box.edit_workspace(first, {CONTRACT: "Approved", "Onboarding.Contract Approved On": day})
    stage.box.edit_workspace(second, {CONTRACT: "Approved"})

    report = stage.run()

    assert report["by_action"]["triggers"] == 2
    times = {event["recipient"]: event["time"] for event in stage.received()["events"]}
    assert all(time.startswith("2026-11-2") for time in times.values())
