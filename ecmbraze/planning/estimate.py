"""What an initial load would take, before a person confirms it: people, requests, time; asks nobody."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta

ASSUMED_S = 0.2
"""Seconds per request to Extended ECM where none could be measured (flows.md, "Load")."""
# What came meanwhile was not in the estimate that somebody confirmed: so much of it is the ordinary life of a tenant.
_TOLERANCE, _FEW = 0.1, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """How much there is to load: people with a record, and their workspaces; one of two people counts twice."""

    people: int
    workspaces: int

    def exceeds(self, confirmed: Volume) -> bool:
        """Say whether there is so much more than was confirmed that a person must look again."""
        most = confirmed.workspaces * (1 + _TOLERANCE) + _FEW
        return self.workspaces > most


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One initial load as it would be. ``meaning`` is what of the configuration decides what is written."""

    flow: str
    volume: Volume
    per_workspace: int
    """Requests to Extended ECM for one workspace at most, its first document with the folder for it included."""
    slice: int
    per_minute: int
    connections: int
    request_s: float
    measured: bool
    meaning: str

    @property
    def ecm_requests(self) -> int:
        return self.volume.workspaces * self.per_workspace

    @property
    def time(self) -> timedelta:
        """How long it takes: by the time of a request over all connections, or by the throttle where that is slower."""
        return self._lasts(self.ecm_requests)

    @property
    def slice_time(self) -> timedelta:
        """How long one slice holds the lock, with as many workspaces a person as there are on average."""
        share = min(1.0, self.slice / self.volume.people) if self.volume.people else 0.0
        return self._lasts(self.ecm_requests * share)

    @property
    def is_throttled(self) -> bool:
        """Whether the configured pace, and not the time of a request, decides how long it takes."""
        return self.request_s / self.connections < 60 / self.per_minute

    @property
    def hash(self) -> str:
        """What a person confirms: how much is written, and by which configuration; not how long it takes."""
        text = f"{self.flow}\n{self.volume.people}\n{self.volume.workspaces}\n{self.meaning}"
        return hashlib.sha256(text.encode()).hexdigest()

    def _lasts(self, requests: float) -> timedelta:
        seconds = max(requests * self.request_s / self.connections, requests * 60 / self.per_minute)
        return timedelta(seconds=round(seconds))

    def lines(self) -> list[str]:
        """Return the estimate as sentences for whoever confirms it."""
        how = "measured" if self.measured else "assumed, none was measured"
        limit = (
            f"the throttle of {self.per_minute} requests a minute decides"
            if self.is_throttled
            else f"{self.connections} connections decide"
        )
        return [
            f"initial load of {self.flow}: {self.volume.people} people, {self.volume.workspaces} workspaces",
            f"requests: at most {self.ecm_requests} to Extended ECM ({self.per_workspace} a workspace), none to Braze",
            f"time: about {spoken(self.time)}, at {round(self.request_s * 1000)} ms a request ({how}); {limit}",
            f"slices of {self.slice} people; each holds the lock for about {spoken(self.slice_time)}",
        ]


def spoken(span: timedelta) -> str:
    """Return a span as people say it: 4.6 days, 13 h, 25 min, 40 s."""
    seconds = span.total_seconds()
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}" if seconds < 10 * size else f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
