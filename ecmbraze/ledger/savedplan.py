"""A plan file that a person reviews: read as it lies there, refused where somebody else could have written it.

Never written: what is sent is planned anew, and held against what the file says record by record.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
import stat
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from sqlite_utils import Database

from ecmbraze.errors import ConfigurationError, GuardTripped, StorageError, UsageError
from ecmbraze.ledger import schema
from ecmbraze.ledger.codec import dump, instant, moment
from ecmbraze.ledger.connection import connect, unusable_plan
from ecmbraze.ledger.planreading import CONFIRMED, PlanReading, without

# What of a decision must be the same at the time it is sent. When it expires, and when the record was last saved
# without a change that the flow sees, are no decisions.
_DECIDED = {
    "fact": "record, facts, documents, gone, memory",
    "action": "record, key, kind, recipient, name, payload, consent, create_profile",
    "quarantine": "record, rule, customer, reason",
}


# A moment as a record shows it, in one of the ways of `_written`. There may be one for each fifty people.
_MOMENT = re.compile(
    r'\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?|"\d{4}-\d\d-\d\d (?!\d\d:)', re.ASCII
)

HIDES = "hides"
"""Under which name the file says which properties no reader of it may see."""


class SavedPlan(PlanReading):
    """One plan file, open for reading."""

    def __init__(self, path: Path) -> None:
        """Open the file; raises UsageError where there is no plan, GuardTripped where others could have changed it."""
        _check_place(path)
        self.path = path
        with suppress(sqlite3.Error, StorageError):
            connection = connect(path, unusable_plan, mode="ro&immutable=1")
            self.database = Database(connection, execute_plugins=False)
            self.meta: Mapping[str, str] = dict(connection.execute("SELECT name, value FROM meta").fetchall())
            if self.meta.get("flow"):
                return
        raise UsageError(f"{path} is no plan of ecmbraze.", undone="Nothing was sent.", advice=_MAKE_ONE)

    @property
    def flow(self) -> str:
        return self.meta["flow"]

    @property
    def span(self) -> tuple[datetime | None, datetime | None]:
        """The span of a backfill; nothing of any other plan."""
        since, until = (self.meta.get(name) for name in ("since", "until"))
        return moment(since) if since else None, moment(until) if until else None

    @property
    def hides(self) -> Mapping[str, Sequence[str]]:
        """Rule → the properties of its messages that are for their person alone."""
        found = json.loads(self.meta.get(HIDES, "{}"))
        return {str(rule): [str(name) for name in names] for rule, names in found.items()}

    def check_made_for(self, identity: Mapping[str, str]) -> None:
        """Raise ConfigurationError when the plan is of another ECM or Braze, or of another version of the program."""
        for name, value in {**identity, "version": str(schema.VERSION)}.items():
            if self.meta.get(name) != value:
                raise ConfigurationError(
                    f"The plan {self.path} was made for {name} {self.meta.get(name)!r}, not for {value!r}.",
                    undone="Nothing was sent.",
                    advice=_MAKE_ONE,
                )

    def close(self) -> None:
        """Let go of the file."""
        self.database.close()


def decisions(plan: PlanReading, flow: str, moments: Iterable[datetime] = (), zone: tzinfo = UTC) -> Mapping[str, str]:
    """Return record → digest of everything a plan decides of it, but for some moments. ``zone`` is that of ECM's dates.

    The ``moments`` are those of both plans that are compared: one may have found the look of the other in the mirror.
    """
    parts, looks, when = dict[str, list[str]](), plan.looks(flow), _written(moments, zone)
    for table, columns in _DECIDED.items():
        those = f"{CONFIRMED} AND flow = ?" if table == "action" else "flow = ?"
        query = f"SELECT {columns} FROM {table} WHERE {those} ORDER BY {columns}"
        for record, *values in plan.rows(query, (flow,)):
            told = without(looks.get(str(record), ()), dump([table, *values]))
            text = _MOMENT.sub(lambda found: "" if found[0] in when else found[0], told)
            parts.setdefault(str(record), []).append(text)
    return {record: hashlib.sha256("\x1e".join(found).encode()).hexdigest() for record, found in parts.items()}


def _written(moments: Iterable[datetime], zone: tzinfo) -> frozenset[str]:
    """Return how a record shows the moments of a look: in full, readable, as a date of ECM, as the day of a name."""
    found: list[str] = []
    for at in moments:
        local = at.astimezone(zone).replace(tzinfo=None, microsecond=0)
        found += [at.isoformat(), instant(at), f"{at:%Y-%m-%d %H:%M:%S}", local.isoformat(), f'"{at:%Y-%m-%d} ']
    return frozenset(found)


_MAKE_ONE = "Make a plan with `ecmbraze plan FLOW -o FILE`."


def _check_place(path: Path) -> None:
    try:
        entry = path.lstat()
    except OSError:
        raise UsageError(f"There is no plan file {path}.", undone="Nothing was sent.", advice=_MAKE_ONE) from None
    why = ""
    if not stat.S_ISREG(entry.st_mode):
        why = "is not a regular file"
    elif entry.st_uid != os.geteuid():
        why = f"belongs to user {entry.st_uid}, not to us ({os.geteuid()})"
    elif entry.st_mode & 0o077:
        why = f"is open to others (mode {stat.S_IMODE(entry.st_mode):04o})"
    if why:
        raise GuardTripped(
            f"The plan file {path} {why}: it may have been changed since somebody reviewed it.",
            undone="Nothing was sent.",
            advice="Make a new plan, keep it 0600 and review that.",
        )
