"""Change a section of a configuration as text, so that its comments stay; reads no file and judges nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import yaml

from ecmbraze.config.places import Path
from ecmbraze.report.plain import printable

_COLLECTION = (yaml.MappingNode, yaml.SequenceNode)
# The comment behind a value, with the blanks before it: they give way, so that it keeps its column.
_BEHIND = re.compile(r"( +)(?=#)")


def value(text: str, path: Path) -> Any:
    """Return the node at a path; raises KeyError where there is none."""
    return _entries(text, path)[1]


def with_value(text: str, path: Path, new: str) -> str:
    """Return the text with another value at a path."""
    node = value(text, path)
    return _replaced(text, node.start_mark.index, node.end_mark.index, new)


def with_key(text: str, path: Path, new: str) -> str:
    """Return the text with another key for the entry at a path."""
    entries, _ = _entries(text, path)
    key = entries[_number(entries, path)][0]
    return _replaced(text, key.start_mark.index, key.end_mark.index, new)


def without(text: str, path: Path, why: str) -> str:
    """Return the text with an entry as a comment that says why; inside of a line the entry is taken out.

    What holds nothing but the entry goes with it, and so does the item of a list that begins with it.
    """
    entries, node = _entries(text, path)
    if len(entries) == 1:
        return without(text, path[:-1], why) if len(path) > 1 else as_comment(text, why)
    number = _number(entries, path)
    first = entries[number][0]
    if value(text, path[:-1]).flow_style if len(path) > 1 else False:
        if number + 1 < len(entries):
            return text[: first.start_mark.index] + text[entries[number + 1][0].start_mark.index :]
        return text[: entries[number - 1][1].end_mark.index] + text[node.end_mark.index :]
    lines = text.splitlines(keepends=True)
    begin, end = first.start_mark.line, _end(node)
    if isinstance(path[-1], str) and lines[begin][: first.start_mark.column].strip():
        return without(text, path[:-1], why)
    return "".join((*lines[:begin], as_comment("".join(lines[begin:end]), why), *lines[end:]))


def as_comment(text: str, why: str) -> str:
    """Return whole lines as a comment at their own indentation; with a line above them where there is to say why."""
    lines = text.splitlines()
    margin = " " * min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    said = [f"Left out: {line_of(why)}"] if why else []
    return "".join(f"{margin}# {line}".rstrip() + "\n" for line in (*said, *(line[len(margin) :] for line in lines)))


def line_of(text: str) -> str:
    """Return a text that may stand in a comment: whatever ends a line in YAML is a blank, and nothing is unseen."""
    return printable(" ".join(text.split()))


def _replaced(text: str, begin: int, end: int, new: str) -> str:
    behind = text[end:]
    if found := _BEHIND.match(behind):
        blanks = len(found[1]) + (end - begin) - len(new)
        behind = " " * max(blanks, 2) + behind[found.end() :]
    return text[:begin] + new + behind


def _entries(text: str, path: Path) -> tuple[Sequence[tuple[Any, Any]], Any]:
    """Return (key or item, value) of all that stands beside the entry at a path, and its value."""
    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    entries: Sequence[tuple[Any, Any]] = ()
    for step in path:
        if not isinstance(node, _COLLECTION):
            raise KeyError(step)
        pairs = node.value if isinstance(node, yaml.MappingNode) else [(item, item) for item in node.value]
        entries = pairs
        number = _number(entries, (step,))
        node = entries[number][1]
    return entries, node


def _number(entries: Sequence[tuple[Any, Any]], path: Path) -> int:
    step = path[-1]
    found = step if isinstance(step, int) else next((n for n, (key, _) in enumerate(entries) if key.value == step), -1)
    if not 0 <= found < len(entries):
        raise KeyError(step)
    return found


def _end(node: Any) -> int:
    """Return the line behind a node; a block ends where the next begins, but for the comments before that."""
    inside = node
    while isinstance(inside, _COLLECTION) and not inside.flow_style and inside.value:
        last = inside.value[-1]
        inside = last[1] if isinstance(last, tuple) else last
    return int(inside.end_mark.line) + 1
