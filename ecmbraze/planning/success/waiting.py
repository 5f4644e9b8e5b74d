"""Which cases of a customer are open, since when, and what they say together; the half that ECM tells; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from ecmbraze.model import Json, Record
from ecmbraze.planning import dates, inactivity
from ecmbraze.planning.naming import LAST_ACTIVITY, OPEN_SINCE, OVERDUE_SINCE
from ecmbraze.planning.rule_language import satisfied
from ecmbraze.planning.success.options import Options, SuccessRule

Noted = Callable[[str], Mapping[str, Json]]
"""What the flow noted of a workspace, by its record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One open case of a customer."""

    record: Record
    opened: datetime
    overdue: datetime | None
    """From when on it is overdue: the day after its date, in the zone of ECM; ``None`` without a date."""
    activity: datetime
    """When somebody last worked on it."""


def open_cases(options: Options, records: Sequence[Record], noted: Noted, zone: tzinfo) -> list[Case]:
    """Return the open cases among these workspaces, the oldest first.

    Raises RecordUnreadable for a date that is none: what nobody can read is neither open nor closed.
    """
    found = (_case(options, record, noted, zone) for record in records if is_open(options, record))
    return sorted(found, key=lambda case: (case.opened, case.record.number))


def is_open(options: Options, record: Record) -> bool:
    """Say whether a workspace is an open case."""
    return record.type in options.customers and not record.gone and not satisfied(options.closed, record.named)


def _case(options: Options, record: Record, noted: Noted, zone: tzinfo) -> Case:
    facts, of = record.facts, f"of {record.key.text}"  # whoever plans the customer does not see which case it is
    opened = dates.instant(facts.get(options.opened), zone, f"{options.opened} {of}") if options.opened else None
    due = dates.day(facts.get(options.due), zone, f"{options.due} {of}") if options.due else None
    told = dates.instant(facts.get(options.activity), zone, f"{options.activity} {of}") if options.activity else None
    touched = inactivity.touched(record, noted(record.key.text).get(inactivity.NOTED))
    return Case(
        record=record,
        opened=opened or record.created_at,
        overdue=_day_after(due, zone) if due else None,
        activity=told or touched,
    )


def _day_after(day: date, zone: tzinfo) -> datetime | None:
    try:
        return dates.instant((day + timedelta(days=1)).isoformat(), zone)
    except OverflowError:  # the last day of the calendar: "never"
        return None


def of_rule(rule: SuccessRule, cases: Sequence[Case]) -> list[Case]:
    """Return the cases that a rule counts, in the same order."""
    return [case for case in cases if rule.when is None or satisfied(rule.when, case.record.named)]


def waits_from(rule: SuccessRule, case: Case) -> datetime | None:
    """Return from when on a rule holds because of one case that it counts; ``None`` if it never does."""
    if rule.unresolved is not None:
        return dates.plus(case.opened, rule.unresolved)
    return dates.plus(case.overdue, rule.overdue) if case.overdue and rule.overdue is not None else None


def since(rule: SuccessRule, cases: Sequence[Case], now: datetime) -> datetime | None:
    """Return since when a customer with these open cases waits, by a rule; ``None`` for one who does not."""
    found = [moment for case in of_rule(rule, cases) if (moment := waits_from(rule, case)) and moment <= now]
    return min(found, default=None)


def moments(options: Options, cases: Sequence[Case]) -> Iterator[tuple[datetime, str]]:
    """Yield (when, rule) of each moment at which one of these cases makes a customer wait, or ("") comes overdue."""
    for rule in options.rules:
        for case in of_rule(rule, cases):
            if moment := waits_from(rule, case):
                yield moment, rule.name
    for case in cases:
        if case.overdue:
            yield case.overdue, ""


def together(cases: Sequence[Case], now: datetime, zone: tzinfo) -> dict[str, str | None]:
    """Return what the open cases of a customer say, by the names of texts: days, empty where nothing is open."""
    overdue = [case.overdue for case in cases if case.overdue and case.overdue <= now]
    found = {
        OPEN_SINCE: min((case.opened for case in cases), default=None),
        OVERDUE_SINCE: min(overdue, default=None),
        LAST_ACTIVITY: max((case.activity for case in cases), default=None),
    }
    return {name: dates.local(moment, zone).isoformat() if moment else None for name, moment in found.items()}
