"""What one run is asked for, configured with and connected to; values only."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

from ecmbraze.flow import Flow
from ecmbraze.ledger.history import Deed
from ecmbraze.ledger.keeping import Keep
from ecmbraze.needs import Needs
from ecmbraze.planning.guards import Limits as GuardLimits
from ecmbraze.ports import (
    ClaimStore,
    ContentReader,
    CurrentsReader,
    EngagementReader,
    MessageSink,
    PeopleReader,
    Progress,
    RecordReader,
    RecordSink,
    SegmentReader,
    WorkspaceReader,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """The part of an initial load that one round does: so many people after the record ``after``."""

    after: str
    people: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line asks of one run. A backfill names ``since`` and ``until``."""

    dry_run: bool = False
    since: datetime | None = None
    until: datetime | None = None
    limit: int | None = None
    include_messages: bool = False
    as_if_new: bool = False
    """Plan a dry run as if today's records were news."""
    confirm: str | None = None
    """The hash, or its beginning, of the waiting plan that a person has looked at."""
    deed: Deed | None = None
    """Who confirms, where and why."""
    apply: Path | None = None
    """A plan file made by `plan -o`, to be sent exactly."""
    keep: Path | None = None
    """Where a dry run leaves its plan file."""

    load: Slice | None = None
    """The slice of an initial load to do, in place of what changed."""

    @property
    def backfill(self) -> bool:
        return self.since is not None or self.until is not None

    @property
    def confirming(self) -> bool:
        """Whether a plan that a person has looked at is sent, instead of a new one."""
        return self.confirm is not None or self.apply is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """How much one request to Braze may hold, and whether its messages carry the marker of their attempt."""

    track: int = 75
    trigger: int = 50
    marker: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """How much is read back; the choice hangs on the business key, so that it can be repeated."""

    share: float

    def takes(self, key: str) -> bool:
        digest = hashlib.sha256(key.encode()).digest()
        return int.from_bytes(digest[:4], "big") < self.share * 2**32


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the claim of the state file lies: in ECM in a workspace of a name, or in a folder of an id; or in Braze."""

    workspace: str = ""
    folder: int = 0
    canary: bool = False
    """Whether it is an attribute of the canary profile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What the configuration says of every run."""

    zone: tzinfo
    prefix: str
    guards: GuardLimits
    max_per_person: int | None
    connections: int
    """How many requests may be on their way to Extended ECM at once."""
    braze_connections: int
    """How many to Braze."""
    sweep_requests: int
    sweep_every: timedelta
    date_query_from: int
    """From how many workspaces on a type is asked by date between complete listings; 0 for never."""
    batches: BatchLimits
    sample: Sample
    configuration: str
    """Fingerprint of what the configuration means, without its secrets."""
    attributes: frozenset[tuple[str, str]]
    """(flow, attribute as Braze has it) of everything that the enabled flows write."""
    withdrawing: Sequence[tuple[Flow[Any], Any]] = ()
    """(flow, its section) of the enabled flows that note withdrawals, which the screen of every flow obeys."""
    fence: Place | None = None
    """Where the claim lies; ``None`` for no fence."""
    unfenced: bool = False
    """Whether the configuration says in words that there is none."""
    archive: tuple[str, Needs] | None = None
    """The enabled flow that archives content, and what it reads."""
    customers: tuple[Flow[Any], Any] | None = None
    """The enabled flow, and its section, that makes what rules may name of a customer."""
    canary: str
    """Recipient that each run writes and reads back; empty for none."""
    keep: Keep = field(default_factory=Keep)
    """How long what is over stays in the state file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Systems:
    """The two sides. ``requests`` returns the counts of the run report so far.

    ``skews`` returns the seconds by which our clock is ahead of each server that has told its own.
    """

    workspaces: WorkspaceReader
    people: PeopleReader
    content: ContentReader
    segments: SegmentReader
    currents: CurrentsReader
    engagement: EngagementReader
    sink: MessageSink
    records: RecordReader
    records_sink: RecordSink
    claims: ClaimStore
    requests: Callable[[], dict[str, int]]
    skews: Callable[[], Sequence[float]]
    progress: Progress
