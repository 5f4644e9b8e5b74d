"""Do to members, roles, reminders and tasks of the simulated ECM what people do by hand; for the control API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from ecmbraze.sandbox.ecm import tasks
from ecmbraze.sandbox.ecm.directory import GROUP, USER, Member
from ecmbraze.sandbox.ecm.model import TASK_LIST, WORKSPACE, Node
from ecmbraze.sandbox.ecm.officework import follow_ups, staff_changes
from ecmbraze.sandbox.ecm.person import Person
from ecmbraze.sandbox.ecm.reminders import ACTIVE, COMPLETED, IN_PROGRESS, WORDS, Reminder
from ecmbraze.sandbox.ecm.store import EcmStore

_STEPS = {"activate": ACTIVE, "start": IN_PROGRESS, "complete": COMPLETED}
_KINDS = {USER: "user", GROUP: "group"}
_DAY = 86_400


class Office:
    """Somebody who administers people and works off follow-ups. Raises ValueError for what makes no sense."""

    def __init__(self, store: EcmStore) -> None:
        self._store, self._person = store, Person(store)

    # people

    def staff(self, operations: Any) -> list[dict[str, Any]]:
        """Make users and groups, let users join and leave groups, delete users and bring them back."""
        return [self._staffed(one) for one in staff_changes(operations)]

    def members(self) -> list[dict[str, Any]]:
        """Return users and groups, those who left too, each group with the names of who is in it."""
        return [self._described(one) for one in self._store.directory.all()]

    def roles(self, node_id: int) -> list[dict[str, Any]]:
        """Return the roles of a workspace with the names of who is in them."""
        roles = self._store.teams.of(self._workspace(node_id))
        return [
            {"id": one.id, "name": one.name, "leader": one.leader, "members": self._names(one.members)} for one in roles
        ]

    def put_in_role(self, node_id: int, role: str, members: Iterable[str]) -> None:
        """Let a role of a workspace have these users and groups and no others."""
        found = [self._member(name).id for name in members]
        self._store.teams.named(self._workspace(node_id), role).members = dict.fromkeys(found)

    def _staffed(self, raw: dict[str, Any]) -> dict[str, Any]:
        action, directory = raw["do"], self._store.directory
        match action:
            case "user":
                made = directory.add(raw["name"], USER, first=raw.get("first", ""), last=raw.get("last", ""))
                return {"id": made.id}
            case "group":
                inside = [self._member(name).id for name in raw.get("members", ())]
                made = directory.add(raw["name"], GROUP)
                made.members = dict.fromkeys(inside)
                return {"id": made.id}
            case "join" | "leave":
                group, member = directory.named(raw["group"], GROUP), self._member(raw["member"])
                if action == "join":
                    group.members[member.id] = None
                else:
                    group.members.pop(member.id, None)
                return {"id": group.id}
        user = directory.named(raw["user"], USER)
        user.deleted = action == "delete"
        return {"id": user.id}

    def _described(self, member: Member) -> dict[str, Any]:
        shown = {"id": member.id, "name": member.name, "full": member.full, "deleted": member.deleted}
        inside = {"members": self._names(member.members)} if member.kind == GROUP else {}
        return {**shown, "kind": _KINDS.get(member.kind, "service user"), **inside}

    def _member(self, name: int | str) -> Member:
        """Find a user or group by id or name."""
        try:
            return self._store.directory.named(name, USER)
        except ValueError:
            return self._store.directory.named(name, GROUP)

    def _names(self, numbers: Iterable[int]) -> list[str]:
        return [one.name for number in numbers if (one := self._store.directory.get(number)) is not None]

    # follow-ups

    def perform(self, operations: Any) -> list[dict[str, Any]]:
        """Remind, make task lists and tasks, and move either on."""
        return [self._performed(one) for one in follow_ups(operations)]

    def follow_ups(self, node_id: int | None = None) -> list[dict[str, Any]]:
        """Return all reminders and tasks, or those of a node: its reminders, and the tasks below it at any depth."""
        reminders = self._store.reminders.all.values() if node_id is None else self._store.reminders.of(node_id)
        below = self._store.nodes.values() if node_id is None else self._store.tree.all_below(node_id)
        found = [self._reminder(one) for one in reminders]
        return found + [self._task(one) for one in below if one.subtype == tasks.TASK]

    def _performed(self, raw: dict[str, Any]) -> dict[str, Any]:
        action = raw.pop("do")
        with self._person.acting(raw):
            match action:
                case "remind":
                    return {"id": self._remind(raw)}
                case "task_list":
                    return {"id": self._store.add(TASK_LIST, raw["name"], self._node(raw["parent"]).id, by="person").id}
                case "task":
                    return {"id": self._new_task(raw)}
            if "task" in raw:
                return {"id": self._move_task(action, raw["task"])}
            return {"id": self._move_reminder(action, raw)}

    def _remind(self, raw: Mapping[str, Any]) -> int:
        made = self._store.reminders.add(
            self._node(raw["node"]).id,
            type_id=self._store.reminders.type_named(raw.get("type", "Follow-up")),
            text=raw.get("text", ""),
            due=raw.get("due") or self._today(3),
            assignees=[self._member(name).id for name in raw.get("assign", ())] or [self._store.actor],
        )
        return made.id

    def _new_task(self, raw: Mapping[str, Any]) -> int:
        parent = self._node(raw["parent"])
        if parent.subtype != TASK_LIST:
            raise ValueError(f"node {parent.id} is no task list")
        node = self._store.add(tasks.TASK, raw["name"], parent.id, by="person")
        fields = {"due_date": f"{raw.get('due') or self._today(3)}T00:00:00", "instructions": raw.get("text")}
        assigned = {"assigned_member_id": self._member(raw["assign"]).id} if "assign" in raw else {}
        tasks.put(self._store, node, {**fields, **assigned})
        return node.id

    def _move_task(self, action: str, number: int) -> int:
        node = self._node(number)
        if node.subtype != tasks.TASK:
            raise ValueError(f"node {number} is no task")
        if action == "remove":
            self._store.bin.remove(node, "person")
            return number
        done = self._store.switches.task_completed_status
        tasks.put(self._store, node, {"status": done if action == "complete" else 1 if done != 1 else 0})
        self._store.touch(node)
        return number

    def _move_reminder(self, action: str, raw: Mapping[str, Any]) -> int:
        reminders = self._store.reminders
        found = reminders.all.get(raw.get("reminder", 0))
        if found is None:
            raise ValueError(f"no reminder {raw.get('reminder')}; GET /ecm/followups lists them")
        if action == "remove":
            del reminders.all[found.id]
        elif not reminders.move_on(found, _STEPS[action]):
            raise ValueError(f"reminder {found.id} is {WORDS[found.status]}: there is no way to {action} it")
        return found.id

    def _reminder(self, one: Reminder) -> dict[str, Any]:
        known = self._store.reminders.type_of(one.type_id)
        return {
            "kind": "reminder",
            "id": one.id,
            "node": one.node_id,
            "type": known[1] if known else None,
            "text": one.text,
            "assignees": self._names(one.assignees),
            "due": one.due,
            "by": one.by,
            "priority": one.priority,
            "status": WORDS[one.status],
            "status_by": one.status_by,
        }

    def _task(self, node: Node) -> dict[str, Any]:
        task = node.get("task", {})
        assigned = task.get("assigned_member_id")
        return {
            "kind": "task",
            "id": node.id,
            "node": node.parent_id,
            "name": node.name,
            "text": task.get("instructions"),
            "assignees": self._names([assigned] if assigned else ()),
            "due": (task.get("due_date") or "")[:10] or None,
            "by": node.get("created_by", 1000),
            "priority": task.get("priority"),
            "status": "completed" if task.get("completed") else "open",
            "status_by": task.get("completed_by"),
        }

    def _today(self, later: int) -> str:
        return datetime.fromtimestamp(self._store.now() + later * _DAY, UTC).date().isoformat()

    def _node(self, number: int) -> Node:
        node = self._store.nodes.get(number)
        if node is None:
            raise ValueError(f"no node {number}")
        return node

    def _workspace(self, number: int) -> Node:
        node = self._node(number)
        if node.subtype != WORKSPACE:
            raise ValueError(f"no workspace {number}; GET /ecm/workspaces lists them")
        return node
