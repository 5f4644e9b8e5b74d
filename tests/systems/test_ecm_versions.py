"""The versions of an archived document, newest first, from lists of every shape and order."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import responses
from requests import PreparedRequest

from tests.systems.ecm_answers import client, ready
from tests.systems.rig import ECM_URL

FOLDER, MARKER = "Campaigns", "[c1].json"


@pytest.fixture
def net() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        ready(mocked)
        for parent, child in (
            (90101, {"id": 5, "name": FOLDER, "type": 0}),
            (5, {"id": 7, "name": MARKER, "type": 144}),
        ):
            body = {**_paged(1, 1), "results": [{"data": {"properties": child}}]}
            mocked.add(responses.GET, f"{ECM_URL}/api/v2/nodes/{parent}/nodes", json=body)
        yield mocked


def _paged(total: int, limit: int) -> dict[str, Any]:
    paging = {"limit": limit, "page": 1, "page_total": -(-total // limit), "total_count": total}
    return {"collection": {"paging": paging}}


def _serve(net: responses.RequestsMock, numbers: Sequence[int], limit: int) -> None:
    def listed(request: PreparedRequest) -> tuple[int, dict[str, str], str]:
        page = int(parse_qs(urlsplit(str(request.url)).query)["page"][0])
        rows = [{"data": {"versions": {"version_number": n}}} for n in numbers[(page - 1) * limit : page * limit]]
        body = {**_paged(len(numbers), limit), "results": rows}
        body["collection"]["paging"]["page"] = page
        return 200, {}, json.dumps(body)

    net.add_callback(responses.GET, f"{ECM_URL}/api/v2/nodes/7/versions", callback=listed)
    for number in numbers:
        address = f"{ECM_URL}/api/v1/nodes/7/versions/{number}/content"
        net.add(responses.GET, address, body=f"v{number}", headers={"Content-Disposition": "attachment"})


@pytest.mark.parametrize("limit", [100, 2])
@pytest.mark.parametrize("newest_first", [True, False])
def test_versions_come_newest_first_whatever_the_order_and_the_size_of_pages(
    net: responses.RequestsMock, newest_first: bool, limit: int
) -> None:
    numbers = [1, 2, 4, 5, 6]
    _serve(net, numbers[::-1] if newest_first else numbers, limit)

    found = list(client().archived(90101, FOLDER, MARKER))

    assert found == [sha256(f"v{number}".encode()).hexdigest() for number in reversed(numbers)]
