"""Pages from which permissions or filters took every row do not end a listing (api/ecm.md 0.2, 3.6, 4.2, 6.1)."""

from __future__ import annotations

import json
from datetime import date
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses

from tests.systems.ecm_answers import TYPES, client, ready, row
from tests.systems.rig import ECM_URL

WORKSPACE, PAPERS = 90101, 33
SEARCH = f"{ECM_URL}/api/v2/search"
CHILDREN = f"{ECM_URL}/api/v2/nodes/{WORKSPACE}/nodes"
RELATED = f"{ECM_URL}/api/v2/businessworkspaces/{WORKSPACE}/relateditems"
Pages = list[list[dict[str, Any]]]


def document(number: int) -> dict[str, Any]:
    told = {
        "id": number,
        "name": f"{number}.pdf",
        "type": 144,
        "mime_type": "application/pdf",
        "create_date": "2026-03-01T09:00:00Z",
        "modify_date": "2026-03-01T09:00:00Z",
    }
    return {"data": {"properties": told}}


class Server:
    """Serve pages as Content Server does: a link to the next one while there is one, the last one again beyond."""

    def __init__(self, pages: Pages, *, endless: bool = False) -> None:
        self._pages, self._endless, self.asked = pages, endless, 0

    def __call__(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        self.asked += 1
        assert self.asked < 20, "the client pages for ever"
        body = request.body.decode() if isinstance(request.body, bytes) else str(request.body or "")
        asked = parse_qs(body) or parse_qs(urlsplit(str(request.url)).query)
        number, last = int(asked["page"][0]), len(self._pages)
        following = {"next": {"href": "/"}} if number < last or self._endless else {}
        numbers = {"limit": 100, "page": number, "page_total": last, "actions": following}
        paging = {**numbers, **({"links": following} if following else {})}
        answer = {"collection": {"paging": paging}, "paging": paging, "results": self._pages[min(number, last) - 1]}
        return 200, {}, json.dumps(answer)


@pytest.mark.parametrize("endless", [False, True])
def test_a_folder_page_without_a_visible_row_is_not_the_last_one(endless: bool) -> None:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as net:
        ready(net)
        net.add_callback(responses.GET, CHILDREN, Server([[document(1)], [], [document(2)]], endless=endless))
        assert [found.id for found in client().documents(WORKSPACE)] == [1, 2]


@pytest.mark.parametrize("endless", [False, True])
def test_a_search_page_without_a_visible_hit_is_not_the_last_one(endless: bool) -> None:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as net:
        ready(net)
        net.add_callback(responses.POST, SEARCH, Server([[], [document(1)], [], [document(2)]], endless=endless))
        assert [hit.id for hit in client().documents_changed_since(date(2026, 3, 1))] == [1, 2]


def test_a_page_of_related_workspaces_of_other_types_is_not_the_last_one() -> None:
    types = [{"data": {"properties": {"wksp_type_name": "Contract", "wksp_type_id": PAPERS}}}]
    with responses.RequestsMock(assert_all_requests_are_fired=False) as net:
        ready(net)
        net.add(responses.GET, TYPES, json={"results": types})
        net.add_callback(responses.GET, RELATED, Server([[row(1)], [row(2, wnf_wksp_type_id=99)], [row(3)]]))
        assert client().related(WORKSPACE, "Contract") == (1, 3)
