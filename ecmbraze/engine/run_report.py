"""What one run did, as a value: the contract of interface.md that every presentation shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from ecmbraze.engine.deliver.channels import channel_of
from ecmbraze.engine.report_lines import GOES, NO_MESSAGES, ActionLines, SkipLines
from ecmbraze.model import Json, Kind, State
from ecmbraze.planning.guards import Measure

SCHEMA_VERSION = 1
COUNTS = (
    "read",
    "new",
    "changed",
    "unchanged",
    "filtered",
    "quarantined",
    "first_seen_late",
    "planned",
    "sent",
    "seen",
    "refused",
    "suppressed",
    "held",
    "waiting",
    "pending",
    "expired",
    "superseded",
)
BY_ACTION = ("events", "attributes", "triggers", "categories", "documents", "versions", "tasks", "withdrawals")

# Of a message, what keeps somebody from getting it: their consent, or a limit.
_NO_CONSENT = (State.SUPPRESSED,)
# How far a message for somebody came, beside not at all.
_CONSENTED, _GOES = 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageLine:
    """One message of one rule: how many people it is for, and how many of them are left."""

    kind: str
    name: str
    title: str
    rule: str
    matched: int
    after_consent: int
    after_limits: int
    """How many get it: what waits for Braze to know them, for a limit or for a person is not among them."""


@dataclass(slots=True, kw_only=True)
class RunReport:
    """The run report; ``worst_detection_delay_s`` is the age in seconds of the oldest detail read."""

    run_id: str
    flow: str
    mode: str
    dry_run: bool
    started_at: datetime
    finished_at: datetime
    as_if_new: bool = False
    """Whether a dry run took today's records for news."""
    plan_file: str = ""
    """Where a dry run kept its plan for review."""
    exit_code: int = 0
    exit_reason: str = "done"
    watermarks: dict[str, dict[str, str | None]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    by_action: dict[str, int] = field(default_factory=lambda: dict.fromkeys(BY_ACTION, 0))
    requests: dict[str, int] = field(default_factory=dict)
    worst_detection_delay_s: int = 0
    plan_hash: str | None = None
    configuration: str = ""
    """Fingerprint of what the configuration means, without its secrets."""
    messages: list[MessageLine] = field(default_factory=list)
    guards: list[Measure] = field(default_factory=list)
    """What the guards compared, whether or not one was hit."""
    actions: ActionLines = field(default_factory=ActionLines)
    skipped: SkipLines = field(default_factory=SkipLines)
    notes: list[str] = field(default_factory=list)
    """Sentences for the operator: a baseline, a moved ledger, a guard."""

    def add_kind(self, kind: Kind, n: int = 1) -> None:
        """Count ``n`` actions of a kind under the name the contract gives it."""
        self.by_action[channel_of(kind).group] += n

    def as_json(self, limit: int | None = None) -> dict[str, Json]:
        """Return the report as JSON values, times as ISO 8601 UTC; ``listed`` says how many lines there are in all.

        With ``limit`` no more than so many actions and skips are in it.
        """
        found: dict[str, Any] = {"schema_version": SCHEMA_VERSION, **plain(self)}
        for name in ("started_at", "finished_at"):
            found[name] = getattr(self, name).isoformat().replace("+00:00", "Z")
        found["listed"] = {"actions": len(self.actions), "skipped": len(self.skipped)}
        for name in ("messages", "guards"):
            found[name] = [plain(line) for line in getattr(self, name)]
        for name in ("actions", "skipped"):
            found[name] = [plain(line) for line in islice(getattr(self, name), limit)]
        return found

    def as_stored(self) -> dict[str, Any]:
        """Return the report as the ledger keeps it: every line, but not what it says."""
        return {**self.as_json(0), "actions": self.actions.as_stored(), "skipped": self.skipped.as_stored()}


def summary(actions: ActionLines) -> list[MessageLine]:
    """Return one line per message and rule, in the order in which they first stand in the report."""
    titles: dict[tuple[str, str, str], str] = {}
    people: dict[tuple[str, str, str], dict[str, int]] = {}
    """Of each, person → how far a message for them came; names are shared, there may be a hundred thousand."""
    names: dict[str, str] = {}
    for line in actions.of({sort for sort in actions.sorts if sort[0] not in NO_MESSAGES}):
        key = (line.kind, line.name, line.rule)
        titles.setdefault(key, line.title)
        reached, person = people.setdefault(key, {}), names.setdefault(line.customer, line.customer)
        reached[person] = max(reached.get(person, 0), _reached(line.state))
    return [
        MessageLine(
            kind=kind,
            name=name,
            title=titles[kind, name, rule],
            rule=rule,
            matched=len(reached),
            after_consent=sum(far >= _CONSENTED for far in reached.values()),
            after_limits=sum(far == _GOES for far in reached.values()),
        )
        for (kind, name, rule), reached in people.items()
    ]


def _reached(state: str) -> int:
    """Return how far a message in this state came."""
    if state in _NO_CONSENT:
        return 0
    return _GOES if state in GOES else _CONSENTED


def plain(value: Any) -> dict[str, Json]:
    """Return a value's fields one level deep; a report of 50,000 lines is copied once, not piece by piece."""
    return {name: getattr(value, name) for name in type(value).__dataclass_fields__}
