"""The claim in an attribute of the canary profile in Braze, where nothing may be written to ECM; it moves once a round.

Braze knows no lock and shows a write only after a while. So this finds a restored or copied state file in its next
round, not two that run in the same minutes: what was ours within ten minutes still counts as ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ecmbraze.engine.deliver.fence import Fence, Remembered
from ecmbraze.engine.deliver.refusals import ADOPT, UNSENT, elsewhere, not_moved
from ecmbraze.errors import ConfigurationError, Fenced, TemporaryError
from ecmbraze.model import TrackBatch, Verdict
from ecmbraze.model.claims import FoundClaim
from ecmbraze.ports import MessageSink, PeopleReader

ATTRIBUTE = "ecmbraze_fence"
PLACE = "canary"
# What Braze took this long ago shows in the profile (as for the canary itself, with as much again to be sure).
_LAG = timedelta(minutes=10)


@dataclass(slots=True, kw_only=True)
class CanaryFence(Fence):
    """``person`` is the external id of the canary profile. One billed write a round."""

    person: str
    people: PeopleReader
    sink: MessageSink

    @property
    def where(self) -> str:
        return f"attribute {ATTRIBUTE} of the canary profile in Braze"

    def begin(self) -> tuple[str, ...]:
        """Move the claim before anything is sent; see :class:`Fence`."""
        if self.claims.place not in ("", PLACE):
            raise elsewhere(self.claims.place)
        with Remembered(self):
            number = self._judged()
            self._move(number)
        return ()

    def told(self) -> str:
        """Return how the claim stands, in words."""
        if not self.claims.place:
            self._text()
            return "the first live run makes the claim"
        return f"claim {self._judged()} in the canary profile is ours; two that run in the same minutes go unnoticed"

    def overtake(self) -> None:
        """Take the claim from whoever holds it: a person decided so."""
        claim = FoundClaim(text=self._text(), lock="").claim
        self._move(claim.number if claim else 0)

    def _judged(self) -> int:
        """Return the number of the claim if it is ours, 0 before it was made. Raises as :meth:`Fence.begin`."""
        found = FoundClaim(text=self._text(), lock="")
        if found.text:
            self.judge(found)
            assert found.claim is not None, "it was judged"
            return found.claim.number
        taken = self.claims.taken_at()
        if not self.claims.place or taken is None:
            return 0
        if self.now() - taken < _LAG:
            raise TemporaryError(
                f"The claim ({self.where}) does not show yet.", undone=UNSENT, advice="The next run looks again."
            )
        raise Fenced(
            f"The claim of this state file, {self.where}, is gone.",
            undone=UNSENT,
            advice=f"Nobody may delete it; {ADOPT} makes another.",
        )

    def _text(self) -> str:
        """Return what the attribute says, empty where there is none; raises ConfigurationError without the profile."""
        profiles = self.people.profiles([self.person]).get(self.person, ())
        if len(profiles) != 1:
            raise ConfigurationError(
                f"fence: canary: the profile {self.person!r} of `verify.canary` is not in Braze.",
                undone=UNSENT,
                advice="Make it, or name another.",
            )
        text = profiles[0].custom_attributes.get(ATTRIBUTE)
        return text if isinstance(text, str) else ""

    def _move(self, number: int) -> None:
        self.claims.name_installation()
        token = self.claims.next_token(number)
        self.claims.write_ahead(token, self.now())
        answer = self.sink.track(TrackBatch(attributes=((self.person, {ATTRIBUTE: self.claims.claim(token).text}),)))
        if answer.verdict is not Verdict.ACCEPTED or answer.refused:
            raise not_moved(answer)
        self.claims.take(token, "", self.now(), keep_since=self.now() - _LAG)
        if not self.claims.place:
            self.claims.begin(PLACE, self.now())
