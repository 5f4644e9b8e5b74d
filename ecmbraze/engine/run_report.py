"""What one run did, as a value: the contract of interface.md that every presentation tells."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime

from ecmbraze.model import Json, Kind

SCHEMA_VERSION = 1
COUNTS = (
    "read", "new", "changed", "unchanged", "filtered", "quarantined", "first_seen_late", "planned", "sent", "seen",
    "refused", "suppressed", "held", "waiting", "pending", "expired", "superseded",
)  # fmt: skip
BY_ACTION = ("events", "attributes", "triggers", "categories", "documents", "versions", "tasks", "withdrawals")
_GROUP = {Kind.EVENT: "events", Kind.ATTRIBUTE: "attributes", Kind.CAMPAIGN: "triggers", Kind.CANVAS: "triggers"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionLine:
    """One intended write and what became of it."""

    record: str
    customer: str
    rule: str
    kind: str
    name: str
    reason: str
    state: str
    why: str = ""

    @property
    def because(self) -> str:
        """Why it goes, or what became of it instead."""
        return self.reason if self.state in ("sent", "planned") else self.why or self.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipLine:
    """One record, or one rule of it, that was left out."""

    record: str
    customer: str
    rule: str
    reason: str


@dataclass(slots=True, kw_only=True)
class RunReport:
    """The run report; ``worst_detection_delay_s`` is the age in seconds of the oldest detail read."""

    run_id: str
    flow: str
    mode: str
    dry_run: bool
    started_at: datetime
    finished_at: datetime
    exit_code: int = 0
    exit_reason: str = "done"
    watermarks: dict[str, dict[str, str | None]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    by_action: dict[str, int] = field(default_factory=lambda: dict.fromkeys(BY_ACTION, 0))
    requests: dict[str, int] = field(default_factory=dict)
    worst_detection_delay_s: int = 0
    plan_hash: str | None = None
    actions: list[ActionLine] = field(default_factory=list)
    skipped: list[SkipLine] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """Sentences for the operator: a baseline, a moved ledger, a guard."""

    def add_kind(self, kind: Kind, n: int = 1) -> None:
        """Count ``n`` actions of a kind under the name the contract gives it."""
        self.by_action[_GROUP[kind]] += n

    def as_json(self) -> dict[str, Json]:
        """Return the report as JSON values, times as ISO 8601 UTC."""
        told = asdict(self)
        for name in ("started_at", "finished_at"):
            told[name] = told[name].isoformat().replace("+00:00", "Z")
        return {"schema_version": SCHEMA_VERSION, **told}
