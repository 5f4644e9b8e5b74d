"""What a flow may write, as one declaration: `check --outbound` lists it, the loader refuses a second writer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from ecmbraze.model import Action, Json, Kind
from ecmbraze.planning import rule_language
from ecmbraze.planning.rules import Rule

# What dates an event whose record says nothing usable; see `planning.messages.happened_at`.
_LAST_LOOK = "when the workspace was last looked at before"


class Direction(StrEnum):
    """Which side a flow reads and which it writes."""

    TO_BRAZE = "ECM → Braze"
    TO_ECM = "Braze → ECM"
    BOTH = "ECM ↔ Braze"


class Sort(StrEnum):
    """What is written."""

    IDENTIFIER = "identifier"
    ATTRIBUTE = "attribute"
    EVENT = "event"
    EVENT_TIME = "event time"
    EVENT_PROPERTY = "event property"
    CAMPAIGN = "campaign"
    CAMPAIGN_PROPERTY = "campaign property"
    CANVAS = "canvas"
    CANVAS_PROPERTY = "canvas property"
    SUBSCRIPTION = "subscription"
    CATEGORY_ATTRIBUTE = "category attribute"
    DOCUMENT = "document"
    FOLLOW_UP = "follow-up"

    @property
    def direction(self) -> Direction:
        """Which way it goes."""
        in_ecm = self in (Sort.CATEGORY_ATTRIBUTE, Sort.DOCUMENT, Sort.FOLLOW_UP)
        return Direction.TO_ECM if in_ecm else Direction.TO_BRAZE

    @property
    def has_one_writer(self) -> bool:
        """Whether it holds one value at a time, so that two writers would overwrite each other in turns."""
        return self in (Sort.ATTRIBUTE, Sort.SUBSCRIPTION, Sort.CATEGORY_ATTRIBUTE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """One thing that is written."""

    sort: Sort
    name: str
    """As the side that is written has it: the attribute with its prefix, the event, the campaign, ``event.property``;
    the subscription (``email``, ``push``, ``group:<id>``), ``Category.Attribute``, the folder of the documents, the
    type of the reminders or the list of the tasks."""
    fact: str
    """What of the other side it shows: a fact as rules name it, or a few words."""
    rule: str
    values: tuple[str | None, ...] = ()
    """What may be written there, as far as that is known beforehand; ``None`` where it may be emptied."""


def directions(rows: Iterable[Outbound]) -> Direction | None:
    """Return which way all of this goes, ``None`` for nothing; whom it is about stands on both sides."""
    found = {row.sort.direction for row in rows if row.sort is not Sort.IDENTIFIER}
    return Direction.BOTH if len(found) > 1 else next(iter(found), None)


def written(action: Action) -> tuple[tuple[Sort, str], ...]:  # noqa: C901 one case per kind, so that none is forgotten
    """Return what an action writes, under the names of the declaration: nothing else may leave."""
    name = action.name
    match action.kind:
        case Kind.ATTRIBUTE:
            return ((Sort.ATTRIBUTE, name),)
        case Kind.ATTRIBUTES:
            return tuple((Sort.ATTRIBUTE, one.name) for one in action.each)
        case Kind.EVENT:
            return (Sort.EVENT, name), (Sort.EVENT_TIME, name), *_properties_of(action, Sort.EVENT_PROPERTY)
        case Kind.CAMPAIGN:
            return (Sort.CAMPAIGN, name), *_properties_of(action, Sort.CAMPAIGN_PROPERTY), *_attributes_of(action)
        case Kind.CANVAS:
            return (Sort.CANVAS, name), *_properties_of(action, Sort.CANVAS_PROPERTY), *_attributes_of(action)
        case Kind.WITHDRAWAL:
            return ((Sort.SUBSCRIPTION, name),)
        case Kind.CATEGORY:
            return tuple((Sort.CATEGORY_ATTRIBUTE, attribute) for attribute in _mapping(action.payload))
        case Kind.METADATA:
            return tuple((Sort.CATEGORY_ATTRIBUTE, name) for name in _mapping(_mapping(action.payload).get("values")))
        case Kind.DOCUMENT | Kind.ARCHIVE | Kind.VERSION | Kind.RENAME:
            return ((Sort.DOCUMENT, str(_mapping(action.payload).get("folder"))),)
        case Kind.FOLLOW_UP | Kind.COMPLETION:
            payload = _mapping(action.payload)
            return ((Sort.FOLLOW_UP, str(payload.get("list") or payload.get("type"))),)


def _properties_of(action: Action, sort: Sort) -> Iterator[tuple[Sort, str]]:
    return ((sort, f"{action.name}.{name}") for name in _mapping(_mapping(action.payload).get("properties")))


def _attributes_of(action: Action) -> Iterator[tuple[Sort, str]]:
    return ((Sort.ATTRIBUTE, name) for name in _mapping(_mapping(action.payload).get("attributes")))


def _mapping(payload: Json) -> Mapping[str, Json]:
    return payload if isinstance(payload, Mapping) else {}


def attribute(name: str, facts: Iterable[str], rule: str) -> Iterator[Outbound]:
    """Yield one row per fact that an attribute shows."""
    for fact in facts:
        yield Outbound(sort=Sort.ATTRIBUTE, name=name, fact=fact, rule=rule)


def attributes(declared: Iterable[Outbound]) -> frozenset[str]:
    """Return the names of the attributes that are declared."""
    return frozenset(row.name for row in declared if row.sort is Sort.ATTRIBUTE)


def of_rule(rule: Rule, *, times: Iterable[str]) -> Iterator[Outbound]:
    """Yield what a rule sends. ``times`` are the facts from which its event may take its time."""
    send = rule.send
    if send.event:
        yield Outbound(sort=Sort.EVENT, name=send.event, fact="that the rule applies", rule=rule.name)
        for fact in (*times, _LAST_LOOK):
            yield Outbound(sort=Sort.EVENT_TIME, name=send.event, fact=fact, rule=rule.name)
        yield from _properties(Sort.EVENT_PROPERTY, send.event, rule)
        source = f"{send.event}.ecm_time_source"
        yield Outbound(sort=Sort.EVENT_PROPERTY, name=source, fact="how its time is known", rule=rule.name)
    for sort, inner, message in (
        (Sort.CAMPAIGN, Sort.CAMPAIGN_PROPERTY, send.campaign),
        (Sort.CANVAS, Sort.CANVAS_PROPERTY, send.canvas),
    ):
        if message:
            yield Outbound(sort=sort, name=message, fact="that the rule applies", rule=rule.name)
            yield from _properties(inner, message, rule)


def _properties(sort: Sort, of: str, rule: Rule) -> Iterator[Outbound]:
    for name, text in rule.send.properties.items():
        for fact in _shown(text):
            yield Outbound(sort=sort, name=f"{of}.{name}", fact=fact, rule=rule.name)


def _shown(text: Json) -> list[str]:
    """Return the facts a property names, or that it is the text of the configuration."""
    return sorted(rule_language.named(text)) or [f"the text {text!r}"]
