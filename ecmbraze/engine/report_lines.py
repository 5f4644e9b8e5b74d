"""The lines of a run report: any number of them, since only a page of them is in memory at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import Any

from ecmbraze.ledger.paged import Paged
from ecmbraze.ledger.storedreports import Lines
from ecmbraze.model import Delivery, Json, Kind, State

# What an action says; the ledger keeps none of it in a report.
_CONTENT = ("before", "after", "properties")
PLANNED, PENDING = "planned", "pending"
GOES = (PLANNED, State.SENT)
NO_MESSAGES = frozenset(kind for kind in Kind if not kind.is_message)
_VALUES = frozenset(kind for kind in Kind if kind.delivery is Delivery.LATEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionLine:
    """One intended write, what it would say, and what became of it."""

    record: str
    workspace: str = ""
    """The workspace's name."""
    customer: str
    rule: str
    kind: str
    name: str
    title: str = ""
    """The name of the campaign or Canvas in Braze, where it was asked for; else ``name``."""
    said: str = ""
    """What it does, where its kind and a name would not say it."""
    reason: str
    state: str
    why: str = ""
    before: Json = None
    """Of what replaces a value, the one that was last taken from us."""
    after: Json = None
    archived: str = ""
    """Of a campaign or Canvas in a dry run: whether its present content is archived and approved."""
    properties: Mapping[str, Json] = field(default_factory=dict)
    """What travels with an event, a campaign or a Canvas."""
    time: str = ""
    """When an event says it happened."""

    @property
    def is_message(self) -> bool:
        return self.kind not in NO_MESSAGES

    @property
    def is_value(self) -> bool:
        """Whether it replaces a value, so that ``before`` and ``after`` say what it does."""
        return self.kind in _VALUES

    @property
    def because(self) -> str:
        """Why it goes, or what became of it instead."""
        return self.reason if self.state in GOES else self.why or self.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipLine:
    """One record, or one rule of it, that was left out."""

    record: str
    workspace: str = ""
    customer: str
    rule: str
    reason: str


_OF_ACTION = tuple(ActionLine.__dataclass_fields__)
_OF_SKIP = tuple(SkipLine.__dataclass_fields__)
_values_of_action: Callable[[ActionLine], tuple[Any, ...]] = attrgetter(*_OF_ACTION)
_values_of_skip: Callable[[SkipLine], tuple[Any, ...]] = attrgetter(*_OF_SKIP)
_NAME, _KIND, _STATE = (_OF_ACTION.index(name) for name in ("name", "kind", "state"))


class ActionLines:
    """The action lines of a report, in order, as often as they are asked for.

    They lie on the disk of ``folder`` beyond the first of them: a row of many attributes is one entry there, as it is
    one in the outbox.
    """

    def __init__(self, lines: Iterable[ActionLine] = (), *, folder: Path | None = None) -> None:
        self._paged = Paged(folder)
        self._sorts = [Counter[tuple[str, str]]()]
        """Of each page (kind, state) → how many lines."""
        for line in lines:
            self.append(line)

    def __len__(self) -> int:
        return self.sorts.total()

    def __iter__(self) -> Iterator[ActionLine]:
        for number in range(len(self._sorts)):
            for entry in self._paged.page(number):
                yield from _actions(entry)

    @property
    def sorts(self) -> Counter[tuple[str, str]]:
        """(kind, state) → how many lines, in the order in which they first stand in the report."""
        found = Counter[tuple[str, str]]()
        for page in self._sorts:
            found.update(page)
        return found

    def of(self, sorts: Collection[tuple[str, str]]) -> Iterator[ActionLine]:
        """Yield the lines of some kinds and states; pages without them are not read."""
        for number, there in enumerate(self._sorts):
            if any(sort in there for sort in sorts):
                for entry in self._paged.page(number):
                    if (entry[_KIND], entry[_STATE]) in sorts:
                        yield from _actions(entry)

    def append(self, line: ActionLine) -> None:
        self._add(_values_of_action(line), 1)

    def append_attributes(self, line: ActionLine, values: Mapping[str, tuple[Json, Json]]) -> None:
        """Append as many lines as there are values, each a name with what it was before and is after."""
        each = {"name": list(values), "before": [old for old, _ in values.values()], "rule": "", "title": ""}
        each["after"] = [new for _, new in values.values()]
        entry = [each.get(name, one) for name, one in zip(_OF_ACTION, _values_of_action(line), strict=True)]
        self._add(entry, len(values))

    def _add(self, entry: Sequence[Any], lines: int) -> None:
        self._sorts[-1][entry[_KIND], entry[_STATE]] += lines
        self._paged.append(entry)
        if self._paged.full == len(self._sorts):
            self._sorts.append(Counter())

    def as_stored(self) -> Lines:
        """Return them as the ledger keeps them: not what they say."""
        return _stored(_OF_ACTION, self._paged)


class SkipLines:
    """The lines of what was left out, in order, as often as they are asked for."""

    def __init__(self, lines: Iterable[SkipLine] = (), *, folder: Path | None = None) -> None:
        self._paged, self._count = Paged(folder), 0
        for line in lines:
            self.append(line)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[SkipLine]:
        for number in range(self._paged.full + 1):
            for entry in self._paged.page(number):
                yield SkipLine(**dict(zip(_OF_SKIP, entry, strict=True)))

    def append(self, line: SkipLine) -> None:
        self._paged.append(_values_of_skip(line))
        self._count += 1

    def as_stored(self) -> Lines:
        """Return them as the ledger keeps them."""
        return _stored(_OF_SKIP, self._paged)


def _actions(entry: Sequence[Any]) -> Iterator[ActionLine]:
    values = dict(zip(_OF_ACTION, entry, strict=True))
    if not isinstance(entry[_NAME], list):
        yield ActionLine(**values)
        return
    names, olds, news = values["name"], values["before"], values["after"]
    for name, before, after in zip(names, olds, news, strict=True):
        values |= {"rule": name, "name": name, "title": name, "before": before, "after": after}
        yield ActionLine(**values)


def _stored(fields: Sequence[str], paged: Paged) -> Lines:
    kept = [name for name in fields if name not in _CONTENT]
    cut = itemgetter(*(fields.index(name) for name in kept))
    return Lines(fields=kept, pages=(list(map(cut, paged.page(number))) for number in range(paged.full + 1)))
