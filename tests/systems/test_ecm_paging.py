"""A list goes on wherever ECM names its next page, and one that ends before its rows do has failed (api/ecm.md 1.3)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses

from ecmbraze.errors import TemporaryError
from ecmbraze.systems.ecm.client import EcmClient
from tests.systems.ecm_answers import LIST, TYPE, TYPES, client, ready, row
from tests.systems.rig import ECM_URL

WORKSPACE = 90101
TOTAL, SIZE = 3, 2


def _ids(ecm: EcmClient) -> list[int]:
    return [entry.id for page in ecm.list_workspaces(TYPE) for entry in page.rows]


LISTS: dict[str, tuple[str, str, Callable[[EcmClient], list[int]]]] = {
    "workspaces": ("GET", LIST, _ids),
    "documents": (
        "GET",
        f"{ECM_URL}/api/v2/nodes/{WORKSPACE}/nodes",
        lambda ecm: [found.id for found in ecm.documents(WORKSPACE)],
    ),
    "categories": (
        "GET",
        f"{ECM_URL}/api/v2/nodes/{WORKSPACE}/nodes",
        lambda ecm: [number for number, _ in ecm.categories_below(WORKSPACE)],
    ),
    "relations": ("GET", f"{LIST}/{WORKSPACE}/relateditems", lambda ecm: list(ecm.related(WORKSPACE, "Contract"))),
    "search": (
        "POST",
        f"{ECM_URL}/api/v2/search",
        lambda ecm: [hit.id for hit in ecm.documents_changed_since(date(2026, 3, 1))],
    ),
}
NEXT: dict[str, Callable[[dict[str, str]], dict[str, Any]]] = {
    "actions.next": lambda link: {"actions": {"next": link} if link else {}},
    "links.next": lambda link: {"links": {"next": link} if link else {}},
    "links.data.next": lambda link: {"links": {"data": {"next": link} if link else {}}},
    "actions and links": lambda link: {"actions": {}, "links": {"data": {"next": link} if link else {}}},
}


def _row(name: str, number: int) -> dict[str, Any]:
    if name in ("workspaces", "relations"):
        return row(number)
    kind = 144 if name in ("documents", "search") else 848
    told = {
        "id": number,
        "name": f"{number}.pdf",
        "type": kind,
        "create_date": "2026-03-01T09:00:00Z",
        "modify_date": "2026-03-01T09:00:00Z",
    }
    return {"data": {"properties": told, "categories": []}}


class Server:
    """Serve three rows in pages of two; ``offers`` places the link, ``hidden`` rows are counted and not shown."""

    def __init__(
        self, name: str, offers: Callable[[dict[str, str]], dict[str, Any]], *, broken: str = "", hidden: int = 0
    ) -> None:
        self._name, self._offers, self._broken, self._hidden = name, offers, broken, hidden

    def __call__(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        body = request.body.decode() if isinstance(request.body, bytes) else str(request.body or "")
        number = int((parse_qs(body) or parse_qs(urlsplit(str(request.url)).query))["page"][0])
        first = 1 if self._broken == "repeats" else (min(number, 2) - 1) * SIZE + 1
        numbers = [n for n in range(first, min(first + SIZE, TOTAL + 1)) if n != self._hidden]
        more = number < 2 or self._broken == "repeats"
        link = {"href": "/api/v2/somewhere"} if more and self._broken != "no link" else {}
        paging = {
            "limit": SIZE,
            "page": number,
            "page_total": 2,
            "total_count": TOTAL,
            **self._offers(link),
        }
        rows = [_row(self._name, n) for n in numbers]
        envelope = (
            {"paging": paging} if self._name in ("workspaces", "relations") else {"collection": {"paging": paging}}
        )
        return 200, {}, json.dumps({**envelope, "results": rows})


def _listed(name: str, server: Server) -> list[int]:
    method, url, listing = LISTS[name]
    types = [{"data": {"properties": {"wksp_type_name": "Contract", "wksp_type_id": TYPE}}}]
    with responses.RequestsMock(assert_all_requests_are_fired=False) as net:
        ready(net)
        net.add(responses.GET, TYPES, json={"results": types})
        net.add_callback(method, url, server)
        return listing(client(page_size=SIZE))


@pytest.mark.parametrize("place", NEXT)
@pytest.mark.parametrize("name", LISTS)
def test_a_list_goes_on_wherever_its_next_page_is_named(name: str, place: str) -> None:
    assert _listed(name, Server(name, NEXT[place])) == [1, 2, 3]


@pytest.mark.parametrize("broken", ["no link", "repeats"])
@pytest.mark.parametrize("place", NEXT)
@pytest.mark.parametrize("name", LISTS)
def test_a_list_that_ends_short_of_its_total_has_failed(name: str, place: str, broken: str) -> None:
    with pytest.raises(TemporaryError) as caught:
        _listed(name, Server(name, NEXT[place], broken=broken))
    assert caught.value.exit_code == 5


@pytest.mark.parametrize("hidden", [1, 3])
@pytest.mark.parametrize("name", LISTS)
def test_a_row_that_is_counted_but_not_shown_is_no_early_end(name: str, hidden: int) -> None:
    """Permissions and hidden items make the total larger than what is delivered (api/ecm.md 4.2, 6.1)."""
    shown = [number for number in (1, 2, 3) if number != hidden]
    assert _listed(name, Server(name, NEXT["links.next"], hidden=hidden)) == shown
