"""Walk the pages of one workspace type and read their rows; a gap is a failure, no link is followed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import lru_cache
from typing import Any

from ecmbraze.errors import EcmbrazeError, RecordUnreadable, TemporaryError
from ecmbraze.model import Fact, WorkspacePage, WorkspaceRow
from ecmbraze.systems.ecm import times
from ecmbraze.systems.ecm.paging import Paging, read_paging
from ecmbraze.systems.ecm.partitions import LONGEST, Beginnings, Ids
from ecmbraze.systems.ecm.session import Session
from ecmbraze.systems.ecm.times import ServerNow
from ecmbraze.systems.shapes import ShapeError, inner, listing, text, whole

PATH = "/api/v2/businessworkspaces"
_ATTEMPTS = 3  # fault E04
# Rows that may go while we page (E10); a listing short by more than the larger of both is a failed scan (E08).
_TOLERANCE_ROWS, _TOLERANCE_SHARE = 2, 0.001
_UNDONE = "The scan is incomplete: nothing of it was kept or sent, and the watermark did not move."


@dataclass(slots=True)
class _Walk:
    """One walk over pages, and how it ended."""

    most: int | None = None
    """Of a listing that has more rows only the first page is asked for: it would be cut."""
    begun: Beginnings = field(default_factory=Beginnings)
    """The rows that no earlier walk met, by the beginnings of their names."""
    met: Ids = field(default_factory=Ids)
    first: frozenset[int] = frozenset()
    """What its first page showed."""
    total: int | None = None
    cut: bool = False
    """Whether the pages ended before the rows did: the window of api/ecm.md 3.2, or a link that is not there."""


@dataclass(slots=True)
class Scan:
    """One listing. ``server`` gives the server's clock for one page."""

    session: Session
    type_id: int
    limit: int
    zone: tzinfo | None
    server: Callable[[], ServerNow]
    filters: Mapping[str, str] = field(default_factory=dict)
    _promised: int = 0
    _seen: Ids = field(default_factory=Ids)
    _alphabet: set[str] = field(default_factory=set)
    """Every letter of every name."""

    def pages(self) -> Iterator[WorkspacePage]:
        """Yield the pages in order, rows may repeat; beyond the server's window it lists by the beginnings of names.

        Raises TemporaryError naming the page that failed, or the rows that are missing.
        """
        walk = _Walk()
        yield from self._walk(self.filters, walk)
        if walk.cut and walk.total is None:
            raise self._failed(self._promised, "the pages before it were the last that ECM offers")
        if walk.cut and walk.total:
            yield from self._beyond(walk, walk.total)
        elif walk.total and _short(len(self._seen), walk.total):
            raise _gap(len(self._seen), walk.total)

    def _beyond(self, first: _Walk, total: int) -> Iterator[WorkspacePage]:
        """Yield what lies beyond the window: from the other end, then by the beginnings of names.

        A name that begins like no other is not guessed, so here not one row may be missing but for what came or went
        meanwhile. Where one is, all of it is asked for once more, with every letter that occurs.
        """
        window = len(first.met)
        yield from self._walk({**self.filters, "sort": "desc_name"}, _Walk(begun=first.begun))
        for thorough in (False, True):
            yield from self._partitions(first.begun, total, total, window, thorough=thorough)
            again = self._page(1, self.filters).page.total
            if len(self._seen) >= min(total, total if again is None else again):
                return
        raise _gap(len(self._seen), total)

    def _partitions(
        self, begun: Beginnings, rows: int, total: int, window: int, *, thorough: bool
    ) -> Iterator[WorkspacePage]:
        """Yield what begins as the ``rows`` of ``begun`` and with one letter more, until nothing is missing.

        What was met already is left out by its number, unless it is to be ``thorough``: a server may take letters
        for one that are not.
        """
        found, cut = Counter[str](), set[frozenset[int]]()
        for letter in begun.guesses(self._alphabet if thorough else ()):
            done = not thorough and found.total() >= rows
            if done or len(self._seen) >= total or len(begun.prefix) >= LONGEST:
                return
            known = 0 if thorough else begun.counts[letter]
            walk = _Walk(most=window or None, begun=Beginnings(begun.prefix + letter))
            yield from self._walk({**self.filters, "where_name": f"startswith_{walk.begun.prefix}"}, walk, known)
            if (walk.total or 0) >= total and not walk.begun.selected:
                return  # the filter is ignored, as unknown ones are (api/ecm.md 0.2, 11): the gap is told
            # Of "A" and "a" a server may show the same.
            if walk.cut and walk.total and walk.first not in cut:
                cut.add(walk.first)
                yield from self._partitions(walk.begun, walk.total, total, window, thorough=thorough)
            found[letter.casefold()] = max(found[letter.casefold()], walk.total or 0)

    def _walk(self, filters: Mapping[str, str], walk: _Walk, known: int = 0) -> Iterator[WorkspacePage]:
        """Yield the pages of one listing; the first one alone where it has ``known`` rows, so many were met."""
        ahead = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ecm-page")
        try:
            number, following = 1, ahead.submit(self._page, 1, filters)
            while True:
                page = following.result()
                paging, new = page.paging, walk.met.add(page.ids)
                walk.first = walk.first or page.ids
                walk.total = paging.total if paging.total is not None else walk.total
                # Past the end a server repeats rows instead of none (E09); a page may hold nothing we may see.
                if number > 1 and not new and (page.ids or number >= paging.pages):
                    walk.cut = paging.short_after(number - 1 if page.ids else number, self.limit, len(walk.met))
                    break
                self._promised = paging.pages
                self.limit = min(self.limit, paging.limit or self.limit)
                more = paging.more and not self._is_enough(walk, known)
                if more:
                    following = ahead.submit(self._page, number + 1, filters)
                self._note(page, walk.begun)
                yield page.page
                if not more:
                    walk.cut = walk.total != (known or None) and paging.short_after(number, self.limit, len(walk.met))
                    break
                number += 1
        finally:
            ahead.shutdown(wait=False, cancel_futures=True)

    def _is_enough(self, walk: _Walk, known: int) -> bool:
        """Say whether the first page is all that is asked of a listing: its rows are known, or too many."""
        if walk.total is None:
            return False
        return (known > 0 and walk.total == known) or (walk.most is not None and walk.total > walk.most)

    def _note(self, page: Page, begun: Beginnings) -> None:
        begun.take(page.page.rows, self._seen.add(page.ids))
        self._alphabet.update(*(row.name for row in page.page.rows))

    def _page(self, number: int, filters: Mapping[str, str]) -> Page:
        params = {
            "where_workspace_type_id": str(self.type_id),
            "expanded_view": "true",
            "page": str(number),
            "limit": str(self.limit),
            **({"metadata": ""} if number == 1 else {}),
            **filters,
        }
        try:
            what = f"the listing of workspace type {self.type_id}"
            answer = self.session.good(PATH, what, params=params, attempts=_ATTEMPTS, about=str(self.type_id))
            return read_page(answer.json(), self.type_id, self.zone, self.server())
        except ShapeError as error:
            raise self._failed(number, str(error)) from None
        except TemporaryError as error:
            raise error if error.undone == _UNDONE else self._failed(number, error.happened) from None

    def _failed(self, number: int, why: str) -> EcmbrazeError:
        which = f"{number}/{self._promised}" if self._promised else f"{number}"
        return TemporaryError(
            f"Page {which} of the listing of workspace type {self.type_id} failed: {why.rstrip('.')}.",
            undone=_UNDONE,
            advice="The next run lists again from the start.",
        )


