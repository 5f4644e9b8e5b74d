"""A desk at the simulated ECM for tests: the REST API through Flask's client, and a person who edits; no sockets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ecmbraze.sandbox.clock import SandboxClock
from ecmbraze.sandbox.ecm import EcmStore, create_app
from ecmbraze.sandbox.ecm.filing import Filing
from ecmbraze.sandbox.ecm.person import Person
from ecmbraze.sandbox.world import build

NOW = datetime(2026, 6, 1, 8, 0, 0, tzinfo=UTC)
BASE = "/otcs/cs.exe/api"
ONBOARDING = "Customer Onboarding"


class FakePeople:
    """Stand in for the simulated Braze while a world is made."""

    def __init__(self) -> None:
        self.users: dict[str, dict[str, Any]] = {}
        self.messages: dict[str, str] = {}

    def put_template(self, template_id: str, name: str, /, **written: Any) -> None: ...

    def put_block(self, block_id: str, name: str, /, **written: Any) -> None: ...
    def put_segment(self, segment_id: str, name: str, /, **built: Any) -> None: ...

    def put_user(self, external_id: str, fields: dict[str, Any], at: datetime) -> None:
        self.users[external_id] = fields

    def put_campaign(self, message_id: str, name: str) -> None:
        self.messages[message_id] = name

    def put_canvas(self, message_id: str, name: str) -> None:
        self.messages[message_id] = name

    def put_group(self, message_id: str, name: str, channel: str) -> None:
        self.messages[message_id] = name


class Desk:
    """One fresh server with a frozen clock, its REST client logged in."""

    def __init__(self, world: str = "onboarding", workspaces: int | None = None, seed: int = 7) -> None:
        self.clock = SandboxClock(NOW)
        self.clock.freeze(True)
        self.store = EcmStore(self.clock, seed=seed)
        self.people = FakePeople()
        build(self.store, self.people, world=world, workspaces=workspaces, customers=None)
        self.person = Person(self.store)
        self.filing = Filing(self.store)
        self.client: FlaskClient = create_app(self.store).test_client(use_cookies=False)
        self.ticket = self.login()

    def login(self) -> str:
        """Return a fresh ticket."""
        answer = self.raw("POST", "/v1/auth", {"username": self.store.username, "password": self.store.password})
        return str(answer.get_json()["ticket"])

    def raw(self, method: str, path: str, form: Any = None, headers: Mapping[str, str] | None = None) -> TestResponse:
        """Send a request as it stands: no ticket unless ``headers`` carry one."""
        return self.client.open(f"{BASE}{path}", method=method, data=form, headers=dict(headers or {}))

    def ask(self, method: str, path: str, form: Any = None) -> TestResponse:
        """Send a request with the ticket."""
        return self.raw(method, path, form, {"OTCSTicket": self.ticket})

    def get(self, path: str) -> Any:
        """Return the JSON of a GET that must succeed."""
        return self._good(self.ask("GET", path))

    def put(self, path: str, form: Any) -> Any:
        """Return the JSON of a PUT that must succeed."""
        return self._good(self.ask("PUT", path, form))

    def post(self, path: str, form: Any) -> Any:
        """Return the JSON of a POST that must succeed."""
        return self._good(self.ask("POST", path, form))

    def refused(self, method: str, path: str, form: Any = None) -> tuple[int, str]:
        """Return status and text of a refused request."""
        answer = self.ask(method, path, form)
        assert answer.status_code >= 400, answer.get_data(as_text=True)
        return answer.status_code, str(answer.get_json()["error"])

    def type_id(self, name: str = ONBOARDING) -> int:
        """Return the tenant's id of a workspace type."""
        return self.store.definitions.type_named(name).id

    def page(self, query: str = "", type_name: str = ONBOARDING) -> Any:
        """Return one page of the listing of one type."""
        return self.get(
            f"/v2/businessworkspaces?expanded_view=true&where_workspace_type_id={self.type_id(type_name)}&{query}"
        )

    def make(self, name: str, values: Mapping[str, Any] | None = None, **more: Any) -> int:
        """Let a person make an onboarding workspace."""
        return self.person.create({"type": ONBOARDING, "name": name, "values": values or {}, **more})

    def file(self, parent: int, name: str, **more: Any) -> int:
        """Let a person file a document."""
        return self.office("document", parent=parent, name=name, **more)

    def office(self, action: str, node: int = 0, **more: Any) -> int:
        """Let a person do something to a folder or document and return its id."""
        return int(self.filing.perform([{"do": action, **({"id": node} if node else {}), **more}])[0]["id"])

    def search(self, where: str, **more: Any) -> Any:
        """Return the answer to a search that must succeed."""
        return self.post("/v2/search", {"where": where, **more})

    def switch(self, **wanted: Any) -> None:
        """Turn switches."""
        self.store.switches.change(wanted)

    def later(self, seconds: float) -> None:
        """Let time pass and log in again, since the ticket may be dead by then."""
        self.clock.advance(seconds)
        self.ticket = self.login()

    def key(self, dotted: str) -> str:
        """Return the REST key of ``Category.Attribute``."""
        category, attribute = self.store.definitions.attribute(dotted)
        return f"{category.id}_{attribute.id}"

    def category(self, name: str = "Onboarding") -> int:
        """Return the id of a category."""
        found = self.store.definitions.category_named(name)
        assert found is not None
        return found.id

    @staticmethod
    def _good(answer: TestResponse) -> Any:
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return answer.get_json()


def names(page: Any) -> list[str]:
    """Return the names of the rows of a list."""
    return [row["data"]["properties"]["name"] for row in page["results"]]


def ids(page: Any) -> list[int]:
    """Return the ids of the rows of a list."""
    return [row["data"]["properties"]["id"] for row in page["results"]]
