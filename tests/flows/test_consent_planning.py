"""Consent as pure planning: orders of events in Braze and ECM, and what the record says after them; no ledger."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ecmbraze.flow import Context
from ecmbraze.flows import consent
from ecmbraze.model import Action, Change, Decision, Fact, Json, Kind, PersonKey, Record, Skip, WorkspaceKey, keys
from ecmbraze.planning.consent.options import Options
from ecmbraze.planning.consent.record import STATES
from tests.fakes import Nothing

STATUS, SINCE, SOURCE, LETTER = "Consent.Email Status", "Consent.Email Since", "Consent.Email Source", "Consent.Letter"
BORN = datetime(2026, 11, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PERSON = "C-1"


def _section(**more: Any) -> dict[str, Any]:
    channel = {"name": "email", "watch": "email", "purpose": "Marketing", "status": STATUS, "since": SINCE}
    own = more.pop("channel", {})
    return {"workspace_types": ["Customer"], "customer": "Customer.Number", "channels": [{**channel, **own}], **more}


@dataclass
class Office(Nothing):
    """One customer, Braze and ECM, and what the engine keeps between rounds; a round plans and then writes."""

    options: Options = field(default_factory=lambda: Options.model_validate(_section()))
    now: datetime = BORN
    braze: dict[str, dict[str, Fact]] = field(default_factory=dict)
    ecm: dict[int, dict[str, Fact]] = field(default_factory=dict)
    named: dict[int, tuple[str, ...]] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    touched: set[int] = field(default_factory=set)
    """Workspaces whose modify date moved since they were read."""
    records: dict[str, Record] = field(default_factory=dict)
    planned: dict[str, Record] = field(default_factory=dict)
    planned_times: dict[str, datetime] = field(default_factory=dict)
    read_at: dict[str, datetime] = field(default_factory=dict)
    memory: dict[str, Mapping[str, Json]] = field(default_factory=dict)
    due: dict[str, datetime] = field(default_factory=dict)
    took: dict[str, tuple[Json, datetime]] = field(default_factory=dict)
    open: dict[str, Action] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)
    listed: dict[tuple[str, str], Skip] = field(default_factory=dict)
    skips: list[Skip] = field(default_factory=list)
    documents: list[Action] = field(default_factory=list)
    withdrawals: list[Action] = field(default_factory=list)
    writes: list[Action] = field(default_factory=list)
    down: bool = False
    """Whether Braze takes nothing."""

    def of_customer(self, customer: str) -> Sequence[Record]:
        places = (self.records[keys.workspace(one)] for one in sorted(self.ecm) if keys.workspace(one) in self.records)
        return [one for one in places if customer in one.customers and not one.gone]

    def person(self, customer: str) -> Record | None:
        return self.records.get(PersonKey(recipient=customer).text)

    def earlier(self, record: Record) -> Record | None:
        return self.planned.get(record.key.text)

    def planned_at(self, record: str) -> datetime | None:
        return self.planned_times.get(record)

    def noted(self, record: str) -> Mapping[str, Json]:
        return self.memory.get(record, {})

    def values_of(self, recipient: str, kind: Kind) -> Mapping[str, Json]:
        first = f"{recipient}/{kind}/"
        known = {one: value for one, (value, _) in self.took.items()}
        known |= {one: action.payload for one, action in self.open.items()}
        return {one.removeprefix(first): value for one, value in known.items() if one.startswith(first)}

    def ours(self, target: str) -> Sequence[Json]:
        return [self.took[target][0]] if target in self.took else []

    def taken(self, target: str) -> datetime | None:
        return self.took[target][1] if target in self.took else None

    def underway(self, target: str) -> bool:
        return target in self.open

    def refusing(self, target: str) -> bool:
        return target in self.refusals

    def lapsed(self, recipient: str, target: str) -> bool:
        return False

    def sent_by(self, target: str) -> str:
        return ""

    def refused(self, record: str, customer: str, name: str) -> bool:
        return (record, name) in self.listed

    def looked(self, record: str, now: datetime) -> datetime | None:
        return self.read_at.get(record)

    # People

    def shows(self, state: str, person: str = PERSON, /, **more: Fact) -> Office:
        """Let Braze show this from now on."""
        known: dict[str, Fact] = {"known": True, "address": "anna@example.com", "email.at": None}
        self.braze[person] = {
            **self.braze.get(person, known),
            "known": bool(state),
            "email": state or "unknown",
            **more,
        }
        return self

    def opens(self, number: int, *people: str, **values: Fact) -> Office:
        """Make a workspace."""
        self.ecm[number] = {STATUS: None, SINCE: None, SOURCE: None, LETTER: None, **values}
        self.named[number] = people or (PERSON,)
        return self

    def sets(self, number: int, value: Fact, attribute: str = STATUS) -> Office:
        """Let staff edit."""
        self.ecm[number][attribute] = value
        self.touched.add(number)
        return self

    # Rounds

    def round(
        self, after: timedelta = 20 * MINUTE, *, listing: bool = True, fires: bool = True, looking: bool = True
    ) -> Office:
        """Let time pass, read, plan and write."""
        self.now += after
        changed = [*(self._look() if looking else ()), *(self._list() if listing else ())]
        due = [key for key, at in self.due.items() if at <= self.now and key not in changed]
        for key in sorted([*changed, *due], key=keys.order):
            self._plan(self.records[key], fires)
        self._push()
        return self

    def _look(self) -> list[str]:
        changed = []
        for person, facts in self.braze.items():
            key = PersonKey(recipient=person)
            before = self.records.get(key.text)
            seen = before is not None and all(before.facts.get(name) == value for name, value in facts.items())
            if not seen:
                after = self.read_at[key.text].isoformat() if before else ""
                self.records[key.text] = Record(
                    key=key,
                    stream=keys.PEOPLE,
                    name="",
                    created_at=self.now,
                    modified_at=self.now,
                    facts={**facts, "after": after, "look": f"look-{self.now:%H%M}"},
                    customers=(person,),
                )
                changed.append(key.text)
            self.read_at[key.text] = self.now
        return changed

    def _list(self) -> list[str]:
        changed = []
        for number, values in self.ecm.items():
            key, gone = WorkspaceKey(id=number), number in self.gone
            before = self.records.get(key.text)
            if (
                number in self.touched
                or before is None
                or (before.facts, before.customers, before.gone) != (values, self.named[number], gone)
            ):
                self.records[key.text] = Record(
                    key=key,
                    stream=keys.workspaces("Customer"),
                    name=f"W{number}",
                    created_at=BORN,
                    modified_at=self.now - MINUTE,
                    facts=dict(values),
                    customers=self.named[number],
                    gone=gone,
                )
                self.read_at[key.text] = self.now
                changed.append(key.text)
        self.touched.clear()
        return changed

    def _plan(self, record: Record, fires: bool) -> None:
        key = record.key.text
        change = Change(
            record=record,
            before=self.planned.get(key),
            fires=fires and not record.gone,
            memory=self.noted(key),
            since=self.planned_times.get(key),
        )
        decision = self.plan(change)
        assert decision == self.plan(change)
        self.planned[key], self.planned_times[key], self.memory[key] = record, self.now, decision.memory
        self.due.pop(key, None)
        if decision.due:
            assert decision.due > self.now
            self.due[key] = decision.due
        self.listed = {place: skip for place, skip in self.listed.items() if place[0] != key}
        self.listed |= {(skip.record, skip.rule): skip for skip in decision.skips if skip.quarantined}
        self.skips += [skip for skip in decision.skips if not skip.quarantined]
        for action in decision.actions:
            if action.kind is Kind.DOCUMENT:
                assert action.key not in {one.key for one in self.documents}
                self.documents.append(action)
            else:
                self.open[action.target] = action

    def plan(self, change: Change) -> Decision:
        return consent.plan(self.options, change, self, Context(now=self.now, zone=UTC, prefix="ecm_"))

    def _push(self) -> None:
        for target, action in list(self.open.items()):
            if action.kind is Kind.WITHDRAWAL and self.down:
                continue
            del self.open[target]
            if action.kind is Kind.WITHDRAWAL:
                self.withdrawals.append(action)
            else:
                values, place = dict(action.payload), self.ecm[keys.number_of(action.recipient)]  # type: ignore[arg-type]
                last = self.took[target][0] if target in self.took else {}
                if any(place[name] not in (value, last.get(name)) for name, value in values.items()):  # type: ignore[union-attr]
                    self.refusals[target] = "edited_in_ecm"
                    continue
                self.refusals.pop(target, None)
                place |= values  # type: ignore[arg-type]
                self.touched.add(keys.number_of(action.recipient))
                self.writes.append(action)
            self.took[target] = (action.payload, self.now + MINUTE / 2)

    @property
    def told(self) -> list[str]:
        """Return what the history says, oldest first, each change once: before -> after (source)."""
        found = [_json(one) for one in self.documents]
        source = {"profile in Braze": "Braze", "recorded in Extended ECM": "ECM"}
        return list(dict.fromkeys(f"{one['before']} -> {one['after']} ({source[one['source']]})" for one in found))

    def status(self, number: int = 7) -> Fact:
        return self.ecm[number][STATUS]


def _office(state: str = "subscribed", *numbers: int, **section: Any) -> Office:
    """Return an office after its baseline and a round in which its record was written."""
    office = Office(options=Options.model_validate(_section(**section)))
    for number in numbers or (7,):
        office.opens(number)
    office.shows(state).round(fires=False).round()
    return office


def _quiet(office: Office) -> None:
    """Assert that nothing comes of two more rounds."""
    before = (len(office.documents), len(office.writes), len(office.withdrawals), len(office.skips))
    office.round().round(timedelta(hours=2))
    assert (len(office.documents), len(office.writes), len(office.withdrawals), len(office.skips)) == before


OUT, DEFAULT, IN = "Withdrawn", "Not objected", "Opted in"
ORDERS: dict[str, tuple[Any, str, list[str]]] = {
    "braze withdraws": (
        lambda o: o.shows("unsubscribed").round(),
        OUT,
        ["subscribed -> unsubscribed (Braze)"],
    ),
    "braze withdraws, then grants": (
        lambda o: o.shows("unsubscribed").round().shows("opted_in").round(timedelta(hours=3)),
        IN,
        ["subscribed -> unsubscribed (Braze)", "unsubscribed -> opted_in (Braze)"],
    ),
    "staff withdraw, Braze follows": (
        lambda o: o.sets(7, OUT).round().shows("unsubscribed").round(),
        OUT,
        ["subscribed -> unsubscribed (ECM)"],
    ),
    "staff withdraw, Braze lags behind for a while": (
        lambda o: o.sets(7, OUT).round().round(5 * MINUTE).shows("unsubscribed").round(),
        OUT,
        ["subscribed -> unsubscribed (ECM)"],
    ),
    "staff withdraw, Braze shows it, shows the old value once more and then it again": (
        lambda o: (
            o.sets(7, OUT)
            .round()
            .shows("unsubscribed")
            .round(4 * MINUTE)
            .shows("subscribed")
            .round(2 * MINUTE)
            .shows("unsubscribed")
            .round()
        ),
        OUT,
        ["subscribed -> unsubscribed (ECM)"],
    ),
    "staff withdraw, Braze shows it, and the person comes back soon after": (
        lambda o: (
            o.sets(7, OUT).round().shows("unsubscribed").round(4 * MINUTE).shows("opted_in").round(2 * MINUTE).round()
        ),
        IN,
        ["subscribed -> unsubscribed (ECM)", "unsubscribed -> opted_in (Braze)"],
    ),
    "staff withdraw, the person comes back, by a time that Braze gives": (
        lambda o: (
            o.sets(7, OUT).round().shows("opted_in", **{"email.at": (o.now + 2 * MINUTE).isoformat()}).round(3 * MINUTE)
        ),
        IN,
        ["subscribed -> unsubscribed (ECM)", "unsubscribed -> opted_in (Braze)"],
    ),
    "a grant and a withdrawal by staff in one round": (
        lambda o: o.shows("opted_in").sets(7, OUT).round(),
        OUT,
        ["subscribed -> opted_in (Braze)", "opted_in -> unsubscribed (ECM)"],
    ),
    "a grant that is older than the withdrawal by staff, read after it": (
        lambda o: o.sets(7, OUT).round().shows("opted_in", **{"email.at": BORN.isoformat()}).round(timedelta(hours=1)),
        OUT,
        ["subscribed -> unsubscribed (ECM)", "unsubscribed -> opted_in (Braze)"],
    ),
    "staff withdraw while Braze takes nothing, and a grant is read meanwhile": (
        lambda o: _set(o, down=True).sets(7, OUT).round().shows("opted_in").round(timedelta(hours=1)),
        OUT,
        ["subscribed -> unsubscribed (ECM)"],
    ),
    "staff withdraw, Braze never shows it, and the default comes in the place of a grant": (
        lambda o: (
            o.shows("opted_in").round().sets(7, OUT).round().round(timedelta(hours=1)).shows("subscribed").round()
        ),
        OUT,
        ["subscribed -> opted_in (Braze)", "opted_in -> unsubscribed (ECM)"],
    ),
    "staff withdraw, Braze never shows it, shows the default, and then a grant": (
        lambda o: (
            o.shows("opted_in")
            .round()
            .sets(7, OUT)
            .round()
            .round(timedelta(hours=1))
            .shows("subscribed")
            .round()
            .shows("opted_in")
            .round()
        ),
        IN,
        ["subscribed -> opted_in (Braze)", "opted_in -> unsubscribed (ECM)", "unsubscribed -> opted_in (Braze)"],
    ),
    "both withdraw in one round": (
        lambda o: o.shows("unsubscribed").sets(7, OUT).round(),
        OUT,
        ["subscribed -> unsubscribed (Braze)"],
    ),
    "staff withdraw, the person comes back, staff withdraw again": (
        lambda o: (
            o.sets(7, OUT)
            .round()
            .shows("unsubscribed")
            .round()
            .shows("opted_in")
            .round()
            .sets(7, OUT)
            .round()
            .shows("unsubscribed")
            .round()
        ),
        OUT,
        ["subscribed -> unsubscribed (ECM)", "unsubscribed -> opted_in (Braze)", "opted_in -> unsubscribed (ECM)"],
    ),
    "staff withdraw, the person comes back and leaves again": (
        lambda o: (
            o.sets(7, OUT)
            .round()
            .shows("unsubscribed")
            .round()
            .shows("opted_in")
            .round(timedelta(hours=1))
            .shows("unsubscribed")
            .round(timedelta(hours=1))
        ),
        OUT,
        ["subscribed -> unsubscribed (ECM)", "unsubscribed -> opted_in (Braze)", "opted_in -> unsubscribed (Braze)"],
    ),
    "staff withdraw, the person opts in again before anybody looks, by a time that Braze gives": (
        lambda o: (
            o.shows("opted_in", **{"email.at": BORN.isoformat()})
            .round()
            .sets(7, OUT)
            .round()
            .shows("opted_in", **{"email.at": (o.now + 5 * MINUTE).isoformat()})
            .round(timedelta(hours=1))
        ),
        IN,
        ["subscribed -> opted_in (Braze)", "opted_in -> unsubscribed (ECM)", "unsubscribed -> opted_in (Braze)"],
    ),
    "staff withdraw, and Braze never shows it": (
        lambda o: o.sets(7, OUT).round().round(timedelta(hours=1)).shows("subscribed", push="unsubscribed").round(),
        OUT,
        ["subscribed -> unsubscribed (ECM)"],
    ),
    "a profile that is made anew": (
        lambda o: (
            o.shows("unsubscribed")
            .round()
            .shows("")
            .round()
            .shows("subscribed")
            .round()
            .shows("subscribed", address="other@example.com")
            .round()
            .shows("subscribed", push="unsubscribed")
            .round()
        ),
        OUT,
        ["subscribed -> unsubscribed (Braze)"],
    ),
    "a profile that is made anew, on which the person leaves and comes back": (
        lambda o: (
            o.shows("unsubscribed")
            .round()
            .shows("")
            .round()
            .shows("subscribed")
            .round()
            .shows("unsubscribed")
            .round(timedelta(hours=2))
            .shows("subscribed")
            .round(timedelta(hours=2))
        ),
        DEFAULT,
        ["subscribed -> unsubscribed (Braze)", "unsubscribed -> subscribed (Braze)"],
    ),
    "a profile that is made anew, and then a grant": (
        lambda o: (
            o.shows("unsubscribed").round().shows("").round().shows("subscribed").round().shows("opted_in").round()
        ),
        IN,
        ["subscribed -> unsubscribed (Braze)", "unsubscribed -> opted_in (Braze)"],
    ),
    "another address, with which Braze forgets the withdrawal": (
        lambda o: o.shows("unsubscribed").round().shows("subscribed", address="other@example.com").round(),
        OUT,
        ["subscribed -> unsubscribed (Braze)"],
    ),
    "another address and a grant": (
        lambda o: o.shows("unsubscribed").round().shows("opted_in", address="other@example.com").round(),
        IN,
        ["subscribed -> unsubscribed (Braze)", "unsubscribed -> opted_in (Braze)"],
    ),
    "a grant typed in ECM, which releases nothing": (
        lambda o: o.shows("unsubscribed").round().sets(7, IN).round(),
        IN,
        ["subscribed -> unsubscribed (Braze)"],
    ),
    "a state that Braze does not document": (
        lambda o: o.shows("maybe").round(),
        DEFAULT,
        [],
    ),
}


def _set(office: Office, **values: Any) -> Office:
    for name, value in values.items():
        setattr(office, name, value)
    return office


@pytest.mark.parametrize("name", ORDERS)
def test_after_these_events_the_record_says(name: str) -> None:
    happen, status, history = ORDERS[name]
    office = _office()

    happen(office)

    assert office.status() == status
    assert office.told == history
    _quiet(office)


_EVENTS = (
    "subscribed",
    "unsubscribed",
    "opted_in",
    "staff at 7",
    "staff at 8",
    "an edit of something else",
    "a workspace",
)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(_EVENTS), st.sampled_from((2, 20, 90))), min_size=1, max_size=9))
def test_whatever_the_order_every_workspace_says_what_was_chosen_last(events: list[tuple[str, int]]) -> None:
    office, state = _office("subscribed", 7, 8), "subscribed"
    for number, (event, minutes) in enumerate(events, start=20):
        if event in STATES:
            state = event
            office.shows(event)
        elif event.startswith("staff"):
            office.sets(int(event[-1]), OUT)
        elif event == "a workspace":
            office.opens(number)
        else:
            office.sets(7, number, LETTER)
        sent = len(office.withdrawals)
        office.round(minutes * MINUTE)
        if len(office.withdrawals) > sent:  # Braze obeys, and that is looked at before anybody comes back
            state = "unsubscribed"
            office.shows(state).round()
    office.round(timedelta(hours=2)).round(timedelta(hours=2))

    words = {"subscribed": DEFAULT, "unsubscribed": OUT, "opted_in": IN}
    assert {office.status(number) for number in office.ecm} <= {words[state], *(() if office.documents else (None,))}
    assert (office.listed, office.refusals) == ({}, {})
    _quiet(office)


def test_a_withdrawal_by_staff_goes_to_braze_once() -> None:
    office = _office().sets(7, OUT).round().shows("unsubscribed").round()

    assert [(one.recipient, one.name, one.payload) for one in office.withdrawals] == [(PERSON, "email", "unsubscribed")]


def test_what_staff_recorded_before_the_baseline_stands_though_it_is_no_news() -> None:
    office = Office().opens(7, **{STATUS: OUT}).shows("subscribed").round(fires=False).round()

    office.opens(8).round()

    assert (office.status(8), office.withdrawals, office.documents) == (OUT, [], [])
    office.shows("unsubscribed").round()
    assert office.told == ["subscribed -> unsubscribed (Braze)"]


def test_whoever_is_read_for_the_first_time_grants_nothing_by_that() -> None:
    office = Office().opens(7, **{STATUS: OUT}).round(fires=False).shows("subscribed").round().opens(8).round()

    assert (office.status(8), office.documents) == (OUT, [])


def test_a_workspace_that_comes_with_a_withdrawal_withdraws() -> None:
    office = _office().opens(8, **{STATUS: OUT}).round()

    assert len(office.withdrawals) == 1
    assert (office.status(7), office.status(8)) == (OUT, OUT)
    assert sorted(one.recipient for one in office.documents) == ["ws:7", "ws:8"]


def test_a_letter_that_comes_after_an_unseen_return_withdraws_though_the_record_says_so_already() -> None:
    office = _office(channel={"recorded": {LETTER: "Received"}}).shows("unsubscribed").round()

    office.sets(7, "Received", LETTER).round(looking=False)  # they came back in Braze meanwhile, and nobody looked
    assert len(office.withdrawals) == 1
    assert consent.withdrawn(office.options, PERSON, office) == {"email"}
    office.shows("opted_in").round(3 * MINUTE).shows("unsubscribed").round()

    assert (office.status(), office.told) == (OUT, ["subscribed -> unsubscribed (Braze)"])
    _quiet(office)


def test_a_letter_of_somebody_who_was_just_seen_out_is_not_sent_to_braze() -> None:
    office = _office(channel={"recorded": {LETTER: "Received"}}).shows("unsubscribed").round()

    office.sets(7, "Received", LETTER).round()

    assert office.withdrawals == []


@pytest.mark.parametrize("wrong", [("C-9",), ()])
def test_a_withdrawal_that_stood_with_somebody_else_or_nobody_is_that_of_whom_it_leads_to_now(
    wrong: tuple[str, ...],
) -> None:
    office = Office().shows("subscribed").shows("subscribed", "C-9").opens(7, **{STATUS: OUT})
    office.named[7] = wrong
    office.round(fires=False).round()

    office.named[7] = (PERSON,)
    office.round()

    assert [one.recipient for one in office.withdrawals] == [PERSON]


def test_a_letter_that_withdrew_for_one_does_not_withdraw_for_the_next_owner_of_the_workspace() -> None:
    office = _office(channel={"recorded": {LETTER: "Received"}}).shows("subscribed", "C-9")
    office.sets(7, "Received", LETTER).round()

    office.named[7] = ("C-9",)
    office.round()

    assert [one.recipient for one in office.withdrawals] == [PERSON]


@pytest.mark.parametrize("typed", ["withdrawn", " Withdrawn ", "WITHDRAWN"])
def test_a_withdrawal_counts_however_it_is_spelt(typed: str) -> None:
    office = _office().sets(7, typed).round()

    assert len(office.withdrawals) == 1
    assert consent.withdrawn(office.options, PERSON, office) == {"email"}


def test_a_withdrawal_that_was_read_and_never_planned_stands_for_messages() -> None:
    office = _office().sets(7, OUT)
    office._list()

    assert consent.withdrawn(office.options, PERSON, office) == {"email"}


def test_each_change_stands_once_in_the_history_of_each_workspace() -> None:
    office = _office("subscribed", 7, 8, 9).shows("unsubscribed").round()

    assert [office.status(one) for one in (7, 8, 9)] == [OUT] * 3
    assert sorted(one.recipient for one in office.documents) == ["ws:7", "ws:8", "ws:9"]
    _quiet(office)


def test_a_workspace_that_is_made_later_gets_the_state_and_no_history() -> None:
    office = _office().shows("unsubscribed").round()
    before = len(office.documents)

    office.opens(8).round()

    assert (office.status(8), len(office.documents)) == (OUT, before)


def test_a_workspace_that_is_gone_gets_nothing() -> None:
    office = _office("subscribed", 7, 8)
    office.gone.add(8)

    office.round().shows("unsubscribed").round()

    assert {one.recipient for one in (*office.documents, *office.writes)} == {"ws:7"}


def test_a_withdrawal_by_staff_outlives_its_workspace() -> None:
    office = _office("subscribed", 7, 8).sets(7, OUT).round()
    office.gone.add(7)

    office.round().shows("unsubscribed").round().opens(9).round()

    assert (office.status(8), office.status(9)) == (OUT, OUT)
    assert office.told == ["subscribed -> unsubscribed (ECM)"]


def test_the_record_stays_as_it_is_when_the_workspace_of_a_withdrawal_goes() -> None:
    office = _office("subscribed", 7, 8).sets(7, OUT).round().shows("unsubscribed").round().round()
    before = len(office.writes)
    office.gone.add(7)

    office.round().sets(8, "x", LETTER).round()

    assert len(office.writes) == before


def test_a_workspace_that_goes_in_the_round_of_a_change_gets_nothing_of_it() -> None:
    office = _office("subscribed", 7, 8).shows("unsubscribed").round().round()
    before = len(office.writes)
    office.gone.add(8)

    office.shows("opted_in").round()

    assert [one.recipient for one in office.writes[before:]] == ["ws:7"]


def test_with_a_corrected_customer_number_the_record_is_that_of_the_right_person() -> None:
    office = _office().shows("opted_in", "C-2").round().sets(7, OUT).round()
    office.named[7] = ("C-2",)

    office.round()

    assert office.status() == IN
    assert [one.recipient for one in office.withdrawals] == [PERSON]
    office.opens(8).round()
    assert office.status(8) == OUT


def test_of_somebody_whom_braze_does_not_know_nothing_is_written() -> None:
    office = _office("").round()

    assert (office.writes, office.documents) == ([], [])


def test_the_record_of_somebody_else_gives_way_to_unknown() -> None:
    office = _office().shows("unsubscribed").round()
    office.named[7] = ("C-9",)

    office.round()

    assert office.status() == "Unknown"


def test_of_two_customers_in_one_workspace_both_withdraw_and_neither_has_the_record() -> None:
    office = Office().opens(7, "C-1", "C-2").opens(8, "C-2").shows("subscribed").shows("subscribed", "C-2")
    office.round(fires=False).round().sets(7, OUT).round()

    assert sorted(one.recipient for one in office.withdrawals) == ["C-1", "C-2"]
    assert {one.recipient for one in office.writes} == {"ws:8"}
    assert [skip.reason for skip in office.listed.values()] == [
        "the workspace names 2 customers; a consent record can hold one"
    ]
    assert len({one.name for one in office.documents}) == len(office.documents) == 3


def test_a_state_that_flips_over_three_looks_is_reported_and_recorded() -> None:
    office = _office().shows("unsubscribed").round(10 * MINUTE).shows("subscribed").round(10 * MINUTE)

    assert [skip.reason for skip in office.skips] == [
        "email went from subscribed to unsubscribed and back within three looks; each is recorded"
    ]
    assert office.told == ["subscribed -> unsubscribed (Braze)", "unsubscribed -> subscribed (Braze)"]


def test_what_does_not_undo_a_withdrawal_is_reported_once() -> None:
    office = _office().shows("unsubscribed").round().shows("subscribed", address="other@example.com").round()

    assert [skip.reason for skip in office.skips] == [
        "email became subscribed together with another address; the withdrawal stands"
    ]


# What says nothing yet


def test_an_old_value_soon_after_our_own_withdrawal_is_not_consumed() -> None:
    office = _office().sets(7, OUT).round().shows("unsubscribed").round(2 * MINUTE)

    office.shows("subscribed").round(2 * MINUTE)  # old, or somebody came back at once: nobody knows yet
    assert (office.status(), len(office.documents)) == (OUT, 1)
    office.round(10 * MINUTE)

    assert office.told[1:] == ["unsubscribed -> subscribed (Braze)"]
    found = _json(office.documents[-1])
    assert found["since"]["after"] == office.took["C-1/withdrawal/email"][1].isoformat()
    assert found["since"]["until"] == office.now.isoformat()


def test_the_time_for_which_old_values_say_nothing_is_a_setting() -> None:
    office = _office(after_own_write="1s").sets(7, OUT).round().shows("unsubscribed").round(2 * MINUTE)

    office.shows("subscribed").round(2 * MINUTE)

    assert office.status() == DEFAULT


# What the screen of every flow is told


def test_a_withdrawal_stands_for_messages_where_braze_may_not_show_it() -> None:
    waiting = _set(_office("subscribed", 7, 8), down=True).sets(7, OUT).round()
    waiting.gone.add(7)
    waiting.round()
    moved = _office().shows("unsubscribed").round().shows("subscribed", address="other@example.com").round()

    for office in (_office().sets(7, OUT).round(), waiting, moved):
        assert consent.withdrawn(office.options, PERSON, office) == {"email"}


def test_what_somebody_chose_in_braze_is_asked_there() -> None:
    back = _office().sets(7, OUT).round().shows("unsubscribed").round().shows("opted_in").round(timedelta(hours=1))

    for office in (_office(), _office().shows("unsubscribed").round(), back):
        assert consent.withdrawn(office.options, PERSON, office) == frozenset()


# Staff's other edits


def test_an_edit_of_what_we_wrote_is_put_aside_once_and_never_overwritten() -> None:
    office = _office().shows("unsubscribed").round().round().sets(7, "Maybe").round()

    assert _listed(office) == [("ws:7", "email", f"edited_in_ecm: {STATUS} is 'Maybe', we last wrote 'Withdrawn'")]
    office.shows("opted_in").round()
    assert office.status() == "Maybe"
    assert (len(office.listed), office.refusals) == (1, {})


def test_an_edit_that_was_taken_back_leaves_quarantine_and_the_newest_state_is_written() -> None:
    office = _office().shows("opted_in").round().round().sets(7, "Maybe").round().shows("unsubscribed").round()

    office.sets(7, IN).round()

    assert (office.listed, office.status()) == ({}, OUT)


def test_an_edit_that_says_what_is_due_by_now_is_none_any_more_and_the_record_goes_on() -> None:
    office = _office().shows("unsubscribed").round().round().sets(7, IN).round()
    assert len(office.listed) == 1

    office.shows("opted_in").round()
    written = office.now.replace(tzinfo=None).isoformat()
    office.round()

    assert (office.listed, office.status(), office.ecm[7][SINCE]) == ({}, IN, written)
    _quiet(office)
    assert office.shows("unsubscribed").round().status() == OUT


def test_an_edit_of_the_source_stays_put_aside_when_the_state_is_what_is_due() -> None:
    office = _office(channel={"source": SOURCE}).shows("unsubscribed").round().round()
    office.sets(7, IN).sets(7, "By hand", SOURCE).round()

    office.shows("opted_in").round().round()

    assert (len(office.listed), office.ecm[7][SOURCE]) == (1, "By hand")


def test_an_edit_stays_listed_while_other_things_change() -> None:
    office = _office().shows("unsubscribed").round().round().sets(7, "Maybe").round()

    office.sets(7, "x", LETTER).round()

    assert len(office.listed) == 1


def test_of_a_dropped_edit_nobody_hears_again_until_a_newer_state_is_due() -> None:
    office = _office().shows("unsubscribed").round().round().sets(7, "Maybe").round()
    office.listed.clear()

    office.sets(7, "x", LETTER).round()
    assert office.listed == {}
    office.shows("opted_in").round()

    assert len(office.listed) == 1


def test_a_refused_write_stands_in_quarantine_alone() -> None:
    office = _office().shows("unsubscribed").round().round()
    office.refusals["ws:7/category/Consent"] = "edited_in_ecm"

    office.sets(7, "Maybe").round()

    assert office.listed == {}


def test_our_own_write_is_no_edit_where_it_was_not_read_again() -> None:
    office = _office().shows("unsubscribed").round()

    office.shows("opted_in").round(listing=False)

    assert office.records["ws:7"].facts[STATUS] is None
    assert (office.listed, office.status()) == ({}, IN)


def test_what_stood_there_before_us_is_overwritten_only_if_that_is_set() -> None:
    for overwrite in (False, True):
        office = _office(overwrite_existing=overwrite).opens(8, **{STATUS: "Yes please"}).round()

        reason = f"edited_in_ecm: {STATUS} is 'Yes please', we never wrote it; overwrite_existing would replace it"
        assert _listed(office) == ([] if overwrite else [("ws:8", "email", reason)])


# What else a channel names


def test_a_letter_withdraws_when_it_comes_and_not_because_it_lies_there() -> None:
    office = _office(channel={"recorded": {LETTER: "Received"}})

    office.sets(7, "Received", LETTER).round()
    assert (office.status(), len(office.withdrawals)) == (OUT, 1)
    office.shows("unsubscribed").round().shows("opted_in").round().sets(7, "x", SOURCE).round()

    assert (office.status(), len(office.withdrawals)) == (IN, 1)


def test_a_letter_from_before_the_baseline_is_no_news() -> None:
    section = _section(channel={"recorded": {LETTER: "Received"}})
    office = Office(options=Options.model_validate(section)).opens(7, **{LETTER: "Received"})

    office.shows("subscribed").round(fires=False).round().sets(7, None, SOURCE).round()

    assert office.withdrawals == []


def test_why_an_address_cannot_be_reached_stands_in_the_record_and_makes_no_history() -> None:
    name = "Consent.Email Undeliverable"
    office = Office(options=Options.model_validate(_section(channel={"undeliverable": name})))
    office.opens(7, **{name: None}).shows("subscribed", **{"email.undeliverable": None}).round(fires=False).round()

    office.shows("subscribed", **{"email.undeliverable": "hard_bounce"}).round()
    assert office.ecm[7][name] == "hard_bounce"
    office.shows("subscribed", **{"email.undeliverable": None}).round()

    assert (office.ecm[7][name], office.documents) == (None, [])


def test_a_preference_is_recorded_as_it_stands_and_is_not_withdrawn_in_braze() -> None:
    watch = {"attribute": "newsletter_rhythm"}
    office = Office(options=Options.model_validate(_section(channel={"watch": watch})))
    fact = "attribute:newsletter_rhythm"
    office.opens(7).shows("subscribed", **{fact: "weekly"}).round(fires=False).round()

    office.shows("subscribed", **{fact: "monthly"}).round()
    assert office.status() == "monthly"
    office.round().sets(7, OUT).round()

    assert office.withdrawals == []
    assert len(office.listed) == 1


def test_attributes_of_two_categories_are_written_apart() -> None:
    office = _office(channel={"source": "Other.Source", "since": None})
    office.ecm[7]["Other.Source"] = None

    office.shows("unsubscribed").round()

    assert sorted((one.name, list(one.payload)) for one in office.writes) == [  # type: ignore[arg-type]
        ("Consent", [STATUS]),
        ("Other", ["Other.Source"]),
    ]


# History


def test_a_history_entry_has_exactly_the_fields_of_the_contract() -> None:
    office = _office(channel={"notice": "Privacy notice 2026-03"}).shows("unsubscribed").round()

    [document] = office.documents
    assert _json(document) == {
        "key": document.key,
        "customer": PERSON,
        "channel": "email",
        "purpose": "Marketing",
        "notice": "Privacy notice 2026-03",
        "before": "subscribed",
        "after": "unsubscribed",
        "since": {"after": (office.now - 20 * MINUTE).isoformat(), "until": office.now.isoformat()},
        "source": "profile in Braze",
        "seen_at": office.now.isoformat(),
        "request_id": f"look-{office.now:%H%M}",
        "address": "a***@example.com",
    }


def test_an_entry_of_what_staff_recorded_names_no_request() -> None:
    office = _office().sets(7, OUT).round()

    found = _json(office.documents[0])
    assert (found["request_id"], found["address"]) == (None, "a***@example.com")


@pytest.mark.parametrize(
    ("how", "address"), [("none", None), ("masked", "a***@example.com"), ("full", "anna@example.com")]
)
def test_of_the_address_an_entry_says_what_is_set(how: str, address: str | None) -> None:
    office = _office(history={"address": how}).shows("unsubscribed").round()

    [document] = office.documents
    assert _json(document)["address"] == address
    assert how == "full" or "anna@" not in str(document.payload)


def test_ecm_takes_the_name_of_an_entry_whatever_the_channel_is_called() -> None:
    office = _office(channel={"name": f" E-Mail: a/b*?{'x' * 300} "}).shows("unsubscribed").round()

    name = office.documents[0].name
    assert len(name) <= 248
    assert not set(name) & set(':/\\*?"<>|')
    assert name == name.strip()


def test_without_a_folder_there_is_no_history() -> None:
    office = _office(history={"folder": "none"}).shows("unsubscribed").round()

    assert (office.documents, office.status()) == ([], OUT)


# The section


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"channel": {"watch": {"attribute": "a"}, "recorded": {LETTER: "Received"}}}, "cannot be withdrawn"),
        ({"channel": {"since": STATUS}}, "two channels write"),
    ],
)
def test_a_section_that_cannot_be_kept_is_refused(more: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Options.model_validate(_section(**more))


def test_d05_nothing_is_recorded_without_a_purpose_or_without_since_when() -> None:
    section = _section()
    del section["channels"][0]["purpose"]
    with pytest.raises(ValidationError, match="purpose"):
        Options.model_validate(section)

    office = _office().shows("unsubscribed").round()

    (told,) = map(_json, office.documents)
    assert told["purpose"]
    assert told["since"].get("at") or told["since"]["until"]


def test_every_key_of_the_contract_loads() -> None:
    section = _section(
        initial_load={"slice": 10, "ecm_requests_per_minute": 60},
        after_own_write="5m",
        overwrite_existing=True,
        channel={"undeliverable": "Consent.Email Undeliverable", "recorded": {LETTER: "Received"}},
    )

    options = Options.model_validate(section)

    assert options.initial_load.slice == 10
    assert LETTER in consent.needs(options).facts


def _json(document: Action) -> Any:
    return json.loads(str(document.payload["content"]).rpartition("--- json\n")[2])  # type: ignore[index,call-overload]


def _listed(office: Office) -> list[tuple[str, str, str]]:
    return [(skip.record, skip.rule, skip.reason) for skip in office.listed.values()]
