"""The consent record in Extended ECM: the words of its attributes and the text of its history; decides nothing."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ecmbraze.model import Fact, Json

STATES = ("opted_in", "subscribed", "unsubscribed")
"""The states that Braze documents (api/braze.md 5.1); any other is no news and is not recorded."""
GRANT, DEFAULT, WITHDRAWN = STATES
UNKNOWN = "unknown"
"""Nothing is known of this person: the record of somebody else must not stand in its place."""
IN_ECM = "recorded in Extended ECM"
IN_BRAZE = "profile in Braze"

Address = Literal["none", "masked", "full"]

_UNTOLD = "wording not known to Braze"
_NO_PROOF = "This is a record of state and withdrawal. It is no proof that a consent was given."

# Beside what ECM refuses in names (api/ecm.md 1.5): what a file system or a URL reads as more than a name.
# A name holds 248 characters there; day, digest and two of these are well below.
_LONGEST = 60
_UNNAMED = re.compile(r'[:/\\*?"<>|\x00-\x1f]')


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """Since when a state holds: ``at`` where a system gives the time, else a moment between two looks.

    ``after`` is empty where nobody looked before. Aware, UTC, as ISO 8601 texts: they live in the ledger's memory.
    """

    at: str = ""
    after: str = ""
    until: str = ""

    @property
    def latest(self) -> str:
        """The latest moment at which it can have begun: the exact time, else the look that first showed the state."""
        return self.at or self.until

    @property
    def known(self) -> str:
        """What a date attribute may hold: the exact time, else the end of the interval; empty without either."""
        return self.at or (self.until if self.after else "")

    def as_json(self) -> dict[str, Json]:
        """Return ``{"at": …}`` or ``{"after": …, "until": …}``."""
        return {"at": self.at} if self.at else {"after": self.after or None, "until": self.until}

    def __str__(self) -> str:
        if self.at:
            return _readable(self.at)
        if self.after:
            return f"between {_readable(self.after)} and {_readable(self.until)}"
        return f"not known, before {_readable(self.until)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What is recorded of one channel of one person."""

    state: str
    since: Since
    source: str
    changes: int = 0
    """How many changes of this channel were recorded: the occurrence of the next one."""
    seen: str = ""
    """When it was taken over: what decides between Braze and ECM where neither gives a time."""
    before: str = ""
    """The state before it, by which one that flips is known."""
    apart: str = ""
    """Another state that Braze shows and that does not count, because it came about without the person."""

    def as_json(self) -> dict[str, Json]:
        """Return the entry as the flow's memory keeps it."""
        return {
            "state": self.state,
            "source": self.source,
            "changes": self.changes,
            "seen": self.seen,
            "before": self.before,
            "apart": self.apart,
            "at": self.since.at,
            "after": self.since.after,
            "until": self.since.until,
        }


