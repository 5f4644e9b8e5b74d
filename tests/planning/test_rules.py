"""Rules are pure: conditions, hits, messages, attributes, customers and guards without any system."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from ecmbraze.errors import RecordUnreadable
from ecmbraze.model import (
    Action,
    Change,
    Fact,
    Json,
    Kind,
    Record,
    Skip,
    WorkspaceDetail,
    WorkspaceKey,
    WorkspaceRow,
    keys,
)
from ecmbraze.planning import guards, messages, rule_language
from ecmbraze.planning.attributes import deltas, newest
from ecmbraze.planning.context import Context
from ecmbraze.planning.customers import Customer
from ecmbraze.planning.messages import Hit, judge
from ecmbraze.planning.rule_language import When, satisfied
from ecmbraze.planning.rules import Consent, Rule
from tests.fakes import Nothing

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
_WHEN: TypeAdapter[Any] = TypeAdapter(When)


def _when(raw: object) -> Any:
    return _WHEN.validate_python({"f": raw})


def _record(number: int = 1, customers: tuple[str, ...] = ("C-1",), **facts: Fact) -> Record:
    return Record(
        key=WorkspaceKey(id=number),
        stream=keys.workspaces("T"),
        name="W",
        created_at=NOW,
        modified_at=NOW,
        facts=facts,
        customers=customers,
    )


def _rule(**more: Any) -> Rule:
    return Rule.model_validate({"name": "r", "when": {"f": "yes"}, "send": {"event": "e"}, **more})


def _change(before: Record | None, now: Record, *, fires: bool = True, **occurrences: int) -> Change:
    return Change(record=now, before=before, fires=fires, memory=occurrences)


@pytest.mark.parametrize(
    ("raw", "fact", "holds"),
    [
        ("a", "a", True),
        ("a", "b", False),
        (["a", "b"], "b", True),
        (["a"], ("x", "a"), True),
        ({"not": "a"}, "b", True),
        ({"not": "a"}, "a", False),
        ({"is": "set"}, "x", True),
        ({"is": "set"}, None, False),
        ({"is": "empty"}, (), True),
        ({"is": "empty"}, "", True),
        ({"at_least": 3}, 3, True),
        ({"at_least": 3}, "2", False),
        ({"at_most": 3}, None, False),
        (30, "30", True),
        ("30", 30, True),
        (True, True, True),
        (True, 1, False),
        (True, "true", False),
        (False, None, False),
    ],
)
def test_a_condition_says_what_it_means(raw: object, fact: Fact, holds: bool) -> None:
    assert satisfied(_when(raw), {"f": fact}) is holds


@pytest.mark.parametrize(
    "raw", [None, [], {}, {"is": "full"}, {"at_least": "x"}, {"not": {}}, {"a": 1, "b": 2}, [["a"]]]
)
def test_no_other_condition_exists(raw: object) -> None:
    with pytest.raises(ValidationError):
        _when(raw)


def test_a_number_compared_with_text_is_unreadable_and_an_unknown_fact_is_not_false() -> None:
    with pytest.raises(RecordUnreadable):
        satisfied(_when({"at_least": 3}), {"f": "many"})
    with pytest.raises(KeyError):
        satisfied(_when("a"), {})


@pytest.mark.parametrize("word", ["nan", "NaN", "inf", "-Infinity", "1_000", "1e999", "0x10", "³"])
@pytest.mark.parametrize("operator", ["at_least", "at_most"])
def test_a_word_that_python_would_take_for_a_number_is_none(word: str, operator: str) -> None:
    with pytest.raises(RecordUnreadable, match="is not a number"):
        satisfied(_when({operator: 3}), {"f": word})


@pytest.mark.parametrize("number", ["3", "3.0", " 3 ", "+3", "3.", "03", "3e0", "30E-1"])
def test_a_number_in_a_text_is_compared_as_a_number(number: str) -> None:
    assert satisfied(_when({"at_least": 3}), {"f": number})
    assert satisfied(_when({"at_most": 3}), {"f": number})


@given(before=st.sampled_from(["yes", "no", None]), now=st.sampled_from(["yes", "no", None]), times=st.integers(0, 2))
def test_a_hit_is_a_transition_and_happens_once(before: str | None, now: str | None, times: int) -> None:
    change = _change(_record(f=before), _record(f=now), r=times)

    judged = judge([_rule()], change)

    assert bool(judged.hits) is (before != "yes" and now == "yes" and times == 0)


def test_repeat_counts_occurrences_and_a_baseline_counts_none() -> None:
    rule = _rule(repeat=True)
    again = judge([rule], _change(_record(f="no"), _record(f="yes"), r=1))
    baseline = judge([rule], _change(None, _record(f="yes"), fires=False))

    assert [hit.occurrence for hit in again.hits] == ["2"]
    assert baseline.hits == ()


def test_unknown_old_facts_do_not_fire_and_a_new_record_does() -> None:
    assert judge([_rule()], _change(_record(other=1), _record(f="yes"))).hits == ()
    assert len(judge([_rule()], _change(None, _record(f="yes"))).hits) == 1


def test_a_record_that_satisfied_the_rule_before_the_ledger_counted_never_fires_again() -> None:
    left = judge([_rule()], _change(_record(f="yes"), _record(f="no")))

    back = judge([_rule()], Change(record=_record(f="yes"), before=_record(f="no"), fires=True, memory=left.memory))

    assert back.hits == ()


def test_a_lone_fact_keeps_its_type_and_an_empty_one_is_left_out() -> None:
    facts: Mapping[str, Fact] = {"n": 5, "t": ("a", "b"), "e": None, "b": True}

    filled = rule_language.fill({"a": "${n}", "b": "${t}", "c": "${e}", "d": "x ${e}${b} ${t}"}, facts)

    assert filled == {"a": 5, "b": ["a", "b"], "d": "x true a, b"}


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"transactional": "x", "email": "subscribed"},
        {"sms": "subscribed"},
        {"email": "maybe"},
        {"email": "subscribed", "push": "subscribed", "group": "g"},
    ],
)
def test_a_consent_has_one_ground(raw: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Consent.model_validate(raw)


def test_a_message_without_consent_is_no_rule() -> None:
    with pytest.raises(ValidationError, match="a message needs a consent"):
        _rule(send={"campaign": "c"})


@pytest.mark.parametrize(
    ("date", "told", "source"),
    [
        ("2026-07-01", "2026-06-30T22:00:00+00:00", "date"),
        ("2026-12-24", "2026-11-24T10:00:00+00:00", "modified"),
        (None, "2026-11-24T10:00:00+00:00", "modified"),
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05+00:00", "date"),
    ],
)
def test_the_time_of_an_event_and_its_source(date: str | None, told: str, source: str) -> None:
    occasion = messages.Occasion(
        flow="f", record=_record(d=date), hit=Hit(_rule(), "1"), now=NOW, zone=ZoneInfo("Europe/Berlin"), date="d"
    )

    moment, why = messages.happened_at(occasion)

    assert (moment.isoformat(), why) == (told, source)


@pytest.mark.parametrize(
    ("modified", "since", "expected"),
    [
        (NOW - timedelta(minutes=5), NOW - timedelta(minutes=15), (NOW - timedelta(minutes=5), "modified")),
        (NOW - timedelta(days=200), NOW - timedelta(minutes=15), (NOW - timedelta(minutes=15), "last_look")),
        (NOW + timedelta(days=1), NOW - timedelta(minutes=15), (NOW - timedelta(minutes=15), "last_look")),
        (NOW - timedelta(days=200), None, (NOW - timedelta(days=200), "modified")),
    ],
)
def test_what_happened_since_the_last_look_is_not_dated_before_it(
    modified: datetime, since: datetime | None, expected: tuple[datetime, str]
) -> None:
    """A revocation of December moves no date of a workspace last saved in April: April is not when it happened."""
    record = replace(_record(d=None), modified_at=modified)

    for now in (NOW, NOW + timedelta(hours=1)):  # the same from look to look, or a confirmed hash would not match
        occasion = messages.Occasion(
            flow="f", record=record, hit=Hit(_rule(), "1"), now=now, zone=UTC, date=None, since=since
        )
        assert messages.happened_at(occasion) == expected


class Alone(Nothing):
    """A person with one workspace, of whom Braze last took one value."""

    def __init__(self, taken: tuple[bool, Json], *, waits: bool = False) -> None:
        self._taken, self._waits = taken, waits

    def values_of(self, recipient: str, kind: Kind) -> Mapping[str, Json]:
        known, value = self._taken
        return {"a": value} if known else {}

    def unmet(self, customer: str) -> bool:
        return self._waits


def _deltas(change: Change, accepted: tuple[bool, Json], *, backfill: bool = False) -> list[Action | Skip]:
    voice = newest(lambda r: (r.number,), lambda r: {"a": rule_language.plain(r.facts.get("x"))})
    context = Context(now=NOW, zone=UTC, prefix="ecm_", backfill=backfill)
    return list(deltas("f", change, "C-1", Alone(accepted), voice, context, create=False))


def test_an_attribute_goes_only_when_it_differs_from_what_braze_took() -> None:
    changed = _change(_record(x="old"), _record(x="new"))
    same = _change(_record(x="new"), _record(x="new"))

    assert len(_deltas(changed, (False, None))) == 1
    assert _deltas(changed, (True, "new")) == []
    assert _deltas(same, (False, None)) == []
    assert len(_deltas(same, (True, "other"))) == 1
    assert len(_deltas(same, (False, None), backfill=True)) == 1


@pytest.mark.parametrize(("value", "last"), [("x" * 256, None), (5, "text"), ("text", True), (("a",), "text")])
def test_what_braze_would_drop_in_silence_is_quarantined(value: Fact, last: Json) -> None:
    (skip,) = _deltas(_change(_record(x=None), _record(x=value)), (last is not None, last))

    assert isinstance(skip, Skip)
    assert skip.quarantined


def _detail(facts: Mapping[str, Fact], *rows: Mapping[str, Fact], references: tuple[Any, ...] = ()) -> WorkspaceDetail:
    row = WorkspaceRow(id=1, type_id=2, name="W", created_at=NOW, modified_at=NOW)
    return WorkspaceDetail(row=row, facts=facts, sets={"Cat.Contacts": tuple(rows)}, references=references)


def test_a_customer_is_found_in_each_form_with_its_zeros() -> None:
    plain = Customer.model_validate("Cat.Number")
    borrower = Customer.model_validate("Contacts[Role=Borrower].Number")
    business = Customer.model_validate("business_object")
    email = Customer.model_validate({"attribute": "Cat.Mail", "as": "email"})
    alias = Customer.model_validate({"attribute": "Cat.Number", "as": {"alias": "crm"}})
    rows = (
        {"Role": "Borrower", "Number": "001"},
        {"Role": "Payer", "Number": "002"},
        {"Role": "Borrower", "Number": "003"},
    )

    assert plain.people(_detail({"Cat.Number": "0000050031"})) == ("0000050031",)
    assert borrower.people(_detail({}, *rows)) == ("001", "003")
    assert business.people(_detail({}, references=(("S", "KNA1", "0007"),))) == ("0007",)
    assert email.people(_detail({"Cat.Mail": "A@B.example"})) == ("email:a@b.example",)
    assert alias.people(_detail({"Cat.Number": "7"})) == ("alias:crm:7",)
    assert plain.people(_detail({"Cat.Number": None})) == ()


@pytest.mark.parametrize("value", [("a", "b"), True, 1.5, "x" * 988])
def test_e21_what_is_no_single_customer_number_is_unreadable(value: Fact) -> None:
    with pytest.raises(RecordUnreadable):
        Customer.model_validate("Cat.Number").people(_detail({"Cat.Number": value}))


_USUAL = guards.Figures(messages=10, people=10, audience=1000, changed=10, listed={"T": 100}, known={"T": 100})


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, ""),
        ({"messages": 501}, "max_messages"),
        ({"people": 101}, "10%"),
        ({"people": 21, "audience": 60}, "60 known"),
        ({"people": 21, "audience": 49}, ""),
        ({"listed": {"T": 0}}, "empty"),
        ({"listed": {"T": 69}}, "31% fewer"),
        ({"listed": {"T": 71}}, ""),
        ({"changed": 51}, "workspaces changed"),
        ({"listed": {"T": 1}, "known": {"T": 3}}, ""),
    ],
)
def test_each_guard_has_its_limit_and_its_floor(more: dict[str, Any], told: str) -> None:
    found = guards.trips(replace(_USUAL, **more), guards.Limits())

    assert (found == []) is (told == "")
    assert told in " ".join(found)
