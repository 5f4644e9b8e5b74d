"""Serve ``/v2/search`` (api/ecm.md 6.1): hits per version from an index that lags, rows from the database."""

from __future__ import annotations

import re
from typing import Any, cast

from flask import Blueprint, Response, current_app

from ecmbraze.sandbox.ecm import shapes
from ecmbraze.sandbox.ecm.answers import answer, collection, cut, link, scattered
from ecmbraze.sandbox.ecm.asking import as_whole, form, store
from ecmbraze.sandbox.ecm.index import Entry
from ecmbraze.sandbox.ecm.lql import parse, words
from ecmbraze.sandbox.ecm.model import Node
from ecmbraze.sandbox.ecm.refusals import RefusalError
from ecmbraze.sandbox.ecm.regions import ORDER, SORTABLE, regions_of, shown
from ecmbraze.sandbox.ecm.rows import node_properties
from ecmbraze.sandbox.ecm.versions import told

search = Blueprint("search", __name__)
_DEFAULT_LIMIT = 25  # UNCONFIRMED, a choice
_KEPT = 16
_LOCATION = re.compile(r"location_id\d+")  # restricts to what lies below any of them (6.1, PX:search)


class Caches:
    """The hits of the last searches, by the ``cache_id`` that was told (guarded by the store's lock)."""

    def __init__(self) -> None:
        self._hits: dict[int, list[Entry]] = {}
        self._last = 834_000_000  # a large number, as servers give

    def keep(self, hits: list[Entry]) -> int:
        """Return a fresh id for these hits."""
        for oldest in list(self._hits)[: 1 - _KEPT]:
            del self._hits[oldest]
        self._last += 7
        self._hits[self._last] = hits
        return self._last

    def find(self, told: Any) -> tuple[int, list[Entry] | None]:
        """Return the id and its hits; (0, None) for one that is not known (any more)."""
        number = int(told) if str(told).isdecimal() else 0
        return (number, self._hits[number]) if number in self._hits else (0, None)


@search.post("/v2/search")
def find() -> Response:
    """Search. Rows the account may not see are taken out after paging, so that the total exceeds them."""
    fields, switches = form(), store().switches
    caches = cast(Caches, current_app.extensions["ecm_searches"])
    cache_id, hits = caches.find(fields.get("cache_id")) if switches.search_cache else (0, None)
    if hits is None:
        hits = _hits(fields)
        cache_id = caches.keep(hits)
    page = as_whole("page", fields.get("page") or 1)
    limit = min(as_whole("limit", fields.get("limit") or _DEFAULT_LIMIT), switches.search_page_cap)
    if page < 1 or limit < 1:
        raise RefusalError(400, "limit")
    part = cut(hits, page, limit, last_again=switches.repeat_last_page)
    chosen = frozenset(str(fields.get("select") or "").replace("'", "").strip("{} ").replace(" ", "").split(",")) - {""}
    visible = [(entry, node) for entry in part.rows if (node := store().visible(entry.id)) is not None]
    envelope = collection(part, [_row(entry, node, chosen) for entry, node in visible], _sort(fields))
    envelope["collection"]["sorting"] = _sorting(fields)
    envelope["collection"]["paging"]["result_header_string"] = f"{len(hits)} results"
    envelope["collection"]["searching"] = {
        "cache_id": cache_id,
        "result_title": "Search Results",
        "regions_order": list(ORDER),
        "regions_metadata": {},
    }
    return answer(envelope)


def _sort(fields: dict[str, Any]) -> str:
    return str(fields.get("sort") or "relevance")


def _sorting(fields: dict[str, Any]) -> dict[str, Any]:
    """Return what can be sorted by and what was, in the shape that only searches have."""
    ways = ("relevance", *(f"{direction}_{region}" for direction in ("asc", "desc") for region in SORTABLE))
    return {"links": {way: link(f"/api/v2/search?sort={way}", "POST") for way in ways}, "sort": [_sort(fields)]}


def _hits(fields: dict[str, Any]) -> list[Entry]:
    """Return what the index finds, in order; by relevance the order is anybody's guess."""
    where, lookfor = str(fields.get("where") or "").strip(), str(fields.get("lookfor") or "complexquery").casefold()
    test = parse(where) if lookfor == "complexquery" else words(where, lookfor)
    zone, most = store().switches.server_tz, store().switches.search_result_cap
    places = {as_whole(name, raw) for name, raw in fields.items() if _LOCATION.fullmatch(name)}
    hits = [
        entry
        for entry in store().index.entries()
        if (not places or places.intersection(entry.path)) and test(regions_of(entry, zone))
    ]
    direction, _, region = _sort(fields).partition("_")
    if region:
        hits.sort(key=lambda e: (regions_of(e, zone)(region), e.id, e.version), reverse=direction == "desc")
    else:
        hits.sort(key=lambda e: (scattered(e.id), e.version))
    return hits if most is None else hits[:most]


def _row(entry: Entry, node: Node, chosen: frozenset[str]) -> dict[str, Any]:
    """Return one hit: ``properties`` fresh from the database, ``regions`` as the index has them."""
    path, versions = store().tree.path(node), node.get("versions", ())
    data: dict[str, Any] = {
        "properties": node_properties(store(), node),
        "versions": told(node, entry.version),
        "regions": shown(entry, store().switches.server_tz, chosen),
    }
    if store().switches.search_categories:
        data["categories"] = [values for _, values in shapes.of_node(store(), node)]
    return {
        "data": data,
        "links": {
            "ancestors": [{**link(f"/api/v2/nodes/{one.id}"), "name": one.name} for one in path[:-1]],
            "parent": link(f"/api/v2/nodes/{node.parent_id}"),
            "data": {"self": link(f"/api/v2/nodes/{node.id}")},
        },
        "search_result_metadata": {
            "current_version": not versions or entry.version == versions[-1].number,
            "object_href": None,
            "object_id": f"DataId={node.id}&Version={entry.version}",
            "result_type": "Object",
            "source_id": 40,
            "version_type": None,
        },
    }
