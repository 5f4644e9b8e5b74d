"""Lifecycle as pure planning: what comes due, once, whatever the polls; no process, no ledger, no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ecmbraze.errors import RecordUnreadable
from ecmbraze.flow import Context
from ecmbraze.flows import lifecycle
from ecmbraze.model import Change, Decision, Fact, Json, Kind, Record, WorkspaceKey, keys
from ecmbraze.planning.due_dates import reminders
from tests.fakes import Nothing
from tests.rehearsal import SOAK

HOME = ZoneInfo("Europe/Berlin")
STATUS, END, CUSTOMER = "Contract.Status", "Contract.Contract End", "Contract.Customer Number"
CANVAS = "91aa0000-0000-4000-8000-000000000001"


def _options(**before: Any) -> lifecycle.Options:
    return lifecycle.Options.model_validate(
        {
            "workspace_types": ["Contract"],
            "customer": CUSTOMER,
            "attributes": {"contract_end": END},
            "rules": [
                {
                    "name": "expiry",
                    "when": {STATUS: "Active"},
                    "before": {"date": END, "days": [90, 60, 30, 7], "grace": "3d", **before},
                    "send": {"event": "expiry", "canvas": CANVAS, "consent": {"transactional": "it ends"}},
                },
                {"name": "completed", "when": {STATUS: "Completed"}, "send": {"event": "completed"}},
            ],
        }
    )


def _at(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=UTC)  # type: ignore[arg-type,misc]


def _contract(end: Fact, status: str = "Active", *, number: int = 1) -> Record:
    born = _at(2026, 1, 1)
    return Record(
        key=WorkspaceKey(id=number),
        stream=keys.workspaces("Contract"),
        name=f"Vertrag {number}",
        created_at=born,
        modified_at=born,
        facts={STATUS: status, END: end, CUSTOMER: "C-1"},
        customers=("C-1",),
    )


@dataclass
class Life(Nothing):
    """One contract and what the engine would keep of it between polls."""

    options: lifecycle.Options = field(default_factory=_options)
    before: Record | None = None
    memory: dict[str, Json] = field(default_factory=dict)
    siblings: tuple[Record, ...] = ()
    sent: list[str] = field(default_factory=list)

    def of_customer(self, customer: str) -> Sequence[Record]:
        return self.siblings

    def poll(self, now: datetime, record: Record, *, fires: bool = True, backfill: bool = False) -> Decision:
        change = Change(record=record, before=self.before, fires=fires, memory=self.memory)
        context = Context(now=now, zone=HOME, prefix="ecm_", backfill=backfill, include_messages=backfill)
        decision = lifecycle.plan(self.options, change, self, context)
        assert decision.due is None or decision.due > now
        self.before, self.memory = record, dict(decision.memory)
        self.sent += [action.occurrence for action in decision.actions if action.kind is Kind.CANVAS]
        return decision


def test_who_follows_the_due_instants_sends_every_reminder_once_and_then_rests() -> None:
    life, contract = Life(), _contract("2027-07-01")
    due = life.poll(_at(2026, 7, 1), contract, fires=False).due
    moments = []
    while due:
        moments.append(due)
        due = life.poll(due, contract).due

    assert moments == [_at(2027, 4, 2, 7), _at(2027, 5, 2, 7), _at(2027, 6, 1, 7), _at(2027, 6, 24, 7)]
    assert life.sent == ["2027-07-01-90d", "2027-07-01-60d", "2027-07-01-30d", "2027-07-01-7d"]


def test_a_baseline_notes_what_is_past_and_tells_what_is_ahead() -> None:
    life, contract = Life(), _contract("2027-07-01")
    first = life.poll(_at(2027, 6, 1, 12), contract, fires=False)

    life.poll(_at(2027, 6, 2), contract)

    assert (first.actions, first.due) == ((), _at(2027, 6, 24, 7))
    assert life.sent == []


def test_a_rule_that_is_new_to_a_known_contract_starts_with_what_is_ahead() -> None:
    contract = _contract("2027-07-01")
    life = Life(before=contract)

    ahead = life.poll(_at(2027, 6, 1, 12), contract)

    assert life.sent == []
    assert ahead.due == _at(2027, 6, 24, 7)


def test_an_edit_that_puts_several_reminders_into_the_past_sends_the_nearest_alone() -> None:
    life = Life(_options(days=[32, 31, 30]))
    life.poll(_at(2027, 5, 1), _contract("2028-01-01"), fires=False)

    life.poll(_at(2027, 6, 1, 12), _contract("2027-07-01"))
    life.poll(_at(2027, 6, 1, 13), _contract("2027-07-01"))

    assert life.sent == ["2027-07-01-30d"]


def test_a_date_that_moves_away_and_back_is_reminded_of_once() -> None:
    life = Life()
    life.poll(_at(2027, 5, 30), _contract("2027-07-01"), fires=False)

    for hour, end in enumerate(("2027-07-01", "2027-07-31", "2027-07-01")):
        life.poll(_at(2027, 6, 1, 8 + hour), _contract(end))

    assert life.sent == ["2027-07-01-30d", "2027-07-31-60d"]


def test_a_contract_first_seen_within_the_grace_is_reminded_of_and_a_later_one_is_told_why_not() -> None:
    fresh, stale = Life(), Life()

    fresh.poll(_at(2027, 6, 4, 7), _contract("2027-07-01"))
    late = stale.poll(_at(2027, 6, 4, 7, 1), _contract("2027-07-01"))

    assert (fresh.sent, stale.sent) == (["2027-07-01-30d"], [])
    assert ["longer ago than its grace" in skip.reason for skip in late.skips] == [True]


def test_a_condition_that_comes_to_hold_within_the_grace_still_sends() -> None:
    often, rarely = Life(), Life()
    for life in (often, rarely):
        life.poll(_at(2027, 5, 30), _contract("2027-07-01", "Draft"), fires=False)
    often.poll(_at(2027, 6, 1, 8), _contract("2027-07-01", "Draft"))

    for life in (often, rarely):
        life.poll(_at(2027, 6, 2), _contract("2027-07-01"))

    assert often.sent == rarely.sent == ["2027-07-01-30d"]


def test_what_is_gone_or_backfilled_reminds_nobody() -> None:
    gone, past = Life(), Life()
    for life in (gone, past):
        life.poll(_at(2027, 5, 30), _contract("2027-07-01"), fires=False)

    left = gone.poll(_at(2027, 6, 1, 8), replace(_contract("2027-07-01"), gone=True), fires=False)
    past.poll(_at(2027, 6, 1, 8), _contract("2027-07-01"), backfill=True)

    assert left.due is None
    assert gone.sent == past.sent == []


def test_a_reminder_repeats_the_attributes_that_changed_with_it() -> None:
    life = Life()
    life.poll(_at(2027, 5, 1), _contract("2028-01-01"), fires=False)

    decision = life.poll(_at(2027, 6, 1, 8), _contract("2027-07-01"))

    canvas = next(action for action in decision.actions if action.kind is Kind.CANVAS)
    assert canvas.payload == {"properties": {}, "attributes": {"ecm_contract_end": "2027-07-01"}}
    assert canvas.expires_at == _at(2027, 6, 4, 7)  # due + grace, earlier than `expires`


def test_of_two_contracts_the_later_speaks_and_a_typo_never_does() -> None:
    life = Life(siblings=(_contract("2030-01-01", number=2), _contract("when signed", number=3)))
    life.poll(_at(2027, 5, 1), _contract("2028-01-01"), fires=False)

    quiet = life.poll(_at(2027, 5, 2), _contract("2029-01-01"))
    loud = life.poll(_at(2027, 5, 3), _contract("2031-01-01"))

    assert [action.payload for action in quiet.actions] == []
    assert [action.payload for action in loud.actions] == ["2031-01-01"]


def test_a_staged_reminder_falls_when_its_date_moves() -> None:
    options = _options()
    for record, stays in ((_contract("2027-07-01"), True), (_contract("2027-07-02"), False), (_contract(None), False)):
        reason = lifecycle.FLOW.holds(options, record, "expiry", "2027-07-01-30d", HOME, record.modified_at)
        assert (reason is None) is stays


@pytest.mark.parametrize("end", ["2027", "20270701", 20270701, "2027-02-30", ("2027-07-01", "2028-07-01")])
def test_what_is_no_date_to_count_from_is_unreadable_and_forecast_goes_on(end: Fact) -> None:
    with pytest.raises(RecordUnreadable, match=r"^Contract\.Contract End: .* is no date"):
        Life().poll(_at(2027, 6, 1), _contract(end))
    assert lifecycle.ahead(_options(), _contract(end), {}, HOME) == []


def test_the_null_date_of_ecm_is_no_date_to_remind_of() -> None:
    life = Life()

    life.poll(_at(2027, 6, 1), _contract("0001-01-01"))

    assert lifecycle.ahead(_options(), _contract("0001-01-01"), {}, HOME) == []


def test_an_open_end_never_comes_due_where_the_calendar_ends() -> None:
    life = Life(_options(days=[0], at="20:00", zone="America/New_York"))

    assert life.poll(_at(2027, 6, 1), _contract("9999-12-31")).due is None


def test_ahead_lists_every_reminder_for_the_forecast() -> None:
    found = lifecycle.ahead(_options(), _contract("2027-07-01"), {}, HOME)

    assert found[-2:] == [(_at(2027, 6, 1, 7), "expiry"), (_at(2027, 6, 24, 7), "expiry")]


ENDS = st.dates(_at(2027, 3, 1).date(), _at(2027, 12, 31).date()).map(lambda day: day.isoformat())
GAPS = st.lists(st.integers(1, 24 * 40), min_size=1, max_size=30)
ZONES = st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia"])
DAYS = st.lists(st.integers(0, 120), min_size=1, max_size=5, unique=True)


def _moments(gaps: Sequence[int]) -> list[datetime]:
    return [_at(2027, 1, 1) + timedelta(hours=sum(gaps[: n + 1])) for n in range(len(gaps))]


@given(GAPS, st.lists(st.tuples(ENDS, st.sampled_from(["Active", "Draft"])), min_size=1, max_size=4), ZONES, DAYS)
@pytest.mark.long
def test_each_reminder_goes_once_over_any_polls_and_any_edits(
    gaps: list[int], stories: list[tuple[str, str]], zone: str, days: list[int]
) -> None:
    life = Life(_options(zone=zone, days=days))
    for n, moment in enumerate(_moments(gaps)):
        life.poll(moment, _contract(*stories[n % len(stories)]))

    assert len(life.sent) == len(set(life.sent))


@given(GAPS, ENDS, ZONES, DAYS)
@pytest.mark.long
def test_polls_beside_the_due_instants_send_nothing_more(gaps: list[int], end: str, zone: str, days: list[int]) -> None:
    options, contract = _options(zone=zone, days=days), _contract(end)
    due, often = Life(options), Life(options)
    start = _at(2027, 1, 1)
    before = options.rules[0].before
    assert before
    instants = {reminder.due for reminder in reminders(before, end, HOME) if reminder.due > start}
    for life, moments in ((due, instants), (often, instants | set(_moments(gaps)))):
        life.poll(start, contract, fires=False)
        for moment in sorted(moments):
            life.poll(moment, contract)

    assert due.sent == often.sent
    assert len(due.sent) == len(instants)


@pytest.mark.soak
@pytest.mark.long
@settings(max_examples=100 if SOAK else 25)
@given(st.lists(st.integers(1, 71), min_size=150, max_size=200), ENDS, ZONES, DAYS)
def test_no_gap_shorter_than_the_grace_loses_the_nearest(gaps: list[int], end: str, zone: str, days: list[int]) -> None:
    life = Life(_options(zone=zone, days=days))
    before = life.options.rules[0].before
    assert before
    start, moments = _at(2027, 1, 1), _moments(gaps)
    life.poll(start, _contract(end), fires=False)

    for since, moment in zip([start, *moments], moments, strict=False):
        came = [reminder.token for reminder in reminders(before, end, HOME) if since < reminder.due <= moment]
        had = len(life.sent)
        life.poll(moment, _contract(end))
        assert life.sent[had:] == came[-1:]


def test_a_grace_that_passes_between_two_runs_does_not_load() -> None:
    with pytest.raises(ValidationError, match=r"grace is shorter than `every`.*lengthen `grace`"):
        _options(grace="5m")
    assert _options(grace="15m")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"days": [90, 30, 7]}, {"days": [90, 60, 31, 30, 7]}),
        ({"days": [30], "date": END}, {"days": [30], "date": "Contract.Other End"}),
    ],
)
def test_what_a_rule_did_not_count_from_before_is_baseline(before: dict[str, Any], after: dict[str, Any]) -> None:
    """With 31 days new, the contract that ends in 29 is past it: nobody is reminded two days late."""
    life, record = Life(_options(**before)), _contract("2027-07-01")
    record = replace(record, facts={**record.facts, "Contract.Other End": "2027-07-01"})
    life.poll(_at(2027, 5, 20), record)
    life.options = _options(**after)

    life.poll(_at(2027, 6, 1, 3) if "date" not in after else _at(2027, 6, 2, 12), record)

    assert life.sent == []
