"""Read the workspaces behind messages again, several at a time, where the last look is older than a minute."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from ecmbraze.engine.scan.details import as_record, for_flow, read_whole
from ecmbraze.errors import RecordUnreadable
from ecmbraze.model import Record, WorkspaceKey, keys
from ecmbraze.needs import Needs, of_type
from ecmbraze.ports import Clock, WorkspaceReader

# delivery.md, "Screen": the facts behind a message are at most this old, in seconds, before its first byte.
_FRESH_S = 60.0


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

    def read(self, records: Mapping[str, Record | None]) -> None:
        """Read those of some records that are old; of each what the mirror knows of it."""
        asked = [
            (key.id, known)
            for key, known in ((keys.read(record), known) for record, known in records.items())
            if isinstance(key, WorkspaceKey) and self._is_old(key.id)
        ]
        self.failed = {}
        self._let_go()
        with ThreadPoolExecutor(max_workers=self.connections) as pool:
            for (number, _), found in zip(asked, pool.map(lambda one: self._reading(*one), asked), strict=True):
                self._keep(number, found)

    def _let_go(self) -> None:
        """Forget what is too old to be used: of many messages their records would be most of the memory."""
        oldest = self.clock.monotonic() - _FRESH_S
        for number in [number for number, (read_at, _) in self.fresh.items() if read_at < oldest]:
            del self.fresh[number]

    def one(self, number: int, known: Record | None) -> Record:
        """Return a workspace as the flow sees it, read once more where it is old; raises RecordUnreadable."""
        if number not in self.failed and self._is_old(number):
            self._keep(number, self._reading(number, known))
        if number in self.failed:
            raise self.failed[number]
        return for_flow(self.fresh[number][1], self.needs)

    def _keep(self, number: int, found: Record | RecordUnreadable) -> None:
        if isinstance(found, Record):
            self.fresh[number] = (self.clock.monotonic(), found)
        else:
            self.failed[number] = found

    def _is_old(self, number: int) -> bool:
        read_at, record = self.fresh.get(number, (-_FRESH_S, None))
        old = self.clock.monotonic() - read_at > _FRESH_S
        return record is None or old or not self.needs.names(record.stream) <= record.facts.keys()

    def _reading(self, number: int, known: Record | None) -> Record | RecordUnreadable:
        needs = of_type(known.type if known else self.needs.types[0], [self.needs])
        try:
            return as_record(read_whole(self.reader, number, needs, {}), needs)[0]
        except RecordUnreadable as error:
            return error
