"""Ask the search index which documents changed since a day; it lags, counts versions and knows no time of day."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, tzinfo
from typing import Any

from ecmbraze.errors import RecordUnreadable, TemporaryError
from ecmbraze.model import DocumentHit
from ecmbraze.systems.ecm import paging, times
from ecmbraze.systems.ecm.session import Session
from ecmbraze.systems.shapes import ShapeError, inner, whole

PATH = "/api/v2/search"
_LIMIT = 100  # what public clients use; the cap is not documented (api/ecm.md 6.1)
# No number of a node has more digits.
_NODE, _NUMBER = re.compile(r"/nodes/([0-9]{1,18})(?![0-9])"), re.compile(r"-?[0-9]{1,18}")


def search(session: Session, day: date, zone: tzinfo | None, within: int = 0) -> Iterator[DocumentHit]:
    """Yield each document once, however many of its versions the index returns; raises TemporaryError.

    ``within`` leaves out what does not lie below one container.

    Newest first, so that a cap on results (api/ecm.md 11: unknown) costs the oldest, which were seen before.
    """
    query = (
        '([QLREGION "OTSubType"] = "144" OR [QLREGION "OTSubType"] = "749") '
        f'AND [QLREGION "OTModifyDate"] >= "{day:%Y%m%d}"'
    )
    query += f' AND [QLREGION "OTLocation"] = "{within}"' if within else ""
    form = {"where": query, "lookfor": "complexquery", "sort": "desc_OTModifyDate", "limit": str(_LIMIT)}
    cache = ""

    def one(page: int) -> Mapping[str, Any]:
        nonlocal cache
        body = {**form, "page": str(page), **({"cache_id": cache} if cache else {})}
        answer = session.read("POST", PATH, data=body, json_errors_final=False)
        if answer.status != 200:
            raise ShapeError(f"status {answer.status}")
        cache = _cache_id(answer.json()) or cache
        return answer.json()

    seen: set[int] = set()
    try:
        for rows in paging.walk(one, _identity, _LIMIT, "The search for changed documents"):
            hits = [_hit(row, zone) for row in rows]
            for hit in hits:
                if hit.id not in seen:
                    seen.add(hit.id)
                    yield hit
    except (ShapeError, RecordUnreadable) as error:
        raise TemporaryError(
            f"The search for changed documents failed: {error}.",
            undone="None of its hits was used.",
            advice="`ecmbraze check` says whether the account may search; the sweep finds changes later.",
        ) from None


def _identity(row: Mapping[str, Any]) -> tuple[int, str]:
    """Return what tells one hit from the next: the same document comes once per indexed version."""
    told = row.get("search_result_metadata")
    version = str(told.get("object_id")) if isinstance(told, Mapping) else ""
    return whole(inner(row, "data", "properties").get("id"), "node id"), version


def _hit(row: Mapping[str, Any], zone: tzinfo | None) -> DocumentHit:
    properties = inner(row, "data", "properties")
    return DocumentHit(
        id=whole(properties.get("id"), "node id"),
        paths=tuple(path for path in _paths(row) if path),
        modified_at=_modified(properties.get("modify_date"), zone),
    )


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
    yield tuple(int(number) for number in location.split() if _NUMBER.fullmatch(number))


def _cache_id(answer: Mapping[str, Any]) -> str:
    """Return what further pages are asked with, so that they are of the same hits (api/ecm.md 6.1)."""
    searching = inner(answer, "collection").get("searching")
    told = searching.get("cache_id") if isinstance(searching, Mapping) else None
    return str(told) if told else ""
