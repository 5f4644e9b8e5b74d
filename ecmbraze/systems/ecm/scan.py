"""Walk all pages of one workspace type, the next in flight while this one is worked on; a gap is a failure."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import tzinfo

from ecmbraze.errors import EcmbrazeError, TemporaryError
from ecmbraze.model import WorkspacePage
from ecmbraze.systems.ecm.listing import Page, read_page
from ecmbraze.systems.ecm.session import Session
from ecmbraze.systems.ecm.times import ServerNow
from ecmbraze.systems.shapes import ShapeError

PATH = "/api/v2/businessworkspaces"
_ATTEMPTS = 3  # fault E04
# Rows that may go while we page (E10); a listing short by more than the larger of both is a failed scan (E08).
_TOLERANCE_ROWS, _TOLERANCE_SHARE = 2, 0.001
_UNDONE = "The scan is incomplete: nothing of it was kept or sent, and the watermark did not move."
# Names begin with these, or with what was seen among the rows that were served.
_LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase + "ÄÖÜÅØÆÉÈÇŁŚŠŽ"
_LONGEST = 12


@dataclass(slots=True)
class _Walk:
    """How one walk over pages ended."""

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
    _seen: set[int] = field(default_factory=set)
    _names: set[str] = field(default_factory=set)

    def pages(self) -> Iterator[WorkspacePage]:
        """Yield the pages in order, rows may repeat; beyond the server's window it lists by the beginnings of names.

        Raises TemporaryError naming the page that failed, or the rows that are missing.
        """
        walk = _Walk()
        yield from self._walk(self.filters, walk)
        if walk.cut and walk.total is None:
            raise self._failed(self._promised, "the pages before it were the last that ECM offers")
        if walk.cut and walk.total:
            yield from self._beyond(walk.total)
        elif walk.total and _short(len(self._seen), walk.total):
            raise _gap(len(self._seen), walk.total)

    def _beyond(self, total: int) -> Iterator[WorkspacePage]:
        """Yield what lies beyond the window: from the other end, then by the beginnings of names.

        A name that begins like no other is not guessed, so here not one row may be missing but for what came or went
        meanwhile.
        """
        yield from self._walk({**self.filters, "sort": "desc_name"}, _Walk())
        yield from self._partitions("", total)
        again = self._page(1, self.filters).page.total
        if len(self._seen) < min(total, total if again is None else again):
            raise _gap(len(self._seen), total)

    def _partitions(self, prefix: str, total: int) -> Iterator[WorkspacePage]:
        """Yield what begins with ``prefix`` and one letter more, each by itself, until nothing is missing."""
        for letter in self._letters(prefix):
            if len(self._seen) >= total or len(prefix) >= _LONGEST:
                return
            walk = _Walk()
            yield from self._walk({**self.filters, "where_name": f"startswith_{prefix}{letter}"}, walk)
            if (walk.total or 0) >= total and not prefix:
                return  # the filter is ignored, as unknown ones are (api/ecm.md 0.2, 11): the gap is told
            if walk.cut:
                yield from self._partitions(prefix + letter, total)

    def _letters(self, prefix: str) -> list[str]:
        begin = len(prefix)
        seen = sorted({name[begin] for name in self._names if name.startswith(prefix) and len(name) > begin})
        return list(dict.fromkeys([*seen, *_LETTERS, *([" ", "-", ".", "_", "(", "&"] if prefix else [])]))

    def _walk(self, filters: Mapping[str, str], walk: _Walk) -> Iterator[WorkspacePage]:
        met: set[int] = set()
        ahead = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ecm-page")
        try:
            number, following = 1, ahead.submit(self._page, 1, filters)
            while True:
                page = following.result()
                paging, new = page.paging, page.ids - met
                walk.total = paging.total if paging.total is not None else walk.total
                # Past the end a server repeats rows instead of none (E09); a page may hold nothing we may see.
                if number > 1 and not new and (page.ids or number >= paging.pages):
                    walk.cut = paging.short_after(number - 1 if page.ids else number, self.limit, len(met))
                    break
                met |= new
                self._promised = paging.pages
                self.limit = min(self.limit, paging.limit or self.limit)
                if paging.more:
                    following = ahead.submit(self._page, number + 1, filters)
                self._seen |= new
                self._names.update(row.name[:_LONGEST] for row in page.page.rows)
                yield page.page
                if not paging.more:
                    walk.cut = paging.short_after(number, self.limit, len(met))
                    break
                number += 1
        finally:
            ahead.shutdown(wait=False, cancel_futures=True)

    def _page(self, number: int, filters: Mapping[str, str]) -> Page:
        params = {
            "where_workspace_type_id": str(self.type_id), "expanded_view": "true", "page": str(number),
            "limit": str(self.limit), **({"metadata": ""} if number == 1 else {}), **filters,
        }  # fmt: skip
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
            f"Page {which} of the listing of workspace type {self.type_id} failed: {why.rstrip('.')}.", undone=_UNDONE,
            advice="The next run lists again from the start.",
        )  # fmt: skip


def _short(received: int, total: int) -> bool:
    return total - received > max(_TOLERANCE_ROWS, total * _TOLERANCE_SHARE)


def _gap(received: int, total: int) -> TemporaryError:
    return TemporaryError(
        f"The listing ended with {received} of {total} workspaces: {total - received} rows are missing.",
        undone=_UNDONE,
        advice="The next run tries again. Near 100,000 workspaces of one type ECM stops serving pages; beyond that "
        "they are listed by the beginnings of their names, which must find all.",
    )
