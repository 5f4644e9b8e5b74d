"""Follow-ups on workspaces: made once, found again by their mark in the list of the node, completed; never searched.

Reminders here; what stands below a task list is in ``tasks``.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any

from ecmbraze.errors import ConfigurationError, EcmbrazeError, RecordUnreadable
from ecmbraze.model import DONE_BY_OTHERS, Answer, FollowUp, FollowUpState, Json, Priority, Verdict
from ecmbraze.suggest import did_you_mean
from ecmbraze.systems.ecm import marks
from ecmbraze.systems.ecm.attempts import Attempts, not_written
from ecmbraze.systems.ecm.learning import ask
from ecmbraze.systems.ecm.members import Members
from ecmbraze.systems.ecm.session import Session
from ecmbraze.systems.ecm.tasks import Tasks
from ecmbraze.systems.shapes import ShapeError, inner, listing, mapping, whole

_TYPES = "/api/v1/forms/nodes/followup/getClientTypes"
_FIXED_DATE = "0"  # api/ecm.md 8.1, RSRULE
_COMPLETED = 2  # api/ecm.md 8.1: 1 open, -1 active, -2 in progress; forward only
_PRIORITIES = {Priority.LOW: 0, Priority.MEDIUM: 50, Priority.HIGH: 100}


class FollowUps:
    """The follow-ups of one client. Thread-safe."""

    def __init__(self, session: Session, attempts: Attempts) -> None:
        self._session, self._attempts, self.members = session, attempts, Members(session)
        self._tasks = Tasks(session, attempts, self.members)
        self._lock, self._types = threading.Lock(), dict[str, int]()

    def of(self, node_id: int, task_list: str = "") -> tuple[FollowUpState, ...]:
        """Return the reminders of a node, or its tasks: the list of the first has no pages and no filter (8.1)."""
        if task_list:
            return self._tasks.of(node_id)
        answer = ask(self._session, f"/api/v2/nodes/{int(node_id)}/followups", [])
        try:
            rows = listing(inner(answer.json(), "results").get("followups"), "list of follow-ups")
            return tuple(_state(inner(row, "data", "followup")) for row in rows)
        except ShapeError as error:
            raise RecordUnreadable(f"the follow-ups of {node_id}: {error}") from None

    def add(self, node_id: int, follow_up: FollowUp) -> Answer:
        """Make a follow-up; see the port. ECM does not deduplicate, so it is looked for first and afterwards."""
        if follow_up.task_list:
            return self._tasks.add(node_id, follow_up)
        try:
            if self._marked(node_id, follow_up.mark):
                return Answer(verdict=Verdict.ACCEPTED, reason="already there")
            type_id, people = self._type(follow_up.type), marks.people(self.members, node_id, follow_up)
        except EcmbrazeError as error:
            return not_written(error)
        if not people:
            return marks.nobody(follow_up)
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
        return marks.judged(attempt.answer, lambda: self._marked(node_id, follow_up.mark), node_id)

    def complete(self, node_id: int, mark: str, task_list: str = "") -> Answer:
        """Complete the follow-up that bears a mark; see the port."""
        if task_list:
            return self._tasks.complete(node_id, mark)
        try:
            found = self._marked(node_id, mark)
        except EcmbrazeError as error:
            return not_written(error)
        if found is None or found.completed:
            return Answer(verdict=Verdict.ACCEPTED, reason=DONE_BY_OTHERS if found else "not there any more")
        path = f"/api/v2/nodes/{int(node_id)}/followups/{found.id}"
        attempt = self._attempts.send("PUT", path, data={"status": str(_COMPLETED)})
        if attempt.refused_with == 400:  # its status moved meanwhile: there is no step back and none in place
            try:
                again = self._marked(node_id, mark)
            except EcmbrazeError:
                return attempt.answer
            if again is None or again.completed:
                return Answer(verdict=Verdict.ACCEPTED, reason=DONE_BY_OTHERS)
        return attempt.answer

    def types(self) -> Mapping[str, int]:
        """Return reminder type name → id over all clients: a form shows the types of one (api/ecm.md 8.1)."""
        clients, found = self._form(None)
        for client in clients.values():
            found = {**self._form(client)[1], **found}
        return found

    def _marked(self, node_id: int, mark: str) -> FollowUpState | None:
        return marks.marked(self.of(node_id), mark)

    def _type(self, name: str) -> int:
        with self._lock:
            if name not in self._types:
                self._types = dict(self.types())
            if name in self._types:
                return self._types[name]
            raise ConfigurationError(
                f"ECM has no reminder type {name!r}{did_you_mean(name, self._types) or '.'}",
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
