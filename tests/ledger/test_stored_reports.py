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


def _lines(lines: list[dict[str, Any]], page: int = 4) -> Lines:
    rows = [[line[name] for name in _FIELDS] for line in lines]
    return Lines(fields=_FIELDS, pages=[rows[at : at + page] for at in range(0, len(rows), page)])


def _line(person: int, name: str) -> dict[str, Any]:
    told = {"record": f"ws:{person}", "customer": f"C-{person}", "kind": "attribute", "reason": "value changed"}
    return {**told, "why": "", **dict.fromkeys(("rule", "name", "title"), name)}


@given(st.lists(_LINE, max_size=6), st.lists(_LINE, max_size=2))
def test_every_line_comes_back_as_it_was(actions: list[dict[str, str]], skipped: list[dict[str, str]]) -> None:
    report = {"run_id": "r", "listed": {"actions": len(actions)}}

    stored = pack({**report, "actions": _lines(actions), "skipped": _lines(skipped)})

    assert unpack(load(stored)) == {**report, "actions": actions, "skipped": skipped}
    assert stored == dump(load(stored))


def test_lines_of_five_attributes_of_a_person_take_a_fifth_of_the_place() -> None:
    names = [f"ecm_{letter}" for letter in "abcde"]
    lines = [_line(person, name) for person in range(100) for name in names]
    rows = [{**_line(person, ""), "name": names} for person in range(100)]

    stored = pack({"actions": _lines(rows, page=50)})

    assert unpack(load(stored)) == {"actions": lines}
    assert 5 * len(stored) < len(dump({"actions": lines}))


def test_a_report_that_an_earlier_version_stored_is_read_as_it_lies() -> None:
    report = {"actions": [_line(1, "ecm_a")], "skipped": []}

    assert unpack(report) == report
    assert (
        unpack({"actions": {"all": _line(1, "") | {"name": ""}, "lines": [{"each": ["ecm_a"]}]}, "skipped": []})
        == report
    )
