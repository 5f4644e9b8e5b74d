"""Each way a run can end badly: its exit code, a message that says what to do, nothing twice, nothing lost."""

from __future__ import annotations

import re
import signal
import subprocess
from typing import Any

import pytest

from tests.rehearsal import CAMPAIGN, CONTRACT, Rehearsal


def _one_due(stage: Rehearsal) -> str:
    workspace = stage.open_workspaces()[0]
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    return stage.customer(workspace)


def _arrives_once(stage: Rehearsal, customer: str) -> None:
    stage.box.clear_faults()
    stage.run()
    stage.run()
    assert stage.messages() == {(customer, "contract_approved"): 1, (customer, CAMPAIGN): 1}


def test_e03_a_wrong_password_is_tried_once(stage: Rehearsal) -> None:
    customer = _one_due(stage)
    right = stage.secrets["ECM_PASSWORD"]
    stage.secrets["ECM_PASSWORD"] = "wrong-password"
    stage.box.clear_journal()

    ended = stage.ecmbraze("onboarding")

    assert ended.code == 7
    assert "svc-ecmbraze" in ended.stdout
    assert "wrong-password" not in ended.stdout + ended.stderr
    logins = [entry for entry in stage.box.journal(system="ecm") if entry["path"].endswith("/v1/auth")]
    assert len(logins) == 1
    stage.secrets["ECM_PASSWORD"] = right
    _arrives_once(stage, customer)


def test_b14_a_wrong_key_stops_the_run_and_is_not_shown(stage: Rehearsal) -> None:
    customer = _one_due(stage)
    right = stage.secrets["BRAZE_API_KEY"]
    stage.secrets["BRAZE_API_KEY"] = "0123456789-wrong-key"

    ended = stage.ecmbraze("onboarding")

    assert ended.code == 7
    assert "0123456789-wrong-key" not in ended.stdout + ended.stderr
    stage.secrets["BRAZE_API_KEY"] = right
    _arrives_once(stage, customer)


def test_b15_a_missing_permission_is_named(stage: Rehearsal) -> None:
    customer = _one_due(stage)
    right = stage.secrets["BRAZE_API_KEY"]
    allowed = ["users.export.ids", "users.track", "email.hard_bounces", "campaigns.details"]
    stage.box.call("POST", "/braze/keys", {"key": "narrow-key", "permissions": allowed})
    stage.secrets["BRAZE_API_KEY"] = "narrow-key"

    ended = stage.ecmbraze("onboarding")

    assert ended.code == 7
    assert "campaigns.trigger.send" in ended.stdout
    stage.secrets["BRAZE_API_KEY"] = right
    _arrives_once(stage, customer)


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"workspace_types": ["Customer Onbording"]}, "Customer Onboarding"),
        ({"attributes": {"stage": "Onboarding.Stagee"}}, "Onboarding.Stage"),
        ({"customer": "Onboarding.Customer No"}, "Onboarding.Customer Number"),
    ],
)
def test_a_name_that_ecm_does_not_have_is_exit_15_with_a_suggestion(
    stage: Rehearsal, change: dict[str, Any], hint: str
) -> None:
    stage.flow.update(change)

    ended = stage.ecmbraze("onboarding")

    assert ended.code == 15
    assert f"did you mean '{hint}'" in " ".join(ended.stdout.split())
    assert not stage.messages()


def test_c05_a_duplicate_key_is_told_with_both_lines(stage: Rehearsal) -> None:
    arguments = stage.command("onboarding")
    stage.path.write_text(stage.path.read_text() + "state: other.db\n")

    ended = subprocess.run(arguments, env=stage.environ(), capture_output=True, check=False)

    assert ended.returncode == 15
    assert b"\n      - " in ended.stderr  # one problem a line
    assert b"'state' stands twice, first in line" in ended.stderr


@pytest.mark.parametrize("kind", ["html200", "empty200", "html500", "busy", "reset_before", "cut_answer"])
def test_e04_to_e06_a_page_that_fails_mid_listing_fails_the_scan_and_loses_nothing(stage: Rehearsal, kind: str) -> None:
    customer = _one_due(stage)
    before = stage.state.read_bytes()
    stage.box.fault(kind, system="ecm", path="/v2/businessworkspaces$", skip=2, times=None, bytes=30)

    ended = stage.ecmbraze("onboarding", "--dry-run")

    assert ended.code == 5
    assert re.search(r"page 3(/| of )4", " ".join(ended.stdout.split()), re.IGNORECASE)
    assert stage.state.read_bytes() == before
    _arrives_once(stage, customer)


