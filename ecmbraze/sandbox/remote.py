"""Steer a sandbox process through its control API, as people and administrators act on it; for tests and the demo."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ecmbraze.sandbox.steering import ControlError, Steering

__all__ = ["ControlError", "RemoteSandbox"]


class RemoteSandbox(Steering):
    """A running sandbox, owned or only addressed."""

    # clock, switches, faults, journal

    def now(self) -> datetime:
        """Return the sandbox's instant."""
        return datetime.fromisoformat(self.call("GET", "/clock")["now"])

    def set_clock(self, instant: datetime) -> None:
        """Set the sandbox's clock."""
        self.call("POST", "/clock", {"now": instant.isoformat()})

    def advance(self, seconds: float) -> None:
        """Move the sandbox's clock."""
        self.call("POST", "/clock", {"advance_s": seconds})

    def freeze(self, frozen: bool = True) -> None:
        """Stop or restart the sandbox's clock."""
        self.call("POST", "/clock", {"frozen": frozen})

    def switches(self) -> dict[str, Any]:
        """Return the ECM's switches."""
        found: dict[str, Any] = self.call("GET", "/switches")
        return found

    def switch(self, **wanted: Any) -> None:
        """Set some of the ECM's switches."""
        self.call("POST", "/switches", wanted)

    def fault(self, kind: str, **wanted: Any) -> None:
        """Order one fault; see :class:`ecmbraze.sandbox.faults.Fault`."""
        self.call("POST", "/faults", {"kind": kind, **wanted})

    def faults(self) -> list[dict[str, Any]]:
        """Return the ordered faults with what is left of them."""
        found: list[dict[str, Any]] = self.call("GET", "/faults")
        return found

    def clear_faults(self) -> None:
        """Cancel every fault."""
        self.call("DELETE", "/faults")

    def journal(self, since: int = 0, system: str | None = None) -> list[dict[str, Any]]:
        """Return the requests received after number ``since``."""
        found: list[dict[str, Any]] = self.call("GET", "/journal", since=since, system=system)["entries"]
        return found

    def most_in_flight(self, system: str) -> int:
        """Return the highest number of requests that were open at once since the journal was cleared."""
        return int(self.call("GET", "/journal", since=10**12)["most_in_flight"].get(system, 0))

    def clear_journal(self) -> None:
        """Forget the requests so far."""
        self.call("DELETE", "/journal")

    def reset(self) -> None:
        """Begin anew: world, clock, switches, faults and journal as at the start."""
        self.call("POST", "/reset")

    # people and what they choose in Braze

    def change(self, *changes: Mapping[str, Any]) -> None:
        """Change profiles in the order given: ``{"external_id": …, "email_subscribe": …, "at": …}``."""
        self.call("POST", "/braze/changes", list(changes))

    def currents(self, *events: Mapping[str, Any], half_for_s: float = 0) -> None:
        """Put events (``{"event": "open", "external_id": …, "message": …}``) as Currents files into the bucket."""
        self.call("POST", "/braze/currents", {"events": list(events), "half_for_s": half_for_s})

    def bucket(self) -> dict[str, bytes]:
        """Return the files in the customer's bucket, by name."""
        names = self.call("GET", "/braze/bucket")
        return {name: b64decode(self.call("GET", f"/braze/bucket/{name}")["base64"]) for name in names}

    # people at work in ECM

    def filed(self, **operation: Any) -> dict[str, Any]:
        """Do one thing to a folder or document (``do="document", parent=…, name=…``); see Filing of the sandbox."""
        done: list[dict[str, Any]] = self.call("POST", "/ecm/documents", [operation])
        return done[0]

    def file(self, parent: int, name: str, **more: Any) -> int:
        """File a document below a workspace or folder, with ``mime``, ``values``, ``created`` …; return its id."""
        return int(self.filed(do="document", parent=parent, name=name, **more)["id"])

    def folder(self, parent: int, name: str) -> int:
        """Make a folder; return its id."""
        return int(self.filed(do="folder", parent=parent, name=name)["id"])

    def flush_index(self) -> None:
        """Let the search index catch up."""
        self.call("POST", "/ecm/index/flush")

    def edits(self, since: int = 0) -> list[dict[str, Any]]:
        """Return every edit made to workspaces after number ``since``."""
        found: list[dict[str, Any]] = self.call("GET", "/ecm/edits", since=since)
        return found

    def workspaces(self, type_name: str | None = None) -> list[dict[str, Any]]:
        """Return the workspaces, or those of one type, with values by name."""
        found: list[dict[str, Any]] = self.call("GET", "/ecm/workspaces", type=type_name)
        return found

    def workspace(self, workspace_id: int) -> dict[str, Any]:
        """Return one workspace, also a hidden or deleted one."""
        found: dict[str, Any] = self.call("GET", f"/ecm/workspaces/{workspace_id}")
        return found

    def create_workspace(self, type_name: str, **more: Any) -> int:
        """Make a workspace with ``name``, ``values``, ``references``, ``created``, ``modified``; return its id."""
        return int(self.call("POST", "/ecm/workspaces", {"type": type_name, **more})["id"])

    def edit_workspace(self, workspace_id: int, values: Mapping[str, Any] | None = None, **more: Any) -> None:
        """Edit values by name, or ``name``, ``modified``, ``references`` … as a person would, now."""
        self.call("PATCH", f"/ecm/workspaces/{workspace_id}", {"values": values or {}, **more})

    def delete_workspace(self, workspace_id: int) -> None:
        """Move a workspace to the recycle bin."""
        self.call("DELETE", f"/ecm/workspaces/{workspace_id}")

    def act(self, workspace_id: int, action: str, **more: Any) -> None:
        """Do one of ``restore hide show hold release reserve unreserve deny grant`` to a workspace."""
        self.call("POST", f"/ecm/workspaces/{workspace_id}/{action}", more)

    def bulk(self, operations: Iterable[Mapping[str, Any]]) -> list[int]:
        """Make many edits at once (``{"do": create|edit|delete|…}``); return the workspace ids."""
        return [int(done["id"]) for done in self.call("POST", "/ecm/bulk", list(operations))]

    def staff(self, **operation: Any) -> int:
        """Change one user or group (``do="user", name=…``; group, join, leave, delete, restore); return its id."""
        return int(self.call("POST", "/ecm/members", [operation])[0]["id"])

    def put_in_role(self, workspace_id: int, role: str, *members: str) -> None:
        """Let a role of a workspace have these users and groups and no others."""
        self.call("PUT", f"/ecm/workspaces/{workspace_id}/roles", {"role": role, "members": list(members)})

    def follow_up(self, **operation: Any) -> int:
        """Do one thing to a reminder or task (``do="complete", reminder=…``); return its id."""
        return int(self.call("POST", "/ecm/followups", [operation])[0]["id"])

    def follow_ups(self, node: int | None = None) -> list[dict[str, Any]]:
        """Return reminders and tasks with their status, or those of one node."""
        found: list[dict[str, Any]] = self.call("GET", "/ecm/followups", node=node)
        return found

    def rename_attribute(self, old: str, new: str) -> None:
        """Rename ``Category.Attribute``."""
        self.call("POST", "/ecm/attributes/rename", {"from": old, "to": new})

    def add_attribute(self, category: str, **definition: Any) -> int:
        """Add an attribute (``name``, ``type``, ``multi_value`` …) to a category; return its id."""
        return int(self.call("POST", "/ecm/attributes", {"category": category, **definition})["id"])

    def change_attribute(self, attribute: str, **definition: Any) -> None:
        """Change how ``Category.Attribute`` is defined; stored values stay."""
        self.call("POST", "/ecm/attributes/change", {"attribute": attribute, **definition})

    def drop_attribute(self, attribute: str) -> None:
        """Remove ``Category.Attribute``."""
        self.call("POST", "/ecm/attributes/drop", {"attribute": attribute})

    def rename_type(self, old: str, new: str) -> None:
        """Rename a workspace type."""
        self.call("POST", "/ecm/types/rename", {"from": old, "to": new})

    def add_category(self, name: str, attributes: Sequence[Mapping[str, Any]]) -> int:
        """Define a category; return its id."""
        return int(self.call("POST", "/ecm/categories", {"name": name, "attributes": list(attributes)})["id"])

    def add_type(self, name: str, categories: Sequence[str]) -> int:
        """Define a workspace type; return its id."""
        return int(self.call("POST", "/ecm/types", {"name": name, "categories": list(categories)})["id"])
