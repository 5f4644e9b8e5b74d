"""One profile of our own that each run writes and the next run reads: a path that silently drops shows; no customer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ecmbraze.ledger.outbox import Outbox
from ecmbraze.model import TrackBatch, Verdict
from ecmbraze.ports import MessageSink, PeopleReader

ATTRIBUTE = "ecmbraze_canary"
# Braze processes asynchronously; what it took this long ago must show.
_RIPE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """``person`` is the external id of the profile; without one nothing is written or read."""

    person: str
    outbox: Outbox
    people: PeopleReader
    sink: MessageSink

    @property
    def _target(self) -> str:
        return f"{self.person}/attribute/{ATTRIBUTE}"

    def look(self, now: datetime) -> str:
        """Return what is wrong with the last write, in words; empty when it shows or is too young to tell."""
        sent = self.outbox.accepted(self._target) if self.person else None
        if not isinstance(sent, int) or now - datetime.fromtimestamp(sent, UTC) < _RIPE:
            return ""
        profiles = self.people.profiles([self.person]).get(self.person, ())
        if any(profile.custom_attributes.get(ATTRIBUTE) == sent for profile in profiles):
            return ""
        at = f"{datetime.fromtimestamp(sent, UTC):%Y-%m-%d %H:%M} UTC"
        why = "does not show in its profile" if profiles else "has no profile in Braze"
        return f"the canary {self.person} {why} although Braze accepted it at {at} (`verify:`)"

    def sing(self, now: datetime) -> None:
        """Write this run's instant to the profile; an answer that is not an acceptance is no news to keep."""
        if self.person:
            value = int(now.timestamp())  # a number: what looks like a date is stored as one and comes back changed
            answer = self.sink.track(TrackBatch(attributes=((self.person, {ATTRIBUTE: value}),)))
            if answer.verdict is Verdict.ACCEPTED:
                self.outbox.note_accepted(self.person, ATTRIBUTE, value, now)
