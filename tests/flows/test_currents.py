"""Currents files beside the looks of the flow consent, over both twins: a time and a source, and never a state."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ecmbraze.cli.check import in_currents
from ecmbraze.cli.check.findings import Level
from ecmbraze.flows import BY_NAME
from ecmbraze.systems.currents import CurrentsFolder
from tests.currents_files import BOUNCE, GLOBAL, GROUP, OPEN, SPAM, Bucket, avro
from tests.flows import test_consent
from tests.flows.test_consent import BOUNCED, OUT, SINCE, SOURCE, STATUS, Town
from tests.rehearsal import SOAK
from tests.twins.house import Outcome, settings

Make = Callable[..., tuple[Town, Bucket]]
MINUTES = timedelta(minutes=1)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(**section: Any) -> tuple[Town, Bucket]:
        folder = tmp_path / "bucket"
        folder.mkdir()
        # Nobody takes a turn but once a day: whoever is looked at was named by a list or by a file.
        return Town(tmp_path, currents=str(folder), everybody_within="2d", **section), Bucket(folder=folder)

    return made


def ago(town: Town, minutes: int) -> datetime:
    """Return a moment so long before the next round, in whole seconds as Currents has them."""
    return (town.house.clock.now() + (20 - minutes) * MINUTES).replace(microsecond=0)


def look(town: Town, minutes: int = 20) -> Outcome:
    return town.round(minutes, "consent")


def remembered(town: Town) -> list[str]:
    with closing(sqlite3.connect(town.house.state)) as file:
        return [row[0] for row in file.execute("SELECT what FROM looked WHERE what LIKE 'currents %'")]


def longest_looked_at(town: Town, like: str) -> list[str]:
    """Return people in the order in which their turn comes."""
    with closing(sqlite3.connect(town.house.state)) as file:
        rows = file.execute("SELECT key FROM record WHERE stream = 'people' ORDER BY read_at, key").fetchall()
    return [name for row in rows if (name := str(row[0]).rpartition(":")[2]).startswith(like)]


def test_a_file_gives_the_exact_time_and_source_of_a_change(make: Make) -> None:
    town, bucket = make()
    at = ago(town, 15)
    for person in ("C-1", "C-2"):
        town.braze.people[person].groups[test_consent.GROUP] = "unsubscribed"
    bucket.tells(
        GROUP,
        at,
        external_user_id="C-1",
        subscription_group_id=test_consent.GROUP,
        subscription_status="Unsubscribed",
        state_change_source="Preference Center",
    )
    bucket.tells(OPEN, at, external_user_id="C-2")

    assert look(town).codes == (0,)

    entry = town.entries(town.seven)[0]
    assert (entry["channel"], entry["after"]) == ("news", "unsubscribed")
    assert (entry["since"], entry["source"]) == ({"at": at.isoformat()}, "Braze: Preference Center")
    assert town.entries(town.nine)[0]["since"]["after"]  # an open says nothing of a choice
    assert len(remembered(town)) == 1


def test_whom_a_file_names_is_looked_at_before_those_whose_turn_it_is(make: Make) -> None:
    town, bucket = make(braze_requests=1)
    spaces = {}
    for person in (f"D-{number}" for number in range(60)):
        town.braze.add(person, email=f"{person}@example.com", groups={test_consent.GROUP: "subscribed"})
        spaces[person] = town.opens(person)
    for _ in range(3):
        look(town)
    newest = longest_looked_at(town, "D-")[-1]
    town.chooses("unsubscribed", newest)
    bucket.tells(GLOBAL, ago(town, 15), external_user_id=newest, channel="email", subscription_status="Unsubscribed")

    outcome = look(town)

    assert town.status(spaces[newest]) == "Withdrawn"
    assert outcome.crossings.count("braze profiles:before") == 1


def test_what_a_file_says_is_no_state(make: Make) -> None:
    town, bucket = make()
    bucket.tells(GLOBAL, ago(town, 15), external_user_id="C-1", channel="email", subscription_status="Unsubscribed")

    look(town)

    assert (town.history(town.seven), town.status(town.seven)) == ([], None)


def test_a_file_that_comes_after_the_look_gives_the_attributes_its_time_and_the_history_nothing_twice(
    make: Make,
) -> None:
    town, bucket = make()
    at = ago(town, 12)
    town.chooses("unsubscribed")
    bucket.tells(BOUNCE, at, external_user_id="C-1")  # has the person looked at
    look(town)
    assert str(town.status(town.seven, SOURCE)).startswith("profile in Braze, between")

    for again in (1, 2):  # the same event twice, in two files
        bucket.tells(
            GLOBAL,
            at,
            seen=ago(town, again),
            external_user_id=None,
            email_address="c-1@example.com",
            channel="email",
            subscription_status="Unsubscribed",
            state_change_source="Email",
        )
    for _ in range(2):
        look(town)

    assert town.status(town.seven, SOURCE) == "Braze: Email"
    assert f"{at:%M:%S}+" in str(town.status(town.seven, SINCE))
    assert town.history(town.seven) == [("email", "subscribed", "unsubscribed")]
    assert look(town).count("planned") == 0


def test_our_own_withdrawal_that_comes_back_as_an_event_is_no_second_entry(make: Make) -> None:
    town, bucket = make()
    town.chooses("opted_in")
    bucket.tells(GLOBAL, ago(town, 15), external_user_id="C-1", channel="email", subscription_status="Opted In")
    look(town)
    town.ecm.edit(town.seven, {STATUS: "Withdrawn"})
    look(town)
    assert [entry[0] for entry in town.withdrawn()] == ["C-1"]

    bucket.tells(
        GLOBAL,
        ago(town, 20),
        external_user_id="C-1",
        channel="email",
        subscription_status="Unsubscribed",
        state_change_source="REST API",
    )
    for _ in range(3):
        look(town)

    assert [one[2] for one in town.history(town.seven)] == ["opted_in", "unsubscribed"]
    assert town.entries(town.seven)[-1]["source"] == "recorded in Extended ECM"


def test_a_report_of_spam_stands_until_the_person_chooses_e_mail_later(make: Make) -> None:
    town, bucket = make(undeliverable="email")
    bucket.tells(SPAM, ago(town, 15), email_address="C-1@Example.com")
    town.chooses("unsubscribed")
    look(town)
    assert town.status(town.seven, BOUNCED) == "spam"
    look(town)
    assert town.status(town.seven, BOUNCED) == "spam"

    bucket.tells(GLOBAL, ago(town, 15), external_user_id="C-1", channel="email", subscription_status="Opted In")
    town.chooses("opted_in")
    look(town)

    assert town.status(town.seven, BOUNCED) in (None, "")


def test_half_a_file_is_left_until_it_is_complete_and_named_where_it_stays_so(make: Make) -> None:
    town, bucket = make()
    at = ago(town, 15)
    row = {"external_user_id": "C-1", "channel": "email", "subscription_status": "Unsubscribed"}
    content = avro(GLOBAL, [{"id": f"x{n}", "time": int(at.timestamp()), **row} for n in range(5)])
    path = bucket.put(content[:-20], GLOBAL, at)
    first = look(town)
    assert (first.codes, first.report.notes, remembered(town)) == ((0,), [], [])
    late = look(town, 70)
    assert [note for note in late.report.notes if path.name in note]

    path.write_bytes(content)
    os.utime(path, (ago(town, 1).timestamp(),) * 2)
    town.chooses("unsubscribed")
    look(town)

    assert town.history(town.seven) == [("email", "subscribed", "unsubscribed")]
    assert remembered(town) == [f"currents {path.relative_to(bucket.folder)}"]


def test_a_file_is_read_again_as_long_as_a_look_may_not_show_what_it_says(make: Make) -> None:
    town, bucket = make()
    at = ago(town, 2)
    bucket.tells(GLOBAL, at, external_user_id="C-1", channel="email", subscription_status="Unsubscribed")
    look(town)
    assert remembered(town) == []
    town.chooses("unsubscribed")  # the profile lagged

    look(town)

    assert town.entries(town.seven)[0]["since"] == {"at": at.isoformat()}
    assert len(remembered(town)) == 1


def test_a_run_that_dies_after_a_file_was_read_loses_neither_its_time_nor_tells_it_twice(
    make: Make, tmp_path: Path
) -> None:
    town, bucket = make()
    at = ago(town, 15)
    town.chooses("unsubscribed")
    bucket.tells(
        GLOBAL, at, external_user_id="C-1", channel="email", subscription_status="Unsubscribed", email_address="x@y.org"
    )
    whole = look(_at(town, tmp_path / "alive"))
    for point in range(1, len(whole.crossings) + 1, 1 if SOAK else len(whole.crossings) // 6):
        here = _at(town, tmp_path / f"at-{point}")
        here.house.clock.advance(20 * MINUTES)
        assert here.house.start("consent", die_at=point).killed
        look(here, 2)
        look(here, 2)
        assert [one["since"] for one in here.entries(here.seven)] == [{"at": at.isoformat()}], point
        assert here.status(here.eight) == OUT, point


def _at(town: Town, folder: Path) -> Town:
    folder.mkdir()
    return town.copy(folder)


def test_what_was_read_is_forgotten_with_time(make: Make) -> None:
    town, bucket = make()
    bucket.tells(BOUNCE, ago(town, 15), external_user_id="C-1")
    look(town)
    assert len(remembered(town)) == 1

    look(town, 60 * 24 * 61)

    assert remembered(town) == []


def test_without_the_library_the_flow_ends_with_15_and_says_what_to_install(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    town, _ = make()
    monkeypatch.setitem(sys.modules, "fastavro", None)

    outcome = look(town)

    assert outcome.codes == (15,)
    assert "pip install 'ecmbraze[currents]'" in outcome.report.exit_reason


def test_a_folder_that_is_not_there_is_no_reason_to_look_at_nobody(make: Make) -> None:
    town, bucket = make()
    bucket.folder.rmdir()

    outcome = look(town)

    assert outcome.codes == (0,)
    assert [note for note in outcome.report.notes if "no Currents file was read" in note]


@pytest.mark.parametrize("missing", ["", "files", "folder", "library"])
def test_check_says_whether_the_files_can_be_read(
    tmp_path: Path, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, noon = Bucket(folder=tmp_path), datetime(2026, 11, 20, 12, tzinfo=UTC)
    if not missing:
        bucket.tells(GLOBAL, noon)
    if missing == "library":
        monkeypatch.setitem(sys.modules, "fastavro", None)
    folder = tmp_path / "none" if missing == "folder" else tmp_path
    config = settings({"consent": {**test_consent.SECTION, "currents": str(folder)}})

    (found,) = in_currents.findings(config, BY_NAME, CurrentsFolder(), noon)

    level, said = {
        "": (Level.WELL, "1 Currents files about choices, the newest of 2026-11-20 12:00 UTC"),
        "files": (Level.NOTE, "does the sync run?"),
        "folder": (Level.WRONG, "cannot be listed"),
        "library": (Level.WRONG, "pip install 'ecmbraze[currents]'"),
    }[missing]
    assert (found.level, said in found.said, found.code) == (level, True, 15 if level is Level.WRONG else 0)
