"""The circumstances of a planning run: what a flow may know beside the change in hand; reads no clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """When, where and how a run plans."""

    now: datetime
    zone: tzinfo
    prefix: str
    backfill: bool = False
    include_messages: bool = False

    @property
    def messages(self) -> bool:
        """Whether messages are planned: a backfill has none unless it is asked to."""
        return not self.backfill or self.include_messages
