"""What stands in for the ledger and the two systems where a story is about one of them only; answers nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ecmbraze.cli.progress import Silent
from ecmbraze.engine.deliver.fence import Fence
from ecmbraze.engine.setting import Systems
from ecmbraze.model import Change, Fate, Json, Kind, Record, Standing


class Nothing:
    """A ledger that knows nobody and has accepted nothing; see :class:`ecmbraze.flow.Known`."""

    def of_customer(self, customer: str) -> Sequence[Record]:
        return ()

    def led_to(self, change: Change) -> Sequence[str]:
        return ()

    def person(self, customer: str) -> Record | None:
        return None

    def newest(self, key: str) -> Record | None:
        return None

    def fates(self, customer: str) -> Sequence[Fate]:
        return ()

    def earlier(self, record: Record) -> Record | None:
        return record  # it is as it was

    def planned_at(self, record: str) -> datetime | None:
        return None

    def noted(self, record: str) -> Mapping[str, Json]:
        return {}

    def noted_earlier(self, record: str) -> Mapping[str, Json]:
        return self.noted(record)

    def happened(self, record: str, rule: str) -> frozenset[str]:
        return frozenset()

    def values_of(self, recipient: str, kind: Kind) -> Mapping[str, Json]:
        return {}

    def ours(self, target: str) -> Sequence[Json]:
        return ()

    def taken(self, target: str) -> datetime | None:
        return None

    def written(self, key: str) -> Standing | None:
        return None

    def pending(self, record: str, rule: str, even_refused: Kind) -> bool:
        return False

    def underway(self, target: str) -> bool:
        return False

    def refusing(self, target: str) -> bool:
        return False

    def sent_by(self, target: str) -> str:
        return ""

    def lapsed(self, recipient: str, target: str) -> bool:
        return False

    def looked(self, record: str, now: datetime) -> datetime | None:
        return now

    def edited_by_us(self, record: str) -> bool | None:
        return None

    def unmet(self, customer: str) -> bool:
        return False

    def refused(self, record: str, customer: str, name: str) -> bool:
        return False


class Everything:
    """A set in which everything is: a configuration that writes whatever a story stages."""

    def __contains__(self, one: object) -> bool:
        return True


class Unasked:
    """A port that nobody may use: whatever is asked of it fails the test."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was asked of a system that this story is not about")


def systems(**ports: object) -> Systems:
    """Return the two sides with these ports, and nobody behind the others."""
    braze, ecm = (
        ("people", "segments", "currents", "engagement", "content", "sink"),
        ("records", "records_sink", "claims"),
    )
    nobody: dict[str, Any] = dict.fromkeys(("workspaces", *ecm, *braze), Unasked())
    return Systems(**{**nobody, **ports}, requests=dict, skews=list, progress=Silent())


def no_fence() -> Fence:
    """Return the fence of a configuration without one."""
    nobody: Any = Unasked()
    return Fence(claims=nobody, store=None, parent=nobody, now=nobody)
