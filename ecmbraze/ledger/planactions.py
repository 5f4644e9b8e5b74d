"""How a plan file takes actions: of several for one target the newest, the attributes of a person in one row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from ecmbraze.ledger import attributerows
from ecmbraze.ledger.actionrow import ACTION_COLUMNS, read_action, write_action
from ecmbraze.ledger.planwriting import PlanWriting
from ecmbraze.ledger.tombstones import Tombstones
from ecmbraze.model import Action, Delivery, Json

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
        newest = _newest(actions)
        self._forget(newest)
        left = [part for action in actions for part in _not_overtaken(action, newest)]
        self._write_all(_INSERT, [(*write_action(one), doubtful(one)) for one in left])
        self._note(left)

    def values_planned(self, person: str, kind: str, beside: Iterable[str] = ()) -> Mapping[str, Json]:
        """Return name → value of what is planned for somebody; asked once with those ``beside`` them."""
        if (person, kind) not in self._theirs:
            if len(self._theirs) > _KNOWN:
                self._theirs.clear()
            asked = [one for one in {person: None, **dict.fromkeys(beside)} if (one, kind) not in self._theirs]
            found = attributerows.values_of(asked, kind, (self.database.conn, _PLANNED))
            self._theirs |= {(one, kind): values for one, values in found.items()}
        return self._theirs[person, kind]

    def _note(self, written: Iterable[Action]) -> None:
        for action in written:
            known = self._theirs.get((action.recipient, action.kind.holds or action.kind))
            if known is not None and action.kind.delivery is Delivery.LATEST:
                known.update(action.values)

    def _forget(self, newer: Mapping[str, Action]) -> None:
        """Take out what was planned before for the same targets; the neighbours of such an attribute stay."""
        theirs: dict[tuple[str, str], set[str]] = {}
        for action in newer.values():
            theirs.setdefault((action.recipient, action.kind.holds or action.kind), set()).update(action.names)
        for (recipient, kind), names in theirs.items():
            if names.isdisjoint(self.values_planned(recipient, kind)):
                continue
            first = f"{recipient}/{kind}/"  # "0" follows "/"
            query = f"SELECT id, {ACTION_COLUMNS} FROM action WHERE target >= ? AND target < ?"
            for number, *row in self.database.conn.execute(query, (first, f"{first[:-1]}0")).fetchall():
                planned = read_action(tuple(row))
                if not names.isdisjoint(planned.names):
                    self._write("DELETE FROM action WHERE id = ?", (number,))
                    self._write_all(_INSERT, [(*write_action(one), False) for one in planned.without(names)])


def _newest(actions: Iterable[Action]) -> dict[str, Action]:
    """Return target → the action that writes it last, of all that write the state of something."""
    return {
        target: action for action in actions if action.kind.delivery is Delivery.LATEST for target in action.targets
    }


def _not_overtaken(action: Action, newest: Mapping[str, Action]) -> Iterable[Action]:
    """Return what of an action no later one writes."""
    overtaken = {
        name
        for name, target in zip(action.names, action.targets, strict=True)
        if newest.get(target, action) is not action
    }
    return action.without(overtaken) if overtaken else (action,)
