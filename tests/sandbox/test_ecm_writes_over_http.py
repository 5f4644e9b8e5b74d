"""Writes over a real connection: a colleague who is quicker, uploads that are cut off or whose answer is lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from ecmbraze.sandbox.remote import RemoteSandbox
from tests.sandbox.desk import ONBOARDING

STAGE = "Onboarding.Stage"


class Client:
    """A client of the REST API that is logged in, with one fresh workspace."""

    def __init__(self, box: RemoteSandbox) -> None:
        self.box, self.session = box, requests.Session()
        login = {"username": box.username, "password": box.password}
        ticket = self.session.post(f"{box.ecm}/api/v1/auth", data=login, timeout=60).json()["ticket"]
        self.session.headers["OTCSTicket"] = ticket
        self.workspace = box.create_workspace(ONBOARDING, values={STAGE: "KYC"})

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        return self.session.request(method, f"{self.box.ecm}/api{path}", timeout=60, **more)


@pytest.fixture
def client(sandbox: RemoteSandbox) -> Iterator[Client]:
    found = Client(sandbox)
    yield found
    found.session.close()


def test_a_colleague_who_is_quicker_wins_against_a_token_and_loses_against_none(client: Client) -> None:
    box, node = client.box, client.workspace
    categories = client.ask("GET", f"/v2/nodes/{node}/categories?metadata").json()["results"][0]["metadata"]
    key = next(key for key, one in categories["categories"].items() if one["name"] == "Stage")
    category = key.split("_")[0]
    state = client.ask("GET", f"/v2/nodes/{node}?state").json()["results"]["state"]["categories"][0]
    token = state[category]["metadata_token"]
    quicker = {"do": "edit", "id": node, "values": {STAGE: "Contract"}, "by_user": "user07"}
    lock = {f"{category}_1": f'{{"metadata_token": "{token}"}}'}
    outcomes = []
    for fields in ({key: "Service", **lock}, {key: "Service"}):
        box.fault("edit", system="ecm", path=f"/categories/{category}", method="PUT", when="before", edits=[quicker])
        status = client.ask("PUT", f"/v2/nodes/{node}/categories/{category}", data=fields).status_code
        outcomes.append((status, box.workspace(node)["values"][STAGE]))
    assert outcomes == [(409, "Contract"), (200, "Service")]
