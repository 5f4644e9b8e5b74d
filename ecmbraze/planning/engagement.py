"""How it is told whether somebody is silent in Braze, as a value; tells it of nobody."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Engagement:
    """How it is told whether somebody is silent in Braze: by exactly one of a segment, campaigns, or Currents."""

    segment: str = ""
    """Id of the segment whose members are the silent ones; empty where it is told otherwise."""
    campaigns: tuple[str, ...] = ()
    """Ids of campaigns (no Canvases) whose flags of received and engaged are looked at."""
    currents: bool = False
    """Whether opens and clicks are read from Currents files; those of machines do not count."""
    silent: timedelta = timedelta(0)
    """For how long nothing was opened or clicked; for as long it must have been looked before anybody is silent."""
    received: int = 0
    """How many messages somebody must have received in that time to count as silent."""

    @property
    def by(self) -> str:
        """How it is told, in words."""
        if self.segment:
            return f"segment {self.segment}"
        what = "Currents" if self.currents else f"{len(self.campaigns)} campaigns"
        return f"{what} of the last {self.silent.days or self.silent}{' days' if self.silent.days else ''}"

    @property
    def fact(self) -> str:
        """The fact of a person that says it: true is silent, false is not, absent is unknown or not armed yet."""
        if self.segment:
            return f"silent:segment:{self.segment}"
        span = int(self.silent.total_seconds())
        if self.currents:
            return f"silent:currents:{span}:{self.received}"
        text = repr((sorted(self.campaigns), span, self.received))
        return f"silent:campaigns:{hashlib.sha256(text.encode()).hexdigest()[:12]}"
