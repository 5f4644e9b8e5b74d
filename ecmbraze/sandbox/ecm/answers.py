"""Wrap rows in the envelopes of api/ecm.md 1.3 and cut lists into pages; selects nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from flask import Response, current_app, request

from ecmbraze.sandbox.ecm.asking import store

T = TypeVar("T")


def answer(content: Any, status: int = 200) -> Response:
    """Return JSON."""
    return Response(json.dumps(content, ensure_ascii=False), status=status, mimetype="application/json")


def link(href: str, method: str = "GET") -> dict[str, str]:
    """Return one link object; ``href`` is relative to the server and lacks the base path (1.3)."""
    return {"body": "", "content_type": "", "href": href, "method": method, "name": ""}


def self_link() -> dict[str, Any]:
    """Return the ``links`` of an answer to this request."""
    return {"data": {"self": link(_here(), request.method)}}


def scattered(node_id: int) -> int:
    """Return a sort key for an order that is promised to nobody: repeatable, neither by id nor as asked."""
    return node_id * 2_654_435_761 % 2**32


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut(Generic[T]):
    """One page of a list: its rows, what the server says about it, and whether it offers another."""

    rows: Sequence[T]
    page: int
    limit: int
    total: int
    first: int
    more: bool

    def paging(self) -> dict[str, Any]:
        """Return the numbers every paging object carries."""
        return {
            "limit": self.limit,
            "page": self.page,
            "page_total": -(-self.total // self.limit),
            "range_min": self.first,
            "range_max": self.first + len(self.rows) - 1 if self.rows else 0,
            "total_count": self.total,
        }

    def next_href(self) -> str:
        """Return where the next page would be."""
        return _here(page=self.page + 1, limit=self.limit)


def cut(rows: Sequence[T], page: int, limit: int, *, window: int | None = None, last_again: bool = True) -> Cut[T]:
    """Cut one page.

    Beyond the end, or beyond the deep-offset ``window``, rows come again instead of an empty list (0.2, 6): the
    last page, or the first one with ``last_again`` off. ``total`` counts what lies beyond the window too.
    """
    served = len(rows) if window is None else min(len(rows), window)
    start = (page - 1) * limit
    beyond = start >= served
    if beyond:
        start = (max(served - 1, 0) // limit) * limit if last_again else 0
    end = min(start + limit, served)
    return Cut(
        rows=rows[start:end],
        page=page,
        limit=limit,
        total=len(rows),
        first=start + 1 if served else 0,
        more=not beyond and end < served,
    )


def collection(page: Cut[Any], results: Sequence[Any], sort: str) -> dict[str, Any]:
    """Return the v2 list envelope of ``/nodes`` and ``/members``: paging lies in ``collection.paging``.

    The next link is seen in ``paging.links.next`` and in ``paging.links.data.next`` (1.3).
    """
    numbers: dict[str, Any] = page.paging()
    if page.more:
        found = {"next": link(page.next_href())}
        numbers["links"] = {"data": found} if store().switches.next_link_under_data else found
    return {
        "collection": {"paging": numbers, "sorting": {"sort": [{"key": "sort", "value": sort}]}},
        "links": self_link(),
        "results": list(results),
    }


def top_level(page: Cut[Any], results: Sequence[Any], with_total: bool = True) -> dict[str, Any]:
    """Return the list envelope of business workspaces: top-level ``paging`` with ``actions.next`` while more."""
    numbers = page.paging()
    if not with_total:
        del numbers["total_count"]
    actions = {"next": link(page.next_href())} if page.more else {}
    return {"links": self_link(), "paging": {"actions": actions, **numbers}, "results": list(results)}


def _here(**changes: int) -> str:
    base = str(current_app.config["ECM_BASE"])
    path = request.path.removeprefix(base)
    arguments = [(k, v) for k, v in request.args.items(multi=True) if k not in changes]
    arguments += [(name, str(value)) for name, value in changes.items()]
    return f"{path}?{urlencode(arguments)}" if arguments else path
