"""Walk all pages of one workspace type, the next in flight while this one is worked on; a gap is a failure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
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


class Scan:
    """One listing. ``server`` gives the server's clock for one page."""

    def __init__(
        self, session: Session, type_id: int, *, limit: int, zone: tzinfo | None, server: Callable[[], ServerNow]
    ) -> None:  # fmt: skip
        self._session, self._type, self._zone, self._server = session, type_id, zone, server
        self._limit, self._promised = limit, 0

    def pages(self) -> Iterator[WorkspacePage]:
        """Yield the pages in order; raises TemporaryError naming the page that failed, or the rows that are missing."""
        seen: set[int] = set()
        total: int | None = None
        ahead = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ecm-page")
        try:
            number, following = 1, ahead.submit(self._page, 1)
            while True:
                page = following.result()
                new = page.ids - seen
                if number > 1 and not new:
                    break  # past the end a server repeats rows instead of none (E09)
                seen |= new
                total = page.page.total if page.page.total is not None else total
                self._promised = page.pages
                self._limit = min(self._limit, page.limit or self._limit)
                if page.more:
                    number += 1
                    following = ahead.submit(self._page, number)
                yield page.page
                if not page.more:
                    break
        finally:
            ahead.shutdown(wait=False, cancel_futures=True)
        _refuse_gap(len(seen), total)

    def _page(self, number: int) -> Page:
        params = {
            "where_workspace_type_id": str(self._type), "expanded_view": "true", "page": str(number),
            "limit": str(self._limit),
        }  # fmt: skip
        try:
            answer = self._session.get(PATH, params=params, attempts=_ATTEMPTS, json_errors_final=False)
            if answer.status != 200:
                said = self._session.http.redactor.excerpt(answer.json().get("error", ""))
                raise self._failed(number, f"status {answer.status}: {said}")
            return read_page(answer.json(), self._type, self._zone, self._server())
        except ShapeError as error:
            raise self._failed(number, str(error)) from None
        except TemporaryError as error:
            raise error if error.undone == _UNDONE else self._failed(number, error.happened) from None

    def _failed(self, number: int, why: str) -> EcmbrazeError:
        which = f"{number}/{self._promised}" if self._promised else f"{number}"
        return TemporaryError(
            f"Page {which} of the listing of workspace type {self._type} failed: {why.rstrip('.')}.", undone=_UNDONE,
            advice="The next run lists again from the start.",
        )  # fmt: skip


def _refuse_gap(received: int, total: int | None) -> None:
    missing = (total or 0) - received
    if missing > max(_TOLERANCE_ROWS, (total or 0) * _TOLERANCE_SHARE):
        raise TemporaryError(
            f"The listing ended with {received} of {total} workspaces: {missing} rows are missing.", undone=_UNDONE,
            advice="The next run tries again; near 100,000 workspaces of one type ECM stops serving pages.",
        )  # fmt: skip
