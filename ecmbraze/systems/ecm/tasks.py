"""Tasks below the task lists of workspaces: made once, found again by the mark in their names, completed.

Of a task api/ecm.md 8.2 tells the fields of a create and nothing else: neither which number of ``status`` completes it
nor what its priorities are.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ecmbraze.errors import EcmbrazeError, RecordUnreadable
from ecmbraze.model import DONE_BY_OTHERS, Answer, FollowUp, FollowUpState, Json, Priority, Verdict
from ecmbraze.systems.ecm import marks
from ecmbraze.systems.ecm.attempts import Attempts, not_written
from ecmbraze.systems.ecm.filing import ADD, HIDDEN_TOO, created, name_fault
from ecmbraze.systems.ecm.folders import children
from ecmbraze.systems.ecm.members import Members
from ecmbraze.systems.ecm.session import Session
from ecmbraze.systems.shapes import ShapeError, inner, text, whole

_NODES = "/api/v2/nodes"
_LIST, _GROUP, _TASK = 204, 205, 206  # api/ecm.md 4.5, 8.2
# Tried where no task of the workspace was ever completed: it is the number of a completed reminder (8.1).
_COMPLETED = 2
_COMPLETION = "completion_date"
_LONGEST_NAME = 248  # api/ecm.md 4.4
# The one number that may mean the same, whichever end of the scale is the urgent one.
_MEDIUM = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(FollowUpState):
    """A task as its list shows it."""

    status: int | None


class Tasks:
    """The tasks of one client. Thread-safe: it keeps nothing."""

    def __init__(self, session: Session, attempts: Attempts, members: Members) -> None:
        self._session, self._attempts, self._members = session, attempts, members

    def of(self, node_id: int) -> tuple[Task, ...]:
        """Return the tasks of every task list directly in a workspace: people rename lists and move tasks."""
        return tuple(task for number in self._lists(node_id).values() for task in self._below(number))

    def add(self, node_id: int, follow_up: FollowUp) -> Answer:
        """Make a task, and its list; see the port. A name is unique in its list, so ECM itself refuses a second one."""
        try:
            if marks.marked(self.of(node_id), follow_up.mark):
                return Answer(verdict=Verdict.ACCEPTED, reason="already there")
            people = marks.people(self._members, node_id, follow_up)
            if not people:
                return marks.nobody(follow_up)
            place = self._place(node_id, follow_up.task_list)
        except EcmbrazeError as error:
            return not_written(error)
        if isinstance(place, Answer):
            return place
        body: dict[str, Json] = {
            "type": _TASK,
            "parent_id": place,
            "name": _name(follow_up),
            "assigned_member_id": min(people),  # a task has one
            "due_date": follow_up.due.isoformat(),
            "instructions": _instructions(follow_up),
            **({"priority": _MEDIUM} if follow_up.priority is Priority.MEDIUM else {}),
        }
        attempt = self._attempts.send("POST", _NODES, data={"body": json.dumps(body)})
        answer = marks.judged(attempt.answer, lambda: marks.marked(self.of(node_id), follow_up.mark), node_id)
        return answer if answer.verdict is Verdict.ACCEPTED else self._attempts.explained(attempt, ADD, place, node_id)

    def complete(self, node_id: int, mark: str) -> Answer:
        """Complete the task that bears a mark; see the port.

        Which status does that is told by the tasks of the workspace that people completed. What ECM takes and does not
        complete it by is taken back, and a person is told.
        """
        try:
            tasks = self.of(node_id)
        except EcmbrazeError as error:
            return not_written(error)
        found = marks.marked(tasks, mark)
        if found is None or found.completed:
            return Answer(verdict=Verdict.ACCEPTED, reason=DONE_BY_OTHERS if found else "not there any more")
        status = _completing(tasks)
        answer = self._put_status(found.id, status)
        if answer.verdict not in (Verdict.ACCEPTED, Verdict.UNKNOWN):
            return answer
        try:
            after = marks.marked(self.of(node_id), mark)
        except EcmbrazeError:
            return answer if answer.verdict is Verdict.UNKNOWN else replace(answer, verdict=Verdict.UNKNOWN)
        if after is None or after.completed:
            return Answer(verdict=Verdict.ACCEPTED, reason="completed")
        if answer.verdict is Verdict.UNKNOWN:
            return answer
        before = next(one.status for one in tasks if one.id == found.id)
        self._put_status(found.id, before or 0)
        reason = f"ECM took status {status} for task {found.id}, and it has no completion date: complete it by hand"
        return Answer(verdict=Verdict.REFUSED, reason=reason)

    def _put_status(self, task: int, status: int) -> Answer:
        body = json.dumps({"status": status})
        return self._attempts.send("PUT", f"{_NODES}/{int(task)}", data={"body": body}).answer

    def _place(self, node_id: int, name: str) -> int | Answer:
        """Return the task list of a name, made when missing, or why there is none: then no task was sent."""
        if wrong := name_fault(name):
            return Answer(verdict=Verdict.REFUSED, reason=f"no task list can be named {name!r}: {wrong}")
        if number := self._lists(node_id).get(name):
            return number
        body: Json = {"type": _LIST, "parent_id": int(node_id), "name": name}
        attempt = self._attempts.send("POST", _NODES, data={"body": json.dumps(body)})
        # Whatever the answer was: a list that is there now is the one, whoever made it.
        if number := created(attempt) or self._lists(node_id).get(name):
            return number
        why = self._attempts.explained(attempt, ADD, node_id)
        reason = f"{why.reason}; the task list {name!r} was not made, so the task was not sent"
        return replace(why, verdict=Verdict.NOT_PROCESSED, reason=reason)

    def _lists(self, node_id: int) -> dict[str, int]:
        return {str(row.get("name")): _id(row) for row in self._rows(node_id) if row.get("type") == _LIST}

    def _below(self, number: int) -> Iterator[Task]:
        """Yield the tasks of a list, and of the groups in it."""
        for row in self._rows(number):
            if row.get("type") == _GROUP:
                yield from self._below(_id(row))
            elif row.get("type") == _TASK:
                yield _task(row)

    def _rows(self, number: int) -> Iterator[Mapping[str, Any]]:
        try:
            yield from (inner(data, "properties") for data in children(self._session, number, HIDDEN_TOO))
        except ShapeError as error:
            raise RecordUnreadable(f"the tasks of {number}: {error}") from None


def _completing(tasks: tuple[Task, ...]) -> int:
    """Return the status that completes a task, as those show that people completed."""
    seen = Counter(one.status for one in tasks if one.completed and one.status is not None)
    return seen.most_common(1)[0][0] if seen else _COMPLETED


def _name(follow_up: FollowUp) -> str:
    """Return the name: what is asked, as far as a name may hold it, and the mark (api/ecm.md 4.4)."""
    mark = f"[{follow_up.mark}]"
    plain = " ".join(follow_up.text.replace(":", " ").split())
    return f"{plain[: _LONGEST_NAME - len(mark) - 1].strip()} {mark}".strip()


def _instructions(follow_up: FollowUp) -> str:
    if follow_up.priority is Priority.MEDIUM:
        return follow_up.description
    return replace(follow_up, text=f"Priority {follow_up.priority}. {follow_up.text}").description


def _task(row: Mapping[str, Any]) -> Task:
    status = row.get("status")
    try:
        return Task(
            id=_id(row),
            description=f"{text(row.get('name'), 'name')}\n{row.get('instructions') or ''}",
            completed=bool(row.get(_COMPLETION)),
            status=status if isinstance(status, int) else None,
        )
    except ShapeError as error:
        raise RecordUnreadable(f"a task: {error}") from None


def _id(row: Mapping[str, Any]) -> int:
    try:
        return whole(row.get("id"), "node id")
    except ShapeError as error:
        raise RecordUnreadable(f"a task: {error}") from None