def test_e01_a_ticket_that_expires_while_paging_is_renewed(stage: Rehearsal) -> None:
    customer = _one_due(stage)
    stage.box.switch(ticket_ttl_requests=3)

    _arrives_once(stage, customer)


def test_a_login_through_otds_works_as_well(stage: Rehearsal) -> None:
    customer = _one_due(stage)
    box = stage.box
    del stage.config["ecm"]["username"], stage.config["ecm"]["password"]
    stage.config["ecm"]["otds"] = {"url": box.otds, "client_id": box.client_id, "client_secret": "${OTDS_SECRET}"}
    stage.secrets["OTDS_SECRET"] = box.client_secret

    _arrives_once(stage, customer)


def test_e07_a_source_that_is_suddenly_empty_is_guarded(stage: Rehearsal) -> None:
    for workspace in stage.box.workspaces("Customer Onboarding"):
        stage.box.act(workspace["id"], "hide")

    ended = stage.ecmbraze("onboarding")

    assert ended.code == 6
    assert "is empty; last time it listed 25" in " ".join(ended.stdout.split())


def test_b16_a_paused_campaign_stops_the_flow_and_its_messages_wait(stage: Rehearsal) -> None:
    customer = _one_due(stage)
    stage.box.call("PUT", f"/braze/campaigns/{CAMPAIGN}", {"paused": True})

    report = stage.run(code=15)

    assert report["counts"]["pending"] == 1
    stage.box.call("PUT", f"/braze/campaigns/{CAMPAIGN}", {"paused": False})
    _arrives_once(stage, customer)


def test_b17_a_rate_limit_is_waited_for(stage: Rehearsal) -> None:
    customer = _one_due(stage)
    stage.box.fault(
        "status", system="braze", path="/users/track", status=429, times=1, headers={"X-Ratelimit-Retry-After": "1"}
    )

    report = stage.run()

    assert report["requests"]["rate_limited"] == 1
    assert stage.messages()[(customer, "contract_approved")] == 1


def test_b19_a_rate_limit_beyond_the_time_budget_is_exit_8(stage: Rehearsal) -> None:
    customer = _one_due(stage)
    stage.box.fault(
        "status", system="braze", path="/users/track", status=429, times=None, headers={"X-Ratelimit-Retry-After": "30"}
    )

    assert stage.ecmbraze("onboarding", "--max-duration", "10s").code == 8
    _arrives_once(stage, customer)


def test_b08_one_refused_object_is_quarantined_and_its_neighbours_go_through(stage: Rehearsal) -> None:
    first, second = stage.open_workspaces()[:2]
    for workspace in (first, second):
        stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    errors = [{"index": 0, "input_array": "events", "type": "'name' is blocked"}]
    answer = {"message": "success", "attributes_processed": 2, "events_processed": 1, "errors": errors}
    stage.box.fault("status", system="braze", path="/users/track", status=201, json=answer, times=1)

    report = stage.run(code=3)

    assert report["counts"]["refused"] == 1
    assert "'name' is blocked" in stage.ecmbraze("quarantine", "list", "--json").stdout


def test_b11_a_refused_batch_is_halved_until_the_bad_record_stands_alone(stage: Rehearsal) -> None:
    chosen = stage.open_workspaces()[:4]
    for workspace in chosen:
        stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    bad = stage.customer(chosen[0])
    stage.box.fault(
        "status",
        system="braze",
        path="/campaigns/trigger",
        query=f'"{bad}"',
        status=400,
        times=None,
        json={"message": "trigger properties are wrong"},
    )

    report = stage.run(code=3)

    assert report["counts"]["refused"] == 1
    got = {key for key in stage.messages() if key[1] == CAMPAIGN}
    assert got == {(stage.customer(number), CAMPAIGN) for number in chosen[1:]}


