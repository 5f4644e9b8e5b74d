"""A stored report gives back every line as it was, and takes the less place the more its lines are alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils import Database

from ecmbraze.ledger import schema, storedreports
from ecmbraze.ledger.codec import dump
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.storedreports import LINES, Ended, Lines

_TEXT = st.sampled_from(["", "a", "b", "ecm_stage"])
_FIELDS = ("record", "customer", "rule", "kind", "name", "title", "reason", "why")
_LINE = st.fixed_dictionaries(dict.fromkeys(_FIELDS, _TEXT))


def _lines(lines: list[dict[str, Any]], page: int = 4) -> Lines:
    rows = [[line[name] for name in _FIELDS] for line in lines]
    return Lines(fields=_FIELDS, pages=[rows[at : at + page] for at in range(0, len(rows), page)])


def _reports() -> Database:
    """Return an empty file in memory with the tables of a state file."""
    database = Database(memory=True)
    database.conn.executescript(schema.LEDGER)
    return database


def _stored(database: Database, report: dict[str, Any]) -> dict[str, Any]:
    """Return a report as it was stored, with lists for the iterators of its lines."""
    (row,) = database.execute("SELECT id, report FROM run WHERE id = ?", [report["run_id"]]).fetchall()
    whole = storedreports.whole(database, *row)
    return {name: list(value) if name in LINES else value for name, value in whole.items()}


def _size(database: Database) -> int:
    return int(database.execute("SELECT sum(length(page)) FROM run_lines").fetchone()[0])


def _line(person: int, name: str) -> dict[str, Any]:
    told = {"record": f"ws:{person}", "customer": f"C-{person}", "kind": "attribute", "reason": "value changed"}
    return {**told, "why": "", **dict.fromkeys(("rule", "name", "title"), name)}


@given(st.lists(_LINE, max_size=6), st.lists(_LINE, max_size=2))
def test_every_line_comes_back_as_it_was(actions: list[dict[str, str]], skipped: list[dict[str, str]]) -> None:
    database, report = _reports(), {**_run(1, 0), "listed": {"actions": len(actions)}}

    for _ in range(2):  # one that is stored again takes the place of the first
        storedreports.store(database, {**report, "actions": _lines(actions), "skipped": _lines(skipped)}, _AT)

    assert _stored(database, report) == {**report, "actions": actions, "skipped": skipped}


def test_lines_of_five_attributes_of_a_person_take_an_eighth_of_the_place() -> None:
    names = [f"ecm_{letter}" for letter in "abcde"]
    lines = [_line(person, name) for person in range(100) for name in names]
    rows = [{**_line(person, ""), "name": names} for person in range(100)]
    database, report = _reports(), _run(1, 0)

    storedreports.store(database, {**report, "actions": _lines(rows, page=50)}, _AT)

    assert _stored(database, report)["actions"] == lines
    assert 8 * _size(database) < len(dump({"actions": lines}))


_OLD_PAGE = {"all": _line(1, "") | {"name": ""}, "lines": [{"each": ["ecm_a"]}]}


@pytest.mark.parametrize("actions", [[_line(1, "ecm_a")], _OLD_PAGE, [_OLD_PAGE]])
def test_a_report_that_an_earlier_version_stored_is_read_as_it_lies(actions: Any) -> None:
    database, old = _reports(), {"run_id": "r1", "actions": actions, "skipped": []}
    database.conn.execute("INSERT INTO run VALUES ('r1', 'f', 'live', 'a', 'b', 0, ?)", (dump(old),))

    assert _stored(database, old) == {"run_id": "r1", "actions": [_line(1, "ecm_a")], "skipped": []}


def test_a_run_takes_its_lines_with_it() -> None:
    database, report = _reports(), _run(1, 0)
    storedreports.store(database, report, _AT)
    assert _size(database) > 0

    database.conn.execute("DELETE FROM run")

    assert database.execute("SELECT count(*) FROM run_lines").fetchone() == (0,)


def test_a_report_has_its_lines_by_pages_of_which_one_is_read_at_a_time() -> None:
    database, lines = _reports(), [_line(n, "ecm_a") for n in range(30)]
    storedreports.store(database, {**_run(1, 0), "actions": _lines(lines)}, _AT)
    asked: list[str] = []
    database.conn.set_trace_callback(asked.append)

    (row,) = database.execute("SELECT id, report FROM run").fetchall()
    actions = iter(storedreports.whole(database, *row)["actions"])

    assert next(actions) == lines[0]
    assert len([one for one in asked if "run_lines" in one]) == 1
    assert [lines[0], *actions] == lines


def test_how_runs_ended_is_told_without_reading_what_they_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger.create(tmp_path / "state.db", {"ecm": "a", "braze": "b"}, _AT)
    for minute, code in ((1, 0), (2, 5)):
        ledger.store_run(_run(minute, code), _AT + timedelta(minutes=minute))
    (_first, _newest) = [Ended(**{name: _run(n, code)[name] for name in _ENDED}) for n, code in ((1, 0), (2, 5))]
    reports = [{**report, "actions": list(report["actions"])} for report in ledger.reports(9)]
    monkeypatch.setattr("ecmbraze.ledger.storedreports.load", _refuse)

    assert ledger.runs(9) == [_newest, _first]
    assert ledger.runs(1) == [_newest]
    assert ledger.latest_run("onboarding", _AT + timedelta(hours=1)) == _newest
    assert ledger.latest_run("onboarding", _AT + timedelta(hours=1), (0, 3)) == _first
    assert ledger.latest_run("onboarding", _AT + timedelta(seconds=90)) == _first
    assert ledger.latest_run("cases", _AT + timedelta(hours=1)) is None
    assert [report["run_id"] for report in reports] == ["r2", "r1"]
    assert reports[0]["actions"] == [_line(2, "ecm_a")]


def test_a_report_that_is_tidied_away_while_others_are_read_is_left_out(tmp_path: Path) -> None:
    ledger = Ledger.create(tmp_path / "state.db", {"ecm": "a", "braze": "b"}, _AT)
    for minute in (1, 2, 3):
        ledger.store_run(_run(minute, 0), _AT + timedelta(minutes=minute))

    reports = ledger.reports(9)
    read = [next(reports)["run_id"]]
    with ledger.database.atomic():
        ledger.database.conn.execute("DELETE FROM run WHERE id = 'r2'")

    assert [*read, *(report["run_id"] for report in reports)] == ["r3", "r1"]


_AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
_ENDED = tuple(Ended.__dataclass_fields__)


def _run(number: int, code: int) -> dict[str, Any]:
    at = _AT + timedelta(minutes=number)
    ended = {"run_id": f"r{number}", "flow": "onboarding", "mode": "live", "exit_code": code, "exit_reason": f"{code}!"}
    lines = {"actions": _lines([_line(number, "ecm_a")]), "skipped": _lines([])}
    times = {"started_at": at.isoformat(), "finished_at": (at + timedelta(seconds=9)).isoformat()}
    return {**ended, **times, "counts": {}, "plan_hash": "", **lines}


def _refuse(*_: object) -> None:
    raise AssertionError("the lines of a report were read")
