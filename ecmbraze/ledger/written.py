"""What became of what one flow wrote, overlaid with the plan in hand (the plan wins); writes nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cached_property

from sqlite_utils import Database

from ecmbraze.ledger import attributerows
from ecmbraze.ledger.attributerows import ACCEPTED, THEIRS
from ecmbraze.ledger.codec import instant, load_json, moment
from ecmbraze.ledger.connection import marks
from ecmbraze.ledger.page import Paged, gathered
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.model import MOVED, UNMET, WENT, Fate, Json, Kind, Record, Standing, State

_OPEN = "delivery = 'latest' AND state IN ('ready', 'waiting', 'in flight')"
_STAGED = f"""SELECT one.recipient, target, payload FROM one CROSS JOIN outbox INDEXED BY outbox_target {THEIRS}
    WHERE {_OPEN}"""


class Written(Paged):
    """Actions of one flow: planned, staged, and taken by the sink."""

    _refused_targets: tuple[int, frozenset[str]] = -1, frozenset()

    def __init__(self, ledger: Database, plan: PlanFile, *, flow: str) -> None:
        self._ledger, self._plan, self._plan_file = ledger.conn, plan.database.conn, plan
        self._flow = flow

    def happened(self, record: str, rule: str) -> frozenset[str]:
        """Return the occurrences of a rule that ever led to a message or document of this record."""
        first = f"{self._flow}/{record}/{rule}/"  # keys are unique and so indexed; "0" follows "/"
        query = "SELECT DISTINCT occurrence FROM outbox WHERE key > ? AND key < ? AND delivery <> 'latest'"
        return frozenset(row[0] for row in self._ledger.execute(query, (first, f"{first[:-1]}0")))

    def fates(self, customer: str) -> Sequence[Fate]:
        """Return every message of the flow to a person and where it stands, those of the plan in hand too."""
        query = "SELECT record, rule, occurrence, {} FROM {} WHERE recipient = ? AND flow = ? AND delivery = 'once'"
        staged = self._ledger.execute(query.format("state, changed_at", "outbox"), (customer, self._flow))
        planned = self._plan.execute(query.format("'ready', NULL", "action"), (customer, self._flow))
        return [
            Fate(record=row[0], rule=row[1], occurrence=row[2], state=State(row[3]), at=row[4] and moment(row[4]))
            for row in (*staged, *planned)
        ]

    def values_of(self, recipient: str, kind: Kind) -> Mapping[str, Json]:
        """Return name → value of what is planned, staged or accepted of somebody, the newest of each."""
        planned = self._plan_file.values_planned(recipient, kind, self._page.beside(recipient))
        return {**self._page.of_person(recipient, self._staged, kind), **planned}

    def _staged(self, people: Sequence[str], kind: str) -> Mapping[str, Mapping[str, Json]]:
        """Return name → value of what the sink took of each of some people, or will take of what is staged."""
        return attributerows.values_of(people, kind, (self._ledger, ACCEPTED), (self._ledger, _STAGED))

    def ours(self, target: str) -> Sequence[Json]:
        """Return what of ours may stand at a target: what was accepted last, then what was sent without an answer."""
        queries = "SELECT value FROM accepted WHERE target = ?", "SELECT value FROM attempted WHERE target = ?"
        return [load_json(row[0]) for query in queries for row in self._ledger.execute(query, (target,))]

    def taken(self, target: str) -> datetime | None:
        """Return when the sink last took a value for a target; ``None`` when it never did."""
        row = self._ledger.execute("SELECT at FROM accepted WHERE target = ?", (target,)).fetchone()
        return moment(row[0]) if row else None

    def written(self, key: str) -> Standing | None:
        """Return how what happens once stands under a business key; ``None`` if it was never staged."""
        query = "SELECT state, changed_at, why FROM outbox WHERE key = ? AND delivery <> 'latest'"
        row = self._ledger.execute(query, (key,)).fetchone()
        return Standing(state=State(row[0]), at=moment(row[1]), why=row[2]) if row else None

    def pending(self, record: str, rule: str, even_refused: Kind) -> bool:
        """Say whether something that happens once, of a rule of a record, is staged and has not arrived yet.

        Nor has one of the kind ``even_refused`` that was refused, until somebody decides.
        """
        first = f"{self._flow}/{record}/{rule}/"  # as in `happened`
        query = """SELECT 1 FROM outbox INDEXED BY outbox_key WHERE key > ? AND key < ? AND delivery <> 'latest'
                    AND (state IN ('ready', 'waiting', 'in flight', 'in doubt', 'held')
                        OR (state = 'refused' AND kind = ?)) LIMIT 1"""
        return self._ledger.execute(query, (first, f"{first[:-1]}0", even_refused)).fetchone() is not None

    def underway(self, target: str) -> bool:
        """Say whether a value for a target is planned or staged that the sink has not taken yet."""
        staged = f"SELECT 1 FROM outbox WHERE target = ? AND {_OPEN}"
        planned = self._plan.execute("SELECT 1 FROM action WHERE target = ?", (target,)).fetchone()
        return bool(planned or self._ledger.execute(staged, (target,)).fetchone())

    def refusing(self, target: str) -> bool:
        """Say whether a value for a target stands refused, until somebody decides."""
        changes = self._ledger.total_changes
        if self._refused_targets[0] != changes:  # asked of each attribute, and planning writes nothing here
            rows = self._ledger.execute("SELECT target FROM outbox WHERE state = 'refused'")
            self._refused_targets = changes, frozenset(row[0] for row in rows)
        return target in self._refused_targets[1]

    def sent_by(self, target: str) -> str:
        """Return the record of which the newest value was planned that the sink took for a target; empty of none."""
        query = """SELECT record FROM outbox INDEXED BY outbox_recipient WHERE recipient = ? AND target = ?
                   AND delivery = 'latest' AND state = 'sent' ORDER BY id DESC LIMIT 1"""
        recipient, _, _ = target.rsplit("/", 2)
        row = self._ledger.execute(query, (recipient, target)).fetchone()
        return str(row[0]) if row else ""

    def lapsed(self, recipient: str, target: str) -> bool:
        """Say whether the newest value for a target of a workspace was given up because that was gone."""
        query = """SELECT state, why FROM outbox INDEXED BY outbox_recipient
                   WHERE recipient = ? AND target = ? AND delivery = 'latest' ORDER BY id DESC LIMIT 1"""
        newest = self._ledger.execute(query, (recipient, target)).fetchone()
        return newest is not None and newest == (State.SUPERSEDED, WENT)

    def unmet(self, customer: str) -> bool:
        """Say whether something waits for this person, of any flow, because Braze does not know them yet."""
        return customer in self._unmet

    @cached_property
    def _unmet(self) -> frozenset[str]:
        query = "SELECT DISTINCT recipient FROM outbox WHERE state = 'waiting' AND why = ?"
        return frozenset(row[0] for row in self._ledger.execute(query, (UNMET,)))

    def refused(self, record: str, customer: str, name: str) -> bool:
        """Say whether an attribute of this person stands in the flow's quarantine."""
        return (customer, name) in self._page.of_record(record, self._refused)

    def _refused(self, records: Sequence[str]) -> Mapping[str, Collection[tuple[str, str]]]:
        """Return (person, attribute) of what stands in the flow's quarantine of each record."""
        query = f"SELECT record, customer, rule FROM quarantine WHERE flow = ? AND record IN ({marks(records)})"
        rows = self._ledger.execute(query, (self._flow, *records))
        return gathered(records, ((record, (customer, rule)) for record, customer, rule in rows))

    def unreached(self, record: Record, now: datetime) -> frozenset[tuple[str, str]]:
        """Return (rule, occurrence) of a record's messages to people it does not name, that never went and are not old.

        One to somebody whom the record names again counts too, if it was taken back while it named somebody else.
        """
        names = record.customers
        query = f"""SELECT DISTINCT rule, occurrence FROM outbox WHERE delivery = 'once' AND flow = ? AND record = ?
                    AND expires_at > ? AND ((state = 'superseded' AND why = ?)
                        OR (recipient NOT IN ({marks(names)}) AND state IN ('ready', 'waiting', 'suppressed')))"""
        values = (self._flow, record.key.text, instant(now), MOVED, *names)
        return frozenset(self._ledger.execute(query, values))
