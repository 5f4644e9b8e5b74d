"""List the custom attributes that profiles ever had, by cursor (api/braze.md 7.9); writes none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecmbraze.sandbox.braze.answers import Refused
from ecmbraze.sandbox.braze.store import BrazeStore

_PAGE = 50


class Page(dict[str, Any]):
    """The body of one page, and the `Link` header that names the next one: absent on the last."""

    link = ""


def listing(store: BrazeStore, query: Mapping[str, str]) -> Page:
    """Answer `/custom_attributes`. Raises Refused for a cursor that it never gave."""
    names = sorted({*store.types, *store.switches.blocklist})
    cursor = query.get("cursor", "")
    if cursor and cursor not in names:
        raise Refused(400, "Invalid cursor")
    start = names.index(cursor) if cursor else 0
    page = Page(attributes=[_row(store, name) for name in names[start : start + _PAGE]], message="success")
    if len(names) > start + _PAGE:
        page.link = f'</custom_attributes?cursor={names[start + _PAGE]}>; rel="next"'
    return page


def _row(store: BrazeStore, name: str) -> dict[str, Any]:
    return {
        "array_length": None,
        "data_type": store.types.get(name, "String"),
        "description": None,
        "name": name,
        "status": "Blocklisted" if name in store.switches.blocklist else "Active",
        "tag_names": [],
    }
