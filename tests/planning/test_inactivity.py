"""Days after a date, and silence: since when nobody else touched a record; our own edits are not activity."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ecmbraze.flow import Context
from ecmbraze.flows import lifecycle
from ecmbraze.model import Change, Facts, Json, Kind, Record, WorkspaceKey, keys
from tests.fakes import Nothing

HOME = ZoneInfo("Europe/Berlin")
BORN = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def _options(*rules: dict[str, Any]) -> lifecycle.Options:
    return lifecycle.Options.model_validate(
        {
            "workspace_types": ["Contract", "Project"],
            "customer": "Contract.Customer Number",
            "rules": [{"send": {"event": rule["name"]}, **rule} for rule in rules],
        }
    )


SILENT = _options({"name": "silent", "inactive": {"days": 180, "at": "09:00"}})


def _record(
    modified: datetime = BORN, *, ours: bool = False, kind: str = "Contract", facts: Facts | None = None
) -> Record:
    return Record(
        key=WorkspaceKey(id=1),
        stream=keys.workspaces(kind),
        name="V",
        created_at=BORN,
        modified_at=modified,
        customers=("C-1",),
        facts={"Contract.Customer Number": "C-1", "workspace.modified_by_us": ours, **(facts or {})},
    )


class Life(Nothing):
    """One workspace and what the engine would keep of it between polls."""

    def __init__(self, options: lifecycle.Options) -> None:
        self.options = options
        self.memory: dict[str, Json] = {}
        self.sent: list[str] = []
        self.before: Record | None = None

    def poll(self, now: datetime, record: Record, *, fires: bool = True) -> datetime | None:
        change = Change(record=record, before=self.before, fires=fires, memory=self.memory)
        decision = lifecycle.plan(self.options, change, self, Context(now=now, zone=HOME, prefix="ecm_"))
        assert decision.due is None or decision.due > now
        self.before, self.memory = record, dict(decision.memory)
        self.sent += [action.occurrence for action in decision.actions if action.kind is Kind.EVENT]
        return decision.due


def test_silence_comes_due_and_our_own_edit_neither_ends_nor_repeats_it() -> None:
    life = Life(SILENT)
    due = life.poll(BORN + DAY, _record(BORN), fires=False)

    after_ours = life.poll(BORN + 100 * DAY, _record(BORN + 99 * DAY, ours=True))
    life.poll(datetime(2026, 6, 30, 7, 0, tzinfo=UTC), _record(BORN + 99 * DAY, ours=True))
    life.poll(datetime(2026, 6, 30, 8, 0, tzinfo=UTC), _record(BORN + 180.3 * DAY, ours=True))

    assert due == after_ours == datetime(2026, 6, 30, 7, 0, tzinfo=UTC)  # 180 days after 1 January, 09:00 in summer
    assert life.sent == ["2026-01-01+180d"]


def test_somebody_elses_edit_starts_the_silence_anew() -> None:
    life = Life(SILENT)
    life.poll(BORN + DAY, _record(BORN), fires=False)

    due = life.poll(BORN + 100 * DAY, _record(BORN + 100 * DAY))
    life.poll(BORN + 181 * DAY, _record(BORN + 100 * DAY))

    assert due == datetime(2026, 10, 8, 7, 0, tzinfo=UTC)
    assert life.sent == []


def test_a_baseline_over_old_silence_sends_nothing_ever() -> None:
    life = Life(SILENT)
    due = life.poll(BORN + 4000 * DAY, _record(BORN), fires=False)

    life.poll(BORN + 4001 * DAY, _record(BORN))

    assert due is None
    assert life.sent == []


def test_an_attribute_counts_as_activity_too() -> None:
    life = Life(_options({"name": "silent", "inactive": {"days": 180, "activity": "Contract.Last Call"}}))

    due = life.poll(BORN + DAY, _record(BORN, facts={"Contract.Last Call": "2026-03-01"}), fires=False)

    assert due == datetime(2026, 8, 28, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("record", "stays"),
    [
        (_record(BORN), True),
        (_record(BORN + 181 * DAY, ours=True), True),
        (_record(BORN + 181 * DAY), False),
    ],
)
def test_a_staged_reminder_of_silence_falls_when_somebody_else_touches_it(record: Record, stays: bool) -> None:
    assert (lifecycle.FLOW.holds(SILENT, record, "silent", "2026-01-01+180d", HOME, BORN) is None) is stays


def test_days_after_a_date_come_due_after_it() -> None:
    life = Life(_options({"name": "review", "after": {"date": "Contract.End", "days": [0, 14]}}))
    contract = _record(facts={"Contract.End": "2027-03-20"})
    due, moments = life.poll(BORN, contract, fires=False), []
    while due:
        moments.append(due)
        due = life.poll(due, contract)

    assert moments == [datetime(2027, 3, 20, 8, tzinfo=UTC), datetime(2027, 4, 3, 7, tzinfo=UTC)]
    assert life.sent == ["2027-03-20-0d", "2027-03-20+14d"]
    assert lifecycle.FLOW.holds(
        life.options, _record(facts={"Contract.End": "2027-03-21"}), "review", life.sent[1], HOME, BORN
    )


def test_a_rule_for_one_type_leaves_the_others_alone_and_asks_nothing_of_them() -> None:
    options = _options(
        {"name": "expiry", "workspace_types": ["Contract"], "before": {"date": "Contract.End", "days": [30]}},
        {"name": "done", "workspace_types": ["Project"], "when": {"Project.Phase": {"not": "Open"}}},
    )
    contract, project = Life(options), Life(options)

    contract.poll(BORN, _record(facts={"Contract.End": "2026-01-31"}), fires=True)
    project.poll(BORN, _record(kind="Project", facts={"Project.Phase": "Closed"}), fires=True)

    assert (contract.sent, project.sent) == ([], ["1"])
    assert contract.memory == {"expiry": "", "expiry counts": ["30 of Contract.End"]}
    needs = lifecycle.needs(options)
    assert needs.of("Contract") == {"Contract.Customer Number", "Contract.End"}
    assert needs.of("Project") == {"Contract.Customer Number", "Project.Phase"}


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ({}, "at most one of before, after, inactive"),
        ({"inactive": {"days": 9}, "before": {"date": "C.E", "days": [1]}}, "at most one of before, after, inactive"),
        ({"inactive": {"days": 9}, "workspace_types": ["Case"]}, "'Case' is not among the flow's workspace_types"),
    ],
)
def test_a_rule_without_one_cause_does_not_load(rule: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        _options({"name": "rule", **rule})


@given(st.lists(st.tuples(st.integers(1, 2000), st.sampled_from(["theirs", "ours", ""])), min_size=1, max_size=25))
def test_each_silence_goes_once_and_only_when_nobody_else_touched_it(story: list[tuple[int, str]]) -> None:
    life, now, record, last = Life(SILENT), BORN, _record(BORN), BORN
    for n, (hours, edit) in enumerate(story):
        now += timedelta(hours=hours)
        if edit:
            record = _record(now, ours=edit == "ours")
            last = now if edit == "theirs" or n == 0 else last
        had = len(life.sent)
        life.poll(now, record, fires=n > 0)
        for occurrence in life.sent[had:]:
            assert occurrence == f"{last.astimezone(HOME):%Y-%m-%d}+180d"
            assert now - last >= 179 * DAY

    assert len(life.sent) == len(set(life.sent))
