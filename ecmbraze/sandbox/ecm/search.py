"""Serve ``/v2/search`` (api/ecm.md 6.1): hits per version from an index that lags, rows from the database."""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Blueprint, Response

from ecmbraze.sandbox.ecm import shapes
from ecmbraze.sandbox.ecm.answers import answer, collection, cut, link
from ecmbraze.sandbox.ecm.asking import as_whole, form, store
from ecmbraze.sandbox.ecm.index import Entry
from ecmbraze.sandbox.ecm.lql import Regions, parse
from ecmbraze.sandbox.ecm.model import Node
from ecmbraze.sandbox.ecm.refusals import RefusalError
from ecmbraze.sandbox.ecm.rows import node_properties
from ecmbraze.sandbox.ecm.stamps import stamp
from ecmbraze.sandbox.ecm.versions import newest

search = Blueprint("search", __name__)
_DEFAULT_LIMIT = 25  # UNCONFIRMED, a choice


@search.post("/v2/search")
def find() -> Response:
    """Search. Rows the account may not see are taken out after paging, so that the total exceeds them."""
    fields = form()
    where = str(fields.get("where") or "").strip()
    lookfor = str(fields.get("lookfor") or "complexquery")
    if not where:
        raise RefusalError(400, "query")
    test = parse(where) if lookfor == "complexquery" else parse(f'"{where}"')
    hits = [entry for entry in store().index.entries() if test(_regions(entry))]
    sort = str(fields.get("sort") or "relevance")
    hits.sort(key=lambda entry: (_key(entry, sort.partition("_")[2]), entry.id, entry.version))
    if sort.startswith("desc_"):
        hits.reverse()
    if (most := store().switches.search_result_cap) is not None:
        hits = hits[:most]
    page = as_whole("page", fields.get("page") or 1)
    limit = min(as_whole("limit", fields.get("limit") or _DEFAULT_LIMIT), store().switches.search_page_cap)
    if page < 1 or limit < 1:
        raise RefusalError(400, "limit")
    part = cut(hits, page, limit, last_again=store().switches.repeat_last_page)
    rows = [_row(entry, node) for entry in part.rows if (node := store().visible(entry.id)) is not None]
    told = collection(part, rows, sort)
    told["collection"]["paging"]["result_header_string"] = f"{len(hits)} results"
    told["collection"]["searching"] = {
        "cache_id": int(hashlib.sha256(where.encode()).hexdigest()[:8], 16), "result_title": "Search Results",
        "regions_order": ["OTName", "OTModifyDate", "OTObjectDate", "OTLocation"], "regions_metadata": {},
    }  # fmt: skip
    return answer(told)


def _regions(entry: Entry) -> Regions:
    def of(name: str) -> tuple[str, ...]:
        day, time = _local(entry.modified)
        match name.casefold():
            case "otdataid":
                return (str(entry.id),)
            case "otsubtype":
                return (str(entry.subtype),)
            case "otname":
                return (entry.name,)
            case "otmodifydate":
                return (day,)
            case "otmodifytime":
                return (time,)
            case "otobjectdate":
                return (_local(entry.created)[0],)
            case "otlocation":
                return tuple(str(number) for number in entry.path)
            case "otparentid":
                return (str(entry.path[-2]),) if len(entry.path) > 1 else ()
        return _of_category(entry, name)

    return of


def _of_category(entry: Entry, region: str) -> tuple[str, ...]:
    """Return the values of ``Attr_<category>_<attribute>``."""
    parts = region.split("_")
    if len(parts) != 3 or parts[0].casefold() != "attr" or not (parts[1].isdigit() and parts[2].isdigit()):
        return ()
    value = entry.values.get(int(parts[1]), {}).get(int(parts[2]))
    values = value if isinstance(value, list) else [value]
    return tuple(str(one) for one in values if one not in (None, "") and not isinstance(one, dict))


def _local(epoch: int) -> tuple[str, str]:
    """Return the day and the time of day in the server's zone, as the date regions hold them."""
    text = stamp(epoch, False, store().switches.server_tz)
    day, _, time = text.partition("T")
    return day.replace("-", ""), time.replace(":", "")


def _key(entry: Entry, region: str) -> tuple[str, ...]:
    return _regions(entry)(region) if region else ()


def _row(entry: Entry, node: Node) -> dict[str, Any]:
    """Return one hit: ``properties`` fresh from the database, ``regions`` as the index has them."""
    day, path = _local(entry.modified)[0], store().tree.path(node)
    regions = {
        "OTName": entry.name, "OTModifyDate": day, "OTObjectDate": _local(entry.created)[0],
        "OTObjectDate_formatted": _local(entry.created)[0], "OTLocation": " ".join(str(one) for one in entry.path),
        "OTSubType": str(entry.subtype), "OTDataID": str(entry.id),
    }  # fmt: skip
    current = node.get("versions", ())
    data: dict[str, Any] = {"properties": node_properties(store(), node), "regions": regions, "versions": newest(node)}
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
            "current_version": not current or entry.version == current[-1].number,
            "object_href": None, "object_id": f"DataId={node.id}&Version={entry.version}", "result_type": "Object",
            "source_id": 40, "version_type": None,
        },
    }  # fmt: skip
