"""The circumstances of a planning run: what a flow may know beside the change in hand; reads no clock."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from ecmbraze.model import Facts


def _unkeyed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """When, where and how a run plans."""

    now: datetime
    """When the round began: nothing that it reads is older."""
    zone: tzinfo
    prefix: str
    backfill: bool = False
    include_messages: bool = False
    customer: Callable[[str], Facts] = lambda person: {}
    """What the open cases of a person say, where a flow keeps it: for rules that are stopped by it. Raises
    RecordUnreadable where that is not known."""
    token: Callable[[str], str] = _unkeyed
    """Business key → what stands for it where outsiders see it: the same each time, and not to be guessed with the key
    of the ledger, which the engine gives."""
    read_by: datetime | None = None
    """When all was read of what is planned, which may be hours later; ``None`` where it took no time."""

    @property
    def latest(self) -> datetime:
        """The moment after which nothing of what is planned can have happened."""
        return self.read_by or self.now

    @property
    def messages(self) -> bool:
        """Whether messages are planned: a backfill has none unless it is asked to."""
        return not self.backfill or self.include_messages
