"""What the engine must know of one kind of write, as one value; knows no kind and sends nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, auto

from ecmbraze.engine.setting import BatchLimits, Systems
from ecmbraze.ledger.outbox import Row
from ecmbraze.model import Action, Answer, DocumentBytes, Facts, Json, MessageInfo, Profile, State

Slots = Mapping[tuple[str, int], tuple[Row, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What stands where a write to Extended ECM goes, beside what the ledger holds as ours."""

    replaceable: Callable[[Action], Json] = lambda action: None
    """What stood there before the flow first wrote, where it may replace that; empty where it may not."""
    shown: Callable[[Action], Facts | None] = lambda action: {}
    """What of it this round has read; ``None`` where it should have and could not."""
    typed: frozenset[str] = frozenset()
    """The attributes that people set as well as the flow: which of our writes arrived, they do not show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What a request is built with."""

    id: str
    limits: BatchLimits
    accepted: Callable[[str], Json]
    """What the sink last took for a target."""
    attempted: Callable[[str], Sequence[Json]]
    """What was sent to a target since, without an answer that says whether it arrived."""
    content: Callable[[str], DocumentBytes]
    """The bytes of a document that waits to be filed, by their sha256."""
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One request and the rows it carries. ``slots`` says which rows stand behind which object of it."""

    rows: tuple[Row, ...]
    send: Callable[[Systems], Answer]
    slots: Slots = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """How rows are divided into requests; channels that share a request share this value."""

    together: Callable[[Action], str]
    """Rows for which this is the same text may share a request."""
    most: Callable[[BatchLimits], int]
    """How many objects one request holds."""
    fitting: Callable[[Sequence[Row], BatchLimits], Sequence[Row]]
    """As many of one recipient's rows as one request can hold, from the first on."""
    objects: Callable[[Sequence[Row], BatchLimits], int]
    """How many objects those rows make."""


def first_only(entries: Sequence[Row], limits: BatchLimits) -> Sequence[Row]:
    """One row of a recipient in a request."""
    return entries[:1]


def one_object(rows: Sequence[Row], limits: BatchLimits) -> int:
    return 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Screening:
    """How a write to a person's profile is held against that profile before it leaves."""

    absent: Callable[[Action, bool], tuple[State, str] | None]
    """What becomes of it when Braze does not know the person, and why; the flag says whether consent is demanded."""
    counted: bool = False
    """Whether it reaches the person: one copy for each address, and `max_per_person`."""
    configured: bool = False
    """Whether its name must still be one of the flow's attributes, unless it clears it."""
    shared: bool = False
    """Whether it may go to all of several profiles that share the recipient."""


class Finding(Enum):
    """What a look for a write of unknown outcome found."""

    PRESENT = auto()
    ABSENT = auto()
    OTHER = auto()
    """Something else stands in its place."""
    UNREADABLE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """One look: what was found, and what that says to a person."""

    finding: Finding
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """How an attempt of unknown outcome is looked for (delivery.md, "Classes of writes" and "Evidence")."""

    looks: tuple[timedelta, ...]
    """When, counted from the doubt."""
    look: Callable[[Sequence[Row], Systems], Mapping[int, Sight]]
    """Row number → what was found, for at most 50 rows."""
    absent: State
    """What a row is that no look found: held once all looks are over, or at once ready to be sent again."""
    by_marker: bool
    """Whether only the marker of the attempt can be found: without markers there is nothing to look for."""
    found: str
    """What the report says of those that were found, after their number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One kind of write: how it is divided, built, screened, sent, judged, looked for and read back."""

    group: str
    """Under which name `by_action` of the run report counts it."""
    packing: Packing
    build: Callable[[Sequence[Row], Attempt], Batch]
    """The one request of rows that belong together."""
    wait_for_turn: Callable[[Systems], None]
    """Wait, with nothing on its way, until a rate limit lets the next one go."""
    screening: Screening | None
    """``None`` for what is no profile's: it leaves without asking Braze."""
    doubt: Doubt | None
    """``None`` for what may be sent again and so is never in doubt."""
    shows: Callable[[Action, Profile, Json], bool | None] | None
    """Whether a profile shows the write, given what was last accepted for its target; ``None`` where none can tell."""
    advice: Callable[[Action], str]
    """Where a person looks for a write of unknown outcome."""
    taken_back_by: Callable[[Action], str] = lambda action: ""
    """The business key of what ends it: once that is staged, one that has not left is not wanted any more."""
    needless: Callable[[Action, Systems], str] | None = None
    """Why it is not wanted any more, asked of the system just before it leaves; ``None`` where nothing is asked."""
    outlasts: bool = False
    """Whether it waits for a workspace that is gone to come back: it tells what was, and nothing plans it again."""
    said: Callable[[Action], str] = lambda action: ""
    """What a report calls it, where its kind and name would not say what it does."""
    info: Callable[[Systems, str], MessageInfo] | None = None
    """What Braze says of a message of this name, asked once a round; ``None`` where there is nothing to launch."""
    apart_s: float = 0.0
    """Seconds between two of these, of one name, to one person."""
    restated: bool = False
    """Whether it is written again when the profile lost it."""
    alone: bool = False
    """Whether a request is of one record: one that is not taken waits by itself, and the others go on."""
    patience: int = 1
    """At so many unknown outcomes of a run nothing more of its flow is sent."""
