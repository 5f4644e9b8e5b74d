"""What a flow may write to Braze, as one declaration: `check --outbound` lists it, the loader refuses two writers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from ecmbraze.model import Json
from ecmbraze.planning import texts
from ecmbraze.planning.rules import Rule

# What dates an event whose record says nothing usable; see `planning.messages.happened_at`.
_LAST_LOOK = "when the workspace was last looked at before"


class Sort(StrEnum):
    """Where something goes in Braze."""

    IDENTIFIER = "identifier"
    ATTRIBUTE = "attribute"
    EVENT = "event"
    EVENT_TIME = "event time"
    EVENT_PROPERTY = "event property"
    CAMPAIGN = "campaign"
    CAMPAIGN_PROPERTY = "campaign property"
    CANVAS = "canvas"
    CANVAS_PROPERTY = "canvas property"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """One thing that leaves for Braze."""

    sort: Sort
    name: str
    """As Braze has it: the attribute with its prefix, the event, the campaign, ``event.property``."""
    fact: str
    """What of ECM it shows: a fact as rules name it, or a few words."""
    rule: str


def attribute(name: str, facts: Iterable[str], rule: str) -> Iterator[Outbound]:
    """Yield one row per fact that an attribute shows."""
    for fact in facts:
        yield Outbound(sort=Sort.ATTRIBUTE, name=name, fact=fact, rule=rule)


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
        (Sort.CAMPAIGN, Sort.CAMPAIGN_PROPERTY, send.campaign), (Sort.CANVAS, Sort.CANVAS_PROPERTY, send.canvas),
    ):  # fmt: skip
        if message:
            yield Outbound(sort=sort, name=message, fact="that the rule applies", rule=rule.name)
            yield from _properties(inner, message, rule)


def _properties(sort: Sort, of: str, rule: Rule) -> Iterator[Outbound]:
    for name, text in rule.send.properties.items():
        for fact in _shown(text):
            yield Outbound(sort=sort, name=f"{of}.{name}", fact=fact, rule=rule.name)


def _shown(text: Json) -> list[str]:
    """Return the facts a property names, or that it is the text of the configuration."""
    return sorted(texts.named(text)) or [f"the text {text!r}"]
