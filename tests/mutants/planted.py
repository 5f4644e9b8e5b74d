"""The bugs of ``bugs.txt`` as values; plants none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_TEXT = Path(__file__).with_name("bugs.txt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """A piece of source, what is planted in its place, and the tests that must fail then."""

    name: str
    file: str
    tests: tuple[str, ...]
    old: str
    new: str


def bugs() -> tuple[Bug, ...]:
    """Return every bug in the order of the text."""
    _, *blocks = _TEXT.read_text(encoding="utf-8").rstrip().split("\n\n")
    return tuple(_bug(block.split("\n")) for block in blocks)


def _bug(lines: list[str]) -> Bug:
    where, *tests = _of("    ", lines)
    old, new = ("\n".join(_of(sign, lines)) for sign in "-+")
    return Bug(name=lines[0], file=f"ecmbraze/{where}", tests=tuple(tests), old=old, new=new)


def _of(sign: str, lines: Iterable[str]) -> list[str]:
    return [line.removeprefix(sign) for line in lines if line.startswith(sign)]
