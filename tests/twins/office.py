"""People and their follow-ups in an Extended ECM in memory; beside the workspaces, which it only names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ecmbraze.errors import ConfigurationError, RecordUnreadable
from ecmbraze.model import DONE_BY_OTHERS, Answer, Assignee, FollowUp, FollowUpState, Team, Verdict


@dataclass(slots=True, kw_only=True)
class Reminder:
    """One reminder as it stands on its workspace, or a task below a list of it."""

    id: int
    node: int
    made: FollowUp
    assignees: tuple[str, ...]
    completed: bool = False


@dataclass(slots=True)
class Office:
    """Who works in a tenant, and what they are asked to do."""

    types: set[str] = field(default_factory=lambda: {"Follow-up", "Escalation"})
    users: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    roles: dict[tuple[int, str], set[str]] = field(default_factory=dict)
    """(workspace, role) → who is in it."""
    reminders: list[Reminder] = field(default_factory=list)
    done: list[tuple[str, Reminder]] = field(default_factory=list)
    """What our account made and completed, until somebody takes it over into a book."""
    hidden: bool = False
    """Whether the account does not see what it made for others."""

    def of(self, node: int, task_list: str = "") -> Sequence[FollowUpState]:
        """Return the reminders of a workspace, or its tasks."""
        return tuple(
            FollowUpState(id=one.id, description=one.made.description, completed=one.completed)
            for one in self.reminders
            if one.node == node and not self.hidden and bool(one.made.task_list) is bool(task_list)
        )

    def add(self, node: int, follow_up: FollowUp, *, there: bool) -> Answer:
        """Make a reminder unless it is there."""
        if not there:
            return Answer(verdict=Verdict.NOT_PROCESSED, reason=RecordUnreadable("ECM answers 500: sorry").happened)
        if any(one.bears(follow_up.mark) for one in self.of(node, follow_up.task_list)):
            return Answer(verdict=Verdict.ACCEPTED, reason="already there")
        if not follow_up.task_list and follow_up.type not in self.types:
            stop = ConfigurationError(f"ECM has no reminder type {follow_up.type!r}.")
            return Answer(verdict=Verdict.NOT_PROCESSED, reason=stop.happened, stop=stop)
        people = self._behind(node, follow_up.assign) or self._behind(node, follow_up.otherwise)
        if not people:
            return Answer(verdict=Verdict.REFUSED, reason=f"nobody stands behind {follow_up.assign}")
        asked = tuple(sorted(people))[: 1 if follow_up.task_list else None]  # a task has one assignee
        made = Reminder(id=len(self.reminders) + 1, node=node, made=follow_up, assignees=asked)
        self.reminders.append(made)
        self.done.append(("follow-up", made))
        unseen = ConfigurationError("ECM does not list it for this account.") if self.hidden else None
        return Answer(verdict=Verdict.ACCEPTED, reason="accepted", stop=unseen)

    def complete(self, node: int, mark: str, task_list: str = "") -> Answer:
        """Complete what bears a mark."""
        seen = {one.id for one in self.of(node, task_list) if one.bears(mark)}
        there = [one for one in self.reminders if one.id in seen]
        for one in there:
            if not one.completed:
                one.completed = True
                self.done.append(("completion", one))
                return Answer(verdict=Verdict.ACCEPTED, reason="accepted")
        return Answer(verdict=Verdict.ACCEPTED, reason=DONE_BY_OTHERS if there else "not there any more")

    def _behind(self, node: int, assignee: Assignee | None) -> set[str]:
        if assignee is None:
            return set()
        match assignee.team:
            case Team.USER:
                return {assignee.name} & self.users
            case Team.GROUP:
                return {assignee.name} & self.groups
            case Team.ROLE:
                return self.roles.get((node, assignee.name), set())
