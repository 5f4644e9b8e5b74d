"""What planning may ask of the ledger, answered by nobody: tests override what their story is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ecmbraze.model import Json, Record


class Nothing:
    """A ledger that knows nobody and has accepted nothing; see :class:`ecmbraze.flow.Known`."""

    def of_customer(self, customer: str) -> Sequence[Record]:
        return ()

    def noted(self, record: str) -> Mapping[str, Json]:
        return {}

    def happened(self, record: str, rule: str) -> frozenset[str]:
        return frozenset()

    def accepted(self, target: str) -> tuple[bool, Json]:
        return False, None

    def unmet(self, customer: str) -> bool:
        return False

    def refused(self, record: str, customer: str, name: str) -> bool:
        return False
