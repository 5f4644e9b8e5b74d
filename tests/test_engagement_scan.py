"""Whether those of whom it is asked are silent: flags and Currents files over several rounds."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ecmbraze.engine.scan.engagement import FlagLooks, MailLooks
from ecmbraze.engine.scan.silences import Silences
from ecmbraze.errors import TemporaryError
from ecmbraze.model import Fact, PersonKey, Received
from ecmbraze.needs import Silence
from ecmbraze.planning.engagement import Engagement
from ecmbraze.planning.silence import FLAGS
from ecmbraze.systems.currents import CurrentsFolder
from tests.currents_files import CLICK, DELIVERY, OPEN, Bucket, avro

START = datetime(2026, 9, 1, 8, tzinfo=UTC)
DAY = timedelta(days=1)
BY_FLAGS = Engagement(campaigns=("a", "b"), silent=30 * DAY, received=1)
BY_MAILS = Engagement(currents=True, silent=30 * DAY, received=1)


class Office:
    """Braze, a folder and a mirror: ``shown`` is what each person received, ``kept`` what looks left behind."""

    def __init__(self, folder: Path, *ways: Engagement) -> None:
        self.bucket, self.ways, self.now = Bucket(folder=folder), ways, START
        self.shown: dict[str, list[Received]] = {}
        self.asked: list[list[str]] = []
        self.kept: dict[str, dict[str, Fact]] = {}
        self.noted: dict[str, tuple[datetime, int]] = {}
        self.notes: list[str] = []
        self.broken = False

    def received(self, people: Sequence[str]) -> Mapping[str, Sequence[Received]]:
        self.asked.append(list(people))
        if self.broken:
            raise TemporaryError("Braze is down")
        return {person: self.shown[person] for person in people if person in self.shown}

    def looked(self, what: str, stream: str) -> datetime | None:
        return self.noted[what][0] if what in self.noted else None

    def looked_size(self, what: str, stream: str) -> int:
        return self.noted[what][1] if what in self.noted else 0

    def put_looked(self, what: str, stream: str, at: datetime, *, size: int = 0) -> None:
        self.noted[what] = (at, size)

    def people_at(self, address: str) -> Sequence[str]:
        who = {"c1@x.org": ["C-1"], "both@x.org": ["C-1", "alias:crm:2"]}.get(address.lower(), [])
        return [PersonKey(recipient=person).text for person in who]

    def at(self, day: float, *people: str) -> dict[str, bool]:
        """Run a round on a day that asks about some people, and return of whom it is told that they are silent."""
        self.now, me = START + day * DAY, self
        nobody: Any = me
        silence = Silence(flow="success", by=self.ways, requests=9, currents_files=str(self.bucket.folder))
        facts = frozenset(way.fact for way in self.ways)
        silences = Silences(asked=dict.fromkeys(people, facts), needs=[silence])
        flags = FlagLooks(reader=nobody, now=self.now)
        mails = MailLooks(reader=CurrentsFolder(), mirror=nobody, now=self.now, tick=lambda: None)
        silences.follow(flags, mails, nobody, nobody, self.now)
        silences.prepare(people)
        told = {}
        for person in people:
            self.kept[person] = silences.told(person, (), self.kept.get(person, {}))
            if found := facts & self.kept[person].keys():
                told[person] = bool(self.kept[person][min(found)])
        self.notes = silences.notes
        return told

    def receives(self, person: str, *campaigns: str) -> None:
        self.shown[person] = [Received(campaign=one[0], engaged=one.endswith("!")) for one in campaigns]

    def tells(self, kind: str, day: float, person: str = "C-1", *, seen: float | None = None, **row: Any) -> Path:
        at, came = START + day * DAY, START + (day if seen is None else seen) * DAY
        return self.bucket.tells(kind, at, seen=came, external_user_id=person, **row)


@pytest.fixture
def flags(tmp_path: Path) -> Office:
    return Office(tmp_path, BY_FLAGS)


@pytest.fixture
def mails(tmp_path: Path) -> Office:
    office = Office(tmp_path, BY_MAILS)
    office.tells(DELIVERY, -35, "somebody else")  # the folder reaches back
    return office


def test_a_rule_on_flags_is_armed_when_it_was_looked_for_its_span_whoever_waits(flags: Office) -> None:
    flags.receives("C-1", "a")
    flags.receives("C-2", "a")
    assert [flags.at(day, "C-1") for day in (0, 15, 29)] == [{}, {}, {}]
    said = "nobody is called silent by 2 campaigns of the last 30 days before 2026-10-01"
    assert [note.partition(":")[0] for note in flags.notes] == [said]
    assert flags.at(30, "C-1", "C-2") == {"C-1": True, "C-2": True}
    assert flags.notes == []


def test_a_gap_as_long_as_the_span_begins_the_looking_anew(flags: Office) -> None:
    flags.receives("C-1", "a")
    assert [flags.at(day, "C-1") for day in (0, 31, 45, 61)] == [{}, {}, {}, {"C-1": True}]


def test_the_flag_that_comes_up_is_engagement_for_a_span_and_is_remembered(flags: Office) -> None:
    flags.receives("C-1", "a", "b")
    for day in range(0, 40, 10):
        flags.at(day, "C-1")
    flags.receives("C-1", "a!", "b")
    assert flags.at(41, "C-1") == {"C-1": False}
    flags.receives("C-1", "b")  # the campaign was stopped, and is told no more
    assert [flags.at(day, "C-1") for day in (50, 59, 71)] == [{"C-1": False}, {"C-1": False}, {"C-1": True}]


def test_only_those_of_whom_it_is_asked_are_asked_for(flags: Office) -> None:
    flags.receives("C-1", "a")
    flags.at(0)
    flags.at(1, "C-1")
    assert flags.asked == [["C-1"]]


def test_flags_that_cannot_be_read_tell_nothing_and_lose_nothing(flags: Office) -> None:
    flags.receives("C-1", "a", "b")
    flags.at(0, "C-1")
    flags.at(29, "C-1")
    before, flags.broken = flags.kept["C-1"][FLAGS], True
    assert flags.at(31, "C-1") == {}
    assert flags.kept["C-1"] == {FLAGS: before}
    assert "Braze is down" in flags.notes[0]


def test_a_look_that_asks_of_somebody_else_keeps_what_was_seen(flags: Office) -> None:
    flags.receives("C-1", "a!")
    flags.at(0, "C-1")
    assert Silences().told("C-1", (), flags.kept["C-1"]) == flags.kept["C-1"]


def test_currents_tell_silence_at_once_where_the_folder_reaches_back(mails: Office) -> None:
    mails.tells(DELIVERY, -3)
    assert mails.at(0, "C-1", "C-2") == {"C-1": True}


def test_a_folder_that_was_copied_today_reaches_back_as_far_as_its_paths_say(tmp_path: Path) -> None:
    office = Office(tmp_path, BY_MAILS)
    for path in (office.tells(DELIVERY, -35, "somebody else"), office.tells(DELIVERY, -3)):
        os.utime(path, (START.timestamp(), START.timestamp()))
    assert office.at(0, "C-1", "C-2") == {"C-1": True}


def test_a_folder_that_does_not_reach_back_is_looked_at_for_the_span_first(tmp_path: Path) -> None:
    office = Office(tmp_path, BY_MAILS)
    for day in range(-3, 40, 3):
        office.tells(DELIVERY, day)
    assert [office.at(day, "C-1") for day in (0, 15, 26)] == [{}, {}, {}]
    assert office.at(30, "C-1") == {"C-1": True}


@pytest.mark.parametrize(
    ("kind", "mark"), [(OPEN, {"machine_open": "true"}), (CLICK, {"is_suspected_bot_click": True})]
)
def test_what_machines_did_does_not_count(mails: Office, kind: str, mark: dict[str, Any]) -> None:
    mails.tells(DELIVERY, -3)
    mails.tells(kind, -2, **mark)
    assert mails.at(0, "C-1") == {"C-1": True}
    mails.tells(kind, -2)
    assert mails.at(0, "C-1") == {"C-1": False}


def test_an_event_that_comes_late_counts_by_its_own_time(mails: Office) -> None:
    mails.tells(DELIVERY, -3)
    mails.tells(OPEN, -31, seen=-1)
    assert mails.at(0, "C-1") == {"C-1": True}
    mails.tells(OPEN, -29, seen=-1)
    assert mails.at(0, "C-1") == {"C-1": False}


def test_an_event_without_a_person_is_everybodys_at_the_address(mails: Office) -> None:
    for person in ("C-1", "C-2"):
        mails.tells(DELIVERY, -3, person)
    mails.tells(OPEN, -2, "", email_address="C1@x.org")
    assert mails.at(0, "C-1", "C-2") == {"C-1": False, "C-2": True}


def test_somebody_known_by_an_alias_or_an_address_is_found_by_the_address(mails: Office) -> None:
    for address in ("both@x.org", "d@x.org"):
        mails.tells(OPEN, -2, "C-9", email_address=address)
    mails.tells(DELIVERY, -3, "C-1")
    people = ("C-1", "alias:crm:2", "email:d@x.org")
    assert mails.at(0, *people) == {"C-1": True, "alias:crm:2": False, "email:d@x.org": False}


def test_half_a_file_tells_of_nobody_that_they_are_silent_but_who_is_engaged_is(mails: Office) -> None:
    for person in ("C-1", "C-2"):
        mails.tells(DELIVERY, -3, person)
    mails.tells(OPEN, -2, "C-2")
    content = avro(OPEN, [{"id": "x", "time": int(START.timestamp()), "external_user_id": "C-1"}])
    half = mails.bucket.put(content[:-9], OPEN, START - DAY)
    assert mails.at(0, "C-1", "C-2") == {"C-2": False}
    assert "files that are not complete (1): " in mails.notes[0]
    half.write_bytes(content)
    assert mails.at(0, "C-1", "C-2") == {"C-1": False, "C-2": False}


def test_a_folder_into_which_nothing_came_for_a_week_tells_no_silence(mails: Office) -> None:
    mails.tells(DELIVERY, -31)
    mails.tells(DELIVERY, -3)
    assert mails.at(3, "C-1") == {"C-1": True}
    assert mails.at(5, "C-1") == {}
    assert mails.notes == ["nobody is called silent by Currents: no file came for 7 days"]


def test_a_folder_that_is_gone_tells_nothing_and_ends_no_run(mails: Office) -> None:
    mails.bucket.folder = mails.bucket.folder / "gone"
    assert mails.at(0, "C-1") == {}
    assert "cannot be listed" in mails.notes[0]


def test_no_file_is_opened_where_nobody_waits(mails: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CurrentsFolder, "mail_files", lambda *_: 1 / 0)
    assert mails.at(0) == {}


def test_whoever_is_looked_at_for_flags_costs_two_exports_of_the_budget(flags: Office) -> None:
    asked = {f"C-{number}": frozenset({BY_FLAGS.fact}) for number in range(160)}
    nobody: Any = flags
    flags.read_at = lambda texts: {}  # type: ignore[attr-defined]  # none of them was ever read
    for requests, people in ((1, 50), (4, 100), (7, 150), (8, 160)):
        silence = Silence(flow="success", by=(BY_FLAGS,), requests=requests)
        silences = Silences(asked=asked, needs=[silence])
        assert len(silences.people(nobody)) == people
        assert len(silences.notes) == (people < len(asked))
