"""Extended ECM as a flow sees it: types, complete listings, details with categories by name; writes nothing yet."""

from __future__ import annotations

import difflib
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, tzinfo
from email.utils import parsedate_to_datetime
from typing import Any

from ecmbraze.errors import RecordUnreadable, TemporaryError
from ecmbraze.model import AttributeInfo, WorkspaceDetail, WorkspacePage
from ecmbraze.systems.ecm import times
from ecmbraze.systems.ecm.categories import Definitions, flatten
from ecmbraze.systems.ecm.listing import Page, read_page, read_row
from ecmbraze.systems.ecm.session import Session
from ecmbraze.systems.exchange import Exchange
from ecmbraze.systems.http import Http

# Rows that may come and go while we page; a listing short by more is a failed scan (E08).
_TOLERANCE_ROWS, _TOLERANCE_SHARE = 3, 0.001


class EcmClient:
    """Implements WorkspaceReader over the REST API of api/ecm.md. Thread-safe."""

    def __init__(
        self, http: Http, *, username: str, password: str, domain: str | None = None, zone: tzinfo | None = None,
        page_size: int = 500,
    ) -> None:  # fmt: skip
        self._session = Session(http, username=username, password=password, domain=domain)
        self._zone, self._page_size = zone, page_size
        self._definitions, self._lock = Definitions(), threading.Lock()
        self._now: datetime | None = None

    def server_now(self) -> datetime:
        """Return the server's clock (`/v1/serverinfo`, zone-less), else its Date header."""
        answer = self._session.get("/api/v1/serverinfo")
        server = answer.json().get("server") if answer.has_json() else None
        text = server.get("current_date") if isinstance(server, Mapping) else None
        if isinstance(text, str):
            self._now = times.instant(text, self._zone)
        else:
            self._now = parsedate_to_datetime(answer.headers["date"])
        return self._now

    def workspace_types(self) -> Mapping[str, int]:
        """Return workspace type name → id; a server without any type answers 500 (api/ecm.md 3.1)."""
        answer = self._session.get("/api/v2/businessworkspacetypes", params={"expand_wksp_info": "false"})
        if answer.status == 500:
            return {}
        results = _results(answer, "the workspace types")
        entries = [
            _inner(_inner(row, "data"), "properties") for row in (results if isinstance(results, list) else [results])
        ]
        return {str(entry["wksp_type_name"]): int(entry["wksp_type_id"]) for entry in entries}

    def list_workspaces(self, type_id: int) -> Iterator[WorkspacePage]:
        """Yield the pages of one type; the next is fetched while this one is worked on. See the port for errors."""
        now = self._now or self.server_now()
        seen: set[int] = set()
        total: int | None = None
        number, pages = 1, 0
        with ThreadPoolExecutor(max_workers=1) as ahead:
            following = ahead.submit(self._page, type_id, number, pages, now)
            while True:
                page = following.result()
                pages = page.pages
                ids = {row.id for row in page.page.rows} | {entry[0] for entry in page.page.unreadable}
                repeated = bool(ids) and ids <= seen  # a page past the end repeats rows (E09)
                more = page.more and not repeated
                if more:
                    number += 1
                    following = ahead.submit(self._page, type_id, number, pages, now)
                total = page.page.total if page.page.total is not None else total
                seen |= ids
                yield page.page
                if not more:
                    break
        _check_total(len(seen), total)

    def workspace(self, workspace_id: int) -> WorkspaceDetail:
        """Read one workspace; any JSON error means it cannot be read: missing and forbidden look alike (E23)."""
        data, values = self._detail(workspace_id)
        properties = _inner(data, "properties")
        now = self._now or self.server_now()
        row = read_row(properties, int(properties.get("wnf_wksp_type_id") or 0), self._zone, now)
        with self._lock:
            facts, sets = self._definitions.facts(values, self._zone)
        references = tuple(
            (str(entry.get("external_system_id", "")), str(entry.get("business_object_type", "")),
             str(entry.get("business_object_id", "")))
            for entry in data.get("workspace_references") or ()
        )  # fmt: skip
        return WorkspaceDetail(row=row, facts=facts, sets=sets, references=references)

    def attributes(self, workspace_id: int) -> Mapping[str, AttributeInfo]:
        """Return the attributes whose definition a workspace shows."""
        own = Definitions()
        answer = self._session.get(f"/api/v2/nodes/{int(workspace_id)}/categories", params={"metadata": ""})
        for result in _as_list(_results(answer, "categories")):
            metadata = result.get("metadata") if isinstance(result, Mapping) else None
            own.learn(metadata.get("categories", metadata) if isinstance(metadata, Mapping) else {})
        return own.attributes()

    def whoami(self) -> str:
        """Return the login name of the account, for `check`."""
        answer = self._session.get("/api/v1/auth")
        return str(_inner(answer.json(), "data").get("name", "")) if answer.status == 200 else ""

    def _page(self, type_id: int, number: int, pages: int, now: datetime) -> Page:
        params = {
            "where_workspace_type_id": str(type_id), "expanded_view": "true", "page": str(number),
            "limit": str(self._page_size),
        }  # fmt: skip
        try:
            answer = self._session.get("/api/v2/businessworkspaces", params=params)
            if answer.status != 200:
                raise TemporaryError(f"status {answer.status}: {_said(answer)}")
            return read_page(answer.json(), type_id, self._zone, now)
        except TemporaryError as error:
            of = f" of {pages}" if pages else ""
            raise TemporaryError(
                f"Page {number}{of} of the workspace listing failed ({error.happened}).",
                undone="The scan is incomplete: nothing of it was kept or sent.", advice="The next run tries again.",
            ) from error  # fmt: skip

    def _detail(self, workspace_id: int) -> tuple[Mapping[str, Any], dict[str, Any]]:
        params = [("fields", name) for name in ("properties", "categories", "workspace_references")] + [
            ("metadata", "")
        ]
        answer = self._session.get(f"/api/v2/businessworkspaces/{int(workspace_id)}", params=params)
        if answer.status != 200:
            raise RecordUnreadable(f"ECM answers {answer.status}: {_said(answer)}")
        results = _results(answer, "a workspace")
        first = results[0] if isinstance(results, list) and results else results
        data = _inner(first, "data")
        values = flatten(data.get("categories") or {})
        with self._lock:
            for holder in (first, answer.json()):
                metadata = holder.get("metadata") if isinstance(holder, Mapping) else None
                self._definitions.learn(metadata.get("categories") if isinstance(metadata, Mapping) else None)
            known = self._definitions.knows(values)
        if not known:
            self._learn_from_node(workspace_id)
        return data, values

    def _learn_from_node(self, workspace_id: int) -> None:
        answer = self._session.get(f"/api/v2/nodes/{int(workspace_id)}/categories", params={"metadata": ""})
        for result in _as_list(_results(answer, "categories")):
            metadata = result.get("metadata") if isinstance(result, Mapping) else None
            with self._lock:
                self._definitions.learn(metadata.get("categories", metadata) if isinstance(metadata, Mapping) else None)


