"""Lists of content against the simulated Braze over HTTP: long ones, and ones that change while they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ecmbraze.errors import RecordUnreadable, TemporaryError
from ecmbraze.model import ContentKind
from ecmbraze.sandbox.remote import RemoteSandbox
from ecmbraze.systems.braze.asking import Asking
from ecmbraze.systems.braze.content import Content
from ecmbraze.systems.http import Http
from tests.rehearsal import SOAK
from tests.systems.rig import FakeClock, http

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
TEMPLATES, BLOCKS = ContentKind.EMAIL_TEMPLATES, ContentKind.CONTENT_BLOCKS
CAMPAIGNS, CANVASES = ContentKind.CAMPAIGNS, ContentKind.CANVASES
_CONTROL: Mapping[ContentKind, str] = {
    TEMPLATES: "templates",
    BLOCKS: "blocks",
    CAMPAIGNS: "campaigns",
    CANVASES: "canvases",
}


@pytest.fixture(scope="module")
def running() -> Iterator[RemoteSandbox]:
    with RemoteSandbox.start("--world", "empty", now=NOW - timedelta(days=3)) as box:
        box.freeze()
        yield box


@pytest.fixture
def box(running: RemoteSandbox) -> Iterator[RemoteSandbox]:
    running.reset()
    running.set_clock(NOW)
    yield running
    running.clear_faults()


class _Meddled(Asking):
    """Asks, and lets somebody edit in Braze before each page but the first of all."""

    def __init__(self, wire: Http, key: str, edit: Callable[[int], None]) -> None:
        super().__init__(wire, {"Authorization": f"Bearer {key}"})
        self._edit, self.pages = edit, 0

    def ask(self, method: str, path: str, **request: Any) -> Mapping[str, Any]:
        if self.pages:
            self._edit(self.pages)
        self.pages += 1
        return super().ask(method, path, **request)


def _nothing(page: int) -> None:
    pass


def _asking(box: RemoteSandbox, edit: Callable[[int], None] = _nothing) -> _Meddled:
    return _Meddled(http(box.braze, clock=FakeClock()), box.api_key, edit)


def _put(box: RemoteSandbox, kind: ContentKind, number: int, **more: Any) -> str:
    key = f"a{number:04}"
    box.call("PUT", f"/braze/{_CONTROL[kind]}/{key}", {"name": f"n{number}", **more})
    return key


_LONG = [(CAMPAIGNS, 101, 4), (TEMPLATES, 20, 1), *([(BLOCKS, 1_001, 4)] if SOAK else [])]


@pytest.mark.soak
@pytest.mark.parametrize(("kind", "count", "pages"), _LONG)
def test_a_list_of_more_than_a_page_is_found_whole_and_read_twice(
    box: RemoteSandbox, kind: ContentKind, count: int, pages: int
) -> None:
    expected = {_put(box, kind, number) for number in range(count)}
    asking = _asking(box)

    assert {row.id for row in Content(asking).rows(kind, None)} >= expected
    assert asking.pages == pages


@pytest.mark.parametrize("edits", [3, 45])
def test_rows_that_edits_move_between_pages_are_all_found(box: RemoteSandbox, edits: int) -> None:
    """Templates are listed with the oldest edit first: who is edited moves to the end, and the rest moves up."""
    keys = []
    for number in range(150):
        keys.append(_put(box, TEMPLATES, number))
        box.advance(1)
    untouched = iter(keys)

    def edit(page: int) -> None:
        if page < 4:
            for _ in range(edits):
                box.call("PUT", f"/braze/templates/{next(untouched)}", {"subject": f"{page}"})
            box.advance(1)

    found = Content(_asking(box, edit), page=60).rows(TEMPLATES, None)

    assert {row.id for row in found} >= set(keys)


def test_an_asset_that_leaves_a_numbered_page_hides_none_of_the_next(box: RemoteSandbox) -> None:
    keys = []
    for number in range(150):
        keys.append(_put(box, CAMPAIGNS, number))
        box.advance(1)

    def delete(page: int) -> None:
        if page == 1:
            box.call("DELETE", f"/braze/campaigns/{keys[0]}")

    found = Content(_asking(box, delete)).rows(CAMPAIGNS, None)

    assert {row.id for row in found} >= set(keys)


def test_a_list_that_shows_something_new_each_time_it_is_read_is_no_list(box: RemoteSandbox) -> None:
    for number in range(12):
        _put(box, TEMPLATES, number)
        box.advance(1)

    def make(page: int) -> None:
        _put(box, TEMPLATES, 100 + page)
        box.advance(1)

    with pytest.raises(TemporaryError, match="changed each time"):
        Content(_asking(box, make), page=10).rows(TEMPLATES, None)


def test_a_server_that_gives_the_same_page_for_each_offset_is_not_believed(box: RemoteSandbox) -> None:
    class Stuck(_Meddled):
        def ask(self, method: str, path: str, **request: Any) -> Mapping[str, Any]:
            request["params"] = {**request["params"], "offset": "1"}
            return super().ask(method, path, **request)

    for number in range(12):
        _put(box, TEMPLATES, number)

    with pytest.raises(TemporaryError, match="the same page came twice"):
        Content(Stuck(http(box.braze, clock=FakeClock()), box.api_key, _nothing), page=10).rows(TEMPLATES, None)


def test_an_asset_that_is_too_large_or_odd_or_fails_each_time_hides_none_of_the_others(box: RemoteSandbox) -> None:
    """B34: 20 MB are the most that an answer of an API may have."""
    for number in range(5):
        _put(box, TEMPLATES, number)
    wire = http(box.braze, clock=FakeClock(), max_body=2_000)
    content = Content(Asking(wire, {"Authorization": f"Bearer {box.api_key}"}))
    rows = {row.id: row for row in content.rows(TEMPLATES, None)}
    _put(box, TEMPLATES, 1, body="x" * 3_000)
    before = wire.counters.as_dict()["braze"]

    with pytest.raises(RecordUnreadable, match="larger than"):
        content.asset(rows["a0001"])
    assert wire.counters.as_dict()["braze"] == before + 1
    box.fault("status", path="/templates/email/info$", status=200, json={"template_name": "x", "tags": [None]})
    with pytest.raises(RecordUnreadable, match="unknown shape"):
        content.asset(rows["a0000"])
    assert content.asset(rows["a0002"]).row.id == "a0002"
    box.fault("status", path="/templates/email/info$", status=503, times=99)
    for number in (0, 3):
        with pytest.raises(RecordUnreadable):
            content.asset(rows[f"a000{number}"])
    with pytest.raises(TemporaryError):
        content.asset(rows["a0004"])
