"""When reminders come due: hand-checked instants across daylight saving, leap days and month ends; nearest only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecmbraze.errors import RecordUnreadable
from ecmbraze.flow import Context
from ecmbraze.flows import lifecycle
from ecmbraze.model import Change, Json, Kind, Record, WorkspaceKey, keys
from ecmbraze.planning.due_dates import Before, following, nearest, reminders
from tests.fakes import Nothing

HOME = ZoneInfo("Europe/Berlin")


def _before(**more: Any) -> Before:
    return Before.model_validate({"date": "Contract.Contract End", "days": [90, 60, 30, 7], "at": "09:00", **more})


@pytest.mark.parametrize(
    ("value", "days", "at", "zone", "due"),
    [
        ("2027-03-31", 3, "02:30", "Europe/Berlin", "2027-03-28T01:30"),  # skipped by the clock: 03:30 summer time
        ("2027-11-03", 3, "02:30", "Europe/Berlin", "2027-10-31T00:30"),  # comes twice: the first
        ("2027-03-17", 3, "02:30", "America/New_York", "2027-03-14T07:30"),
        ("2027-04-10", 14, "09:00", "Europe/Berlin", "2027-03-27T08:00"),  # the day before the change: winter time
        ("2027-04-11", 14, "09:00", "Europe/Berlin", "2027-03-28T07:00"),  # the day of the change: summer time
        ("2027-11-10", 3, "01:30", "America/New_York", "2027-11-07T05:30"),  # comes twice there too
        ("2027-03-28", 1, "23:59", "Europe/Berlin", "2027-03-27T22:59"),  # the last minute before the day of the change
        ("2027-03-28", 0, "00:01", "Europe/Berlin", "2027-03-27T23:01"),  # and two minutes later, still winter time
        ("2028-02-29", 365, "09:00", "Europe/Berlin", "2027-03-01T08:00"),
        ("2027-05-31", 30, "09:00", "Europe/Berlin", "2027-05-01T07:00"),
        ("2027-01-30", 30, "09:00", "Europe/Berlin", "2026-12-31T08:00"),
        ("2029-02-28", 365, "09:00", "UTC", "2028-02-29T09:00"),
        ("2028-02-29", 366, "09:00", "UTC", "2027-02-28T09:00"),
        ("2027-03-31", 31, "09:00", "UTC", "2027-02-28T09:00"),
        ("2027-01-01", 1, "23:59", "Europe/Berlin", "2026-12-31T22:59"),
        ("2027-01-01", 0, "00:01", "Europe/Berlin", "2026-12-31T23:01"),
        ("2027-05-01", 0, "09:00", "Asia/Kathmandu", "2027-05-01T03:15"),
        ("2027-05-01", 0, "09:00", "Pacific/Apia", "2027-04-30T20:00"),
        ("2011-12-31", 1, "09:00", "Pacific/Apia", "2011-12-30T19:00"),  # a day that never was: the next morning
        ("2027-05-01T00:01:00+02:00", 0, "09:00", "America/New_York", "2027-04-30T13:00"),  # there still the 30th
        ("2027-05-01T23:59:00+02:00", 0, "09:00", "Europe/Berlin", "2027-05-01T07:00"),
        ("2027-05-01T23:59:00+02:00", 0, "09:00", "Pacific/Apia", "2027-05-01T20:00"),  # there it is the 2nd
    ],
)
def test_a_reminder_comes_due_at_its_time_of_day_in_its_zone(
    value: str, days: int, at: str, zone: str, due: str
) -> None:
    found = reminders(_before(days=[days], at=at, zone=zone), value, HOME)

    assert [reminder.due for reminder in found] == [datetime.fromisoformat(f"{due}:00+00:00")]


def test_what_is_empty_has_no_reminder_and_what_is_no_date_is_refused() -> None:
    assert reminders(_before(), None, HOME) == []
    with pytest.raises(RecordUnreadable, match="no date"):
        reminders(_before(), "soon", HOME)


def test_after_an_outage_the_nearest_speaks_and_the_next_is_ahead() -> None:
    found = reminders(_before(), "2027-06-30", HOME)
    now = datetime(2027, 6, 1, 12, 0, tzinfo=UTC)

    last, ahead = nearest(found, now), following(found, now)

    assert last is not None
    assert ahead is not None
    assert (last.days, ahead.days) == (30, 7)


def test_of_two_reminders_at_one_instant_the_one_nearer_to_the_date_speaks() -> None:
    found = reminders(_before(days=[0, 1], zone="Pacific/Apia"), "2011-12-31", HOME)  # the 30th was left out there

    last = nearest(found, found[0].due)

    assert found[0].due == found[1].due
    assert last is not None
    assert last.days == 0


_OPTIONS = lifecycle.Options.model_validate(
    {
        "workspace_types": ["Contract"],
        "customer": "Contract.Customer Number",
        "rules": [
            {
                "name": "expiry",
                "when": {"Contract.Status": "Active"},
                "before": {"date": "Contract.Contract End", "days": [90, 60, 30, 7], "grace": "3d"},
                "send": {"event": "contract_expiry"},
            }
        ],
    }
)


def _poll(moments: list[datetime], ends: list[str]) -> list[str]:
    """Plan one contract at each moment, its date moving as told; return the occurrences sent, in order."""
    born = datetime(2026, 1, 1, tzinfo=UTC)
    before: Record | None = None
    memory: dict[str, Json] = {}
    sent: list[str] = []
    for moment, end in zip(moments, ends, strict=True):
        facts = {"Contract.Status": "Active", "Contract.Contract End": end, "Contract.Customer Number": "C-1"}
        record = Record(
            key=WorkspaceKey(id=1),
            stream=keys.workspaces("Contract"),
            name="V",
            created_at=born,
            modified_at=born,
            facts=facts,
            customers=("C-1",),
        )
        change = Change(record=record, before=before, fires=before is not None, memory=memory)
        decision = lifecycle.plan(_OPTIONS, change, Nothing(), Context(now=moment, zone=HOME, prefix="ecm_"))
        assert decision.due is None or decision.due > moment
        sent += [action.occurrence for action in decision.actions if action.kind is Kind.EVENT]
        before, memory = record, dict(decision.memory)
    return sent


def test_a_moved_date_is_reminded_of_anew_and_an_old_one_never_again() -> None:
    days = [datetime(2027, 6, day, 12, 0, tzinfo=UTC) for day in (1, 2, 3, 4)]
    start = datetime(2027, 5, 1, tzinfo=UTC)

    sent = _poll([start, *days], ["2027-07-01", "2027-07-01", "2027-07-01", "2027-08-02", "2027-07-01"])

    assert sent == ["2027-07-01-30d", "2027-08-02-60d"]  # back again it is past its grace


@given(st.lists(st.integers(1, 400), min_size=1, max_size=25))
def test_each_reminder_fires_at_most_once_and_none_beyond_its_grace(hours: list[int]) -> None:
    start = datetime(2027, 3, 1, tzinfo=UTC)
    moments = [start + timedelta(hours=sum(hours[: n + 1])) for n in range(len(hours))]

    sent = _poll([start, *moments], ["2027-07-01"] * (len(moments) + 1))

    assert len(sent) == len(set(sent))
    due = {reminder.token: reminder.due for reminder in reminders(_before(), "2027-07-01", HOME)}
    for token in due:
        seen = [moment for moment in moments if moment >= due[token]]
        later = [other for other in due.values() if other > due[token]]
        in_time = seen and seen[0] - due[token] <= timedelta(days=3) and not any(other <= seen[0] for other in later)
        assert (token in sent) is bool(in_time)
