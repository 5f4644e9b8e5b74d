"""Views of the control API on people, roles and follow-ups; holds no content."""

from __future__ import annotations

from typing import Any

from ecmbraze.sandbox.ecm.office import Office
from ecmbraze.sandbox.ecm.officework import MEMBERS
from ecmbraze.sandbox.ecm.store import EcmStore
from ecmbraze.sandbox.fields import NAME, NAMES, NATURAL, body, checked, query
from ecmbraze.sandbox.routes import Route


class OfficeViews:
    """What administrators do to people, and people to follow-ups."""

    def __init__(self, store: EcmStore) -> None:
        self._store, self._office = store, Office(store)

    def routes(self) -> tuple[Route, ...]:
        """Return the routes, relative to those of the ECM."""
        return (
            ("GET", "/members", self.members),
            ("POST", "/members", self.staff),
            ("GET", "/workspaces/<int:node_id>/roles", self.roles),
            ("PUT", "/workspaces/<int:node_id>/roles", self.put_in_role),
            ("POST", "/types/roles", self.add_role),
            ("GET", "/followups", self.follow_ups),
            ("POST", "/followups", self.perform),
            ("GET", "/reminder-types", self.reminder_types),
            ("POST", "/reminder-types", self.define_types),
        )

    def members(self) -> Any:
        """List users and groups, those who left too, and who is in each group."""
        return self._office.members()

    def staff(self) -> Any:
        """Change users and groups: [{"do": user|group|join|leave|delete|restore, ...}]."""
        return self._office.staff(body())

    def roles(self, node_id: int) -> Any:
        """List the roles of a workspace and who is in them."""
        return self._office.roles(node_id)

    def put_in_role(self, node_id: int) -> Any:
        """Let "role" of a workspace have "members", users and groups by name, and no others."""
        given = checked(body(), {"role": NAME, "members": MEMBERS}, "a role", ("role", "members"))
        self._office.put_in_role(node_id, given["role"], given["members"])
        return self._office.roles(node_id)

    def add_role(self) -> Any:
        """Give the workspaces of "type" one more "role"."""
        given = checked(body(), {"type": NAME, "role": NAME}, "a role of a workspace type", ("type", "role"))
        kind = self._store.definitions.type_named(given["type"])
        if given["role"] in kind.roles:
            raise ValueError(f"{kind.name} has the role {given['role']!r} already")
        kind.roles = (*kind.roles, given["role"])
        return {"roles": list(kind.roles)}

    def follow_ups(self) -> Any:
        """List reminders and tasks with their status, those of ?node=."""
        return self._office.follow_ups(query(node=NATURAL).get("node"))

    def perform(self) -> Any:
        """Work on follow-ups: [{"do": remind|task_list|task|activate|start|complete|reopen|remove, ...}]."""
        return self._office.perform(body())

    def reminder_types(self) -> Any:
        """List the reminder clients and their types."""
        return [
            {"client": one.name, "types": list(one.types.values())} for one in self._store.reminders.clients.values()
        ]

    def define_types(self) -> Any:
        """Let the reminder "client" have "types", by name, and no others."""
        given = checked(body(), {"client": NAME, "types": NAMES}, "reminder types", ("client", "types"))
        self._store.reminders.define(given["client"], given["types"])
        return self.reminder_types()
