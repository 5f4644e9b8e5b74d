"""After an older copy of the state file was adopted: which messages the file that it replaces may have sent; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ecmbraze.model import Action, Change

# Until then every record was read once more: of what moves no date nobody knows before when it happened.
_READ_AGAIN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """The last adoption of a copy, as one flow sees it. ``planned`` is stream → when it last planned all of it."""

    at: datetime
    planned: dict[str, datetime]
    sweep_every: timedelta

    def may_have_gone(self, action: Action, change: Change) -> bool:
        """Say whether a message may be of an occasion from before the adoption, which another file may have sent.

        Free is what proves to be younger: it came due later, its workspace or its document was made later, its record
        was planned since; and, once a flow has planned everything after the adoption, whatever an edit explains.
        """
        if not action.kind.is_message:
            return False
        record, since = change.record, change.since
        if action.not_before is not None and action.not_before > self.at:
            return False
        if record.created_at > self.at or (since is not None and since > self.at):
            return False
        planned = self.planned.get(record.stream)
        if planned is None or planned <= self.at:
            return True
        edited = max([record.modified_at, *(document.row.modified_at for document in record.documents)])
        return edited <= self.at and planned <= self.at + _READ_AGAIN * self.sweep_every
