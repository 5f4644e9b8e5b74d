"""A client at the simulated Braze for tests: a store, a clock that stands still, and JSON; no sockets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ecmbraze.sandbox.braze import BrazeStore, create_app

KEY = "a-key"
CAMPAIGN, CANVAS, GROUP = "camp-1", "canv-1", "ed060000-0000-4000-8000-00000000000a"


class Clock:
    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment


class Braze:
    """A store, its clock and a client that speaks JSON."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.store = BrazeStore(self.clock, 7, KEY)
        self.store.put_user("u1", {"email": "u1@example.com"})
        self.store.put_user("u2", {"email": "u2@example.com", "groups": {GROUP: "subscribed"}})
        self.store.put_campaign(CAMPAIGN, "Campaign")
        self.store.put_canvas(CANVAS, "Canvas")
        self.store.put_group(GROUP, "News", "email")
        self.client: FlaskClient = create_app(self.store).test_client()

    def post(self, path: str, body: Any, key: str = KEY, **more: Any) -> TestResponse:
        return self.client.post(path, json=body, headers={"Authorization": f"Bearer {key}"}, **more)

    def get(self, path: str, **query: Any) -> TestResponse:
        return self.client.get(path, query_string=query, headers={"Authorization": f"Bearer {KEY}"})

    def track(self, *attributes: dict[str, Any], **more: Any) -> Any:
        """Send attributes objects (``events``, ``purchases`` beside them) that must be answered 201."""
        answer = self.post("/users/track", {**({"attributes": list(attributes)} if attributes else {}), **more})
        assert answer.status_code == 201, answer.get_data(as_text=True)
        return answer.get_json()

    def custom(self, person: str = "u1") -> dict[str, Any]:
        """Return the custom attributes as the export gives them."""
        found: dict[str, Any] = self.user(person).get("custom_attributes", {})
        return found

    def export(self, *fields: str, **query: Any) -> TestResponse:
        return self.post("/users/export/ids", {**query, "fields_to_export": list(fields)})

    def trigger(self, *recipients: Any, kind: str = "campaign", **more: Any) -> TestResponse:
        message = CAMPAIGN if kind == "campaign" else CANVAS
        path = "/campaigns/trigger/send" if kind == "campaign" else "/canvas/trigger/send"
        return self.post(path, {f"{kind}_id": message, "broadcast": False, "recipients": list(recipients), **more})

    def sent(self) -> list[str]:
        """Return who was messaged, in order."""
        return [entry["recipient"] for entry in self.store.received["messages"]]

    def told(self, book: str = "not_sent") -> list[tuple[str, str]]:
        """Return (recipient, reason) of a book."""
        return [(entry["recipient"], entry["reason"]) for entry in self.store.received[book]]

    def later(self, seconds: float) -> None:
        self.clock.moment += timedelta(seconds=seconds)

    def user(self, external_id: str) -> dict[str, Any]:
        wanted = ["external_id", "email", "email_subscribe", "custom_attributes", "custom_events"]
        answer = self.post("/users/export/ids", {"external_ids": [external_id], "fields_to_export": wanted}).get_json()
        found: dict[str, Any] = answer["users"][0]
        return found


def event(person: str, **more: Any) -> dict[str, Any]:
    return {"external_id": person, "name": "happened", "time": "2026-11-20T10:00:00Z", **more}
