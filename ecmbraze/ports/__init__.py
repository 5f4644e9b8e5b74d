"""What the engine asks of the outside: the clock, progress, readers and sinks. No implementation here."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Protocol

from ecmbraze.ports.reading import (
    ContentReader,
    CurrentsReader,
    EngagementReader,
    PeopleReader,
    RecordReader,
    SegmentExport,
    SegmentReader,
    WorkspaceReader,
)
from ecmbraze.ports.writing import ClaimStore, MessageSink, RecordSink

__all__ = [
    "ClaimStore",
    "Clock",
    "ContentReader",
    "CurrentsReader",
    "EngagementReader",
    "MessageSink",
    "PeopleReader",
    "Progress",
    "RecordReader",
    "RecordSink",
    "SegmentExport",
    "SegmentReader",
    "Work",
    "WorkspaceReader",
]


class Clock(Protocol):
    """Time is passed in. ``now`` is aware UTC; ``monotonic`` measures spans; ``sleep`` waits."""

    def now(self) -> datetime: ...
    def monotonic(self) -> float: ...
    def sleep(self, seconds: float) -> None: ...


class Work(StrEnum):
    """What a run takes its time for."""

    LISTED = "workspaces listed"
    READ = "details read"
    SENT = "objects sent"
    LOADED = "people loaded"


class Progress(Protocol):
    """Whoever shows how far a run is. Called from several threads; it raises nothing and changes nothing."""

    def expect(self, what: Work, more: int) -> None:
        """Note that so many more will come."""

    def step(self, what: Work, done: int) -> None:
        """Note that so many more are done."""
