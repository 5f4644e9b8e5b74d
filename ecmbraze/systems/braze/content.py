"""Read what people wrote in Braze: lists of templates, Content Blocks, campaigns, Canvases, and all of one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

from ecmbraze.errors import RecordUnreadable, TemporaryError
from ecmbraze.model import Asset, ContentKind, ContentRow, Json, keys
from ecmbraze.systems.braze.asking import Asking, odd
from ecmbraze.systems.braze.profiles import moment
from ecmbraze.systems.http import UnusableError
from ecmbraze.systems.shapes import ShapeError, listing, mapping, text

# api/braze.md 7.1, 7.2: templates and blocks by offset; 7.3, 7.4: campaigns and Canvases by page, 100 fixed.
_PAGE, _NUMBERED_PAGE = 1_000, 100
# Rows of a page that are asked for again with the next one: what is edited meanwhile moves to the end, and the rest up.
_AGAIN = 50
_READINGS = 5
_PATIENCE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where assets of one kind are listed and read, and what the API calls their parts."""

    lists: str
    rows: str
    id: str
    name: str
    edited: str
    reads: str
    asked: str
    parts: tuple[str, ...]
    about: tuple[str, ...] = ()
    numbered: bool = False
    """Whether pages are counted; else they begin at an offset."""


_PLACES: Mapping[ContentKind, _Place] = {
    ContentKind.EMAIL_TEMPLATES: _Place(
        lists="/templates/email/list",
        rows="templates",
        id="email_template_id",
        name="template_name",
        edited="updated_at",
        reads="/templates/email/info",
        asked="email_template_id",
        parts=("subject", "preheader", "body", "plaintext_body", "description", "should_inline_css"),
        about=("created_at",),
    ),
    ContentKind.CONTENT_BLOCKS: _Place(
        lists="/content_blocks/list",
        rows="content_blocks",
        id="content_block_id",
        name="name",
        edited="last_edited",
        reads="/content_blocks/info",
        asked="content_block_id",
        parts=("content", "content_type", "description"),
        about=("created_at",),
    ),
    ContentKind.CAMPAIGNS: _Place(
        lists="/campaigns/list",
        rows="campaigns",
        id="id",
        name="name",
        edited="last_edited",
        reads="/campaigns/details",
        asked="campaign_id",
        parts=("messages", "description"),
        numbered=True,
        about=("created_at", "draft", "enabled", "has_post_launch_draft", "schedule_type", "first_sent", "teams"),
    ),
    ContentKind.CANVASES: _Place(
        lists="/canvas/list",
        rows="canvases",
        id="id",
        name="name",
        edited="last_edited",
        reads="/canvas/details",
        asked="canvas_id",
        parts=("variants", "steps", "description"),
        numbered=True,
        about=("created_at", "draft", "enabled", "has_post_launch_draft", "schedule_type", "first_entry", "teams"),
    ),
}


