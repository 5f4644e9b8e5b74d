"""The claim of an installation: a document whose description is changed under the lock of its node; judges no claim."""

from __future__ import annotations

import json

from ecmbraze.errors import ConfigurationError, RecordUnreadable, TemporaryError
from ecmbraze.model import Answer, Json, Verdict
from ecmbraze.model.claims import FoundClaim
from ecmbraze.suggest import did_you_mean
from ecmbraze.systems.ecm.attempts import Attempts, Right
from ecmbraze.systems.ecm.filing import ADD, created
from ecmbraze.systems.ecm.folders import children
from ecmbraze.systems.ecm.forms import token_of
from ecmbraze.systems.ecm.learning import only
from ecmbraze.systems.ecm.session import Session
from ecmbraze.systems.shapes import ShapeError, inner, listing, text, whole

# The name decides who makes it: names are unique in a folder (api/ecm.md 1.5, 4.4).
NAME = "ecmbraze fence.txt"
_DOCUMENT = 144  # api/ecm.md 4.5
_CONTENT = (
    b"The description of this document says which state file of ecmbraze may send messages.\n"
    b"Do not delete, move or edit it: nothing is sent then (exit 13) until `ecmbraze state adopt`.\n"
)
_MODIFY = Right(flag="perm_modify", doing="change the description of")
_NODES, _WORKSPACES = "/api/v2/nodes", "/api/v2/businessworkspaces"
_GONE = (400, 403, 404)
# How much of a name is asked for to find one that is spelt alike.
_BEGINNING = 3


class ClaimWrites:
    """The claims of one client. Thread-safe."""

    def __init__(self, session: Session, attempts: Attempts) -> None:
        self._session, self._attempts = session, attempts

    def find(self, parent_id: int) -> int | None:
        """Return the id of the claim; see the port."""
        for data in children(self._session, parent_id, [("show_hidden", "true")]):
            row = inner(data, "properties")
            if row.get("name") == NAME:
                return whole(row.get("id"), "node id")
        return None

    def make(self, parent_id: int, said: str) -> tuple[int | None, Answer]:
        """Make the claim; see the port. A second one of the name is refused by ECM itself."""
        body: Json = {"type": _DOCUMENT, "parent_id": int(parent_id), "name": NAME, "description": said}
        attempt = self._attempts.send(
            "POST", _NODES, data={"body": json.dumps(body)}, files={"file": (NAME, _CONTENT, "text/plain")}
        )
        number = created(attempt)
        return (number or None), attempt.answer if number else self._attempts.explained(attempt, ADD, parent_id)

    def read(self, node_id: int) -> FoundClaim:
        """Return the description and the lock token of the node (api/ecm.md 4.1: `state`).

        Missing and forbidden are a 400, rarely a 404 (api/ecm.md 1.5); whatever else fails may pass by itself.
        """
        path = f"{_NODES}/{int(node_id)}"
        answer = self._session.get(path, params=[("fields", "properties"), ("state", "")])
        if answer.status != 200:
            why = self._session.http.redactor.excerpt(answer.json().get("error", "")) or "no reason given"
            if answer.status in _GONE:
                raise RecordUnreadable(f"ECM answers {answer.status}: {why}")
            raise TemporaryError(
                f"The claim (node {node_id}) cannot be read: status {answer.status}, {why}.",
                undone="Nothing was sent.",
                advice="The next run tries again; if it stays so, report it.",
            )
        try:
            result = only(answer)
            said = inner(result, "data", "properties").get("description")
            state = result.get("state")
            nested = state.get("properties") if isinstance(state, dict) else None
            return FoundClaim(text=text(said or "", "description"), lock=token_of(state) or token_of(nested))
        except ShapeError as error:
            raise RecordUnreadable(f"node {node_id}: {error}") from None

    def move(self, node_id: int, lock: str, said: str) -> Answer:
        """Change the description under the lock: ECM refuses with 409 once anything else changed the node."""
        if not lock:
            return Answer(verdict=Verdict.NOT_PROCESSED, reason="ECM hands out no lock token for it")
        body: Json = {"description": said, "metadata_token": lock}
        attempt = self._attempts.send("PUT", f"{_NODES}/{int(node_id)}", data={"body": json.dumps(body)})
        return attempt.answer if attempt.refused_with == 409 else self._attempts.explained(attempt, _MODIFY, node_id)

    def workspace_named(self, name: str) -> int:
        """Return the id of the one workspace of a name. Raises ConfigurationError for none or several."""
        found = [number for one, number in self._named(name) if one == name]
        if len(found) == 1:
            return found[0]
        if found:
            raise ConfigurationError(
                f"fence.workspace: {len(found)} workspaces are named {name!r}.",
                undone="Nothing was sent.",
                advice=f"Name one by its id: `fence: {{folder: {found[0]}}}`.",
            )
        near = did_you_mean(name, {one for one, _ in self._named(f"startswith_{name[:_BEGINNING]}")})
        raise ConfigurationError(
            f"fence.workspace: there is no workspace named {name!r} that the account may see{near or '.'}",
            undone="Nothing was sent.",
            advice="Correct the name, or say `fence: {folder: ID}`; then `ecmbraze check`.",
        )

    def _named(self, asked: str) -> list[tuple[str, int]]:
        """Return (name, id) of the first workspaces that ECM finds; one that ignores the filter finds any."""
        params = [("expanded_view", "true"), ("where_name", asked), ("page", "1"), ("limit", "500")]
        answer = self._session.good(_WORKSPACES, "the workspaces of a name", params=params)
        try:
            rows = [inner(row, "data", "properties") for row in listing(answer.json().get("results"), "result list")]
            return [(text(row.get("name"), "name"), whole(row.get("id"), "node id")) for row in rows]
        except ShapeError as error:
            raise RecordUnreadable(f"the workspaces named {asked!r}: {error}") from None
