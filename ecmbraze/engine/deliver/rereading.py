"""Read the workspaces behind messages again, several at a time, where the last look is nearly a minute old."""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from ecmbraze.engine.scan.details import as_record, for_flow, read_whole
from ecmbraze.errors import RecordUnreadable, TemporaryError
from ecmbraze.model import ContentKey, PersonKey, Record, WorkspaceKey, keys
from ecmbraze.needs import Needs, of_type
from ecmbraze.ports import Clock, WorkspaceReader

# delivery.md, "Screen": what a message rests on is at most this old, in seconds, before its first byte.
LIFE_S = 60.0
# What is older is read again: the rest is for reading other records, and for the claim.
_FRESH_S = 50.0
# So long the reading of one look may take; what it does not reach is for the next.
_READING_S = 20.0
# Where the claim takes so long to move, fewer messages would not leave sooner.
_SLOW_CLAIM_S = 30.0
# Records that are kept from look to look: more of them are read in a minute by no Extended ECM that people work with.
_KEPT = 15_000


@dataclass(slots=True, kw_only=True)
class Rereading:
    """The records of one flow as their source has them now."""

    reader: WorkspaceReader
    needs: Needs
    fresh: dict[int, tuple[float, Record]]
    """Workspace → when it was read in this round, monotonic, and what it was then; for all flows."""
    clock: Clock
    connections: int
    failed: dict[int, RecordUnreadable] = field(default_factory=dict)
    """Workspaces that the last look read in vain."""

    def read(self, records: Mapping[str, Record | None], *, in_time: bool) -> set[str]:
        """Read those of some records that are old; of each what the mirror knows of it.

        Return those that were not reached ``in_time``: of a slow server the first would be old before the last is read.
        """
        self._let_go()
        asked = [
            (key.id, known)
            for key, known in ((keys.read(record), known) for record, known in records.items())
            if isinstance(key, WorkspaceKey) and self._is_old(key.id)
        ]
        self.failed = {}
        ends = self.clock.monotonic() + _READING_S if in_time else math.inf
        left = set[str]()
        with ThreadPoolExecutor(max_workers=self.connections) as pool:
            found_of = pool.map(lambda one: None if self.clock.monotonic() > ends else self._reading(*one), asked)
            for (number, _), found in zip(asked, found_of, strict=True):
                match found:
                    case None:
                        left.add(keys.workspace(number))
                    case RecordUnreadable():
                        self.failed[number] = found
                    case _:
                        self.fresh[number] = found
        return left

    def _let_go(self) -> None:
        """Forget what is too old to be used, and the last of very many: they would be most of the memory.

        Those that were read first are wanted first again, by the campaigns that follow the events.
        """
        oldest = self.clock.monotonic() - _FRESH_S
        for n, (number, (read_s, _)) in enumerate(list(self.fresh.items())):
            if read_s < oldest or n >= _KEPT:
                del self.fresh[number]

    def read_s(self, record: str) -> float:
        """Return when the last look at a workspace began, monotonic; of what is none, and not read here, never."""
        match keys.read(record):
            case WorkspaceKey(id=number):
                return self.fresh[number][0] if number in self.fresh else -math.inf
            case PersonKey() | ContentKey():
                return math.inf

    def one(self, number: int) -> Record:
        """Return a workspace as the flow sees it, as it was read last; raises RecordUnreadable."""
        if number in self.failed:
            raise self.failed[number]
        return for_flow(self.fresh[number][1], self.needs)

    def _is_old(self, number: int) -> bool:
        read_at, record = self.fresh.get(number, (-_FRESH_S, None))
        old = self.clock.monotonic() - read_at > _FRESH_S
        return record is None or old or not self.needs.names(record.stream) <= record.facts.keys()

    def _reading(self, number: int, known: Record | None) -> tuple[float, Record] | RecordUnreadable:
        """Return a workspace and when its reading began: what it says first may be as old as that.

        With very many documents that may be a minute ago. Then the workspace itself is read once more, and its record
        is as old as that where nothing of it changed meanwhile: else its messages could never leave.
        """
        needs = of_type(known.type if known else self.needs.types[0], [self.needs])
        began = self.clock.monotonic()
        try:
            found = read_whole(self.reader, number, needs, {})
            if self.clock.monotonic() - began > _FRESH_S:
                began = self.clock.monotonic()
                again = self.reader.workspace(number)
                if again.row.modified_at != found.row.modified_at or not again.facts.items() <= found.facts.items():
                    return RecordUnreadable("it changed while its documents were read")
            record = as_record(found, needs)[0]
        except RecordUnreadable as error:
            return error
        if (took := self.clock.monotonic() - began) >= LIFE_S:
            return RecordUnreadable(f"to read it took {took:.0f} seconds, what it says may be older than a minute")
        return began, record


class TooSlow(TemporaryError):
    """What messages rest on was too old before they left."""


def too_slow() -> TooSlow:
    """Return the error of a run in which that happened again and again, of each message alone."""
    return TooSlow(
        "Extended ECM or Braze answers so slowly that what messages rest on was older than a minute before they left.",
        undone="They were not sent; they wait.",
        advice="The next run tries again; see what keeps both systems busy, or give `ecm.connections` more.",
    )


def too_late(claim_s: float) -> TemporaryError:
    """Return the error of what is too old once the claim has moved; where that took very long it ends the run."""
    if claim_s < _SLOW_CLAIM_S:
        return too_slow()
    return TemporaryError(
        "The claim of this state file takes so long to move that what messages rest on was older than a minute then.",
        undone="They were not sent; they wait.",
        advice="The next run tries again; see what keeps Extended ECM busy.",
    )
