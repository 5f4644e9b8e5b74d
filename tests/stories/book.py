"""What both systems took from the product, as one book: who got what once, and what stands there; judges nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ecmbraze.planning.outbound import Sort
from tests.twins.braze import Entry
from tests.twins.ecm_world import Written
from tests.twins.house import House

Once = tuple[str, str]
"""(person, ``ws:4711`` or ``[<id>].json``, name of the message, the document or the version)."""
ONCE = ("event", "campaign", "canvas", "document", "version", "follow-up", "completion")
"""The kinds that are there once and no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One thing that one of the systems took. ``about`` is a person in Braze, ``ws:4711``, or ``[<id>].json``."""

    kind: str
    about: str
    name: str
    brought: tuple[tuple[Sort, str], ...]
    """What it brought there, under the names of the declaration."""


def book(house: House) -> tuple[Write, ...]:
    """Return everything that was taken so far, of each system oldest first; markers of attempts are none of it."""
    return (*_of_braze(house), *(_of_ecm(entry) for entry in house.ecm.book))


def once(house: House) -> Counter[Once]:
    """Return how often each message and each document was taken: what must be there once and no more."""
    return Counter((write.about, write.name) for write in book(house) if write.kind in ONCE)


def messages(house: House) -> Counter[Once]:
    """Return how often each message was taken."""
    return Counter((entry.recipient, entry.name) for entry in house.braze.messages)


def standing(house: House) -> dict[str, Mapping[str, Any]]:
    """Return what stands in profiles, workspaces and archived documents, without the markers of attempts."""
    people = {
        name: {
            **{key: value for key, value in person.attributes.items() if not key.startswith("ecmbraze_")},
            "email": person.email_subscribe,
            "push": person.push_subscribe,
            **person.groups,
        }
        for name, person in house.braze.people.items()
    }
    spaces = {f"ws:{number}": dict(space.values) for number, space in house.ecm.spaces.items()}
    papers = {
        paper.name[paper.name.rindex("[") :]: {"name": paper.name, "versions": len(paper.versions), **paper.values}
        for paper in house.ecm.papers.values()
        if "[" in paper.name
    }
    return {**people, **spaces, **papers}


def _of_braze(house: House) -> Iterator[Write]:
    markers = {f"ecmbraze_{flow}" for flow in house.config.flows}
    for entry in house.braze.book:
        if entry.name not in markers:
            yield Write(kind=entry.kind, about=entry.recipient, name=entry.name, brought=tuple(_brought(entry)))


def _brought(entry: Entry) -> Iterator[tuple[Sort, str]]:
    if entry.kind == "withdrawal":
        yield Sort.SUBSCRIPTION, entry.name
        return
    sort = Sort(entry.kind)
    yield sort, entry.name
    yield from ((Sort(f"{sort} property"), f"{entry.name}.{name}") for name in entry.properties)
    if entry.time:
        yield Sort.EVENT_TIME, entry.name


def _of_ecm(entry: Written) -> Write:
    if entry.kind in ("follow-up", "completion"):
        brought = (Sort.FOLLOW_UP, entry.folder)
        return Write(kind=entry.kind, about=f"ws:{entry.node}", name=f"{entry.kind} {entry.name}", brought=(brought,))
    attribute = entry.kind == "attribute"
    brought = (Sort.CATEGORY_ATTRIBUTE, entry.name) if attribute else (Sort.DOCUMENT, entry.folder)
    return Write(kind=entry.kind, about=entry.marker or f"ws:{entry.node}", name=entry.name, brought=(brought,))
