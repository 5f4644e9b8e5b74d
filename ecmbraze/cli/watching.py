"""The clients as the commands use them: each request is logged with `-v`, and progress is shown; changes no answer.

The engine knows nothing of it: it sees the ports, and is watched from outside.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from ecmbraze.cli.logs import detail
from ecmbraze.cli.progress import LISTED, READ, SENT, Observer, Silent
from ecmbraze.model import Answer, Json, TrackBatch, TriggerBatch, WorkspaceDetail, WorkspacePage
from ecmbraze.systems.braze.client import BrazeClient
from ecmbraze.systems.ecm.client import EcmClient
from ecmbraze.systems.exchange import Exchange, TransportError
from ecmbraze.systems.http import Http


class WatchedHttp(Http):
    """The transport, logging each exchange by method, path, status and duration: no query, no body, no header."""

    def once(self, method: str, path: str, *, fresh: bool = False, **request: Any) -> Exchange:
        began = self.clock.monotonic()

        def log(**outcome: object) -> None:
            took = round((self.clock.monotonic() - began) * 1000)
            detail("request", system=self.system, method=method, path=path, **outcome, ms=took)

        try:
            answer = super().once(method, path, fresh=fresh, **request)
        except TransportError as failure:
            log(failed=type(failure).__name__)
            raise
        log(status=answer.status, bytes=len(answer.body))
        return answer


class WatchedEcm(EcmClient):
    """The ECM client, with somebody looking on. ``whole`` are the types of which every workspace will be read."""

    observer: Observer = Silent()
    whole: Collection[str] = ()
    _names: Mapping[int, str] = {}

    def workspace_types(self) -> Mapping[str, int]:
        found = super().workspace_types()
        self._names = {number: name for name, number in found.items()}
        return found

    def list_workspaces(self, type_id: int, since: datetime | None = None) -> Iterator[WorkspacePage]:
        first = True
        for page in super().list_workspaces(type_id, since):
            if first and page.total is not None:
                self.observer.expect(LISTED, page.total)
                if self._names.get(type_id) in self.whole:
                    self.observer.expect(READ, page.total)
            first = False
            self.observer.step(LISTED, len(page.rows))
            yield page

    def workspace(self, workspace_id: int) -> WorkspaceDetail:
        detail = super().workspace(workspace_id)
        self.observer.step(READ, 1)
        return detail

    def set_values(self, node_id: int, values: Mapping[str, Json], expected: Mapping[str, Json]) -> Answer:
        answer = super().set_values(node_id, values, expected)
        self.observer.step(SENT, 1)
        return answer

    def put_document(self, parent_id: int, folder: str, name: str, content: bytes, mime_type: str) -> Answer:
        answer = super().put_document(parent_id, folder, name, content, mime_type)
        self.observer.step(SENT, 1)
        return answer


class WatchedBraze(BrazeClient):
    """The Braze client, with somebody looking on."""

    observer: Observer = Silent()

    def track(self, batch: TrackBatch) -> Answer:
        answer = super().track(batch)
        self.observer.step(SENT, len(batch.attributes) + len(batch.events))
        return answer

    def trigger(self, batch: TriggerBatch) -> Answer:
        answer = super().trigger(batch)
        self.observer.step(SENT, len(batch.recipients))
        return answer

    def withdraw(self, recipients: Sequence[str], channel: str) -> Answer:
        answer = super().withdraw(recipients, channel)
        self.observer.step(SENT, len(recipients))
        return answer
