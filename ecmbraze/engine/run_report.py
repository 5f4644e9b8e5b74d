"""What one run did, as a value: the contract of interface.md that every presentation shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any

from ecmbraze.engine.deliver.channels import channel_of
from ecmbraze.ledger.storedreports import Lines
from ecmbraze.model import Delivery, Json, Kind, State
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

# What an action says; the ledger keeps none of it in a report.
_CONTENT = ("before", "after", "properties")
PLANNED, PENDING = "planned", "pending"
# Of a message, what keeps somebody from getting it: their consent, or a limit.
_NO_CONSENT = (State.SUPPRESSED,)
_GOES = (PLANNED, State.SENT)
_NO_MESSAGES = frozenset(kind for kind in Kind if not kind.is_message)
_VALUES = frozenset(kind for kind in Kind if kind.delivery is Delivery.LATEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionLine:
    """One intended write, what it would say, and what became of it."""

    record: str
    workspace: str = ""
    """The workspace's name."""
    customer: str
    rule: str
    kind: str
    name: str
    title: str = ""
    """The name of the campaign or Canvas in Braze, where it was asked for; else ``name``."""
    said: str = ""
    """What it does, where its kind and a name would not say it."""
    reason: str
    state: str
    why: str = ""
    before: Json = None
    """Of what replaces a value, the one that was last taken from us."""
    after: Json = None
    archived: str = ""
    """Of a campaign or Canvas in a dry run: whether its present content is archived and approved."""
    properties: Mapping[str, Json] = field(default_factory=dict)
    """What travels with an event, a campaign or a Canvas."""
    time: str = ""
    """When an event says it happened."""

    @property
    def is_message(self) -> bool:
        return self.kind not in _NO_MESSAGES

    @property
    def is_value(self) -> bool:
        """Whether it replaces a value, so that ``before`` and ``after`` say what it does."""
        return self.kind in _VALUES

    @property
    def because(self) -> str:
        """Why it goes, or what became of it instead."""
        return self.reason if self.state in _GOES else self.why or self.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipLine:
    """One record, or one rule of it, that was left out."""

    record: str
    workspace: str = ""
    customer: str
    rule: str
    reason: str


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
    actions: list[ActionLine] = field(default_factory=list)
    skipped: list[SkipLine] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """Sentences for the operator: a baseline, a moved ledger, a guard."""

    def add_kind(self, kind: Kind, n: int = 1) -> None:
        """Count ``n`` actions of a kind under the name the contract gives it."""
        self.by_action[channel_of(kind).group] += n

    def as_json(self, limit: int | None = None) -> dict[str, Json]:
        """Return the report as JSON values, times as ISO 8601 UTC; ``listed`` says how many lines there are in all.

        With ``limit`` no more than so many actions and skips are in it.
        """
        found: dict[str, Any] = {"schema_version": SCHEMA_VERSION, **_plain(self)}
        for name in ("started_at", "finished_at"):
            found[name] = getattr(self, name).isoformat().replace("+00:00", "Z")
        found["listed"] = {"actions": len(self.actions), "skipped": len(self.skipped)}
        for name in ("messages", "guards", "actions", "skipped"):
            lines = getattr(self, name)
            found[name] = [_plain(line) for line in (lines[:limit] if name in ("actions", "skipped") else lines)]
        return found

    def as_stored(self) -> dict[str, Any]:
        """Return the report as the ledger keeps it: every line, but not what it says."""
        return {
            **self.as_json(0),
            "actions": _lines(ActionLine, self.actions),
            "skipped": _lines(SkipLine, self.skipped),
        }


def _lines(sort: type[ActionLine | SkipLine], lines: Sequence[ActionLine | SkipLine]) -> Lines:
    names = [name for name in sort.__dataclass_fields__ if name not in _CONTENT]
    return Lines(fields=names, rows=list(map(attrgetter(*names), lines)))


def summary(actions: Iterable[ActionLine]) -> list[MessageLine]:
    """Return one line per message and rule, in the order in which they first stand in the report."""
    found: dict[tuple[str, str, str], list[ActionLine]] = {}
    for line in actions:
        if line.is_message:
            found.setdefault((line.kind, line.name, line.rule), []).append(line)
    return [
        MessageLine(
            kind=kind,
            name=name,
            title=lines[0].title,
            rule=rule,
            matched=_people(lines),
            after_consent=_people(line for line in lines if line.state not in _NO_CONSENT),
            after_limits=_people(line for line in lines if line.state in _GOES),
        )
        for (kind, name, rule), lines in found.items()
    ]


def _people(lines: Iterable[ActionLine]) -> int:
    return len({line.customer for line in lines})


def _plain(value: Any) -> dict[str, Json]:
    """Return a value's fields one level deep; a report of 50,000 lines is copied once, not piece by piece."""
    return {name: getattr(value, name) for name in type(value).__dataclass_fields__}
