"""Say whether our clock can be trusted with messages: expiry and event times hang on it; sets no clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ecmbraze.errors import TemporaryError
from ecmbraze.ports import Clock

# More than NTP ever leaves; less than a message could be wrongly expired or sent early by.
TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockFaults:
    """``skews`` are the seconds we are ahead of each server, ``last`` is when the newest stored run ended.

    Where not both servers tell the time (fault K09), only a step back since the last run can be seen.
    """

    clock: Clock
    skews: Callable[[], Sequence[float]]
    last: datetime | None

    def told(self) -> str:
        """Return what is wrong with our clock, in words; empty while it may be trusted."""
        skews = self.skews()
        if len(skews) < 2:  # one server alone may be the one that is wrong (fault K08)
            return self._stepped_back()
        # When both disagree with us in the same way, we are wrong.
        least = min(skews, key=abs)
        if abs(least) > TOLERANCE.total_seconds() and all((skew > 0) is (least > 0) for skew in skews):
            return f"our clock is {abs(least):.0f} s {'ahead of' if least > 0 else 'behind'} Braze's and ECM's"
        return ""

    def _stepped_back(self) -> str:
        if self.last is None or self.clock.now() >= self.last - TOLERANCE:
            return ""
        behind = int((self.last - self.clock.now()).total_seconds())
        return f"our clock is {behind} s behind the end of the last run"


def wrong_clock(fault: str) -> TemporaryError:
    """Return why no message leaves by our clock."""
    return TemporaryError(
        f"Messages cannot be sent: {fault}.",
        undone="None was sent; they wait.",
        advice="Set the clock right (NTP), then run again.",
    )
