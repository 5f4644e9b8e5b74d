"""Hide what is personal in a report page: a person has one mark all through the page, and nobody else has it."""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from ecmbraze.engine.report_lines import ActionLine
from ecmbraze.engine.run_report import RunReport
from ecmbraze.model import Json

HIDDEN = "•••"
# A value that so many people of one page share names none of them.
SHARED = 5
# Slots for the values of a page, by their hash: nobody keeps a hundred thousand values to find the few that are shared.
_SLOTS = 1 << 20
_EMAIL = re.compile(r"[\w.+-]+@[\w.-]+")
_NUMBER = re.compile(r"(?<![\w-])\+?\d{6,}(?![\w-])")
# What stands in quotes in a reason is the name of a document or of a workspace, or what a system said.
_QUOTED = re.compile(r"(?<!\w)\"[^\"]*\"|(?<!\w)'.*?'(?!\w)")


class Masking:
    """The marks of one page. With ``hide`` off everything is returned as it is."""

    def __init__(self, reports: Sequence[RunReport], *, hide: bool) -> None:
        self.hide = hide
        self._people: dict[str, int] = {}
        self._shared = _shared(reports) if hide else frozenset[tuple[str, str]]()

    def person(self, customers: str) -> str:
        """Return the mark of a customer, or of several: at most a third of the id, and a number of their own."""
        if not self.hide:
            return customers
        return ", ".join(self._mark(one) for one in customers.split(", ")) if customers else ""

    def _mark(self, customer: str) -> str:
        number, ends = self._people.setdefault(customer, len(self._people) + 1), min(len(customer) // 6, 3)
        if "@" in customer or not ends:
            return f"… #{number}"
        return f"{customer[:ends]}…{customer[-ends:]} #{number}"

    def workspace(self, name: str) -> str:
        """Return the first letter of a workspace's name; its record says which it is to those who may open it."""
        return f"{name[0]}…" if self.hide and name else name

    def value(self, name: str, value: Json) -> Json:
        """Return a value of an attribute or property, hidden where fewer than five people share it."""
        if not self.hide or value is None:
            return value
        if isinstance(value, Mapping):
            return {key: self.value(name, inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(name, inner) for inner in value]
        return value if (name, json.dumps(value)) in self._shared else HIDDEN

    def reason(self, text: str, customer: str, workspace: str) -> str:
        """Return a reason without the person, the workspace and whatever it quotes."""
        if not self.hide:
            return text
        for personal in filter(None, (workspace, *customer.split(", "))):
            text = text.replace(personal, HIDDEN)
        return _impersonal(text)

    def sentence(self, text: str) -> str:
        """Return a sentence about the run without addresses and long numbers."""
        return _unaddressed(text) if self.hide else text


@lru_cache(maxsize=1000)  # most of a page has few reasons
def _impersonal(text: str) -> str:
    return _unaddressed(_QUOTED.sub(f"'{HIDDEN}'", text))


def _unaddressed(text: str) -> str:
    return _NUMBER.sub(HIDDEN, _EMAIL.sub(HIDDEN, text))


def _shared(reports: Sequence[RunReport]) -> frozenset[tuple[str, str]]:
    """Return (name, value as JSON) of what five people or more share and what names nobody.

    Read twice: what stands in a slot that was met less than five times is shared by nobody.
    """
    met, named = bytearray(_SLOTS), array("q")
    for report in reports:
        for skip in report.skipped:
            named.extend((hash(skip.workspace), hash(skip.customer)))
        for line in report.actions:
            named.extend((hash(line.workspace), hash(line.customer)))
            for value in _values(line):
                slot = hash(value) % _SLOTS
                met[slot] += met[slot] < SHARED
    holders: dict[tuple[str, str], set[str]] = {}
    for report in reports:
        for line in report.actions:
            for value in _values(line):
                if met[hash(value) % _SLOTS] == SHARED and len(by := holders.setdefault(value, set())) < SHARED:
                    by.add(line.customer)
    found = {value: str(json.loads(value[1])) for value, by in holders.items() if len(by) == SHARED}
    names = set(map(hash, found.values())).intersection(named)
    return frozenset(one for one, text in found.items() if hash(text) not in names and not _EMAIL.search(text))


def _values(action: ActionLine) -> Iterator[tuple[str, str]]:
    """Yield (name, value as JSON) of what a line says, piece by piece."""
    for name, value in {action.name: action.after, "": action.before, **action.properties}.items():
        for leaf in _leaves(value):
            yield name or action.name, leaf


def _leaves(value: Json) -> Iterator[str]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner)
    elif value is not None:
        yield json.dumps(value)
