"""The update form of a category as OpenText's own mocks print it (api/ecm.md 5.4), and a node with its categories."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import responses

from tests.systems.rig import ECM_URL

NODE_ID, CATEGORY = 90101, 16900
FORM = f"{ECM_URL}/api/v1/forms/nodes/categories/update"
NODE = f"{ECM_URL}/api/v2/nodes/{NODE_ID}"
CATEGORIES = f"{NODE}/categories"
HOLDS = f"{ECM_URL}/api/v1/nodes/{NODE_ID}/holds"
PUT = f"{CATEGORIES}/{CATEGORY}"

STATUS, SINCE, DAY, SOURCE, COUNT, VIP, TAGS, HISTORY, OWNER = (f"{CATEGORY}_{number}" for number in range(2, 11))
VALUES: dict[str, Any] = {
    STATUS: "",
    SINCE: None,
    DAY: None,
    SOURCE: None,
    COUNT: None,
    VIP: False,
    TAGS: ["a", None],
    HISTORY: [{f"{HISTORY}_x_11": None}],
    f"{HISTORY}_1": None,
    OWNER: "Ann",
}


def form(values: Any = None, token: str | None = "token-1", schema: Any = None) -> dict[str, Any]:
    """Return the form; ``schema`` overrides the schema of single keys."""
    properties: dict[str, dict[str, Any]] = {
        STATUS: _entry("Email Status", enum=["Opted in", "Not objected", "Withdrawn"]),
        SINCE: _entry("Email Since"),
        DAY: _entry("Checked On"),
        SOURCE: _entry("Email Source", maxLength=32),
        COUNT: _entry("Changes", type="integer"),
        VIP: _entry("Vip", type="boolean"),
        TAGS: {**_entry("Tags", type="array"), "items": {"maxItems": 5, "minItems": 1, "type": "string"}},
        HISTORY: {
            "title": "History",
            "type": "array",
            "items": {"type": "object", "properties": {f"{HISTORY}_x_11": _entry("Change")}},
        },
        f"{HISTORY}_1": {"type": "string"},
        OWNER: _entry("Owner", required=True, maxLength=20),
    }
    options: dict[str, dict[str, Any]] = {key: {"label": entry.get("title")} for key, entry in properties.items()}
    options[SINCE] |= {"type": "datetime", "dateFormat": "MM/DD/YYYY HH:mm:ss"}
    options[DAY] |= {"type": "date", "dateFormat": "MM/DD/YYYY"}
    for key, entry in (schema or {}).items():
        properties[key] = {**properties[key], **entry}
    lock = {f"{CATEGORY}_1": {"metadata_token": token}} if token else {}
    data = {**VALUES, **(values or {}), **lock}
    return {"forms": [{"data": data, "options": {"fields": options}, "schema": {"properties": properties}}]}


def _entry(title: str, **more: Any) -> dict[str, Any]:
    return {"title": title, "type": "string", "required": False, "readonly": False, **more}


def carried(*names: tuple[int, str]) -> dict[str, Any]:
    """Return the answer of the generic node: the categories it carries, by id and name."""
    return {
        "results": [
            {
                "data": {"categories": {f"{number}_2": ""}},
                "metadata": {
                    "categories": {
                        str(number): {"key": str(number), "persona": "category", "name": name},
                        f"{number}_2": {"key": f"{number}_2", "persona": "", "name": "Email Status"},
                    }
                },
            }
            for number, name in names
        ]
    }


def written(net: responses.RequestsMock) -> list[dict[str, Any]]:
    """Return the JSON bodies of the category updates that were sent."""
    calls = [call.request for call in net.calls if call.request.method == "PUT"]
    return [json.loads(parse_qs(str(request.body), keep_blank_values=True)["body"][0]) for request in calls]