@pytest.mark.parametrize(
    "line",
    [
        "onboarding --nonsense",
        "nonsense",
        "",
        "onboarding --exit-code",
        "onboarding --since yesterday",
        "onboarding --include-messages",
        "onboarding --max-duration soon",
        "onboarding --limit 0",
        "holds resolve 1 maybe",
        "plan",
        "init",
    ],
)
def test_a_wrong_command_line_is_exit_2(stage: Rehearsal, line: str) -> None:
    ended = stage.ecmbraze(*line.split())

    assert ended.code == 2
    assert "Traceback" not in ended.stderr
    assert ended.stdout + ended.stderr


def test_s01_a_run_never_creates_the_state_file(fresh: Rehearsal) -> None:
    ended = fresh.ecmbraze("onboarding")

    assert ended.code == 10
    assert "ecmbraze init" in ended.stderr
    assert not fresh.state.exists()


def test_init_refuses_an_existing_state_file(stage: Rehearsal) -> None:
    before = stage.state.read_bytes()

    ended = stage.ecmbraze("init", "--non-interactive")

    assert ended.code == 2
    assert "there is a state file already" in ended.stderr
    assert stage.state.read_bytes() == before


def test_dropping_a_record_that_cannot_be_read_says_that_it_comes_back(stage: Rehearsal) -> None:
    workspace = stage.open_workspaces()[0]
    stage.box.edit_workspace(workspace, modified="2099-01-01T00:00:00")
    assert stage.run(code=3)["counts"]["quarantined"] == 1

    dropped = stage.ecmbraze("quarantine", "drop", f"ws:{workspace}")

    assert (dropped.code, "the next run that meets it so puts it aside again" in dropped.stdout) == (0, True)
    assert stage.run(code=3)["counts"]["quarantined"] == 1


def test_c10_a_state_file_of_another_braze_is_exit_15(stage: Rehearsal) -> None:
    stage.config["braze"]["url"] = "http://127.0.0.1:1"

    assert stage.ecmbraze("onboarding").code == 15


def test_b01_braze_unreachable_is_exit_5_and_the_messages_wait(stage: Rehearsal) -> None:
    customer = _one_due(stage)
    stage.box.fault("reset_before", system="braze", path="/users/export/ids", times=None)

    report = stage.ecmbraze("onboarding", "--json", "--max-duration", "40s").report

    assert report["exit_code"] in (5, 8)
    assert report["counts"]["pending"] == 2  # the event and the campaign
    _arrives_once(stage, customer)


def test_o02_sigterm_ends_the_run_cleanly(stage: Rehearsal) -> None:
    customer = _one_due(stage)
    with stage.held_at("ecm", "/businessworkspaces", "onboarding") as process:
        process.send_signal(signal.SIGTERM)

    assert process.wait(timeout=120) == 143
    _arrives_once(stage, customer)


def test_o11_two_starts_at_once_one_wins(stage: Rehearsal) -> None:
    _one_due(stage)
    with stage.held_at("ecm", "/businessworkspaces", "onboarding") as first:
        assert stage.ecmbraze("onboarding").code == 11
        assert stage.ecmbraze("onboarding", "--dry-run").code == 0  # a dry run needs no lock

    assert first.wait(timeout=120) == 0
    assert set(stage.messages().values()) == {1}


def test_check_finds_all_well_and_names_what_is_not(stage: Rehearsal) -> None:
    good = stage.ecmbraze("check")
    assert (good.code, "all well" in good.stdout) == (0, True)
    stage.flow["milestones"][0]["send"]["campaign"] = "00000000-0000-4000-8000-00000000dead"

    bad = stage.ecmbraze("check")

    assert bad.code == 15
    assert "milestones[0].send.campaign: Braze has no campaign of this id" in bad.stdout


def test_d15_no_secret_is_printed_or_stored(stage: Rehearsal) -> None:
    _one_due(stage)

    ended = stage.ecmbraze("-v", "onboarding", "--report", str(stage.folder / "r.html"))

    assert ended.code == 0
    left = [ended.stdout.encode(), ended.stderr.encode(), *(p.read_bytes() for p in stage.folder.glob("[rs]*"))]
    for secret in stage.secrets.values():
        assert not [text for text in left if secret.encode() in text]
    assert oct((stage.folder / "r.html").stat().st_mode & 0o777) == "0o600"
    assert (stage.folder / "r.html").stat().st_size > 1000
