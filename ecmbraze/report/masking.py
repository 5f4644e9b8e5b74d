"""Hide what is personal in a report page: a person has one mark all through the page, and nobody else has it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from ecmbraze.engine.run_report import ActionLine, RunReport, SkipLine
from ecmbraze.model import Json

HIDDEN = "•••"
# A value that so many people of one page share names none of them.
SHARED = 5
_EMAIL = re.compile(r"[\w.+-]+@[\w.-]+")
_NUMBER = re.compile(r"(?<![\w-])\+?\d{6,}(?![\w-])")
# What stands in quotes in a reason is the name of a document or of a workspace, or what a system said.
_QUOTED = re.compile(r"(?<!\w)\"[^\"]*\"|(?<!\w)'.*?'(?!\w)")


class Masking:
    """The marks of one page. With ``hide`` off everything is returned as it is."""

    def __init__(self, reports: Sequence[RunReport], *, hide: bool) -> None:
        self.hide = hide
        self._people: dict[str, int] = {}
        self._holders: dict[tuple[str, str], set[str]] = {}
        self._names: set[str] = set()
        for report in reports if hide else ():
            self._learn(report)

    def _learn(self, report: RunReport) -> None:
        lines: tuple[ActionLine | SkipLine, ...] = (*report.actions, *report.skipped)
        for line in lines:
            self._names.update((line.workspace, line.customer))
        for action in report.actions:
            values = {action.name: action.after, "": action.before, **action.properties}
            for name, value in values.items():
                for leaf in _leaves(value):
                    holders = self._holders.setdefault((name or action.name, leaf), set())
                    if len(holders) < SHARED:
                        holders.add(action.customer)

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
        return value if self._shared(name, value) else HIDDEN

    def _shared(self, name: str, value: Json) -> bool:
        holders = self._holders.get((name, json.dumps(value)), ())
        return len(holders) >= SHARED and str(value) not in self._names and not _EMAIL.search(str(value))

    def reason(self, text: str, customer: str, workspace: str) -> str:
        """Return a reason without the person, the workspace and whatever it quotes."""
        if not self.hide:
            return text
        for personal in filter(None, (workspace, *customer.split(", "))):
            text = text.replace(personal, HIDDEN)
        return self.sentence(_QUOTED.sub(f"'{HIDDEN}'", text))

    def sentence(self, text: str) -> str:
        """Return a sentence about the run without addresses and long numbers."""
        return _NUMBER.sub(HIDDEN, _EMAIL.sub(HIDDEN, text)) if self.hide else text


def _leaves(value: Json) -> Iterator[str]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner)
    elif value is not None:
        yield json.dumps(value)
