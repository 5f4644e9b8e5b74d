"""Say whether what depends on the time may be decided by our clock; both servers are asked where one contradicts it."""

from __future__ import annotations

from contextlib import suppress

from ecmbraze.engine.context import RoundContext
from ecmbraze.engine.deliver.clock_faults import TOLERANCE, ClockFaults
from ecmbraze.errors import EcmbrazeError

# Nobody in Braze: asked for so that an answer tells the time.
_NOBODY = "ecmbraze-asks-for-the-time"


def something_is_over(of: RoundContext) -> bool:
    """Say whether by our clock a message has passed its time."""
    now = of.clock.now()
    return of.ledger.outbox.expired_since(now, now, None) > 0


def fault(of: RoundContext, *, asking: bool = False) -> str:
    """Return what is wrong with our clock, in words; empty while it may be trusted.

    A server that agrees with it is enough. Both are asked only where one contradicts it, which may be the one that is
    wrong (fault K08), or where none has told its time and something hangs on it, as with ``asking``.
    """
    skews = of.systems.skews()
    if skews and all(abs(skew) <= TOLERANCE.total_seconds() for skew in skews):
        return ""
    if len(skews) < 2 and (asking or skews or something_is_over(of)):
        with suppress(EcmbrazeError):
            of.systems.workspaces.server_now()
        with suppress(EcmbrazeError):
            of.systems.people.profiles([of.setting.canary or _NOBODY])
    return ClockFaults(clock=of.clock, skews=of.systems.skews, last=of.ledger.last_end()).told()
