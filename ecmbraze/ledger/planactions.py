"""How a plan file takes actions: of several for one target the newest, the attributes of a person in one row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set

from ecmbraze.ledger import attributerows
from ecmbraze.ledger.actionrow import ACTION_COLUMNS, read_action, write_action
from ecmbraze.ledger.planwriting import PlanWriting
from ecmbraze.ledger.tombstones import Tombstones
from ecmbraze.model import Action, Delivery, Json, Kind

_INSERT = f"INSERT OR IGNORE INTO action VALUES (NULL{', ?' * 17}, ?)"
_PLANNED = f"SELECT one.recipient, target, payload FROM one CROSS JOIN action {attributerows.THEIRS}"
# Of so many people what is planned is known without asking.
_KNOWN = 1000


class PlanActions(PlanWriting):
    """Write actions; those that ``tombstones`` bar are not planned, whoever asks for it."""

    tombstones: Tombstones | None

    def __init__(self) -> None:
        super().__init__()
        self._theirs: dict[tuple[str, str], dict[str, Json]] = {}

    def put_action(self, action: Action, *, doubtful: bool = False) -> None:
        """Write one action; of several for one ``latest`` target the newest stays.

        ``doubtful`` is what another state file may have sent already: it is staged as held.
        """
        self.put_actions([action], lambda _: doubtful)

    def put_actions(self, actions: Sequence[Action], doubtful: Callable[[Action], bool] = lambda action: False) -> None:
        """Write the actions of one record; see :meth:`put_action`."""
        if not actions:
            return
        if self.tombstones:
            actions = [one for one in actions if not self.tombstones.bars_action(one)]
        left, written = _newest(actions)
        for (recipient, kind), names in written.items():
            self._forget(recipient, kind, names)
        self._write_soon(_INSERT, [(*write_action(one), doubtful(one)) for one in left])
        for action in left:
            if (known := self._theirs.get(_place(action))) is not None and action.kind.delivery is Delivery.LATEST:
                known.update(action.values)

    def values_planned(self, person: str, kind: str, beside: Iterable[str] = ()) -> Mapping[str, Json]:
        """Return name → value of what is planned for somebody; asked once with those ``beside`` them."""
        if (person, kind) not in self._theirs:
            if len(self._theirs) > _KNOWN:
                self._theirs.clear()
            asked = [one for one in {person: None, **dict.fromkeys(beside)} if (one, kind) not in self._theirs]
            found = attributerows.values_of(asked, kind, (self.database.conn, _PLANNED))
            self._theirs |= {(one, kind): values for one, values in found.items()}
        return self._theirs[person, kind]

    def _forget(self, recipient: str, kind: str, names: Set[str]) -> None:
        """Take out what was planned before under these names; the neighbours of such an attribute stay."""
        if names.isdisjoint(self.values_planned(recipient, kind)):
            return
        first = f"{recipient}/{kind}/"  # "0" follows "/"
        query = f"SELECT id, {ACTION_COLUMNS} FROM action WHERE target >= ? AND target < ?"
        for number, *row in self.database.conn.execute(query, (first, f"{first[:-1]}0")).fetchall():
            planned = read_action(tuple(row))
            if not names.isdisjoint(planned.names):
                self._write("DELETE FROM action WHERE id = ?", (number,))
                self._write_all(_INSERT, [(*write_action(one), False) for one in planned.without(names)])


def _place(action: Action) -> tuple[str, Kind]:
    """Return where an action writes: under one recipient and kind each name is a target."""
    return action.recipient, action.kind.holds or action.kind


def _newest(actions: Sequence[Action]) -> tuple[list[Action], Mapping[tuple[str, Kind], set[str]]]:
    """Return the actions without what a later one writes as well, and place → the names of what is written there."""
    left: list[Action] = []
    written: dict[tuple[str, Kind], set[str]] = {}
    for action in reversed(actions):
        if action.kind.delivery is not Delivery.LATEST:
            left.append(action)
            continue
        later = written.setdefault(_place(action), set())
        left.extend([action] if later.isdisjoint(action.names) else action.without(later))
        later.update(action.names)
    return left[::-1], written
