"""How a plan file takes actions: of several for one target the newest, the attributes of a person in one row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ecmbraze.ledger.actionrow import ACTION_COLUMNS, read_action, write_action
from ecmbraze.ledger.planwriting import PlanWriting
from ecmbraze.ledger.tombstones import Tombstones
from ecmbraze.model import Action, Delivery, together

_INSERT = f"INSERT OR IGNORE INTO action VALUES (NULL{', ?' * 17}, ?)"


class PlanActions(PlanWriting):
    """Write actions; those that ``tombstones`` bar are not planned, whoever asks for it."""

    tombstones: Tombstones | None

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
        targets = [one.target if one.kind.delivery is Delivery.LATEST else "" for one in actions]
        newest = dict(zip(targets, actions, strict=True))
        left = [one for one, target in zip(actions, targets, strict=True) if not target or newest[target] is one]
        newest.pop("", None)
        self._forget(newest)
        self._write_all(_INSERT, [(*write_action(one), doubtful(one)) for one in together(left)])

    def _forget(self, newer: Mapping[str, Action]) -> None:
        """Take out what was planned before for the same targets; the neighbours of such an attribute stay."""
        targets: dict[str, dict[str, None]] = {}
        for target, action in newer.items():
            targets.setdefault(f"{action.recipient}/{action.kind}/", {})[target] = None
        for first, mine in targets.items():  # "0" follows "/"
            query = f"SELECT id, {ACTION_COLUMNS} FROM action WHERE target >= ? AND target < ?"
            for number, *row in self.database.conn.execute(query, (first, f"{first[:-1]}0")).fetchall():
                planned = read_action(tuple(row)).each
                kept = [one for one in planned if one.target not in mine]
                if len(kept) < len(planned):
                    self._write("DELETE FROM action WHERE id = ?", (number,))
                    self._write_all(_INSERT, [(*write_action(one), False) for one in together(kept)])
