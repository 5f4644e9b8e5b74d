"""The way to a twin: each call crosses it there and back, takes its time, and may meet a fault on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from ecmbraze.errors import CredentialRefused, RecordUnreadable, TemporaryError
from ecmbraze.model import Answer, Verdict
from tests.twins.clock import TwinClock


class Trouble(StrEnum):
    """What may happen to one call. A read meets all of them as one temporary error, but for the refused key."""

    LOST_BEFORE = "the connection broke before the request was processed"
    LOST_AFTER = "the connection broke after the request was processed"
    FAILED = "status 500, and nothing was processed"
    FAILED_AFTER = "status 500, although it was processed"
    CUT = "the answer was cut off"
    NOT_SENT = "no connection"
    LIMITED = "status 429"
    REFUSED = "status 400"
    KEY_REFUSED = "status 401"

    @property
    def processed(self) -> bool:
        """Whether the other side did what was asked all the same."""
        return self in (Trouble.LOST_AFTER, Trouble.FAILED_AFTER, Trouble.CUT)

    @property
    def unknown(self) -> bool:
        """Whether nobody on our side can tell if it was."""
        return self.processed or self in (Trouble.LOST_BEFORE, Trouble.FAILED)


@dataclass(slots=True, kw_only=True)
class Fault:
    """One trouble for the calls whose name begins with ``call``: after ``skip`` of them, so many ``times``."""

    call: str
    trouble: Trouble
    skip: int = 0
    times: int = 1

    def meets(self, name: str) -> bool:
        if not name.startswith(self.call) or self.times <= 0:
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return True


@dataclass(slots=True, kw_only=True)
class Wire:
    """``crossing`` is called with the name of each call, before it arrives and after it was answered.

    A kill, and whatever people do while a run is on its way, comes in there. ``takes`` is how long a call of
    a name lasts, in seconds.
    """

    clock: TwinClock
    crossing: Callable[[str], None] = lambda name: None
    takes: Callable[[str], float] = lambda name: 0.0
    faults: list[Fault] = field(default_factory=list)
    calls: int = 0
    troubled: int = 0
    """How many calls met a fault."""

    def there(self, name: str) -> Trouble | None:
        """Let a call go out; return what happens to it."""
        self.crossing(f"{name}:before")
        self.calls += 1
        self.clock.advance(self.takes(name))
        trouble = next((fault.trouble for fault in self.faults if fault.meets(name)), None)
        self.troubled += trouble is not None
        return trouble

    def back(self, name: str) -> None:
        """Let its answer come in."""
        self.crossing(f"{name}:after")

    def read(self, name: str) -> None:
        """Let a read go there and back. Raises TemporaryError or CredentialRefused for a fault."""
        trouble = self.there(name)
        self.back(name)
        if trouble is Trouble.KEY_REFUSED:
            raise CredentialRefused(f"{name}: {trouble}.", undone="Nothing was read.")
        if trouble is not None:
            raise TemporaryError(f"{name}: {trouble}.", undone="Nothing was concluded from it.")

    def write(self, name: str, do: Callable[[], Answer]) -> Answer:
        """Let a write to Extended ECM go there, be done or not, and come back; what cannot be read is not written."""
        trouble = self.there(name)
        answer = _done(do) if trouble is None or trouble.processed else None
        self.back(name)
        if trouble is None:
            assert answer is not None
            return answer
        if trouble.unknown:
            return Answer(verdict=Verdict.UNKNOWN, reason=str(trouble))
        if trouble is Trouble.REFUSED:
            return Answer(verdict=Verdict.REFUSED, reason=str(trouble))
        stop = CredentialRefused("ECM refuses the login.") if trouble is Trouble.KEY_REFUSED else None
        limited = trouble is Trouble.LIMITED
        return Answer(verdict=Verdict.NOT_PROCESSED, reason=str(trouble), stop=stop, limited=limited)


def _done(do: Callable[[], Answer]) -> Answer:
    try:
        return do()
    except RecordUnreadable as error:
        return Answer(verdict=Verdict.NOT_PROCESSED, reason=error.happened)
