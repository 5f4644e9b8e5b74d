"""Hold the reminders of the simulated ECM, their clients and types (api/ecm.md 8.1); knows no HTTP."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from ecmbraze.sandbox.fields import unknown

if TYPE_CHECKING:
    from ecmbraze.sandbox.ecm.store import EcmStore

OPEN, ACTIVE, IN_PROGRESS, COMPLETED = 1, -1, -2, 2
WORDS = {OPEN: "open", ACTIVE: "active", IN_PROGRESS: "in progress", COMPLETED: "completed"}
_ORDER = (OPEN, ACTIVE, IN_PROGRESS, COMPLETED)  # forward only


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A reminder client: its id is not that of any of its types (type id → name)."""

    id: int
    name: str
    types: dict[int, str]


@dataclass(slots=True, kw_only=True)
class Reminder:
    """One reminder of a node; ``due`` and ``ends`` are days (YYYY-MM-DD), ``created`` is in epoch seconds."""

    id: int
    node_id: int
    type_id: int
    text: str
    due: str
    assignees: tuple[int, ...]
    by: int
    created: int
    rule: int = 0
    priority: int = 0
    ends: str | None = None
    status: int = OPEN
    status_by: int | None = None


class Reminders:
    """The reminders of one server by id. Guarded by the store's lock."""

    def __init__(self, store: EcmStore) -> None:
        self._store = store
        self._random = Random(f"reminders-{store.seed}")  # noqa: S311 - a repeatable world, not a secret
        self._last_id, self._last_type = 20, 1
        self.clients: dict[int, Client] = {}
        self.all: dict[int, Reminder] = {}
        self.define("Reminder Client", ("Follow-up", "Escalation"))
        self.define("Team Client", ("Review",))

    def define(self, name: str, types: Iterable[str]) -> Client:
        """Set the types of a client, which is made when there is none of that name."""
        old = next((one for one in self.clients.values() if one.name == name), None)
        number = old.id if old else 300_000 + self._random.randrange(90_000)
        known = {} if old is None else {text: type_id for type_id, text in old.types.items()}
        client = Client(id=number, name=name, types={known.get(text) or self._next_type(): text for text in types})
        self.clients[number] = client
        return client

    def type_of(self, type_id: int) -> tuple[Client, str] | None:
        """Return client and name of a reminder type, None for one that does not exist."""
        return next(((one, one.types[type_id]) for one in self.clients.values() if type_id in one.types), None)

    def type_named(self, name: str) -> int:
        """Find a type by its name. Raises ValueError when there is none."""
        types = {text: type_id for client in self.clients.values() for type_id, text in client.types.items()}
        if name not in types:
            raise unknown("no reminder type", name, types)
        return types[name]

    def of(self, node_id: int) -> list[Reminder]:
        """Return the reminders of a node in the order in which they were made, completed ones too."""
        return [one for one in self.all.values() if one.node_id == node_id]

    def add(
        self,
        node_id: int,
        *,
        type_id: int,
        text: str,
        due: str,
        assignees: Iterable[int],
        rule: int = 0,
        priority: int = 0,
        ends: str | None = None,
    ) -> Reminder:
        """Make a reminder; it is open, always."""
        self._last_id += self._random.randrange(1, 4)
        made = Reminder(
            id=self._last_id,
            node_id=node_id,
            type_id=type_id,
            text=text,
            due=due,
            assignees=tuple(assignees),
            by=self._store.actor,
            created=self._store.now(),
            rule=rule,
            priority=priority,
            ends=ends,
        )
        self.all[made.id] = made
        return made

    def move_on(self, reminder: Reminder, status: int) -> bool:
        """Give a reminder a later status; say whether there is such a step: there is none back and none in place."""
        if status not in _ORDER or _ORDER.index(status) <= _ORDER.index(reminder.status):
            return False
        reminder.status, reminder.status_by = status, self._store.actor
        return True

    def _next_type(self) -> int:
        self._last_type += 1
        return self._last_type
