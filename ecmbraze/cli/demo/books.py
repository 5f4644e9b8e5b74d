"""What both simulated systems show of what the program did, from their own books; knows nothing of its reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

from ecmbraze.sandbox.remote import RemoteSandbox

_MARKERS = "ecmbraze_"  # attributes by which the program finds its own requests again
# What is counted here, and how the run reports name it.
_REPORTED = {
    "events": ("events",),
    "messages": ("triggers",),
    "attributes": ("attributes",),
    "withdrawals": ("withdrawals",),
    "records": ("categories",),
    "documents": ("documents",),
    "versions": ("versions",),
    "follow_ups": ("tasks",),
}
_STATES = ("attributes", "records")  # what replaces a value
Entry = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Everything that the program did in both systems, by sort."""

    events: tuple[Entry, ...]
    """(customer, name)"""
    messages: tuple[Entry, ...]
    """(customer, name of the campaign or Canvas)"""
    attributes: tuple[Entry, ...]
    """(customer, name, value): once in a step, though a message carries the values of its customer once more"""
    withdrawals: tuple[Entry, ...]
    """(customer, request): somebody taken off e-mail"""
    records: tuple[Entry, ...]
    """(workspace or document, category): once in a step, however many of its attributes"""
    documents: tuple[Entry, ...]
    """(document,): new ones"""
    versions: tuple[Entry, ...]
    """(document, version): the later ones"""
    follow_ups: tuple[Entry, ...]
    """(kind, reminder or task)"""

    @classmethod
    def of(cls, box: RemoteSandbox) -> Self:
        """Read the books of both systems."""
        account = next(one["id"] for one in box.call("GET", "/ecm/members") if one["name"] == box.username)
        received = box.call("GET", "/braze/received")
        attributes = [one for one in received["attributes"] if not one["name"].startswith(_MARKERS)]
        files = [
            (file, version)
            for file in box.call("GET", "/ecm/documents")
            for version in file["versions"]
            if version["by"] == account
        ]
        return cls(
            events=tuple((one["recipient"], one["name"]) for one in received["events"]),
            messages=tuple((one["recipient"], one["name"]) for one in received["messages"]),
            attributes=tuple((one["recipient"], one["name"], str(one["value"])) for one in attributes),
            withdrawals=tuple(_withdrawn(box.journal(system="braze"))),
            records=(
                *((one["workspace"], _category(one["what"])) for one in box.edits() if one["user"] == account),
                *((file["id"], _category(name)) for file, _ in files for name in file["values"]),
            ),
            documents=tuple((file["id"],) for file, version in files if version["number"] == 1),
            versions=tuple((file["id"], version["number"]) for file, version in files if version["number"] > 1),
            follow_ups=tuple((one["kind"], one["id"]) for one in box.follow_ups()),
        )

    def since(self, before: Books) -> Books:
        """Return what came after an earlier look."""
        return Books(**{one.name: _more(getattr(self, one.name), getattr(before, one.name)) for one in fields(self)})

    def counted(self) -> dict[str, int]:
        """Return how many there are of each sort."""
        return {one.name: _many(one.name, getattr(self, one.name)) for one in fields(self)}


def reported(reports: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return how many of each sort the run reports speak of."""
    return {
        sort: sum(report["by_action"].get(name, 0) for report in reports for name in names)
        for sort, names in _REPORTED.items()
    }


def words(counted: Mapping[str, int]) -> str:
    """Return counts as a person reads them."""
    named = [f"{n} {sort.replace('_', '-').removesuffix('s' if n == 1 else '')}" for sort, n in counted.items() if n]
    return ", ".join(named) or "nothing"


def _many(sort: str, entries: tuple[Entry, ...]) -> int:
    return len(set(entries) if sort in _STATES else entries)


def _category(attribute: str) -> str:
    return attribute.partition(".")[0]


def _more(now: Iterable[Entry], before: Iterable[Entry]) -> tuple[Entry, ...]:
    return tuple((Counter(now) - Counter(before)).elements())


def _withdrawn(journal: Iterable[Mapping[str, Any]]) -> Iterable[Entry]:
    for entry in journal:
        if entry["path"] == "/users/track":
            people = (entry["json"] or {}).get("attributes", ())
            yield from ((one.get("external_id"), entry["seq"]) for one in people if "email_subscribe" in one)
