"""Hold the users and groups of the simulated ECM (api/ecm.md 9); serves nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ecmbraze.sandbox.fields import unknown

USER, GROUP, SERVICE, ROLE = 0, 1, 17, 848
_TYPE_NAMES = {USER: "User", GROUP: "Group", SERVICE: "Service User", ROLE: "Workspace Role"}
DEFAULT_GROUP = 1001
# The ids of the account that uses REST, and of the colleague who works beside it unless another one is named.
API_USER, PERSON = 1000, 2000
_NAMES = (
    ("Jürgen", "Groß"),
    ("Zoë", "Żółć"),
    ("Anne-Marie", "O'Neill"),
    ("Björn", "Ångström"),
    ("Li", "李"),
    ("Fatma", "Y\u0131lmaz"),
    ("Søren", "Ødegård"),
    ("María", "Ñíguez"),
    ("Ivo", "Šimić"),
)


@dataclass(slots=True, kw_only=True)
class Member:
    """A user, a group, or a role of one workspace (``node_id``); ``members`` are the ids in a group or role."""

    id: int
    name: str
    kind: int
    first: str = ""
    last: str = ""
    deleted: bool = False
    members: dict[int, None] = field(default_factory=dict)
    node_id: int | None = None
    leader: bool = False

    @property
    def full(self) -> str:
        """Return the name as people read it."""
        return f"{self.first} {self.last}".strip() or self.name

    def properties(self) -> dict[str, Any]:
        """Return what every answer tells of a member."""
        person = self.kind == USER
        shown = {
            "id": self.id,
            "name": self.name,
            "name_formatted": self.full,
            "first_name": self.first or None,
            "last_name": self.last or None,
            "business_email": f"{self.name}@example.org" if person else None,
            "deleted": self.deleted,
            "group_id": DEFAULT_GROUP if person else None,
            "initials": self.name[:1].upper(),
            "time_zone": -1,
            "title": None,
            "type": self.kind,
            "type_name": _TYPE_NAMES[self.kind],
        }
        return {**shown, "node_id": self.node_id, "leader_id": None} if self.kind == ROLE else shown


class Directory:
    """The members of one server by id. Guarded by the store's lock."""

    def __init__(self, account: str) -> None:
        first = (
            Member(id=API_USER, name=account, kind=USER, first="Service", last="Ecmbraze"),
            Member(id=DEFAULT_GROUP, name="DefaultGroup", kind=GROUP),
            Member(id=1002, name="Case Workers", kind=GROUP),
            Member(id=1003, name="Case Workers Süd", kind=GROUP),
            Member(id=1010, name="svc-archive", kind=SERVICE),
        )
        self._members = {one.id: one for one in first}
        self._last_id = 9_000
        for i in range(45):
            given, family = _NAMES[i % len(_NAMES)]
            number = PERSON + 7 * i
            self._members[number] = Member(id=number, name=f"user{i:02d}", kind=USER, first=given, last=family)
        for group, start in ((1002, 0), (1003, 5)):
            self._members[group].members = dict.fromkeys(range(PERSON + 7 * start, PERSON + 7 * (start + 5), 7))

    def add(self, name: str, kind: int, *, first: str = "", last: str = "", **more: Any) -> Member:
        """Make a member; roles may share a name. Raises ValueError for a user or group that exists."""
        if kind != ROLE and any(one.kind == kind and one.name == name for one in self._members.values()):
            raise ValueError(f"{_TYPE_NAMES[kind].lower()} {name!r} exists")
        self._last_id += 1
        made = Member(id=self._last_id, name=name, kind=kind, first=first, last=last, **more)
        self._members[made.id] = made
        return made

    def holding(self, number: int) -> list[Member]:
        """Return the groups and roles that a member is in."""
        return [one for one in self._members.values() if number in one.members]

    def all(self) -> Iterable[Member]:
        """Return users and groups; the roles of workspaces are found by id only."""
        return [one for one in self._members.values() if one.kind != ROLE]

    def get(self, number: int) -> Member | None:
        """Return any member by id, or None; deleted users keep theirs."""
        return self._members.get(number)

    def named(self, name: int | str, kind: int) -> Member:
        """Find a user or group by id or name. Raises ValueError when there is none."""
        for one in self._members.values():
            if one.kind == kind and name in (one.id, one.name):
                return one
        raise unknown(
            f"no {_TYPE_NAMES[kind].lower()}", name, (m.name for m in self._members.values() if m.kind == kind)
        )
