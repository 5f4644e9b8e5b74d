"""A guarded plan waits for a person: confirmed it is sent once and exactly, without what changed meanwhile."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.rehearsal import CAMPAIGN, CONTRACT, Rehearsal
from tests.test_pending import CUSTOMER


def _guarded(stage: Rehearsal, count: int) -> tuple[list[int], str]:
    stage.config["guards"] = {"max_messages": 1}
    chosen = stage.open_workspaces()[:count]
    for workspace in chosen:
        stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    return chosen, str(stage.run(code=6)["plan_hash"])


def test_a_confirmed_plan_is_sent_once(stage: Rehearsal) -> None:
    chosen, plan = _guarded(stage, 3)
    again = stage.run(code=6)
    assert again["plan_hash"] == plan
    assert not stage.messages()

    report = stage.run("--confirm", plan[:12])
    quiet = stage.run()

    assert report["by_action"]["triggers"] == 3
    assert quiet["counts"]["planned"] == 0
    customers = [stage.customer(number) for number in chosen]
    assert stage.messages() == dict.fromkeys([(c, n) for c in customers for n in ("contract_approved", CAMPAIGN)], 1)


def test_u01_a_wrong_hash_is_refused(stage: Rehearsal) -> None:
    _guarded(stage, 2)

    ended = stage.ecmbraze("onboarding", "--confirm", "0123456789ab")

    assert ended.code == 6
    assert "superseded" in ended.stdout
    assert not stage.messages()


@pytest.mark.parametrize("characters", [0, 1, 7])
def test_u01_too_few_characters_of_the_right_hash_confirm_nothing(stage: Rehearsal, characters: int) -> None:
    _, plan = _guarded(stage, 2)

    ended = stage.ecmbraze("onboarding", "--json", "--confirm", plan[:characters])

    assert ended.code == 6
    assert "too few characters of a plan's hash: 8 at least. Nothing was sent." in ended.report["exit_reason"]
    assert not stage.messages()
    stage.run("--confirm", plan[:8])


def test_what_changed_since_the_plan_is_not_sent_and_not_lost(stage: Rehearsal) -> None:
    chosen, plan = _guarded(stage, 3)
    stage.box.advance(30)
    stage.box.edit_workspace(chosen[0], {CONTRACT: "Draft"})
    stage.box.edit_workspace(chosen[1], {"Onboarding.Stage": "KYC"})

    report = stage.run("--confirm", plan)
    assert report["by_action"]["triggers"] == 1
    assert any("changed since the plan" in note for note in report["notes"])
    del stage.config["guards"]
    stage.run()

    got = stage.messages()
    assert (stage.customer(chosen[0]), CAMPAIGN) not in got
    assert got[(stage.customer(chosen[1]), CAMPAIGN)] == got[(stage.customer(chosen[2]), CAMPAIGN)] == 1


def test_a_waiting_plan_is_dropped_by_a_person_or_after_a_day(stage: Rehearsal) -> None:
    chosen, _ = _guarded(stage, 2)
    assert stage.ecmbraze("plan", "--drop", "onboarding").code == 0
    assert stage.run(code=6)["counts"]["planned"] > 0  # planned anew, guarded anew
    stage.box.advance(25 * 3600)
    del stage.config["guards"]

    stage.run()

    assert stage.messages()[(stage.customer(chosen[0]), CAMPAIGN)] == 1


def test_u03_a_backfill_with_messages_is_sent_when_confirmed_and_consumes_no_transition(stage: Rehearsal) -> None:
    workspace = stage.open_workspaces()[0]
    plan = stage.run("--since", "2000-01-01", "--include-messages", code=6)["plan_hash"]
    stage.box.advance(10)
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})

    stage.run("--confirm", plan)
    sent = stage.messages()
    assert sum(sent.values()) > 5
    assert (stage.customer(workspace), CAMPAIGN) not in sent
    stage.run()

    assert stage.messages()[(stage.customer(workspace), CAMPAIGN)] == 1
    told = [
        (sent["recipient"], sent["properties"].get("workspace"))
        for sent in stage.received()["messages"]
        if sent["id"] == CAMPAIGN
    ]
    assert len(told) == len(set(told))  # a customer with two workspaces gets one for each


def test_who_applies_another_plan_than_was_reviewed_is_told_how_to_plan_anew(stage: Rehearsal) -> None:
    stage.box.edit_workspace(stage.open_workspaces()[0], {CONTRACT: "Approved"})
    file = str(stage.folder / "onboarding.plan")
    assert stage.ecmbraze("plan", "onboarding", "-o", file).code == 0

    done = stage.ecmbraze("apply", file, "--confirm", "0123456789ab")

    assert done.code == 6
    assert f"`ecmbraze plan show {file}`, or plan anew: `ecmbraze plan onboarding -o FILE`" in done.stderr
    assert not stage.messages()


def test_a_backfill_offers_nothing_that_went_before(stage: Rehearsal) -> None:
    backfill = ("--since", "2000-01-01", "--include-messages")
    stage.run("--confirm", stage.run(*backfill, code=6)["plan_hash"])
    sent = stage.messages()

    dry, again = stage.run(*backfill, "--dry-run"), stage.run(*backfill)

    assert (dry["counts"]["planned"], again["counts"]["planned"]) == (0, 0)
    told = "its campaign was planned before, and is sent: it does not go again"
    left_out = {one["customer"] for one in dry["skipped"] if one["reason"] == told}
    assert left_out >= {customer for customer, message in sent if message == CAMPAIGN}
    assert left_out
    assert stage.messages() == sent


def test_a_backfill_offers_what_was_taken_back_before_it_went(stage: Rehearsal) -> None:
    first, second = stage.open_workspaces()[:2]
    person, other = stage.customer(first), stage.customer(second)
    stage.ecmbraze("pause")
    stage.box.edit_workspace(first, {CONTRACT: "Approved"})
    stage.run()
    stage.ecmbraze("resume")
    stage.box.edit_workspace(first, {CUSTOMER: other})
    assert stage.run()["counts"]["superseded"] == 2  # the record names somebody else now
    stage.box.edit_workspace(first, {CUSTOMER: person})

    dry = stage.run("--since", "2000-01-01", "--include-messages", "--dry-run", code=6)
    stage.run()

    offered = {line["kind"] for line in dry["actions"] if line["customer"] == person}
    assert offered >= {"event", "campaign"}
    assert not [line for line in dry["skipped"] if "superseded" in line["reason"]]
    assert stage.messages()[(person, CAMPAIGN)] == 1


def test_a_plan_file_is_applied_exactly_and_not_twice(stage: Rehearsal) -> None:
    workspace = stage.open_workspaces()[0]
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    file = str(stage.folder / "onboarding.plan")
    made = stage.ecmbraze("plan", "onboarding", "-o", file)
    assert made.code == 0
    assert f"`ecmbraze plan show {file}`" in " ".join(made.stdout.split())
    assert not stage.messages()

    plan = json.loads(stage.ecmbraze("plan", "show", file, "--json").stdout)
    apply = ("apply", file, "--confirm", plan["hash"][:12])

    first, second = stage.ecmbraze(*apply, "--json"), stage.ecmbraze(*apply)

    assert (first.code, first.report["mode"], second.code) == (0, "apply", 0)
    stage.run()
    assert stage.messages()[(stage.customer(workspace), CAMPAIGN)] == 1


def test_u05_a_paused_flow_sends_nothing_until_it_is_resumed(stage: Rehearsal) -> None:
    workspace = stage.open_workspaces()[0]
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    assert stage.ecmbraze("pause", "onboarding", "--reason", "audit").code == 0

    dry = stage.run("--dry-run")
    assert "audit; a live run sends nothing of this until it is resumed" in dry["notes"][0]
    report = stage.run()
    assert not stage.messages()
    assert "audit" in report["notes"][0]
    assert stage.ecmbraze("resume", "onboarding").code == 0
    stage.run()

    assert stage.messages()[(stage.customer(workspace), CAMPAIGN)] == 1


def test_status_says_whether_all_is_well(stage: Rehearsal) -> None:
    assert stage.ecmbraze("status").code == 0
    stage.box.advance(3 * 3600)
    assert stage.ecmbraze("status").code == 21
    stage.state.chmod(0o644)
    assert stage.ecmbraze("status").code == 22


@pytest.mark.parametrize(
    "edit",
    [
        'UPDATE action SET consent = \'{"transactional":"because I say so"}\'',
        "UPDATE action SET recipient = 'somebody-else', key = key || 'x' WHERE kind = 'campaign'",
        "UPDATE action SET name = 'another-campaign' WHERE kind = 'campaign'",
        "UPDATE action SET payload = '{}' WHERE kind = 'event'",
        "UPDATE action SET create_profile = 1",
        "DELETE FROM fact",
    ],
)
def test_a_waiting_plan_that_was_edited_is_refused(stage: Rehearsal, edit: str) -> None:
    _, plan = _guarded(stage, 3)
    (file,) = stage.folder.glob("state.db.plan-*")
    with closing(sqlite3.connect(file)) as edited:
        edited.execute(edit)
        edited.commit()

    ended = stage.ecmbraze("onboarding", "--confirm", plan, "--json")

    assert ended.code == 6
    assert "it is not what was reviewed" in ended.report["exit_reason"]
    assert not stage.messages()


def _planned(stage: Rehearsal) -> tuple[Path, str]:
    for workspace in stage.open_workspaces()[:2]:
        stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    file = stage.folder / "reviewed.plan"
    made = stage.ecmbraze("plan", "onboarding", "-o", str(file))
    plan = str(json.loads(stage.ecmbraze("plan", "show", str(file), "--json").stdout)["hash"])
    assert (made.code, f"ecmbraze apply {file} --confirm {plan[:12]}" in " ".join(made.stdout.split())) == (0, True)
    return file, plan


def test_a_plan_file_is_sent_only_under_the_hash_that_was_reviewed_and_is_never_written(stage: Rehearsal) -> None:
    file, plan = _planned(stage)
    before = file.read_bytes()

    without, wrong = stage.ecmbraze("apply", str(file)), stage.ecmbraze("apply", str(file), "--confirm", "0" * 12)
    assert (without.code, wrong.code) == (2, 6)
    assert "plan show" in without.stderr
    assert not stage.messages()

    assert stage.ecmbraze("apply", str(file), "--confirm", plan[:12]).code == 0
    assert len(stage.messages()) == 4
    assert file.read_bytes() == before


def test_a_forged_plan_file_sends_nothing_even_under_its_own_hash(stage: Rehearsal) -> None:
    file, _ = _planned(stage)
    with closing(sqlite3.connect(file)) as forged:
        forged.execute("UPDATE action SET name = 'forged' WHERE kind = 'campaign'")
        forged.execute("UPDATE action SET consent = '{\"transactional\":\"forged\"}' WHERE kind = 'campaign'")
        forged.commit()
    forgery = json.loads(stage.ecmbraze("plan", "show", str(file), "--json").stdout)["hash"]

    report = stage.ecmbraze("apply", str(file), "--confirm", forgery, "--json").report

    assert not stage.messages()
    assert sum("changed since the plan was made" in note for note in report["notes"]) == 2


def test_what_todays_configuration_would_not_plan_is_not_sent(stage: Rehearsal) -> None:
    file, plan = _planned(stage)
    stage.flow["milestones"][0]["send"]["consent"] = {"email": "opted_in"}

    report = stage.ecmbraze("apply", str(file), "--confirm", plan, "--json").report

    assert report["by_action"]["triggers"] == 0
    assert not stage.messages()


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o666])
def test_a_plan_file_that_is_open_to_others_is_refused(stage: Rehearsal, mode: int) -> None:
    file, plan = _planned(stage)
    file.chmod(mode)

    ended = stage.ecmbraze("apply", str(file), "--confirm", plan)

    assert ended.code == 6
    assert "open to others" in ended.stderr
    assert not stage.messages()


def test_a_plan_file_behind_a_link_or_of_something_else_is_refused(stage: Rehearsal) -> None:
    file, plan = _planned(stage)
    link, text = stage.folder / "link.plan", stage.folder / "text.plan"
    link.symlink_to(file)
    text.write_text("no plan")
    text.chmod(0o600)

    codes = [stage.ecmbraze("apply", str(path), "--confirm", plan).code for path in (link, text, stage.folder / "none")]

    assert codes == [6, 2, 2]
    assert not stage.messages()
