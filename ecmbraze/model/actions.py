"""One intended write, alone or holding several attributes of one person: its keys, its targets, its parts; pure."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from ecmbraze.model import keys
from ecmbraze.model.keys import ContentKey, PersonKey, WorkspaceKey
from ecmbraze.model.vocabulary import Json, Kind, System

# The occurrence of a reminder: the date it is counted from, and how far from it.
_REMINDER = re.compile(r"\d{4}-\d\d-\d\d(?P<distance>[+-]\d+d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One intended write.

    ``name`` is the attribute, the event, or the campaign or Canvas id; ``payload`` is the attribute's value, the
    event's body, or ``{"properties": …, "attributes": …}`` of a triggered message. A withdrawal is named ``email``,
    ``push`` or ``group:<id>``. What goes to Extended ECM has a workspace for its recipient: a category carries all
    values that the flow keeps of it, ``{"Category.Attribute": …}``; a document ``{"folder": …, "content": text}``
    under its file name. A follow-up is named by its rule and carries :meth:`FollowUp.payload`; a completion is named
    by the mark of the follow-up it ends and carries its type. What archives an asset has the asset for its recipient,
    and says in ``payload`` where. What holds several writes is named by the JSON list of their names, and carries
    ``{name: payload}`` of each; see :attr:`each`.
    """

    flow: str
    record: str
    rule: str
    occurrence: str
    """Tells one happening of the rule from the next: a count, a date."""
    kind: Kind
    recipient: str
    name: str
    payload: Json
    expires_at: datetime
    reason: str
    consent: Mapping[str, Json] | None = None
    """Channel → ``{"state": …, "group": …}``, or ``{"transactional": reason}``; ``None`` for what needs none."""
    create_profile: bool = False
    not_before: datetime | None = field(default=None, compare=False)
    """The earliest it can have happened, where more is known than that the record changed; not stored."""

    @property
    def key(self) -> str:
        """The business key: never the payload, never the modify date (delivery.md)."""
        return f"{self.flow}/{self.record}/{self.rule}/{self.occurrence}/{self.kind}/{self.recipient}"

    @property
    def series(self) -> str:
        """What the occurrence recurs in: counts of a rule and states of a gate, versions of one document, dates of
        one reminder. A held message keeps back only what follows it in its series.
        """
        if self.occurrence.startswith("doc:"):
            return self.occurrence.partition(".v")[0]
        reminder = _REMINDER.fullmatch(self.occurrence)
        return reminder["distance"] if reminder else ""

    @property
    def person(self) -> str:
        """Whom it is about; empty where a workspace is written to because of a record that is no person."""
        if self.kind.system is System.BRAZE:
            return self.recipient
        match keys.read(self.record):
            case PersonKey(recipient=recipient):
                return recipient
            case WorkspaceKey() | ContentKey():
                return ""

    @property
    def target(self) -> str:
        """What is written; of ``latest`` kinds only the newest per target goes out."""
        if self.kind.holds:  # beside the targets of its parts, and none of theirs: no name begins so
            return f"{self.recipient}/{self.kind.holds}/@{min(self.names)}"
        return target(self.recipient, self.kind, self.name)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of what it writes."""
        return _names(self.name) if self.kind.holds else (self.name,)

    @property
    def values(self) -> Mapping[str, Json]:
        """Return name → payload of what it writes."""
        return self.payload if self.kind.holds and isinstance(self.payload, Mapping) else {self.name: self.payload}

    @property
    def each(self) -> tuple[Action, ...]:
        """The writes that this one holds, each as it was planned; of any other this one alone."""
        return tuple(self.part(name) for name in self.names) if self.kind.holds else (self,)

    def without(self, names: Container[str]) -> Iterator[Action]:
        """Yield what is left of it when some of its names are written otherwise."""
        left = tuple(name for name in self.names if name not in names)
        if len(left) > 1:
            yield replace(self, name=_text(left), payload={name: self.values[name] for name in left})
        else:
            yield from (self.part(name) for name in left)

    def part(self, name: str) -> Action:
        """Return the write of one of its names."""
        if self.kind.holds is None:
            return self
        return replace(self, kind=self.kind.holds, rule=name, name=name, payload=self.values.get(name))

    @property
    def keys(self) -> tuple[str, ...]:
        """The business keys of what it writes, in the order of its names."""
        kind = self.kind.holds
        if kind is None:
            return (self.key,)
        first, last = f"{self.flow}/{self.record}/", f"/{self.occurrence}/{kind}/{self.recipient}"
        return tuple(f"{first}{name}{last}" for name in self.names)


def target(recipient: str, kind: Kind, name: str) -> str:
    """Return what one write writes; of ``latest`` kinds only the newest per target goes out."""
    return f"{recipient}/{kind}/{name}"


def attributes(values: Mapping[str, Json], **shared: Any) -> Iterator[Action]:
    """Yield the writes of some attributes of one person, all with the ``shared`` fields of :class:`Action`.

    They are one action. What empties a value stays by itself: it ends where Braze does not know the person, and the
    others wait.
    """
    filled = {name: value for name, value in values.items() if value is not None}
    beside = values if len(filled) < 2 else values.keys() - filled.keys()
    if len(filled) > 1:
        kind = Kind.ATTRIBUTES
        yield Action(kind=kind, rule=str(kind), name=_text(tuple(filled)), payload=filled, **shared)
    for name in values:
        if name in beside:
            yield Action(kind=Kind.ATTRIBUTE, rule=name, name=name, payload=values[name], **shared)


@lru_cache(maxsize=1024)  # most people are written the same attributes
def _names(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


@lru_cache(maxsize=1024)
def _text(names: tuple[str, ...]) -> str:
    return json.dumps(names, separators=(",", ":"))