def _short(received: int, total: int) -> bool:
    return total - received > max(_TOLERANCE_ROWS, total * _TOLERANCE_SHARE)


def _gap(received: int, total: int) -> TemporaryError:
    return TemporaryError(
        f"The listing ended with {received} of {total} workspaces: {total - received} rows are missing.",
        undone=_UNDONE,
        advice="The next run tries again. Near 100,000 workspaces of one type ECM stops serving pages; beyond that "
        "they are listed by the beginnings of their names, which must find all.",
    )


_COLUMN, _TWIN = "wnf_att_", "_formatted"
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:?\d\d)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page, and what its paging says."""

    page: WorkspacePage
    ids: frozenset[int]
    """Every workspace on it, also the foreign and the unreadable ones."""
    paging: Paging


def read_page(answer: Mapping[str, Any], type_id: int, zone: tzinfo | None, server: ServerNow) -> Page:
    """Return a page of `/v2/businessworkspaces`; raises ShapeError when it has no result list (E06)."""
    paging = read_paging(answer)
    rows: list[WorkspaceRow] = []
    unreadable: list[tuple[int, str]] = []
    foreign: list[int] = []
    for result in listing(answer.get("results"), "result list"):
        properties = inner(result, "data", "properties")
        number = whole(properties.get("id"), "workspace id")
        if whole(properties.get("wnf_wksp_type_id", type_id), "workspace type id") != type_id:
            foreign.append(number)
            continue
        try:
            rows.append(read_row(properties, type_id, zone, server))
        except RecordUnreadable as error:
            unreadable.append((number, error.happened))
    ids = frozenset([*(row.id for row in rows), *(number for number, _ in unreadable), *foreign])
    page = WorkspacePage(
        rows=tuple(rows),
        total=paging.total,
        foreign=len(foreign),
        unreadable=tuple(unreadable),
        columns=_display_names(answer.get("meta_data")),
    )
    return Page(page=page, ids=ids, paging=paging)


def read_row(
    properties: Mapping[str, Any], type_id: int, zone: tzinfo | None, server: ServerNow | None
) -> WorkspaceRow:
    """Return one workspace's own properties; raises RecordUnreadable for a bad name or an implausible date (E16)."""
    try:
        number, name = whole(properties.get("id"), "workspace id"), text(properties.get("name"), "workspace name")
    except ShapeError as error:
        raise RecordUnreadable(str(error)) from None
    columns = {column: _column(properties[column], zone) for column in _columns(tuple(properties))}
    return WorkspaceRow(
        id=number,
        type_id=type_id,
        name=name,
        columns=columns,
        modified_by=_node(properties.get("modify_user_id")),
        parent=_node(properties.get("parent_id")),
        created_at=times.plausible(properties.get("create_date"), "create date", zone, server),
        modified_at=times.plausible(properties.get("modify_date"), "modify date", zone, server),
    )


