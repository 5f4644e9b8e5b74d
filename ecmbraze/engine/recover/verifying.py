"""Read a sample of what Braze accepted back from the profiles: accepted and seen are two things; sends nothing."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from dateutil import parser

from ecmbraze.engine.deliver.batches import marker
from ecmbraze.ledger.outbox import Outbox, Row
from ecmbraze.model import Json, Kind, Profile
from ecmbraze.ports import PeopleReader

# Braze processes asynchronously: younger writes need not show yet, older ones were looked for in an earlier run.
_RIPE, _OLD = timedelta(minutes=5), timedelta(hours=24)
_BATCH = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """How much is read back; the choice hangs on the business key, so that it can be repeated."""

    share: float

    def takes(self, row: Row) -> bool:
        digest = hashlib.sha256(row.action.key.encode()).digest()
        return int.from_bytes(digest[:4], "big") < self.share * 2**32


@dataclass(slots=True, kw_only=True)
class Seen:
    """Flow → how many sampled writes showed in their profile, and how many did not."""

    seen: Counter[str] = field(default_factory=Counter)
    unseen: Counter[str] = field(default_factory=Counter)
    restated: Counter[str] = field(default_factory=Counter)
    """Flow → how many attributes are sent again, because the profile no longer shows what Braze took."""


def look(outbox: Outbox, people: PeopleReader, sample: Sample, now: datetime) -> Seen:
    """Look once for each sampled write of the last day that Braze had time to process."""
    found = Seen()
    ripe = [row for row in outbox.unverified(now - _OLD, now - _RIPE) if sample.takes(row)]
    for start in range(0, len(ripe), _BATCH):
        part = ripe[start : start + _BATCH]
        profiles = people.profiles(list(dict.fromkeys(row.action.recipient for row in part)))
        for row in part:
            shows = any(
                _shows(row, profile, outbox.accepted(row.action.target))
                for profile in profiles.get(row.action.recipient, ())
            )
            (found.seen if shows else found.unseen)[row.action.flow] += 1
            if not shows and row.action.kind is Kind.ATTRIBUTE and profiles.get(row.action.recipient):
                found.restated.update(outbox.restate(row.action.recipient, now))
        outbox.looked([(row, row.looks + 1) for row in part])
    return found


def _shows(row: Row, profile: Profile, accepted: Json) -> bool:
    """Say whether a profile holds what was sent. A later value of ours, or of a later attempt, shows it as well."""
    action, told = row.action, profile.custom_attributes
    match action.kind:
        case Kind.ATTRIBUTE:
            return _same(told.get(action.name), accepted)
        case Kind.EVENT:
            return action.name in profile.custom_events
        case Kind.CAMPAIGN | Kind.CANVAS:
            return marker(action.flow) in told


def _same(shown: Json, sent: Json) -> bool:
    """Compare; Braze stores a text that looks like a date as an instant and shows it its own way (api/braze.md 1.6)."""
    return shown == sent or (_instant(shown) is not None and _instant(shown) == _instant(sent))


def _instant(value: Json) -> datetime | None:
    try:
        moment = parser.isoparse(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC) if moment else None
