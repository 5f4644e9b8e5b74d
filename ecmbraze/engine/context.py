"""What every step of one round is given: frozen; what the flows of a round ask once stands in ``Shared``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ecmbraze.engine.deliver.fence import Fence
from ecmbraze.engine.scan.screened import Screened
from ecmbraze.engine.setting import Options, Setting, Systems
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.model import Kind, MessageInfo, Record
from ecmbraze.ports import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What one flow of a round learned and the others need not ask again."""

    fresh: dict[int, tuple[float, Record]] = field(default_factory=dict)
    """Records read in this round and when: the screen need not read them again within a minute."""
    bounced: list[frozenset[str]] = field(default_factory=list)
    """The addresses that bounced, once somebody asked for them."""
    invalid_phones: list[frozenset[str]] = field(default_factory=list)
    """The phone numbers that are invalid, alike."""
    entered: dict[tuple[str, str], float] = field(default_factory=dict)
    """(person, message) → when one of the flows last sent them one that must not follow closely, monotonic."""
    archived: dict[tuple[Kind, str], str] = field(default_factory=dict)
    """(kind, id) of a campaign or Canvas → whether its present content is archived and approved, in words."""
    launched: dict[tuple[Kind, str], MessageInfo] = field(default_factory=dict)
    """(kind, id) of what is launched in Braze → what Braze says of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundContext:
    """One round as its steps see it. ``tick`` raises when all must end (a signal, the time budget)."""

    options: Options
    setting: Setting
    systems: Systems
    ledger: Ledger
    plan: PlanFile
    clock: Clock
    new_id: Callable[[], str]
    tick: Callable[[], None]
    shared: Shared
    fence: Fence
    """The claim outside the machine, which moves before anything is sent."""
    screened: Screened | None
    """Through which the screens read people; ``None`` where no flow keeps facts of people."""
    started: int
    """The last change of the ledger when the round began."""
