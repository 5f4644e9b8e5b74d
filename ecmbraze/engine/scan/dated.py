"""Between complete listings, ask a large type only for what changed since a date, where ECM is known to allow it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ecmbraze.errors import TemporaryError
from ecmbraze.ledger.mirror import Mirror
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.needs import TypeNeeds
from ecmbraze.ports import WorkspaceReader

# In which zone a column query reads a date is not documented (api/ecm.md 3.2, 15.3): no two zones are further apart.
OVERLAP = timedelta(hours=26)
# Of which looks the ledger notes how far they came: the last complete listing, the newest modify date in any.
_COMPLETE, _NEWEST = "complete", "newest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """``smallest`` is from how many workspaces on it is worth it, 0 for never; ``every`` how often a type is listed
    completely all the same: only that shows what is gone, and edits that move no date are found by the sweep."""

    reader: WorkspaceReader
    mirror: Mirror
    plan: PlanFile
    smallest: int
    every: timedelta

    def since(self, need: TypeNeeds, began: datetime, *, whole: bool) -> datetime | None:
        """Return from which modify date on the type is to be listed; ``None`` for a complete listing.

        ``whole`` says that all of it is needed: facts are new, or columns carry them.
        """
        complete, newest = self.mirror.looked(_COMPLETE, need.stream), self.mirror.looked(_NEWEST, need.stream)
        if whole or not self.smallest or complete is None or newest is None or began - complete >= self.every:
            return None
        return newest - OVERLAP

    def listed(self, need: TypeNeeds, type_id: int, began: datetime, newest: datetime | None) -> None:
        """Note a complete listing, so that the next ones need not be, if there are enough rows and ECM allows it."""
        enough = self.smallest and self.plan.seen(need.stream) >= self.smallest
        if newest and enough and self._allowed(type_id, newest):
            self.plan.put_looked(_COMPLETE, need.stream, began)
            self.plan.put_looked(_NEWEST, need.stream, min(newest, began))

    def _allowed(self, type_id: int, newest: datetime) -> bool:
        try:
            return self.reader.lists_by_date(type_id, newest)
        except TemporaryError:  # the listing itself stands
            return False

    def asked(self, need: TypeNeeds, began: datetime, newest: datetime | None) -> None:
        """Note how far a listing by date has looked; without a row it has seen nothing newer."""
        if newest:
            self.plan.put_looked(_NEWEST, need.stream, min(newest, began))