@lru_cache(maxsize=64)
def _columns(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns of attributes among the names of a row: all rows of a page have the same."""
    return tuple(name for name in names if name.startswith(_COLUMN) and not name.endswith(_TWIN))


def _node(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _display_names(meta_data: object) -> dict[str, str]:
    """Return attribute column → display name from the column schema, where the server sends one (api/ecm.md 3.2)."""
    schema = meta_data.get("properties") if isinstance(meta_data, Mapping) else None
    told = schema.items() if isinstance(schema, Mapping) else ()
    return {
        str(column): str(entry["name"])
        for column, entry in told
        if str(column).startswith(_COLUMN) and isinstance(entry, Mapping) and isinstance(entry.get("name"), str)
    }


def _column(value: object, zone: tzinfo | None) -> Fact:
    """Return a column's value as a fact: empty spellings are ``None`` (api/ecm.md 5.2), what looks like a date is one.

    Whether that is what the attribute says is proven elsewhere, by comparing.
    """
    if isinstance(value, str):
        try:
            # The first letter tells most: that is a third of what reading a column costs.
            is_instant = value[:1].isdigit() and _INSTANT.fullmatch(value)
            return times.fact(value, zone) if is_instant else value or None
        except RecordUnreadable:
            return value
    if isinstance(value, list):
        members = tuple(one for one in value if isinstance(one, str | int | float) and one != "")
        return members or None
    return value if isinstance(value, int | float) else None
