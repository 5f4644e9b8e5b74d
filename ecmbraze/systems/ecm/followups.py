"""Reminders on workspaces: made once, found again by their mark in the list of the node, completed; never searched."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ecmbraze.errors import ConfigurationError, EcmbrazeError, RecordUnreadable
from ecmbraze.model import Answer, FollowUp, FollowUpState, Json, Priority, Verdict
from ecmbraze.suggest import did_you_mean
from ecmbraze.systems.ecm.attempts import Attempts, not_written
from ecmbraze.systems.ecm.learning import ask
from ecmbraze.systems.ecm.members import Members
from ecmbraze.systems.ecm.session import Session
from ecmbraze.systems.shapes import ShapeError, inner, listing, mapping, whole

_TYPES = "/api/v1/forms/nodes/followup/getClientTypes"
_FIXED_DATE = "0"  # api/ecm.md 8.1, RSRULE
_COMPLETED = 2  # api/ecm.md 8.1: 1 open, -1 active, -2 in progress; forward only
_PRIORITIES = {Priority.LOW: 0, Priority.MEDIUM: 50, Priority.HIGH: 100}


class FollowUps:
    """The reminders of one client. Thread-safe."""

    def __init__(self, session: Session, attempts: Attempts) -> None:
        self._session, self._attempts, self._members = session, attempts, Members(session)
        self._lock, self._types = threading.Lock(), dict[str, int]()

    def of(self, node_id: int) -> tuple[FollowUpState, ...]:
        """Return the reminders of a node: the list has neither pages nor a filter (api/ecm.md 8.1)."""
        answer = ask(self._session, f"/api/v2/nodes/{int(node_id)}/followups", [])
        try:
            rows = listing(inner(answer.json(), "results").get("followups"), "list of follow-ups")
            return tuple(_state(inner(row, "data", "followup")) for row in rows)
        except ShapeError as error:
            raise RecordUnreadable(f"the follow-ups of {node_id}: {error}") from None

    def add(self, node_id: int, follow_up: FollowUp) -> Answer:
        """Make a reminder; see the port. ECM does not deduplicate, so it is looked for first and afterwards."""
        try:
            if self._marked(node_id, follow_up.mark):
                return Answer(verdict=Verdict.ACCEPTED, reason="already there")
            type_id, people = self._type(follow_up.type), self._people(node_id, follow_up)
        except EcmbrazeError as error:
            return not_written(error)
        if not people:
            others = f", nor behind {follow_up.otherwise}" if follow_up.otherwise else ", and no `otherwise` is named"
            return Answer(verdict=Verdict.REFUSED, reason=f"nobody stands behind {follow_up.assign}{others}")
        data: Json = {
            "RSTYPE": str(type_id),
            "RSRULE": _FIXED_DATE,
            "recipients": people,
            "RSDATE": f"D/{follow_up.due.year}/{follow_up.due.month}/{follow_up.due.day}:0:0:0",
            "RSDESCRIPTION": follow_up.description,
            "PRIORITY": _PRIORITIES[follow_up.priority],
        }
        path = f"/api/v2/resubmission/{int(node_id)}/addreminder"
        attempt = self._attempts.send("POST", path, data={"data": json.dumps(data)})
        return self._seen(node_id, follow_up.mark, attempt.answer)

    def complete(self, node_id: int, mark: str) -> Answer:
        """Complete the reminder that bears a mark; see the port."""
        try:
            found = self._marked(node_id, mark)
        except EcmbrazeError as error:
            return not_written(error)
        if found is None or found.completed:
            return Answer(verdict=Verdict.ACCEPTED, reason="completed already" if found else "not there any more")
        path = f"/api/v2/nodes/{int(node_id)}/followups/{found.id}"
        attempt = self._attempts.send("PUT", path, data={"status": str(_COMPLETED)})
        if attempt.refused_with == 400:  # its status moved meanwhile: there is no step back and none in place
            try:
                again = self._marked(node_id, mark)
            except EcmbrazeError:
                return attempt.answer
            if again is None or again.completed:
                return Answer(verdict=Verdict.ACCEPTED, reason="completed meanwhile")
        return attempt.answer

    def types(self) -> Mapping[str, int]:
        """Return reminder type name → id over all clients: a form shows the types of one (api/ecm.md 8.1)."""
        clients, found = self._form(None)
        for client in clients.values():
            found = {**self._form(client)[1], **found}
        return found

    def _marked(self, node_id: int, mark: str) -> FollowUpState | None:
        """Return the reminder that bears a mark: of several the one that is open."""
        found = [one for one in self.of(node_id) if one.bears(mark)]
        return min(found, key=lambda one: (one.completed, one.id), default=None)

    def _seen(self, node_id: int, mark: str, answer: Answer) -> Answer:
        """Return the answer to a create by what the list shows now.

        A 500 may have stored it. And one that was taken and cannot be seen would be made again after a lost answer:
        whether an account sees reminders for others is not documented, so the flow stops there.
        """
        if answer.verdict not in (Verdict.ACCEPTED, Verdict.UNKNOWN):
            return answer
        try:
            found = self._marked(node_id, mark)
        except EcmbrazeError:
            return answer
        if found:
            return Answer(verdict=Verdict.ACCEPTED, reason=f"made as follow-up {found.id}")
        if answer.verdict is Verdict.UNKNOWN:
            return answer
        stop = ConfigurationError(
            f"ECM took a follow-up on {node_id} and does not list it for this account.",
            undone="No more follow-ups were made: after a lost answer one could be made twice.",
            advice="Let the account see the follow-ups of others, then run `ecmbraze check`.",
        )
        return replace(answer, stop=stop)

    def _people(self, node_id: int, follow_up: FollowUp) -> list[int]:
        return self._members.behind(node_id, follow_up.assign) or (
            self._members.behind(node_id, follow_up.otherwise) if follow_up.otherwise else []
        )

    def _type(self, name: str) -> int:
        with self._lock:
            if name not in self._types:
                self._types = dict(self.types())
            if name in self._types:
                return self._types[name]
            raise ConfigurationError(
                f"ECM has no reminder type {name!r}{did_you_mean(name, self._types)}.",
                undone="No follow-up was made; it waits.",
                advice="Correct `type`, or ask an administrator for it.",
            )

    def _form(self, client: int | None) -> tuple[Mapping[str, int], dict[str, int]]:
        """Return the clients and the types of one of them, each by name."""
        what = "the reminder types"
        params = {} if client is None else {"client_id": str(client)}
        answer = self._session.good(_TYPES, what, params=params)
        try:
            (form,) = listing(answer.json().get("forms"), "form")
            return _choices(form, "followup_client_name"), _choices(form, "followup_type_name")
        except (ShapeError, ValueError) as error:
            raise RecordUnreadable(f"{what}: {error}") from None


def _choices(form: Any, field: str) -> dict[str, int]:
    """Return label → value of a select field; a tenant without any has neither."""
    labels = listing(inner(form, "options", "fields", field).get("optionLabels"), "labels")
    values = listing(inner(form, "schema", "properties", field).get("enum"), "choices")
    return {str(label): whole(value, "choice") for label, value in zip(labels, values, strict=True)}


def _state(row: Mapping[str, Any]) -> FollowUpState:
    status = mapping(row, "follow-up").get("status")
    return FollowUpState(
        id=whole(row.get("followup_id"), "follow-up id"),
        description=str(row.get("description") or ""),
        completed=status in (_COMPLETED, str(_COMPLETED)),
    )
