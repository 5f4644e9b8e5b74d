"""How an initial load stands, in words; decides nothing about it."""

from __future__ import annotations

from datetime import datetime, timedelta

from ecmbraze.ledger.loading import Load
from ecmbraze.ledger.waiting import LIFETIME
from ecmbraze.planning.estimate import spoken


def told(load: Load, now: datetime) -> str:
    """Return what an operator may want to know of a load; empty of one that ended, or that nobody confirmed in time."""
    command = f"ecmbraze {load.flow} --initial-load"
    if load.is_under_way:
        return f"{standing(load, now)}: `{command}` goes on where it was"
    if load.ended_at is not None or now - load.made_at >= LIFETIME:
        return ""
    return f"an estimate of an initial load waits for you: `{command} --confirm {load.hash[:12]} --by NAME`"


def standing(load: Load, now: datetime) -> str:
    """Return how far a load has come and how long the rest takes: by its own pace, by the estimate at first."""
    total, done = max(load.estimate.volume.people, load.people), load.people
    if load.ended_at is not None or load.confirmed_at is None:
        return f"initial load: done, {done} people" if load.ended_at else "initial load: not begun"
    left = load.estimate.time * ((total - done) / total) if total else timedelta()
    if done and (lasted := now - load.confirmed_at):
        left = lasted * ((total - done) / done)
    return f"initial load: {done} of {total} people, about {spoken(left)} left"
