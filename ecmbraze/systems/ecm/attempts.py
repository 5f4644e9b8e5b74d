"""Send one write to Extended ECM once, judge it, and find out what a refusal is about; decides on no value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ecmbraze.errors import CredentialRefused, EcmbrazeError, RecordUnreadable, TemporaryError
from ecmbraze.model import Answer, DocumentBytes, Verdict
from ecmbraze.systems.ecm.judging import judge, refusal
from ecmbraze.systems.ecm.learning import ask, only
from ecmbraze.systems.ecm.session import Session
from ecmbraze.systems.exchange import Exchange, TransportError
from ecmbraze.systems.multipart import Multipart
from ecmbraze.systems.shapes import ShapeError, inner

# How a reason begins that concerns one record and no other, for whoever must tell them apart.
EDITED, LOCKED = "edited_in_ecm", "locked_in_ecm"
# Larger uploads are sent piece by piece: the file is never in memory as a whole.
_IN_ONE_PIECE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """A right that a write needs: how the properties of a node tell it (api/ecm.md 3.2), and what it lets us do."""

    flag: str
    doing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt: its judged answer, and the exchange where a whole one took place."""

    answer: Answer
    exchange: Exchange | None = None

    @property
    def refused_with(self) -> int:
        """The status of a refusal in Content Server's own words; 0 for any other outcome."""
        exchange = self.exchange
        return exchange.status if exchange and exchange.status >= 400 and refusal(exchange, str) else 0


class Attempts:
    """The writing side of one session. Thread-safe."""

    def __init__(self, session: Session, account: Callable[[], int]) -> None:
        self._session, self._account = session, account

    def send(self, method: str, path: str, **request: Any) -> Attempt:
        """Return the judged outcome of a write that is tried once; raises nothing."""
        outcome: Exchange | TransportError
        try:
            outcome = self._session.write(method, path, **request)
        except TransportError as failure:
            outcome = failure
        except EcmbrazeError as error:  # the login: before any byte of the write, or after a 401
            return Attempt(answer=not_written(error))
        http = self._session.http
        answer = judge(outcome, host=http.host, path=path, told=http.redactor.excerpt)
        return Attempt(answer=answer, exchange=outcome if isinstance(outcome, Exchange) else None)

    def upload(
        self, path: str, fields: Mapping[str, str], name: str, content: DocumentBytes, mime_type: str
    ) -> Attempt:
        """Return the judged outcome of an upload that is tried once; raises nothing."""
        body = Multipart(fields, name, content, mime_type)
        whole = b"".join(body) if content.size <= _IN_ONE_PIECE else None
        return self.send("POST", path, data=whole or body, headers={"Content-Type": body.content_type})

    def explained(self, attempt: Attempt, right: Right, *nodes: int) -> Answer:
        """Return the answer with the cause of a refusal: a right is missing, or a node is reserved or on hold.

        No page says with which status (api/ecm.md 5.3, 10: 400, 403 or 500), so the nodes themselves are asked. A 403
        without any other cause is a missing right, unless ECM says that the account has it.
        """
        answer, granted = attempt.answer, False
        if attempt.refused_with not in (400, 403, 500):
            return answer
        try:
            for node in dict.fromkeys(nodes):
                properties = self._properties(node)
                granted = properties.get(right.flag) is True
                if properties.get(right.flag) is False:
                    return _right_missing(right, node, answer)
                if lock := self._reserved(properties) or self._held(node):
                    return _locked(f"{node} {lock}", answer)
        except (EcmbrazeError, ShapeError):
            return answer
        if attempt.refused_with != 403:
            return answer
        return _locked(f"{nodes[0]} is closed to us", answer) if granted else _right_missing(right, nodes[0], answer)

    def lacks(self, right: Right, node_id: int) -> bool:
        """Say whether ECM tells that the account has not this right on a node."""
        try:
            return self._properties(node_id).get(right.flag) is False
        except ShapeError as error:
            raise RecordUnreadable(f"node {node_id}: {error}") from None

    def _properties(self, node_id: int) -> Mapping[str, Any]:
        found = ask(self._session, f"/api/v2/nodes/{int(node_id)}", [("fields", "properties")])
        return inner(only(found), "data", "properties")

    def _reserved(self, properties: Mapping[str, Any]) -> str:
        holder = properties.get("reserved_user_id")
        if properties.get("reserved") is not True or holder == self._account():
            return ""
        return f"is reserved by member {holder}" if isinstance(holder, int) else "is reserved"

    def _held(self, node_id: int) -> str:
        """Return whether records management holds it; a server without it does not know the address (RM)."""
        answer = self._session.get(f"/api/v1/nodes/{int(node_id)}/holds")
        body: Mapping[str, Any] = answer.json() if answer.status == 200 else {}
        return "is on hold" if any(isinstance(holds, list) and holds for holds in body.values()) else ""


def not_written(error: EcmbrazeError) -> Answer:
    """Return what an error before the first byte of a write means; one that passes by itself stops nothing."""
    passing = isinstance(error, TemporaryError | RecordUnreadable)
    return Answer(verdict=Verdict.NOT_PROCESSED, reason=error.happened, stop=None if passing else error)


def _locked(what: str, answer: Answer) -> Answer:
    return Answer(verdict=Verdict.NOT_PROCESSED, reason=f"{LOCKED}: {what} ({answer.reason})")


def _right_missing(right: Right, node_id: int, answer: Answer) -> Answer:
    denied = CredentialRefused(
        f"ECM does not let this account {right.doing} {node_id}: {answer.reason.removesuffix('.')}.",
        undone="Nothing was written there; it waits.",
        advice="Give the account this right on the workspaces of the flow, then run `ecmbraze check`.",
    )
    return replace(answer, verdict=Verdict.NOT_PROCESSED, denied=denied)
