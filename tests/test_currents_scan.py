"""Whom Currents files have looked at, and when a file counts as read: over a mirror of a few people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ecmbraze.engine.scan import currents
from ecmbraze.engine.scan.currents import Currents
from ecmbraze.engine.scan.profiles import differs
from ecmbraze.errors import RecordGone, RecordUnreadable
from ecmbraze.ledger.codec import dump
from ecmbraze.ledger.mirror import Held
from ecmbraze.model import SPAM, ChoiceEvent, CurrentsFile, PersonKey, Profile, Record
from ecmbraze.needs import Rotation
from ecmbraze.planning.consent import order
from ecmbraze.planning.consent.options import Channel
from ecmbraze.planning.consent.record import IN_BRAZE, IN_ECM, Since
from ecmbraze.planning.consent.record import Held as HeldEntry

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
FILE = CurrentsFile(name="a.avro", size=9, modified_at=NOON - timedelta(hours=1))
FACTS = frozenset({"email", "email.source", "push", "email.spam"})
ROTATION = Rotation(within=timedelta(days=1), every=timedelta(hours=1), requests=1, currents="/there")
EVENT = ChoiceEvent(
    id="1",
    person="C-1",
    addresses=("a@x.org",),
    fact="email",
    state="unsubscribed",
    at=NOON - timedelta(hours=2),
    source="",
)

_UNTOLD = ("email.at", "email.source", "email.spam")


class Office:
    """The files and the mirror: C-1 and C-2 share an address; everybody was last looked at half an hour ago."""

    def __init__(self, *events: ChoiceEvent, **facts: Any) -> None:
        self.told, self.shown = events, facts
        self.known: dict[str, tuple[datetime, int]] = {}
        self.plan: list[str] = []
        self.opened: list[str] = []
        self.names, self.age = [FILE.name], timedelta()
        self.wrong: RecordUnreadable | None = None
        self.notes: list[str] = []

    def files(self, folder: str, since: datetime) -> Sequence[CurrentsFile]:
        return [replace(FILE, name=name, modified_at=FILE.modified_at - self.age) for name in self.names]

    def events(self, folder: str, file: CurrentsFile) -> Sequence[ChoiceEvent]:
        self.opened.append(file.name)
        if self.wrong:
            raise self.wrong
        return self.told

    def told_of(self, person: str) -> Sequence[ChoiceEvent]:
        return self.read.of(person)

    def looked_below(self, *_: str) -> dict[str, tuple[datetime, int]]:
        return self.known

    def workspaces_of(self, person: str, _: Sequence[str]) -> list[str]:
        return ["ws:1"] if person.startswith("C-") else []

    def people_at(self, address: str) -> list[str]:
        return [PersonKey(recipient=name).text for name in ("C-1", "C-2")] if address == "a@x.org" else []

    def held(self, texts: Sequence[str]) -> dict[str, Held]:
        facts = dump({"email": "unsubscribed", "address": "a@x.org", **dict.fromkeys(_UNTOLD), **self.shown})
        then = NOON - timedelta(hours=1)
        one = Held(facts=facts, documents="[]", name="", created_at=then, modified_at=then, again=False)
        return dict.fromkeys(texts, one)

    def read_at(self, texts: Sequence[str]) -> dict[str, tuple[str, datetime]]:
        return dict.fromkeys(texts, ("people", NOON - timedelta(minutes=30)))

    def put_looked(self, what: str, *_: Any, **__: Any) -> None:
        self.plan.append(what)

    def round(self, most: int = 50) -> list[str]:
        """Return who is looked at; then the files that count as read."""
        me: Any = self
        self.read = Currents(reader=me, mirror=me, plan=me, now=NOON, tick=lambda: None, notes=self.notes)
        self.read.read(ROTATION, ["m"], FACTS)
        people = self.read.people(most)
        self.read.looked()
        return [*people, *self.plan]


def test_an_e_mail_state_belongs_to_everybody_at_the_address_and_another_to_whom_it_names() -> None:
    assert Office(EVENT).round() == ["C-1", "C-2", "currents a.avro"]
    assert Office(replace(EVENT, person="", state=SPAM, fact="")).round() == ["C-1", "C-2", "currents a.avro"]
    push = replace(EVENT, fact="push", at=NOON - timedelta(minutes=35))
    assert Office(push).round() == ["C-1", "currents a.avro"]
    assert Office(replace(push, person="")).round() == ["currents a.avro"]  # of two people nobody knows which
    assert Office(replace(push, person="a stranger", addresses=())).round() == ["currents a.avro"]


def test_who_was_looked_at_since_is_looked_at_again_only_for_a_time_that_is_not_known() -> None:
    assert Office(EVENT, **{"email.at": EVENT.at.isoformat()}).round() == ["currents a.avro"]
    assert Office(EVENT).round() == ["C-1", "C-2", "currents a.avro"]
    assert Office(EVENT, email="subscribed").round() == ["currents a.avro"]


def test_a_file_with_people_who_are_left_over_does_not_count_as_read() -> None:
    assert Office(EVENT).round(most=1) == ["C-1"]


def test_a_file_that_was_read_is_opened_again_only_when_it_changed() -> None:
    for size, opened in ((9, []), (8, ["a.avro"])):
        office = Office(EVENT)
        office.known["a.avro"] = (FILE.modified_at, size)
        office.round()
        assert office.opened == opened


def test_a_file_that_is_gone_when_it_is_opened_is_neither_read_nor_spoiled() -> None:
    office = Office(EVENT)
    office.wrong = RecordGone("gone")
    assert (office.round(), office.notes) == ([], [])
    office.wrong = RecordUnreadable("half")
    assert office.round() == []
    assert office.notes == []  # it may grow
    office.age = timedelta(hours=2)
    assert office.round() == []
    assert [note for note in office.notes if note.endswith("(1): a.avro")]


def test_an_event_that_has_not_happened_yet_says_whom_to_look_at_and_no_time() -> None:
    ahead = replace(EVENT, at=NOON + timedelta(days=9))
    office = Office(ahead)
    office.age = -timedelta(minutes=35)
    assert office.round() == ["C-1", "currents a.avro"]
    assert [(one.fact, one.at) for one in office.told_of("C-1")] == [("", NOON - timedelta(minutes=25))]
    spam = Office(replace(ahead, state=SPAM, fact=""))
    spam.round()
    assert [(one.state, one.at) for one in spam.told_of("C-1")] == [(SPAM, FILE.modified_at)]


def test_what_is_more_than_a_run_can_hold_is_left_to_the_next_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(currents, "_MOST_EVENTS", 3)
    office = Office(EVENT)
    office.names = [f"{n}.avro" for n in range(5)]

    assert office.round() == ["C-1", "C-2", "currents 0.avro", "currents 1.avro"]
    assert "3 Currents files are left for the next run" in office.notes


def test_a_time_that_only_currents_gave_is_no_difference_to_what_a_screen_reads() -> None:
    profile = Profile(
        recipient="C-1",
        email=None,
        phone=None,
        email_subscribe="unsubscribed",
        push_subscribe="subscribed",
        custom_attributes={},
        custom_events={},
    )
    past = {"known": True, "address": None, "email": "unsubscribed", "email.at": EVENT.at.isoformat()}
    assert not differs(past, [profile], FACTS)
    assert differs({**past, "email": "opted_in"}, [profile], FACTS)


def test_only_an_entry_that_a_look_at_braze_made_gets_a_time_afterwards() -> None:
    channel = Channel.model_validate({"name": "e", "watch": "email", "purpose": "p", "status": "A.B"})
    facts = {"email": "unsubscribed", "email.at": EVENT.at.isoformat(), "email.source": "Link"}
    record = Record(
        key=PersonKey(recipient="C-1"),
        stream="people",
        name="",
        created_at=NOON,
        modified_at=NOON,
        facts=facts,
        customers=("C-1",),
    )
    since = Since(after=(NOON - timedelta(hours=3)).isoformat(), until=NOON.isoformat())
    seen = HeldEntry(state="unsubscribed", since=since, source=IN_BRAZE)

    refined = order.refined(channel, record, seen)

    assert (refined.since.at, refined.source) == (EVENT.at.isoformat(), "Braze: Link")
    for other in (
        replace(seen, source=IN_ECM),
        replace(seen, since=Since(at=NOON.isoformat())),
        replace(seen, since=replace(since, after=(NOON - timedelta(hours=1)).isoformat())),
        replace(seen, since=replace(since, until=(NOON - timedelta(hours=3)).isoformat())),
    ):
        assert order.refined(channel, record, other) == other
