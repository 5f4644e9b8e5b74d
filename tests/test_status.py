"""`status`: one screen that never says well while something is open, and that gives its reason for the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ecmbraze.ledger.waiting import WaitingPlan
from ecmbraze.model import State
from tests.offline import TO_DOUBT, Offline
from tests.rehearsal import Rehearsal


@pytest.fixture
def office(tmp_path: Path) -> Offline:
    """A flow that has just run well."""
    made = Offline(tmp_path)
    made.ran()
    return made


def _flow(office: Offline) -> dict[str, Any]:
    told = json.loads(office.ecmbraze("status", "--json").stdout)
    found: dict[str, Any] = told["flows"][0]
    assert told["code"] == found["code"]
    return found


def test_after_a_real_baseline_all_is_well(stage: Rehearsal) -> None:
    done = stage.ecmbraze("status")

    assert done.code == 0
    assert done.stdout.splitlines()[-1] == "All is well."


def test_it_says_well_when_nothing_is_open(office: Offline) -> None:
    assert office.ecmbraze("status").stdout.splitlines()[-1] == "All is well."
    assert _flow(office)["state"] == "well"
    assert _flow(office)["reasons"] == []


@pytest.mark.parametrize("code", [0, 5, 6])
def test_a_run_by_a_clock_that_was_days_ahead_hides_nothing_of_what_came_later(office: Offline, code: int) -> None:
    office.later(days=3)
    office.ran(code, "by a clock that was ahead")
    office.later(days=-3, minutes=15)
    office.ran(7, "the key was refused")

    done = office.ecmbraze("status")

    assert done.code == 21
    assert "the last run ended with exit 7: the key was refused" in done.stdout
    assert "by a clock that was ahead" not in done.stdout


@pytest.mark.parametrize("way", [TO_DOUBT, (*TO_DOUBT, State.HELD)])
def test_it_never_says_well_with_something_in_doubt(office: Offline, way: tuple[State, ...]) -> None:
    office.messages(way)

    done = office.ecmbraze("status")

    assert done.code == 0
    assert "well" not in done.stdout
    assert "1 of unknown outcome, the oldest for 0 s: `ecmbraze holds list`" in done.stdout


@pytest.mark.parametrize(("hours", "code", "word"), [(5, 20, "stale"), (25, 21, "critical")])
def test_a_doubt_grows_old_though_the_runs_go_on(office: Offline, hours: int, code: int, word: str) -> None:
    office.messages(TO_DOUBT)
    office.later(hours=hours)
    office.ran()

    flow = _flow(office)

    assert (flow["code"], flow["state"]) == (code, word)
    assert f"the oldest for {hours} h" in flow["reasons"][0]


@pytest.mark.parametrize(("minutes", "code", "word"), [(29, 0, "well"), (31, 20, "stale"), (61, 21, "critical")])
def test_it_gives_the_reason_when_no_run_succeeds(office: Offline, minutes: int, code: int, word: str) -> None:
    office.later(minutes=minutes)

    done = office.ecmbraze("status")

    assert done.code == code
    assert f"onboarding  {word}" in done.stdout
    assert (f"no success for {minutes} min, it is to run every 15 min" in done.stdout) is (code > 0)


def test_a_flow_that_never_ran_says_what_to_type(tmp_path: Path) -> None:
    done = Offline(tmp_path).ecmbraze("status")

    assert done.code == 20
    assert "no run has come to its end yet: `ecmbraze run`" in done.stdout


@pytest.mark.parametrize(("code", "state"), [(7, 21), (6, 21), (5, 0), (16, 0)])
def test_the_reason_of_a_run_that_failed_is_the_runs_own(office: Offline, code: int, state: int) -> None:
    office.later(minutes=5)
    office.ran(code, "ECM refuses the password.")

    flow = _flow(office)

    assert flow["code"] == state
    assert flow["state"] != "well"
    assert flow["reasons"] == [f"the last run ended with exit {code}: ECM refuses the password."]


def test_a_reason_of_several_lines_stands_in_one(office: Offline) -> None:
    office.ran(15, "The configuration names what ECM does not have:\n  - attribute 'X'\n Nothing was read.")

    assert "does not have: - attribute 'X' Nothing was read." in _flow(office)["reasons"][0]


def test_a_plan_that_waits_is_named_with_its_hash(office: Offline) -> None:
    plan = WaitingPlan(
        flow="onboarding", mode="live", hash="0123456789abcdef", file="x", reason="600 messages", made_at=office.now
    )
    with office.ledger() as ledger:
        ledger.waiting.put(plan)

    assert any("`ecmbraze onboarding --confirm 0123456789ab`" in reason for reason in _flow(office)["reasons"])


def test_what_is_paused_or_refused_is_not_well(office: Offline) -> None:
    assert office.ecmbraze("pause", "onboarding", "--reason", "audit").code == 0
    office.messages((State.IN_FLIGHT, State.REFUSED))

    flow = _flow(office)

    assert flow["state"] == "open"
    assert any("audit: `ecmbraze resume onboarding`" in reason for reason in flow["reasons"])
    assert any("1 refused write put aside: `ecmbraze quarantine list`" in reason for reason in flow["reasons"])


def test_the_quarantine_of_another_flow_is_not_counted_here(office: Offline) -> None:
    with office.ledger() as ledger, ledger.database.atomic():
        for flow in ("onboarding", "cases", ""):
            ledger.database.conn.execute(
                "INSERT INTO quarantine (flow, record, rule, customer, reason, at) VALUES (?, ?, '', '', 'x', 'now')",
                (flow, f"ws:{len(flow)}"),
            )

    assert _flow(office)["quarantined"] == 2


def test_a_flow_that_is_switched_off_is_off_and_not_stale(office: Offline) -> None:
    office.flow["enabled"] = False
    office.later(days=3)

    assert _flow(office)["state"] == "off"


def test_many_runs_of_another_flow_do_not_hide_the_last_success(office: Offline) -> None:
    office.flow["every"] = "7d"
    for _ in range(210):
        office.later(minutes=15)
        with office.ledger() as ledger:
            at = office.now.isoformat().replace("+00:00", "Z")
            with ledger.database.atomic():
                ledger.database.conn.execute(
                    "INSERT INTO run SELECT ?, 'cases', mode, ?, ?, exit_code, report FROM run LIMIT 1", (at, at, at)
                )

    assert _flow(office)["last_success"] is not None
    assert _flow(office)["state"] == "well"


def test_an_unusable_state_file_is_unknown_also_as_json(office: Offline) -> None:
    office.state.chmod(0o644)

    plain, told = office.ecmbraze("status"), office.ecmbraze("status", "--json")

    assert (plain.code, told.code) == (22, 22)
    assert json.loads(told.stdout)["code"] == 22
    assert "chmod 600" in json.loads(told.stdout)["reason"]


def test_a_row_fits_eighty_columns_and_a_pipe_gets_each_reason_in_one_line(office: Offline) -> None:
    office.messages(*[TO_DOUBT] * 120)
    lines = office.ecmbraze("status").stdout.splitlines()

    assert [line for line in lines if line.startswith("  - ")] == [
        "  - 120 of unknown outcome, the oldest for 0 s: `ecmbraze holds list`"
    ]
    assert all(len(line) <= 80 for line in lines if not line.startswith("  - "))
    assert lines[0].split() == ["flow", "state", "last", "success", "watermark", "pending", "held", "quarantined"]


@pytest.mark.parametrize(
    "command",
    [
        "status",
        "holds list",
        "quarantine list",
        "runs",
        "forecast",
        "pause --reason holiday",
        "resume",
        "state export",
        "state verify --offline",
        "erase nobody --show",
        "check --outbound",
    ],
)
def test_what_asks_no_system_needs_no_secret(office: Offline, command: str) -> None:
    office.secrets = {}
    office.config["ecm"]["password"] = {"command": ["/nonexistent/pass"]}

    done = office.ecmbraze(*command.split())

    assert done.code == 0, done.stderr


def test_a_run_needs_its_secrets_and_names_all_that_are_missing(office: Offline) -> None:
    office.secrets = {}

    done = office.ecmbraze("onboarding")

    assert done.code == 15
    assert done.stderr.count("is empty or not set") == 2


def test_a_secret_in_the_file_is_refused_by_every_command(office: Offline) -> None:
    office.config["ecm"]["password"] = "in-plain-text"

    done = office.ecmbraze("status")

    assert (done.code, "a secret never stands in the file" in done.stderr) == (15, True)
