"""Say how changes of a workspace type are found in this tenant, by asking it; the runs choose by the same proofs."""

from __future__ import annotations

from ecmbraze.engine.scan import columns
from ecmbraze.model import WorkspacePage
from ecmbraze.needs import TypeNeeds
from ecmbraze.ports import WorkspaceReader


def told(reader: WorkspaceReader, need: TypeNeeds, type_id: int, smallest: int) -> str:
    """Return the way and what it rests on. ``smallest`` is from how many workspaces on dates are asked by."""
    page = next(iter(reader.list_workspaces(type_id)), None)
    if page is None or not page.rows:
        return "no workspace yet; the first run decides"
    if columns.trusted(columns.prove(reader, need, page)):
        return "by the columns of its listing, which carry every attribute: no details are read"
    often = "completely once per sweep_every, else by date" if _by_date(reader, type_id, page, smallest) else "each run"
    return f"by modify dates, listed {often}; what changed is read in detail, since {_why(need, page)}"


def _by_date(reader: WorkspaceReader, type_id: int, page: WorkspacePage, smallest: int) -> bool:
    newest = max(row.modified_at for row in page.rows)
    enough = smallest and (page.total is None or page.total >= smallest)
    return bool(enough) and reader.lists_by_date(type_id, newest)


def _why(need: TypeNeeds, page: WorkspacePage) -> str:
    if not columns.coverable(need):
        return "rules speak of documents, sets, business objects or related workspaces"
    if missing := columns.without(need, page):
        return f"its listing has no column {', '.join(missing)}"
    return "columns of these names show something else, or nothing on the first page"