class Content:
    """The content behind one key. Thread-safe."""

    def __init__(self, asking: Asking, *, page: int = _PAGE) -> None:
        self._asking, self._size = asking, page
        self._failed = 0

    def rows(self, kind: ContentKind, since: datetime | None) -> list[ContentRow]:
        """Return every asset of a kind, archived ones too, each once; with ``since`` what was edited at or after it.

        Drag-and-drop templates and drafts of blocks are in no list. A list of several pages is read until a reading
        shows nothing that those before it did not: edits move rows between pages while they are read. Raises
        TemporaryError when it changes as fast as it is read, CredentialRefused where the key may not read it.
        """
        place = _PLACES[kind]
        found: dict[str, ContentRow] = {}
        for _ in range(_READINGS):
            known = set(found)
            pages = [{row.id: row for row in page} for page in self._pages(kind, place, since)]
            for page in pages:
                found |= page
            if len(pages) == 1 or found.keys() == known:
                return list(found.values())
        raise TemporaryError(
            f"The list {place.lists} changed each time it was read.",
            undone="Nothing was concluded from it.",
            advice="The next run reads it again.",
        )

    def asset(self, row: ContentRow) -> Asset:
        """Return all of one asset; raises RecordUnreadable where Braze does not give it.

        One that fails each time it is asked for, is too large or has an unknown shape is one of them; three in turn
        are an outage.
        """
        place = _PLACES[row.kind]
        try:
            answer = self._asking.answer("GET", place.reads, params={place.asked: row.id}, about=row.id)
            if answer.status >= 400:
                raise RecordUnreadable(f"Braze does not give the {row.kind.one} {row.id} (status {answer.status})")
            found = _asset(row, place, answer.json())
        except (UnusableError, ShapeError) as error:
            wrong = odd(place.reads, error) if isinstance(error, ShapeError) else error
            self._failed += 1
            if self._failed >= _PATIENCE:
                raise wrong from None
            raise RecordUnreadable(f"Braze does not give the {row.kind.one} {row.id}: {wrong.happened}") from None
        self._failed = 0
        return found

    def _pages(self, kind: ContentKind, place: _Place, since: datetime | None) -> Iterator[list[ContentRow]]:
        """Yield the pages of one reading. Raises TemporaryError when the same page comes twice."""
        size, asked = (_NUMBERED_PAGE, _numbered(since)) if place.numbered else (self._size, self._offset(since))
        last: list[ContentRow] = []
        for params in asked:
            page = self._page(kind, place, params)
            yield page
            if len(page) < size:
                return
            if page == last:
                raise odd(place.lists, ShapeError("the same page came twice"))
            last = page

    def _offset(self, since: datetime | None) -> Iterator[Mapping[str, str]]:
        """Yield what to ask for page after page; each begins with the last rows of the one before it."""
        params = {"limit": str(self._size)}
        if since is not None:
            params["modified_after"] = since.astimezone(UTC).isoformat(timespec="seconds")
        yield params  # api/braze.md 7.2: offset=0 may be refused
        step = self._size - min(_AGAIN, self._size // 2)
        yield from ({**params, "offset": str(offset)} for offset in count(step, step))

    def _page(self, kind: ContentKind, place: _Place, params: Mapping[str, str]) -> list[ContentRow]:
        body = self._asking.ask("GET", place.lists, params=params)
        try:
            return [_row(kind, place, mapping(row, "row")) for row in listing(body.get(place.rows), place.rows)]
        except ShapeError as error:
            raise odd(place.lists, error) from None


def _asset(row: ContentRow, place: _Place, body: Mapping[str, Any]) -> Asset:
    shown = {place.id: row.id, place.edited: row.edited.isoformat(), **_dated(body, place)}
    return Asset(
        row=_row(row.kind, place, shown),
        parts={name: body[name] for name in place.parts if body.get(name) is not None},
        about={name: body[name] for name in place.about if body.get(name) is not None},
        channels=_channels(row.kind, body),
        archived=body.get("archived") is True,
    )


def _numbered(since: datetime | None) -> Iterator[Mapping[str, str]]:
    """Yield what to ask for page after page, in the order in which assets were made: an edit moves none."""
    params = {"include_archived": "true", "sort_direction": "asc"}
    if since is not None:  # the API's is exclusive, in seconds
        params["last_edit.time[gt]"] = f"{_before(since):%Y-%m-%dT%H:%M:%S}"
    yield from ({**params, "page": str(page)} for page in count())


def _before(since: datetime) -> datetime:
    """Return a second earlier, in UTC, for a bound that leaves its own instant out."""
    return datetime.fromtimestamp(int(since.timestamp()) - 1, UTC)


def _row(kind: ContentKind, place: _Place, row: Mapping[str, Any]) -> ContentRow:
    number, edited = text(row.get(place.id), "id"), moment(row.get(place.edited))
    if not keys.is_asset_id(number):
        raise ShapeError("an id that is none")
    if edited is None:
        raise ShapeError(f"{place.edited} is no time")
    tags = [text(tag, "tag") for tag in listing(row.get("tags") or [], "tags")]
    return ContentRow(kind=kind, id=number, name=text(row.get(place.name), "name"), tags=tuple(tags), edited=edited)


def _dated(body: Mapping[str, Any], place: _Place) -> dict[str, Any]:
    """Return what details say of a row; campaigns and Canvases call the date of the last edit otherwise there."""
    found = {name: body[name] for name in (place.name, "tags") if name in body}
    edited = body.get(place.edited) or body.get("updated_at")
    return {**found, **({place.edited: edited} if edited else {})}


def _channels(kind: ContentKind, body: Mapping[str, Any]) -> tuple[str, ...]:
    match kind:
        case ContentKind.EMAIL_TEMPLATES:
            return ("email",)
        case ContentKind.CONTENT_BLOCKS:
            return ()
        case ContentKind.CAMPAIGNS | ContentKind.CANVASES:
            found: Sequence[Json] = listing(body.get("channels") or [], "channels")
            return tuple(sorted(str(name) for name in found))
