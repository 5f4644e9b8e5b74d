"""Read a sample of what Braze accepted back from the profiles: accepted and seen are two things; sends nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ecmbraze.engine.deliver.channels import channel_of
from ecmbraze.engine.deliver.requests import batched
from ecmbraze.engine.setting import Sample, Systems
from ecmbraze.ledger.outbox import Outbox, Row
from ecmbraze.model import Profile

# Braze processes asynchronously: younger writes need not show yet, older ones were looked for in an earlier run.
_RIPE, _OLD = timedelta(minutes=5), timedelta(hours=24)
_BATCH = 50


@dataclass(slots=True, kw_only=True)
class Seen:
    """Flow → how many sampled writes showed in their profile, and how many did not."""

    seen: Counter[str] = field(default_factory=Counter)
    unseen: Counter[str] = field(default_factory=Counter)
    restated: Counter[str] = field(default_factory=Counter)
    """Flow → how many attributes are sent again, because the profile no longer shows what Braze took."""


def look(outbox: Outbox, systems: Systems, sample: Sample, written: Container[tuple[str, str]], now: datetime) -> Seen:
    """Look once for each sampled write of the last day that Braze had time to process.

    Left out is what no profile shows: what went to Extended ECM, and the subscription groups. ``written`` are (flow,
    attribute) of what today's configuration writes: nothing else is sent again.
    """
    found = Seen()
    recent = outbox.unverified(now - _OLD, now - _RIPE)
    ripe = [
        replace(row, action=row.action.part(name))
        for row in recent
        if channel_of(row.action.kind.holds or row.action.kind).shows
        for name, key in zip(row.action.names, row.action.keys, strict=True)
        if sample.takes(key)
    ]
    for part in batched(ripe, _BATCH):
        profiles = systems.people.profiles(list(dict.fromkeys(row.action.recipient for row in part)))
        for row in part:
            known = profiles.get(row.action.recipient, ())
            shows = _shows(outbox, row, known)
            if shows is None:
                continue
            (found.seen if shows else found.unseen)[row.action.flow] += 1
            action = row.action
            if not shows and channel_of(action.kind).restated and (action.flow, action.name) in written and known:
                found.restated.update(outbox.restate(action.recipient, action.kind, written, now))
        outbox.looked([(row, row.looks + 1) for row in {row.id: row for row in part}.values()])
    return found


def _shows(outbox: Outbox, row: Row, profiles: Sequence[Profile]) -> bool | None:
    """Say whether one of the profiles holds what was sent; ``None`` when a profile cannot tell."""
    shows, accepted = channel_of(row.action.kind).shows, outbox.accepted(row.action.target)
    seen = [shows(row.action, profile, accepted) for profile in profiles] if shows else [None]
    return None if None in seen else any(seen)
