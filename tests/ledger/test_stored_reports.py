"""A stored report gives back every line as it was, and takes the less place the more its lines are alike."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ecmbraze.ledger.codec import dump, load
from ecmbraze.ledger.storedreports import Lines, pack, unpack

_TEXT = st.sampled_from(["", "a", "b", "ecm_stage"])
_FIELDS = ("record", "customer", "rule", "kind", "name", "title", "reason", "why")
_LINE = st.fixed_dictionaries(dict.fromkeys(_FIELDS, _TEXT))


def _lines(lines: list[dict[str, Any]]) -> Lines:
    return Lines(fields=_FIELDS, rows=[[line[name] for name in _FIELDS] for line in lines])


def _line(person: int, name: str) -> dict[str, Any]:
    told = {"record": f"ws:{person}", "customer": f"C-{person}", "kind": "attribute", "reason": "value changed"}
    return {**told, "why": "", **dict.fromkeys(("rule", "name", "title"), name)}


@given(st.lists(_LINE, max_size=6), st.lists(_LINE, max_size=2))
def test_every_line_comes_back_as_it_was(actions: list[dict[str, str]], skipped: list[dict[str, str]]) -> None:
    report = {"run_id": "r", "listed": {"actions": len(actions)}}

    stored = dump(pack({**report, "actions": _lines(actions), "skipped": _lines(skipped)}))

    assert unpack(load(stored)) == {**report, "actions": actions, "skipped": skipped}


def test_lines_of_five_attributes_of_a_person_take_a_fifth_of_the_place() -> None:
    lines = [_line(person, f"ecm_{letter}") for person in range(100) for letter in "abcde"]

    assert 5 * len(dump(pack({"actions": _lines(lines)}))) < len(dump({"actions": lines}))


def test_a_report_that_an_earlier_version_stored_is_read_as_it_lies() -> None:
    report = {"actions": [_line(1, "ecm_a")], "skipped": []}

    assert unpack(report) == report
