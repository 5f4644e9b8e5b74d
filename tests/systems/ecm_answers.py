"""Answers of Extended ECM as api/ecm.md appendix A prints them, for the client's tests."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import responses

from ecmbraze.systems.ecm.client import EcmClient
from tests.systems.rig import ECM_URL, PASSWORD, FakeClock, http

BERLIN = ZoneInfo("Europe/Berlin")
TYPE = 33
LIST = f"{ECM_URL}/api/v2/businessworkspaces"
ONE = f"{LIST}/90101"
AUTH = f"{ECM_URL}/api/v1/auth"
INFO = f"{ECM_URL}/api/v1/serverinfo"
TYPES = f"{ECM_URL}/api/v2/businessworkspacetypes"
HTML = "<html>Error Processing Request. Please try again</html>"


def client(clock: FakeClock | None = None, **options: Any) -> EcmClient:
    settings: dict[str, Any] = {"username": "svc", "password": PASSWORD, "zone": BERLIN, **options}
    return EcmClient(http(ECM_URL, "ecm", clock=clock), **settings)


def ready(net: responses.RequestsMock, now: str = "2026-03-10T10:00:00") -> None:
    """Let logins succeed and the server tell its clock."""
    net.add(responses.POST, AUTH, json={"ticket": "ticket-1"})
    net.add(responses.GET, INFO, json={"server": {"current_date": now, "version": "25.4"}})


def row(number: int, **properties: Any) -> dict[str, Any]:
    told = {
        "id": number,
        "name": f"Workspace {number}",
        "type": 848,
        "wnf_wksp_type_id": TYPE,
        "create_date": "2026-03-01T09:00:00",
        "modify_date": "2026-03-01T09:00:06",
        **properties,
    }
    return {"actions": {"data": {}}, "data": {"properties": told}}


def page(number: int, pages: int, rows: list[dict[str, Any]], total: int | None, **paging: Any) -> dict[str, Any]:
    following = {"next": {"href": f"/api/v2/businessworkspaces?page={number + 1}"}} if number < pages else {}
    told = {"actions": following, "limit": 2, "page": number, "page_total": pages, **paging}
    if total is not None:
        told["total_count"] = total
    return {"paging": told, "results": rows, "wksp_info": {}}


VALUES: dict[str, Any] = {
    "16878_2": "C-1",
    "16878_3": "2026-02-28T00:00:00",
    "16878_4": ["EU", "UK"],
    "16878_5": True,
    "16878_6": None,
    "16878_9_2_10": "Bob",
    "16878_9_1_10": "Ann",
    "16878_9_1_11": "2026-01-05T08:30:00",
}


def _definition(key: str, name: str, **more: Any) -> dict[str, Any]:
    return {"key": key, "persona": "", "name": name, "type_name": "String", "multi_value": False, **more}


DEFINITIONS: dict[str, Any] = {
    "16878": {"key": "16878", "persona": "category", "name": "Customer"},
    "16878_2": _definition("16878_2", "Customer ID"),
    "16878_3": _definition("16878_3", "Approved On", type_name="Date"),
    "16878_4": _definition("16878_4", "Regions", multi_value=True),
    "16878_5": _definition("16878_5", "Active", type_name="Boolean"),
    "16878_6": _definition("16878_6", "Note"),
    "16878_9": _definition("16878_9", "Contacts", persona="set", multi_value=True),
    "16878_9_x_10": _definition("16878_9_x_10", "Name"),
    "16878_9_x_11": _definition("16878_9_x_11", "Seen", type_name="Date"),
}


def detail(values: Any = None, definitions: Any = None, **data: Any) -> dict[str, Any]:
    """Return the answer for one workspace; without definitions it has no metadata."""
    told: dict[str, Any] = {
        "properties": row(90101, name="Alpha (C-1)", wksp_type_name="Customer")["data"]["properties"],
        "categories": {"16878": VALUES} if values is None else values,
        "workspace_references": [
            {
                "external_system_id": "TE1",
                "business_object_type": "KNA1",
                "business_object_id": "0000050031",
                "workspace_type_id": TYPE,
            }
        ],
        **data,
    }
    results: dict[str, Any] = {"data": told}
    if definitions is not None:
        results["metadata"] = {"categories": definitions}
    return {"links": {}, "results": results}
