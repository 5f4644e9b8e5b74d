"""Texts that leave: filled from facts, without what nobody can see, and never a program for Braze."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecmbraze.errors import RecordUnreadable
from ecmbraze.model import Action, Change, Json, Record, Skip, WorkspaceKey, keys
from ecmbraze.planning import rule_language
from ecmbraze.planning.attributes import of_everyone
from ecmbraze.planning.context import Context
from ecmbraze.planning.messages import Hit, Occasion, tell
from ecmbraze.planning.rules import Rule
from tests.fakes import Nothing

NOW = datetime(2026, 3, 10, tzinfo=UTC)
PROPERTIES: dict[str, Json] = {"alone": "${A.X}", "inside": "Dear ${A.X}!", "number": 7}
UNSEEN = [
    "\x00",
    "\x07",
    "\x0b",
    "\x1b",
    "\x7f",
    "\x80",
    "\x85",
    "\x9f",
    "\u200b",
    "\u200e",
    "\u200f",
    "\u202a",
    "\u202e",
    "\u2060",
    "\u2066",
    "\u2069",
    "\ufeff",
    "\u061c",
    "\u200c",
    "\u200d",
]


def record(value: Any) -> Record:
    return Record(
        key=WorkspaceKey(id=7),
        stream=keys.workspaces("T"),
        name="W",
        created_at=NOW,
        modified_at=NOW,
        facts={"A.X": value, "A.Y": "y"},
        customers=("C-1",),
    )


def planned(value: Any, properties: dict[str, Json] | None = None, **send: Any) -> list[Action | Skip]:
    told = {"event": "e", "campaign": "c", "consent": {"transactional": "t"}, "properties": properties or PROPERTIES}
    rule = Rule.model_validate({"name": "r", "when": {"A.Y": "y"}, "send": {**told, **send}})
    occasion = Occasion(
        flow="f", record=record(value), hit=Hit(rule=rule, occurrence="1"), now=NOW, zone=UTC, date=None
    )
    return list(tell(occasion, {}, create=False))


def attributes(value: Json) -> list[Action | Skip]:
    change = Change(record=record("new"), before=record("old"), fires=True, memory={})
    return list(
        of_everyone(
            "f",
            change,
            Nothing(),
            lambda records: {"ecm_x": value if records[0].facts["A.X"] == "new" else "old"},
            Context(now=NOW, zone=UTC, prefix="ecm_"),
            create=False,
        )
    )


def leaving(actions: list[Action | Skip]) -> list[dict[str, Json]]:
    """Return the properties of the event and of the campaign."""
    return [dict(one.payload["properties"]) for one in actions if isinstance(one, Action)]  # type: ignore[index, call-overload, arg-type]


@pytest.mark.parametrize("unseen", UNSEEN, ids=ascii)
def test_what_nobody_can_see_does_not_leave(unseen: str) -> None:
    for properties in leaving(planned(f"An{unseen}na{unseen}")):
        assert (properties["alone"], properties["inside"]) == ("Anna", "Dear Anna!")
    (action,) = attributes(f"An{unseen}na")
    assert isinstance(action, Action)
    assert action.payload == "Anna"


def test_each_value_of_several_is_cleaned_and_an_empty_one_left_out() -> None:
    (event, _) = leaving(planned(("a\u200b", "\u202e", "b\x00")))
    assert (event["alone"], event["inside"]) == (["a", "b"], "Dear a, b!")
    (action,) = attributes(["a\u200b", "\u202e"])
    assert isinstance(action, Action)
    assert action.payload == ["a"]


def test_a_text_of_nothing_but_unseen_marks_is_an_empty_fact() -> None:
    (event, _) = leaving(planned("\u200b\ufeff"))
    assert ("alone" in event, event["inside"]) == (False, "Dear !")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a\tb\nc", "a\tb\nc"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("Zoë Ünal 東京 🙂", "Zoë Ünal 東京 🙂"),
        ("👩\u200d👧", "👩\u200d👧"),
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),
        ("a\u200d\u200d\u200db", "ab"),
    ],
    ids=ascii,
)
def test_tabs_line_ends_and_the_joiners_of_a_script_stay(text: str, left: str) -> None:
    assert rule_language.cleaned(text) == left


@given(st.text())
def test_a_cleaned_text_is_clean(text: str) -> None:
    once = rule_language.cleaned(text)
    assert rule_language.cleaned(once) == once


@pytest.mark.parametrize("value", [None, True, False, 0, 7, 1.5, ""])
def test_what_holds_no_text_keeps_its_value_and_its_type(value: Json) -> None:
    assert rule_language.cleaned(value) is value


LIQUID = ["{{ x }}", "{% x %}", "a {{", "{\u200b{ x }}", "{\u200d% x %}", "{\u200b\u200d\u200b{", "{\x00{"]


@pytest.mark.parametrize("value", [*LIQUID, ("plain", "{{ x }}")], ids=ascii)
def test_a_value_that_braze_may_run_is_put_aside_with_the_fact_named(value: Any) -> None:
    (skip,) = planned(value)
    assert isinstance(skip, Skip)
    assert (skip.quarantined, skip.rule) == (True, "r")
    assert "A.X" in skip.reason
    assert "liquid: true" in skip.reason


@pytest.mark.parametrize("value", LIQUID, ids=ascii)
def test_an_attribute_that_braze_may_run_is_put_aside(value: str) -> None:
    (skip,) = attributes(value)
    assert isinstance(skip, Skip)
    assert (skip.quarantined, "ecm_x" in skip.reason) == (True, True)


@pytest.mark.parametrize(
    ("properties", "value"),
    [
        ({"p": "{${A.X}"}, "{ x }}"),
        ({"p": "${A.X}${A.X}"}, "{"),
        ({"p": "{${A.X}"}, "%"),
        ({"p": "{{ own }} ${A.X}"}, "{{ x }}"),
    ],
)
def test_delimiters_that_meet_only_in_the_filled_text_are_found(properties: dict[str, Json], value: str) -> None:
    with pytest.raises(RecordUnreadable, match=r"A\.X"):
        rule_language.fill(properties, {"A.X": value}, liquid=False)


def test_liquid_of_the_configuration_itself_is_left_alone() -> None:
    assert rule_language.fill({"p": "{{ ${A.X} }} {% y %}"}, {"A.X": "x {y}"}, liquid=False) == {
        "p": "{{ x {y} }} {% y %}"
    }


def test_a_rule_may_let_liquid_through() -> None:
    own: dict[str, Json] = {"alone": "${A.X}", "own": "{{ own }}"}
    for properties in leaving(planned("{{ x }}", own, liquid=True)):
        assert properties == {"alone": "{{ x }}", "own": "{{ own }}"} | (
            {"ecm_time_source": "modified"} if "ecm_time_source" in properties else {}
        )