def held(entry: Json) -> Held | None:
    """Return the entry that :meth:`Held.as_json` made; ``None`` where there is none."""
    if not isinstance(entry, Mapping):
        return None
    since = Since(at=str(entry["at"]), after=str(entry["after"]), until=str(entry["until"]))
    return Held(
        state=str(entry["state"]),
        since=since,
        source=str(entry["source"]),
        changes=int(str(entry["changes"])),
        seen=str(entry["seen"]),
        before=str(entry["before"]),
        apart=str(entry["apart"]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One change of one channel, as the history of one workspace has it."""

    key: str
    """The business key: each change stands in each workspace once."""
    customer: str
    channel: str
    purpose: str
    notice: str
    before: str
    after: Held
    seen_at: datetime
    request_id: str
    """The id of the request to Braze that showed it; empty for what staff recorded."""
    address: str

    @property
    def name(self) -> str:
        """The document's name: day, channel and state for people, the digest of the key for the program."""
        return _name(self.seen_at, self.channel, self.after.state, self.key)

    def text(self) -> str:
        """Return the document: lines for people, then one JSON object (flows.md, "History document")."""
        lines = [
            f"{self.channel}: {self.before or 'no state recorded'} -> {self.after.state}",
            f"Customer: {self.customer}",
            f"Purpose: {self.purpose}",
            f"What the customer was told: {self.notice or _UNTOLD}",
            f"Since: {self.after.since}",
            f"Source: {self.after.source}",
            f"Seen: {_readable(self.seen_at.isoformat())}",
            *([f"Address: {self.address}"] if self.address else []),
            _NO_PROOF,
        ]
        found: dict[str, Json] = {
            "key": self.key,
            "customer": self.customer,
            "channel": self.channel,
            "purpose": self.purpose,
            "notice": self.notice or None,
            "before": self.before or None,
            "after": self.after.state,
            "since": self.after.since.as_json(),
            "source": self.after.source,
            "seen_at": self.seen_at.isoformat(),
            "request_id": self.request_id or None,
            "address": self.address or None,
        }
        return _text(lines, found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The state of one channel, as the initial load found it."""

    channel: str
    purpose: str
    notice: str
    held: Held

    def as_json(self) -> dict[str, Json]:
        """Return what the history has of it, under the names of an :class:`Entry`."""
        return {
            "channel": self.channel,
            "purpose": self.purpose,
            "notice": self.notice or None,
            "before": None,
            "after": self.held.state,
            "since": self.held.since.as_json(),
            "source": self.held.source,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Initial:
    """The state of all channels when the record began, as the history of one workspace has it."""

    key: str
    customer: str
    seen_at: datetime
    request_id: str
    address: str
    channels: tuple[Standing, ...]

    @property
    def name(self) -> str:
        """The document's name, as that of a change."""
        return _name(self.seen_at, "initial", "state", self.key)

    def text(self) -> str:
        """Return the document: the object has what an entry has, but what is of one channel stands in ``channels``."""
        lines = ["Initial record of all channels", f"Customer: {self.customer}"]
        for one in self.channels:
            lines += [
                f"{one.channel}: {one.held.state}",
                f"  Purpose: {one.purpose}",
                f"  What the customer was told: {one.notice or _UNTOLD}",
                f"  Since: {one.held.since}",
                f"  Source: {one.held.source}",
            ]
        lines += [f"Seen: {_readable(self.seen_at.isoformat())}"]
        lines += [*([f"Address: {self.address}"] if self.address else []), _NO_PROOF]
        of_one = dict.fromkeys(("purpose", "notice", "before", "after", "since", "source"))
        found: dict[str, Json] = {
            **of_one,
            "key": self.key,
            "customer": self.customer,
            "channel": "initial",
            "seen_at": self.seen_at.isoformat(),
            "request_id": self.request_id or None,
            "address": self.address or None,
            "channels": [one.as_json() for one in self.channels],
        }
        return _text(lines, found)


def _name(seen_at: datetime, channel: str, state: str, key: str) -> str:
    digest = hashlib.sha256(key.encode()).hexdigest()[:12]
    what, how = (_UNNAMED.sub(" ", one)[:_LONGEST].strip() for one in (channel, state))
    return f"{seen_at:%Y-%m-%d} {what} {how} {digest}.txt"


def _text(lines: Sequence[str], found: Mapping[str, Json]) -> str:
    return "\n".join([*lines, "--- json", json.dumps(found, ensure_ascii=False, sort_keys=True), ""])


def in_braze(source: Fact) -> str:
    """Return the source of what Braze shows; ``source`` is what Braze itself gives as such, if it does."""
    return f"Braze: {source}" if source else IN_BRAZE


def shown(address: str, how: Address) -> str:
    """Return an address as the history may show it: ``a***@example.com``, whole, or not at all."""
    if how == "full" or not address:
        return address
    name, at, domain = address.partition("@")
    return f"{name[:1]}***{at}{domain}" if how == "masked" else ""


def _readable(moment: str) -> str:
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M:%S} UTC"
