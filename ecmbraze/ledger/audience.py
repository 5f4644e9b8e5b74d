"""Whom one flow is about, by the ledger: whom its workspaces lead to and led to, and of whom it noted something."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import chain

from sqlite_utils import Database

from ecmbraze.ledger.accepting import STANDS
from ecmbraze.ledger.connection import marks
from ecmbraze.ledger.mirror import GONE
from ecmbraze.ledger.page import Paged, gathered
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.model import UNMET, Change, PersonKey, keys
from ecmbraze.needs import Needs
from ecmbraze.planning.estimate import Volume


def after_all(text: str) -> str:
    """Return what comes right behind all texts that begin so."""
    return f"{text[:-1]}{chr(ord(text[-1]) + 1)}"


class Audience(Paged):
    """The people of one flow; ``needs`` says by which mapping a workspace of a type leads to them."""

    def __init__(self, ledger: Database, plan: PlanFile, *, flow: str, needs: Needs) -> None:
        self._ledger, self._plan, self._plan_file = ledger.conn, plan.database.conn, plan
        self._flow, self._needs = flow, needs

    @property
    def _led(self) -> tuple[str, tuple[str, ...]]:
        """Return the condition under which a recipient ``r`` of a record ``w`` is one of the flow's, and its values."""
        pairs = [(stream, self._needs.mapping_of(stream)) for stream in self._needs.streams]
        mappings, rows = tuple(self._needs.mappings), ", ".join("(?, ?)" for _ in pairs) or "(NULL, NULL)"
        where = f"r.mapping IN ({marks(mappings)}) AND (w.stream, r.mapping) IN (VALUES {rows})"
        return where, (*mappings, *(value for pair in pairs for value in pair))

    def of_unmet(self) -> set[str]:
        """Return the flow's workspaces of people whom Braze does not know yet and for whom something waits."""
        where, values = self._led
        query = f"""SELECT r.record FROM recipient r JOIN record w ON w.key = r.record WHERE {where}
                    AND r.customer IN (SELECT recipient FROM outbox WHERE state = 'waiting' AND why = ?)"""
        return {row[0] for row in self._ledger.execute(query, (*values, UNMET))}

    def audience(self) -> int:
        """Return how many people the flow is about, by the ledger: whom its workspaces lead to, and whom it reads."""
        where, values = self._led
        query = f"""SELECT count(*) FROM (
                    SELECT r.customer FROM recipient r JOIN record w ON w.key = r.record WHERE {where}
                    UNION SELECT substr(key, ?) FROM record WHERE stream = ?)"""
        person = len(PersonKey(recipient="").text) + 1
        read = keys.PEOPLE if keys.PEOPLE in self._needs.streams else ""
        return int(self._ledger.execute(query, (*values, person, read)).fetchone()[0])

    def volume(self) -> Volume:
        """Return of how many people the flow noted something, and how many workspaces they have, by the ledger."""
        where, values = self._led
        query = f"""SELECT count(DISTINCT f.record), count(*) FROM fact f
                    JOIN recipient r ON r.customer = substr(f.record, ?) JOIN record w ON w.key = r.record
                    WHERE f.flow = ? AND f.record > ? AND f.record < ? AND f.memory <> '{{}}' AND w.missed < {GONE}
                    AND {where}"""
        first = PersonKey(recipient="").text
        row = self._ledger.execute(query, (len(first) + 1, self._flow, first, after_all(first), *values)).fetchone()
        return Volume(people=row[0], workspaces=row[1])

    def noted_people(self, after: str, most: int) -> list[str]:
        """Return the next people of whom the flow noted something and who have a workspace, in the ledger's order.

        ``after`` is the record of the last one that was returned; empty for the first.
        """
        where, values = self._led
        first = PersonKey(recipient="").text
        query = f"""SELECT f.record FROM fact f
                    WHERE f.flow = ? AND f.record > ? AND f.record < ? AND f.memory <> '{{}}' AND EXISTS (
                        SELECT 1 FROM recipient r JOIN record w ON w.key = r.record
                        WHERE r.customer = substr(f.record, ?) AND w.missed < {GONE} AND {where})
                    ORDER BY f.record LIMIT ?"""
        asked = (self._flow, after or first, after_all(first), len(first) + 1, *values, most)
        return [row[0] for row in self._ledger.execute(query, asked)]

    def led_to(self, change: Change) -> Sequence[str]:
        """Return whom a record may have led to when attributes of theirs were written, beside whom the change names.

        A backfill writes attributes and leaves the past of the flow as it is, and so does a record whose message cannot
        be written: whom it named then stands in no fact.
        """
        record = change.record
        last = self._page.of_record(record.key.text, self._led_by, self._needs.mapping_of(record.stream))
        moved = change.before is not None and change.before.customers != record.customers
        return [*last, *(self._written_before.get(record.key.text, ()) if moved else ())]

    def _led_by(self, records: Sequence[str], mapping: str) -> Mapping[str, Sequence[str]]:
        """Return whom each record leads to under a customer mapping, by the ledger."""
        query = f"SELECT record, customer FROM recipient WHERE mapping = ? AND record IN ({marks(records)})"
        return gathered(records, self._ledger.execute(query, (mapping, *records)))

    def _leading_to(self, people: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """Return the records that lead to each of some people, by the plan or the ledger, one of both twice."""
        mappings = tuple(self._needs.mappings)
        query = f"""SELECT customer, record FROM recipient WHERE mapping IN ({marks(mappings)})
                    AND customer IN ({marks(people)})"""
        found = [database.execute(query, (*mappings, *people)) for database in (self._plan, self._ledger)]
        return gathered(people, chain(*found))

    @cached_property
    def _written_before(self) -> Mapping[str, Sequence[str]]:
        """Record → people of whom it wrote an attribute that still stands, and whom it names no more in the mirror."""
        mappings, found = tuple(self._needs.mappings), defaultdict[str, list[str]](list)
        query = f"""SELECT DISTINCT o.record, o.recipient FROM (
                       SELECT record, recipient, state, flow, name FROM outbox WHERE kind = 'attribute'
                       UNION ALL
                       SELECT record, recipient, state, flow, j.value
                       FROM outbox, json_each(outbox.name) j WHERE kind = 'attributes'
                   ) o
                   WHERE o.state = 'sent' AND o.flow = ?
                   AND NOT EXISTS (SELECT 1 FROM recipient r WHERE r.record = o.record AND r.customer = o.recipient
                                   AND r.mapping IN ({marks(mappings)}))
                   AND {STANDS.format(who="o.recipient", name="o.name")}"""
        for record, person in self._ledger.execute(query, (self._flow, *mappings)):
            found[record].append(person)
        return found