def near(name: str, names: Mapping[str, int]) -> str:
    """Return the nearest name, or an empty text."""
    return next(iter(difflib.get_close_matches(name, names, n=1)), "")


def _check_total(received: int, total: int | None) -> None:
    if total is not None and total - received > max(_TOLERANCE_ROWS, total * _TOLERANCE_SHARE):
        raise TemporaryError(
            f"The listing ended with {received} of {total} workspaces: {total - received} rows are missing.",
            undone="The scan is incomplete: nothing of it was kept or sent.",
            advice="If it stays so, the type is larger than ECM serves in one listing; see docs/operations.md.",
        )  # fmt: skip


def _results(answer: Exchange, what: str) -> Any:
    body = answer.json() if answer.has_json() else {}
    if answer.status >= 400:
        raise RecordUnreadable(f"ECM answers {answer.status} for {what}: {_said(answer)}")
    if "results" not in body:
        raise TemporaryError(f"ECM answered {what} without results.", undone="Nothing was sent.")
    return body["results"]


def _inner(value: object, name: str) -> Mapping[str, Any]:
    inner = value.get(name) if isinstance(value, Mapping) else None
    if not isinstance(inner, Mapping):
        raise RecordUnreadable(f"ECM's answer has no {name!r} where the API puts it.")
    return inner


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _said(answer: Exchange) -> str:
    return str(answer.json().get("error", ""))[:200] if answer.has_json() else "no JSON"
