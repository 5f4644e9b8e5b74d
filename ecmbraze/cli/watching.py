"""The clients as the commands use them: each request is logged with `-v`, and progress is shown; changes no answer.

The engine knows nothing of it: it sees the ports, and is watched from outside.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from ecmbraze.cli.logs import detail
from ecmbraze.cli.progress import Silent
from ecmbraze.model import WorkspacePage
from ecmbraze.ports import Progress, Work
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
    """The ECM client, showing how far its listings are: their total is known to nobody else."""

    progress: Progress = Silent()

    def list_workspaces(self, type_id: int, since: datetime | None = None) -> Iterator[WorkspacePage]:
        first = True
        for page in super().list_workspaces(type_id, since):
            if first and page.total is not None:
                self.progress.expect(Work.LISTED, page.total)
            first = False
            self.progress.step(Work.LISTED, len(page.rows))
            yield page
