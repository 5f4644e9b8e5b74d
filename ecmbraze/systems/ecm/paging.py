"""What the paging of a list says: whether another page follows, and whether the list ended too early; asks nothing."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ecmbraze.errors import TemporaryError
from ecmbraze.systems.shapes import inner, listing, mapping, whole

# Where lists name their next page: workspace lists, v2 lists, and v2 lists again (api/ecm.md 1.3).
_NEXT = (("actions",), ("links",), ("links", "data"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """The paging of one page."""

    more: bool
    """Whether the server offers a next page. Its link is the authority; without any, the number of pages is."""
    pages: int
    total: int | None
    limit: int | None
    """The page size the server applied; a larger one is cut silently (api/ecm.md 3.2)."""

    def short_after(self, page: int, asked: int, met: int) -> bool:
        """Say whether a list that ends after ``page`` ended before its last row; ``met`` rows were seen.

        Pages are counted, not rows: which rows are shown is a matter of permissions (api/ecm.md 4.2, 6.1).
        """
        if self.total is None:
            return page < self.pages
        return met < self.total and (page < self.pages or page * (self.limit or asked) < self.total)


def read_paging(answer: Mapping[str, Any]) -> Paging:
    """Return the paging of either envelope; raises ShapeError when there is none."""
    own = answer.get("paging")
    paging = mapping(own, "paging") if own is not None else inner(answer, "collection", "paging")
    page, pages = _count(paging, "page") or 0, _count(paging, "page_total") or 0
    offers = [holder for path in _NEXT if (holder := _holder(paging, path)) is not None]
    return Paging(
        more=any(_is_link(holder.get("next")) for holder in offers) if offers else page < pages,
        pages=pages,
        total=_count(paging, "total_count"),
        limit=_count(paging, "limit"),
    )


def walk(
    ask: Callable[[int], Mapping[str, Any]], key: Callable[[Mapping[str, Any]], Hashable], asked: int, what: str
) -> Iterator[list[Mapping[str, Any]]]:
    """Yield the rows of page after page until the server offers no next one, or repeats itself.

    ``ask`` returns the answer of a page, ``key`` tells one row from the next, ``asked`` is the page size asked for.
    Raises ShapeError for an answer of another shape, TemporaryError when the list ends short of its total.
    """
    page, met = 1, set[Hashable]()
    while True:
        answer = ask(page)
        paging = read_paging(answer)
        rows = [mapping(row, "row") for row in listing(answer.get("results"), "result list")]
        new = {key(row) for row in rows} - met
        met |= new
        yield rows
        # A page may be empty since the account sees none of its rows, while others follow (api/ecm.md 4.2, 6.1).
        if not paging.more or (not new and (rows or page >= paging.pages)):
            last = page - 1 if rows and not new else page  # past the end rows come again (api/ecm.md 0.2)
            if paging.short_after(last, asked, len(met)):
                raise ended_early(what, last, paging)
            return
        page += 1


def ended_early(what: str, page: int, paging: Paging) -> TemporaryError:
    """Return what a list is whose pages end before its rows do: failed, not short."""
    promised = f"{paging.total} rows" if paging.total is not None else f"{paging.pages} pages"
    return TemporaryError(
        f"{what} ended after page {page} although ECM counts {promised}.",
        undone="Nothing was concluded from it.",
        advice="The next run lists again from the start.",
    )


def _holder(paging: Mapping[str, Any], path: tuple[str, ...]) -> Mapping[str, Any] | None:
    found: object = paging
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else None


def _is_link(following: object) -> bool:
    return bool(following.get("href", following) if isinstance(following, Mapping) else following)


def _count(paging: Mapping[str, Any], name: str) -> int | None:
    return None if paging.get(name) is None else whole(paging[name], name)
