"""The state file gives back what is over, and never what could make a message go a second time."""

from __future__ import annotations

import gzip
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ecmbraze.errors import StateUnusable
from ecmbraze.ledger.keeping import Keep
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.outbox import Step
from ecmbraze.ledger.verifying import checks
from ecmbraze.model import State
from tests.offline import Offline
from tests.twins.house import House, settings

_KEEP = Keep()
_DAY = timedelta(days=1)
_TYPE, _NUMBER, _STAGE, _CONTRACT = "Loan", "Loan.Number", "Loan.Stage", "Loan.Status"
_FLOW: dict[str, Any] = {
    "workspace_types": [_TYPE],
    "customer": _NUMBER,
    "attributes": {"stage": _STAGE},
    "milestones": [{"name": "approved", "when": {_CONTRACT: "Approved"}, "send": {"event": "approved"}}],
}
_USUAL = {"max_audience_share": 1.0, "max_gap": "3650d", "max_cleared_share": 1.0}


def _count(state: Path, table: str, where: str = "1") -> int:
    with closing(sqlite3.connect(state)) as file:
        return int(file.execute(f"SELECT count(*) FROM {table} WHERE {where}").fetchone()[0])


class Office:
    """One flow with a milestone, its baseline taken."""

    def __init__(self, folder: Path) -> None:
        self.house = House(folder, settings({"onboarding": _FLOW}, guards=_USUAL))
        self.house.ecm.add_category("Loan", ["Number", "Stage", "Status"])
        self.house.ecm.add_type(_TYPE, ["Loan"])
        self.house.ecm.create(_TYPE, {_NUMBER: "C-0", _STAGE: "Draft", _CONTRACT: "Draft"})
        self.start()

    def make(self, person: str = "C-1", *, known: bool = True, **more: Any) -> int:
        if known and person not in self.house.braze.people:
            self.house.braze.add(person)
        return self.house.ecm.create(_TYPE, {_NUMBER: person, _STAGE: "Draft", _CONTRACT: "Approved"}, **more)

    def start(self) -> Any:
        outcome = self.house.start()
        self.house.clock.advance(timedelta(hours=1))
        return outcome.report

    def later(self, days: int) -> Any:
        self.house.clock.advance(timedelta(days=days))
        return self.start()

    @property
    def events(self) -> int:
        return len(self.house.braze.messages)


def _known(office: Office) -> tuple[int, int]:
    """Return how many keys of messages are known, and how many records."""
    return _count(office.house.state, "outbox", "delivery = 'once'"), _count(office.house.state, "record")


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_waiting_writes_no_history(office: Office) -> None:
    for number in range(20):
        office.make(f"X-{number}", known=False)
    office.start()
    before = _count(office.house.state, "history")

    report = office.start()

    assert report.counts["waiting"] == 40
    assert _count(office.house.state, "history") - before <= 2  # the stage and the run


def test_attributes_of_people_whom_braze_never_knows_end_with_a_line_and_messages_by_their_own_time(
    office: Office,
) -> None:
    office.make("X-1", known=False)
    office.start()

    assert office.later(89).counts["suppressed"] == 0
    report = office.later(1)

    (line,) = [one for one in report.actions if one.state == State.SUPPRESSED]
    assert (line.customer, line.name, line.why) == ("X-1", "ecm_stage", "Braze did not know this person in 90 days")
    assert report.exit_code == 0
    assert office.start().counts["waiting"] == 0


def test_a_key_outlives_every_span_while_its_record_is_known(office: Office) -> None:
    number = office.make()
    office.start()

    for _ in range(4):
        office.later(401)
    office.house.ecm.edit(number, {_CONTRACT: "Draft"})
    office.start()
    office.house.ecm.edit(number, {_CONTRACT: "Approved"})
    office.start()

    assert office.events == 1
    assert _count(office.house.state, "outbox", "delivery = 'once'") == 1


def test_a_record_that_is_gone_is_forgotten_with_its_keys_and_fires_nothing_when_it_comes_back(office: Office) -> None:
    number = office.make()
    office.start()
    office.house.ecm.delete(number)
    office.start()
    office.start()
    office.later(399)
    kept = _known(office)

    office.later(3)
    gone = _known(office)
    office.house.ecm.restore(number)
    report = office.start()

    assert (kept, gone) == ((1, 2), (0, 1))
    assert office.events == 1
    assert report.counts["first_seen_late"] == 1
    assert "created more than 400 days ago" in next(iter(report.skipped)).reason


def test_what_is_held_is_never_forgotten(office: Office) -> None:
    number = office.make("X-1", known=False)
    office.start()
    ledger = Ledger.open(office.house.state)
    (row,) = ledger.outbox.rows("delivery = 'once'")
    for state in (State.READY, State.IN_FLIGHT, State.IN_DOUBT, State.HELD):
        ledger.outbox.move([Step(row=row, state=state)], office.house.clock.now())
    ledger.close()
    office.house.ecm.delete(number)
    office.start()
    office.start()

    office.later(500)

    assert _known(office) == (1, 2)


