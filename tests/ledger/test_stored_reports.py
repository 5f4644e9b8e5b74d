"""A stored report gives back every line as it was, and takes the less place the more its lines are alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecmbraze.ledger.codec import dump, load
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.storedreports import LINES, Ended, Lines, pack, unpack

_TEXT = st.sampled_from(["", "a", "b", "ecm_stage"])
_FIELDS = ("record", "customer", "rule", "kind", "name", "title", "reason", "why")
_LINE = st.fixed_dictionaries(dict.fromkeys(_FIELDS, _TEXT))


def _lines(lines: list[dict[str, Any]], page: int = 4) -> Lines:
    rows = [[line[name] for name in _FIELDS] for line in lines]
    return Lines(fields=_FIELDS, pages=[rows[at : at + page] for at in range(0, len(rows), page)])


def _unpacked(report: dict[str, Any]) -> dict[str, Any]:
    """Return a report with lists for the iterators of its lines."""
    return {name: list(value) if name in LINES else value for name, value in unpack(report).items()}


def _line(person: int, name: str) -> dict[str, Any]:
    told = {"record": f"ws:{person}", "customer": f"C-{person}", "kind": "attribute", "reason": "value changed"}
    return {**told, "why": "", **dict.fromkeys(("rule", "name", "title"), name)}


@given(st.lists(_LINE, max_size=6), st.lists(_LINE, max_size=2))
def test_every_line_comes_back_as_it_was(actions: list[dict[str, str]], skipped: list[dict[str, str]]) -> None:
    report = {"run_id": "r", "listed": {"actions": len(actions)}}

    stored = pack({**report, "actions": _lines(actions), "skipped": _lines(skipped)})

    assert _unpacked(load(stored)) == {**report, "actions": actions, "skipped": skipped}
    assert stored == dump(load(stored))


def test_lines_of_five_attributes_of_a_person_take_a_fifth_of_the_place() -> None:
    names = [f"ecm_{letter}" for letter in "abcde"]
    lines = [_line(person, name) for person in range(100) for name in names]
    rows = [{**_line(person, ""), "name": names} for person in range(100)]

    stored = pack({"actions": _lines(rows, page=50)})

    assert _unpacked(load(stored)) == {"actions": lines}
    assert 5 * len(stored) < len(dump({"actions": lines}))


def test_a_report_that_an_earlier_version_stored_is_read_as_it_lies() -> None:
    report = {"actions": [_line(1, "ecm_a")], "skipped": []}

    older = {"actions": {"all": _line(1, "") | {"name": ""}, "lines": [{"each": ["ecm_a"]}]}, "skipped": []}

    assert _unpacked(report) == report
    assert _unpacked(older) == report


def test_how_runs_ended_is_told_without_reading_what_they_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger.create(tmp_path / "state.db", {"ecm": "a", "braze": "b"}, _AT)
    for minute, code in ((1, 0), (2, 5)):
        ledger.store_run(_run(minute, code), _AT + timedelta(minutes=minute))
    (_first, _newest) = [Ended(**{name: _run(n, code)[name] for name in _ENDED}) for n, code in ((1, 0), (2, 5))]
    reports = list(ledger.reports(9))
    monkeypatch.setattr("ecmbraze.ledger.ledger.unpack", _refuse)
    monkeypatch.setattr("ecmbraze.ledger.ledger.load", _refuse)

    assert ledger.runs(9) == [_newest, _first]
    assert ledger.runs(1) == [_newest]
    assert ledger.latest_run("onboarding") == _newest
    assert ledger.latest_run("onboarding", (0, 3)) == _first
    assert ledger.latest_run("cases") is None
    assert [report["run_id"] for report in reports] == ["r2", "r1"]
    assert list(reports[0]["actions"]) == [_line(2, "ecm_a")]


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
