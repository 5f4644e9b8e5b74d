"""Read from Braze, and say what a refusal means; writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from ecmbraze.errors import ConfigurationError, TemporaryError
from ecmbraze.systems.braze import refusals
from ecmbraze.systems.exchange import Exchange
from ecmbraze.systems.http import Http
from ecmbraze.systems.shapes import ShapeError

Query = TypeVar("Query")
Answered = TypeVar("Answered")


class Asking:
    """The reading side of one key. Thread-safe."""

    def __init__(self, http: Http, headers: Mapping[str, str]) -> None:
        self._http, self._headers = http, headers

    def ask(self, method: str, path: str, **request: Any) -> Mapping[str, Any]:
        """Return the JSON object of a successful read.

        Raises CredentialRefused, ConfigurationError for what Braze says is wrong, TemporaryError for anything else.
        """
        answer = self.answer(method, path, **request)
        if answer.status >= 400:
            said = self._http.redactor.excerpt(answer.json().get("message", ""))
            raise ConfigurationError(
                f"Braze refuses {path}: {said or f'status {answer.status}'}",
                undone="Nothing was sent.",
                advice="Check the ids in the configuration and braze.url.",
            )
        body = answer.json()
        if body.get("message", "success") != "success":  # it failed, whatever its status (api/braze.md 1.4)
            raise odd(path, ShapeError(f"it says {self._http.redactor.excerpt(body['message'])!r}"))
        return body

    def at_once(self, ask: Callable[[Query], Answered], queries: Sequence[Query]) -> Iterator[Answered]:
        """Yield what each query is answered, in their order; as many are on their way as there are connections."""
        if len(queries) < 2:
            yield from map(ask, queries)
            return
        with ThreadPoolExecutor(max_workers=min(len(queries), self._http.connections)) as pool:
            yield from pool.map(ask, queries)

    def answer(self, method: str, path: str, **request: Any) -> Exchange:
        """Return a JSON answer of any status but those that concern the key or the address."""
        answer = self._http.read(method, path, json_errors_final=False, headers=self._headers, **request)
        if answer.status in (401, 404):
            raise refusals.key_refused()
        if answer.status == 403:
            raise refusals.permission_missing(path)
        if 300 <= answer.status < 400:
            target = self._http.redactor.excerpt(refusals.host_of(answer.headers.get("location", "")))
            raise refusals.redirected(self._http.host, path, target)
        return answer


def odd(path: str, error: ShapeError) -> TemporaryError:
    """Return what an undocumented shape means: nothing can be concluded from it, least of all consent (fault B27)."""
    return TemporaryError(
        f"Braze answered {path} in an unknown shape: {error}.",
        undone="Nothing was concluded from it or sent.",
        advice="The next run tries again; if it stays so, report it.",
    )