def test_of_old_values_only_the_newest_row_stays(office: Office) -> None:
    number = office.make()
    for stage in "abcd":
        office.house.ecm.edit(number, {_STAGE: stage})
        office.start()
    assert _count(office.house.state, "outbox", "delivery = 'latest'") == 4

    office.later(401)

    assert _count(office.house.state, "outbox", "delivery = 'latest'") == 1
    assert _count(office.house.state, "accepted", "value LIKE '%:\"d\"}'") == 1


def test_an_old_report_keeps_its_counts_for_as_long_as_rows_are_kept(office: Office) -> None:
    office.make()
    office.start()
    office.later(91)
    ledger = Ledger.open(office.house.state, read_only=True)
    old = list(ledger.reports(10))[1]
    ledger.close()
    assert (list(old["actions"]), old["shortened"]) == ([], True)
    assert old["counts"]["sent"] == 2

    office.later(398)

    assert _count(office.house.state, "run") == 2  # the one of day 91 was not yet old enough


# The history in segments


@pytest.fixture
def closed(tmp_path: Path) -> tuple[Ledger, datetime]:
    """A state file with 100 days of history, of which the older part was just cut off."""
    office = Offline(tmp_path)
    ledger = Ledger.open(office.state)
    for number in range(100):
        ledger.waiting.pause(f"f{number}", office.now + number * _DAY, "ann", f"reason {number}")
    now = office.now + 100 * _DAY
    assert "now lies in state.db.history-0000000001-" in ledger.tidy(now, Keep(history=40 * _DAY))[0]
    return ledger, now


def test_the_chain_verifies_across_the_cut_and_says_how_many_segments_there_are(
    closed: tuple[Ledger, datetime],
) -> None:
    ledger, now = closed
    assert _count(ledger.path, "history") < 50
    ledger.waiting.pause("g", now, "ann", "more")
    ledger.close()

    said = {one.what: one.found for one in checks(ledger.path)}

    assert said["segments"].startswith("1 beside the state file follow from each other, up to row 6")
    assert _count(ledger.path, "remark", "text LIKE '%reason 1\"%'") == 0
    assert _count(ledger.path, "remark", "text LIKE '%reason 99\"%'") == 1


def test_several_segments_follow_from_each_other(closed: tuple[Ledger, datetime]) -> None:
    ledger, now = closed
    assert ledger.tidy(now + 20 * _DAY, Keep(history=40 * _DAY))
    ledger.close()

    said = {one.what: one.found for one in checks(ledger.path)}

    assert said["segments"].startswith("2 beside the state file")


def test_a_segment_that_was_moved_away_is_not_judged(closed: tuple[Ledger, datetime]) -> None:
    ledger, _ = closed
    ledger.close()
    next(ledger.path.parent.glob("*.jsonl.gz")).unlink()

    assert "1 moved away, not judged" in {one.what: one.found for one in checks(ledger.path)}["segments"]


@pytest.mark.parametrize("edit", ["a row changed", "a row taken out", "the end cut off", "bytes spoilt", "another"])
def test_a_segment_that_was_changed_is_noticed(closed: tuple[Ledger, datetime], edit: str) -> None:
    ledger, _ = closed
    ledger.close()
    path = next(ledger.path.parent.glob("*.jsonl.gz"))
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    match edit:
        case "a row changed":
            lines[7] = lines[7].replace(b"pause", b"reset")
        case "a row taken out":
            del lines[7]
        case "the end cut off":
            lines = lines[:-1]
        case "another":
            lines = lines[1:] + lines[:1]
        case _:
            pass
    path.write_bytes(gzip.compress(b"".join(lines)) if edit != "bytes spoilt" else path.read_bytes()[:-20])

    with pytest.raises(StateUnusable, match="a segment of its history that is not what was cut off"):
        list(checks(ledger.path))


def test_no_row_of_the_history_can_be_deleted_that_is_in_no_segment(closed: tuple[Ledger, datetime]) -> None:
    ledger, _ = closed

    with pytest.raises(sqlite3.IntegrityError, match="history only grows"), ledger.database.atomic():
        ledger.database.conn.execute("DELETE FROM history")


def test_a_segment_goes_through_no_link_and_is_private(tmp_path: Path) -> None:
    office = Offline(tmp_path)
    victim = tmp_path / "victim"
    victim.write_text("mine")
    with office.ledger() as ledger:
        for number in range(100):
            ledger.waiting.pause(f"f{number}", office.now + number * _DAY, "ann", "x")
        now, keep = office.now + 100 * _DAY, Keep(history=40 * _DAY)
        last = ledger.database.execute(
            "SELECT min(seq) FROM history WHERE at >= ?", ((now - 40 * _DAY).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),)
        ).fetchone()[0]
        name = f"state.db.history-0000000001-{last - 1:010}.jsonl.gz"
        (tmp_path / f".{name}.new").symlink_to(victim)
        (tmp_path / name).symlink_to(victim)

        ledger.tidy(now, keep)

    made = tmp_path / name
    assert victim.read_text() == "mine"
    assert (made.is_symlink(), made.stat().st_mode & 0o777) == (False, 0o600)
