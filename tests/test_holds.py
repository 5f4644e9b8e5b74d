"""A person's decision about messages of unknown outcome: one by its number, or all of a rule."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ecmbraze.ledger.lock import run_lock
from ecmbraze.model import State
from tests.offline import TO_DOUBT, Offline

HELD = (*TO_DOUBT, State.HELD)


@pytest.fixture
def office(tmp_path: Path) -> Offline:
    """Two held messages and one in doubt of one rule, one held of another."""
    made = Offline(tmp_path)
    made.messages(HELD, HELD, TO_DOUBT)
    made.messages(HELD, rule="kyc_completed")
    return made


def _states(office: Offline) -> list[str]:
    with office.ledger() as ledger:
        return [f"{row.action.rule} {row.state}" for row in ledger.outbox.rows("1")]


def _resolve(office: Offline, *arguments: str, code: int = 0) -> str:
    done = office.ecmbraze("holds", "resolve", *arguments, "--reason", "looked it up")
    assert done.code == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize(("decision", "state"), [("sent", "sent"), ("drop", "dropped")])
def test_all_of_a_rule_are_decided_at_once_and_no_other(office: Offline, decision: str, state: str) -> None:
    said = _resolve(office, "--all", "--rule", "contract_approved", decision)

    assert _states(office) == [f"contract_approved {state}"] * 3 + ["kyc_completed held"]
    assert f"3 of contract_approved: {decision}" in said


def test_of_many_only_those_go_again_that_no_run_looks_for_any_more(office: Offline) -> None:
    said = _resolve(office, "--all", "--rule", "contract_approved", "send-again")

    assert _states(office) == [
        "contract_approved ready",
        "contract_approved ready",
        "contract_approved in doubt",
        "kyc_completed held",
    ]
    assert "1 are still in doubt and were left" in said


def test_the_history_names_the_operators_reason_for_each(office: Offline) -> None:
    _resolve(office, "--all", "--rule", "contract_approved", "drop")

    with office.ledger() as ledger:
        reasons = [row.why for row in ledger.outbox.rows("state = 'dropped'")]
        assert ledger.history.first_break() is None
    assert reasons == ["operator: looked it up"] * 3


def test_one_is_decided_by_its_number(office: Offline) -> None:
    _resolve(office, "3", "send-again")

    assert _states(office)[2] == "contract_approved ready"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["drop"], "Say which message by its ID, or all of a rule."),
        (["1", "2", "drop"], "Say which message by its ID"),
        (["x", "drop"], "Say which message by its ID"),
        (["--all", "drop"], "--all and --rule belong together."),
        (["--rule", "contract_approved", "drop"], "--all and --rule belong together."),
        (["--all", "--rule", "contract_approved", "1", "drop"], "Say which message by its ID, or all of a rule."),
        (["--all", "--rule", "contract_aproved", "drop"], "did you mean 'contract_approved'?"),
        (["1", "sended"], "'sended' is no decision; did you mean 'sent'?"),
        (["99", "drop"], "Nothing is held under 99."),
    ],
)
def test_a_wrong_command_changes_nothing_and_says_what_to_type(
    office: Offline, arguments: list[str], said: str
) -> None:
    before = _states(office)

    told = _resolve(office, *arguments, code=2)

    assert said in told
    assert "Nothing was changed." in told
    assert "holds" in told or "send-again" in told
    assert _states(office) == before


def test_what_a_workspace_refused_of_a_person_with_several_names_that_workspace(tmp_path: Path) -> None:
    office = Offline(tmp_path)
    rows = office.messages((State.IN_FLIGHT, State.REFUSED), (State.IN_FLIGHT, State.REFUSED))
    with office.ledger() as ledger, ledger.database.atomic():
        change = "UPDATE outbox SET record = 'person:C-0', recipient = 'ws:7' WHERE id = ?"
        ledger.database.conn.execute(change, (rows[0].id,))

    listed = json.loads(office.ecmbraze("quarantine", "list", "--json").stdout)

    assert [one["reason"] for one in listed] == ["cut off (in ws:7)", "cut off"]


def test_a_held_message_is_dropped_by_its_own_command(office: Offline) -> None:
    done = office.ecmbraze("holds", "drop", "4", "--reason", "looked it up")

    assert (done.code, _states(office)[3]) == (0, "kyc_completed dropped")


def test_a_decision_while_a_run_is_under_way_is_not_taken_and_must_be_typed_again(office: Offline) -> None:
    with run_lock(office.state):
        said = _resolve(office, "4", "sent", code=11)

    assert "This one did nothing." in said
    assert "what you typed yourself, type again after that run" in said
    assert _states(office)[3] == "kyc_completed held"


def test_who_decides_again_reads_what_was_decided(office: Offline) -> None:
    _resolve(office, "4", "sent")

    said = _resolve(office, "4", "drop", code=2)

    assert "Nothing is held under 4: it is sent since 2" in said
    assert "UTC, operator: looked it up. Nothing was changed." in said
    assert "operator: looked it up" in office.ecmbraze("holds", "show", "4").stderr
    assert "Nothing is held under 999. Nothing was changed." in _resolve(office, "999", "drop", code=2)
