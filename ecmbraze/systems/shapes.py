"""Reach into JSON that may have any shape; every surprise is one ShapeError, never another exception."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# faults.md I-2: what is larger is no value of ours.
MAX_TEXT, MAX_LIST = 10_000, 1_000


class ShapeError(ValueError):
    """The answer is JSON, but not of the shape this API documents."""


def mapping(value: object, what: str) -> Mapping[str, Any]:
    """Return the object; raises ShapeError naming ``what`` for anything else."""
    if not isinstance(value, Mapping):
        raise ShapeError(f"answer has no {what}")
    return value


def listing(value: object, what: str) -> list[Any]:
    """Return the list; raises ShapeError naming ``what`` for anything else."""
    if not isinstance(value, list):
        raise ShapeError(f"answer has no {what}")
    return value


def text(value: object, what: str) -> str:
    """Return the text; raises ShapeError for anything else, or one too long to be it."""
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise ShapeError(f"{what} is no text")
    return value


def whole(value: object, what: str) -> int:
    """Return the integer, also when it came as digits; raises ShapeError for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ShapeError(f"{what} is no whole number")
    return value


def inner(value: object, *names: str) -> Mapping[str, Any]:
    """Return the object that stands at the end of the path."""
    found = mapping(value, "object")
    for name in names:
        found = mapping(found.get(name), name)
    return found


def excerpt(value: object) -> str:
    """Return the beginning of a text for a message: one line, printable, at most 200 characters."""
    return "".join(letter if letter.isprintable() else " " for letter in str(value)[:200])
