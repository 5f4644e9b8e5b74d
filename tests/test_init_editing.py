"""The sections that the guided `init` writes are changed as text: whatever is left out, the rest stays as it was."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ecmbraze.cli.init import editing
from ecmbraze.cli.init.questions import selected
from ecmbraze.config.strict_yaml import parse
from ecmbraze.flows import BY_NAME, NAMES


def _left(text: str, path: tuple[Any, ...]) -> Any:
    """Return the values without an entry, without what held nothing else, and without the item it begins."""
    lines, whole = parse(text).lines, yaml.safe_load(text)
    while len(path) > 1:
        begins = text.splitlines()[lines[path] - 1].lstrip().startswith(f"- {path[-1]}:")
        if not begins and len(_at(whole, path[:-1])) > 1:
            break
        path = path[:-1]
    if len(path) == 1:
        return None
    del _at(whole, path[:-1])[path[-1]]
    return whole


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    return _at(value[path[0]], path[1:]) if path else value


@pytest.mark.parametrize("flow", NAMES)
def test_what_is_left_out_takes_nothing_else_with_it(flow: str) -> None:
    text = BY_NAME[flow].example

    for path in parse(text).lines:
        if path:
            changed = editing.without(text, path, "it: is # gone\u2028enabled: false")
            document = parse(changed)
            assert (document.problems, document.value) == ([], _left(text, path)), path


@pytest.mark.parametrize("flow", NAMES)
def test_another_value_or_key_changes_nothing_else(flow: str) -> None:
    text = BY_NAME[flow].example

    for path in parse(text).lines:
        if path and isinstance(editing.value(text, path), yaml.ScalarNode):
            for new in ("x", "a much longer value than before, of many words"):
                document = parse(editing.with_value(text, path, repr(new)))
                assert document.problems == []
                assert editing.value(editing.with_value(text, path, repr(new)), path).value == new
                before = [line for at, line in parse(text).lines.items()]
                assert [line for at, line in document.lines.items()] == before, path
        if path and isinstance(path[-1], str):
            document = parse(editing.with_key(text, path, "'another: key'"))
            assert (*path[:-1], "another: key") in document.lines


def test_a_comment_keeps_its_column() -> None:
    text = "a:\n  b: 1        # why\n"

    assert editing.with_value(text, ("a", "b"), "1234") == "a:\n  b: 1234     # why\n"
    assert editing.with_value(text, ("a", "b"), "1" * 30) == f"a:\n  b: {'1' * 30}  # why\n"


CHOICES = {"a1": "Case", "a2": "Case closed", "a3": "2", "a4": "News", "a5": "News"}


@pytest.mark.parametrize(
    ("answer", "value"), [("1", "a1"), ("case", "a1"), ("Case closed", "a2"), ("a5", "a5"), ("4", "a4"), ("2", "a3")]
)
def test_an_entry_is_picked_by_name_before_number(answer: str, value: str) -> None:
    assert selected(answer, CHOICES) == value


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("News", "may be 4 (News), 5 (News): type a number"),
        ("clos", "may be 2 (Case closed)"),
        ("Cse", "did you mean 'Case'?"),
        ("6", "there is no number 6: the list has 5"),
        ("9" * 500, "there is no number"),
        ("", "there is no ''"),
    ],
)
def test_what_may_be_several_entries_or_none_is_refused(answer: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"there is no|may be") as caught:
        selected(answer, CHOICES)

    assert said in str(caught.value)
