"""Find edits that move no modify date, by listing the folders of workspaces with categories; reads no detail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ecmbraze.engine.scan.details import SILENT
from ecmbraze.errors import RecordUnreadable, TemporaryError
from ecmbraze.ledger.codec import load_facts
from ecmbraze.ledger.mirror import Mirror
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.model import Facts, keys
from ecmbraze.needs import TypeNeeds
from ecmbraze.ports import WorkspaceReader

# Worth it where workspaces share few parents: a page of a folder shows some 100 of them (api/ecm.md 4.2).
FEW_PARENTS, FEW_ROWS = 20, 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderLooks:
    """Queues detail reads of workspaces whose categories differ although their listing calls them unchanged.

    Only for types of which the sweep once found such an edit: elsewhere the modify date tells.
    """

    reader: WorkspaceReader
    mirror: Mirror
    plan: PlanFile
    tick: Callable[[], None]

    def queue(self, need: TypeNeeds, parents: set[int]) -> str:
        """Look into the parents of a complete listing; return what the operator should know, empty for nothing."""
        silent = self.mirror.looked(SILENT, need.stream) is not None
        if not silent or len(parents) > FEW_PARENTS or self.plan.seen(need.stream) > FEW_ROWS:
            return ""
        try:
            for parent in sorted(parents):
                for number, facts in self.reader.categories_below(parent):
                    self.tick()
                    record = keys.workspace(number)
                    if self.plan.listed(need.stream, record) and self._differs(need, record, facts):
                        self.plan.add_todo(need.stream, [record], "folder")
        except (TemporaryError, RecordUnreadable) as error:
            return f"edits of {need.name!r} that move no date are found by the sweep only: {error.happened}"
        return ""

    def _differs(self, need: TypeNeeds, record: str, facts: Facts) -> bool:
        held = self.mirror.held([record]).get(record)
        known = load_facts(held.facts) if held else {}
        return any(known[name] != facts[name] for name in need.facts & facts.keys() & known.keys())
