"""Whom nothing may be kept or written any more: keyed digests of people and workspaces that were erased.

Consulted where the plan file takes records and actions, so that no flow can pass by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlite_utils import Database

from ecmbraze.ledger.history import History
from ecmbraze.model import Action, Fact, PersonKey, Record, keys
from ecmbraze.model.recipients import Email, read

ERASED = "(erased)"
"""In place of a name, and under which a flow notes of a record that it was erased."""


class Tombstones:
    """The digests as they stood when the plan was begun; false where there are none."""

    def __init__(self, database: Database, history: History) -> None:
        self._history = history
        self._digests = frozenset(row[0] for row in database.execute("SELECT digest FROM erased"))

    def __bool__(self) -> bool:
        return bool(self._digests)

    def bars(self, recipient: str) -> bool:
        """Say whether a person was erased, under this name or by their e-mail address."""
        return bool(self._digests) and not self._digests.isdisjoint(digests(self._history, recipient))

    def bars_record(self, record: str) -> bool:
        """Say whether a record was erased, or is about a person who was."""
        if not self._digests:
            return False
        key = keys.read(record)
        if isinstance(key, PersonKey):
            return self.bars(key.recipient)
        return of_record(self._history, record) in self._digests

    def bars_action(self, action: Action) -> bool:
        """Say whether an intended write is to, or because of, somebody who was erased."""
        if not self._digests:
            return False
        written = keys.names_a_record(action.recipient) and self.bars_record(action.recipient)
        return written or self.bars(action.recipient) or self.bars_record(action.record)

    def strip(
        self, record: Record, customers: Mapping[str, tuple[str, ...]]
    ) -> tuple[Record, Mapping[str, tuple[str, ...]]]:
        """Return a workspace without whom may not be kept; one that names nobody else is empty but for its dates."""
        people = {person for found in customers.values() for person in found}
        barred = {person for person in people if self.bars(person)}
        if self.bars_record(record.key.text) or (barred and barred == people):
            facts: dict[str, Fact] = {name: () if name in customers else None for name in record.facts}
            return replace(record, name=ERASED, facts=facts, customers=(), documents=()), dict.fromkeys(customers, ())
        if not barred:
            return record, customers
        facts = {name: without(value, barred) for name, value in record.facts.items()}
        left = {mapping: tuple(one for one in found if one not in barred) for mapping, found in customers.items()}
        mine = tuple(one for one in record.customers if one not in barred)
        return replace(record, facts=facts, customers=mine), left


def without(value: Fact, barred: set[str]) -> Fact:
    """Return a fact without the people it names."""
    if isinstance(value, tuple):
        return tuple(one for one in value if one not in barred)
    return None if isinstance(value, str) and value in barred else value


def digests(history: History, recipient: str) -> set[str]:
    """Return what stands for a person: their name as it is written everywhere, and an address however it is written."""
    identifier = read(recipient)
    by_address = {history.address(identifier.address)} if isinstance(identifier, Email) else set()
    return {history.subject(recipient), *by_address}


def of_record(history: History, record: str) -> str:
    """Return what stands for a workspace."""
    return history.subject(f"record {record}")
