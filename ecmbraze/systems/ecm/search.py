"""Ask the search index which documents changed since a day; it lags, counts versions and knows no time of day."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, tzinfo
from typing import Any

from ecmbraze.errors import RecordUnreadable, TemporaryError
from ecmbraze.model import DocumentHit
from ecmbraze.systems.ecm import times
from ecmbraze.systems.ecm.session import Session
from ecmbraze.systems.shapes import ShapeError, inner, listing, mapping, whole

PATH = "/api/v2/search"
_LIMIT = 100  # what public clients use; the cap is not documented (api/ecm.md 6.1)
_NODE = re.compile(r"/nodes/(\d+)")


def search(session: Session, day: date, zone: tzinfo | None) -> Iterator[DocumentHit]:
    """Yield each document once, however many of its versions the index returns; raises TemporaryError.

    Newest first, so that a cap on results (api/ecm.md 11: unknown) costs the oldest, which were seen before.
    """
    query = (
        '([QLREGION "OTSubType"] = "144" OR [QLREGION "OTSubType"] = "749") '
        f'AND [QLREGION "OTModifyDate"] >= "{day:%Y%m%d}"'
    )
    form = {"where": query, "lookfor": "complexquery", "sort": "desc_OTModifyDate", "limit": str(_LIMIT)}
    page, met, cache = 1, set[tuple[int, str]](), ""
    seen: set[int] = set()
    while True:
        body = {**form, "page": str(page), **({"cache_id": cache} if cache else {})}
        answer = session.read("POST", PATH, data=body)
        try:
            if answer.status != 200:
                raise ShapeError(f"status {answer.status}")
            results = [mapping(row, "hit") for row in listing(answer.json().get("results"), "result list")]
            hits = [(_identity(row), _hit(row, zone)) for row in results]
            more, pages, cache = _paging(answer.json(), page, cache)
        except (ShapeError, RecordUnreadable) as error:
            raise TemporaryError(
                f"The search for changed documents failed: {error}.", undone="None of its hits was used.",
                advice="`ecmbraze check` says whether the account may search; the sweep finds changes later.",
            ) from None  # fmt: skip
        new = {identity for identity, _ in hits} - met  # past the end the last page comes again (api/ecm.md 6.1)
        met |= new
        for _, hit in hits:
            if hit.id not in seen:
                seen.add(hit.id)
                yield hit
        # A page may be empty since hits are filtered by permission after paging, while others follow (api/ecm.md 6.1).
        if not more or (not new and (hits or page >= pages)):
            return
        page += 1


def _identity(row: Mapping[str, Any]) -> tuple[int, str]:
    """Return what tells one hit from the next: the same document comes once per indexed version."""
    told = row.get("search_result_metadata")
    version = str(told.get("object_id")) if isinstance(told, Mapping) else ""
    return whole(inner(row, "data", "properties").get("id"), "node id"), version


def _hit(row: Mapping[str, Any], zone: tzinfo | None) -> DocumentHit:
    properties = inner(row, "data", "properties")
    return DocumentHit(
        id=whole(properties.get("id"), "node id"), paths=tuple(path for path in _paths(row) if path),
        modified_at=_modified(properties.get("modify_date"), zone),
    )  # fmt: skip


def _modified(value: object, zone: tzinfo | None) -> datetime | None:
    try:
        return times.plausible(value, "modify date", zone, None)
    except RecordUnreadable:
        return None  # then the workspace is read in any case


def _paths(row: Mapping[str, Any]) -> Iterator[tuple[int, ...]]:
    """Yield the ancestors as the links tell them and as the index does: after a move these differ."""
    links = row.get("links")
    ancestors = links.get("ancestors") if isinstance(links, Mapping) else None
    hrefs = [str(entry.get("href")) for entry in ancestors or () if isinstance(entry, Mapping)]
    yield tuple(int(match[1]) for href in hrefs if (match := _NODE.search(href)))
    regions = inner(row, "data").get("regions")
    location = str(regions.get("OTLocation") or "") if isinstance(regions, Mapping) else ""
    yield tuple(int(number) for number in location.split() if number.lstrip("-").isdigit())


def _paging(answer: Mapping[str, Any], page: int, cache: str) -> tuple[bool, int, str]:
    """Return whether there is another page, how many there are said to be, and the cache id to ask with."""
    collection = inner(answer, "collection")
    paging = inner(collection, "paging")
    searching = collection.get("searching")
    told = searching.get("cache_id") if isinstance(searching, Mapping) else None
    links = paging.get("links")
    pages = whole(paging.get("page_total") or 0, "page_total")
    more = bool(links.get("next")) if isinstance(links, Mapping) else page < pages
    return more, pages, str(told) if told else cache
