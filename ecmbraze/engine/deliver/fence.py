"""One claim outside the machine, moved before anything is sent: a restored, copied or second state file sends nothing.

The claim moves at the beginning of each live round, and again before each wave of messages. Its next token is stored in
the state file before it leaves, in the same commit that marks the wave in flight. So whoever knows a token knows the
messages that left under it: a copy of the file, taken at any moment, either finds a token that it does not know and is
fenced, or holds in doubt what the other sent. Which of two goes on is decided by the lock of the node in Extended ECM.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from ecmbraze.engine.deliver import refusals
from ecmbraze.errors import EcmbrazeError, Fenced, RecordUnreadable, StateUnusable
from ecmbraze.ledger.claims import Claims
from ecmbraze.model import Answer, Verdict
from ecmbraze.model.claims import FoundClaim
from ecmbraze.ports import ClaimStore

# A claim that somebody touches without changing it (a rename, a right) costs its lock; it is read anew so often.
_TRIES = 3
_IN_ECM = "ecm "


@dataclass(slots=True, kw_only=True)
class Fence:
    """The claim of one state file in one round. ``store`` is ``None`` where none is configured: all goes through."""

    claims: Claims
    store: ClaimStore | None
    parent: Callable[[], int]
    """The folder or workspace of the claim; asked only while the claim is not made."""
    now: Callable[[], datetime]
    waived: bool = False
    """Whether the configuration says in words that there is none."""
    lost: EcmbrazeError | None = None
    """Why nothing may be sent any more."""
    _node: int = 0
    _seen: FoundClaim | None = field(default=None)
    """The claim as it was last read: its lock serves the next move."""
    _used: str = ""
    """The lock of the last move: it is used up."""

    @property
    def where(self) -> str:
        """Where the claim lies, in words."""
        return f"node {self._node} in Extended ECM"

    def begin(self) -> tuple[str, ...]:
        """Move the claim before anything is sent; return the attempts of a killed run that never left.

        Raises Fenced when another state file holds it, or when it is gone; TemporaryError when ECM cannot be reached.
        """
        if self.store is None:
            if self.claims.place and not self.waived:
                raise refusals.unnamed(self.claims.place)
            return ()
        with Remembered(self):
            fresh = not self.claims.place
            if not fresh and not self.claims.place.startswith(_IN_ECM):
                raise refusals.elsewhere(self.claims.place)
            self._node = self._found(self.store) if fresh else int(self.claims.place.rpartition(" ")[2])
            token = self._draw()
            self.claims.write_ahead(token, self.now())
            never = self._take(self.store, token)
            if fresh:
                self._prove(self.store)
                self.claims.begin(f"{_IN_ECM}{self._node}", self.now())
            return never

    def warning(self) -> str:
        """Return why a live run would send nothing, in words; empty where it would, or where that cannot be asked."""
        if not self.claims.place:
            return ""
        try:
            self.told()
        except (Fenced, StateUnusable) as error:
            return f"a live run sends nothing of this (exit {error.exit_code}): {error.happened}"
        except EcmbrazeError:
            return ""
        return ""

    def stands_for_us(self) -> bool:
        """Say whether the claim is ours as it stands; one that is gone is not.

        Raises StateUnusable for another history, and what keeps the claim from being read.
        """
        assert self.store is not None, "asked only where one is configured"
        number = self._known(self.store)
        if number is None:
            return False
        self._node = number
        try:
            self.judge(self.read(self.store))
        except Fenced:
            return False
        return True

    def told(self) -> str:
        """Return how the claim stands, in words; asks and changes nothing else. Raises as :meth:`begin`."""
        if self.store is None:
            return "none: restoring an older state file, or running two copies, is not protected"
        if not self.claims.place:
            self.parent()
            return "the first live run makes the claim"
        if not self.claims.place.startswith(_IN_ECM):
            raise refusals.elsewhere(self.claims.place)
        self._node = int(self.claims.place.rpartition(" ")[2])
        found = self.read(self.store)
        self.judge(found)
        claim = found.claim
        assert claim is not None, "it was judged"
        return f"claim {claim.number} in Extended ECM is ours, filed at row {claim.length} of this history"

    def overtake(self) -> None:
        """Take the claim from whoever holds it, and make it anew where it is gone: a person decided so."""
        if self.store is None:
            return
        self.claims.name_installation()
        self._node = self._known(self.store) or self._found(self.store)
        there = self.store.read_claim(self._node).claim
        token = self.claims.next_token(there.number if there else 0)
        self.claims.write_ahead(token, self.now())
        self._take(self.store, token, judge=_token)
        self._prove(self.store)
        self.claims.begin(f"{_IN_ECM}{self._node}", self.now())

    def _known(self, store: ClaimStore) -> int | None:
        """Return the node of the claim, by its number or by its name; ``None`` when it is gone or was never made."""
        if self.claims.place.startswith(_IN_ECM):
            number = int(self.claims.place.rpartition(" ")[2])
            with suppress(RecordUnreadable):
                store.read_claim(number)
                return number
        try:
            return store.find_claim(self.parent())
        except RecordUnreadable as error:
            raise refusals.no_place(error) from None

    def next_token(self) -> str:
        """Return the token of a wave, to be stored with it; empty without a fence. Raises why nothing may be sent."""
        self.check()
        return self._draw() if self.store is not None else ""

    def take(self, token: str) -> None:
        """Move the claim to a token that is stored: then its wave may leave. Raises as :meth:`begin`."""
        if self.store is not None:
            with Remembered(self):
                self._take(self.store, token)

    def check(self) -> None:
        """Raise why nothing may be sent any more."""
        if self.lost is not None:
            raise self.lost

    def _draw(self) -> str:
        seen = self._seen.claim if self._seen else None
        return self.claims.next_token(seen.number if seen else 0)

    def _take(self, store: ClaimStore, token: str, judge: Callable[[FoundClaim], str] | None = None) -> tuple[str, ...]:
        token_of = judge or self.judge
        answer = Answer(verdict=Verdict.UNKNOWN, reason="it was not tried")
        for _ in range(_TRIES):
            found, self._seen = self._seen or self.read(store), None
            replaced = token_of(found)
            answer = store.move_claim(self._node, found.lock, self.claims.claim(token).text)
            after = self.read(store)
            if token_of(after) == token:
                self._seen, self._used = after, found.lock
                return self.claims.take(token, replaced, self.now())
            if answer.verdict is not Verdict.REFUSED:
                break
        raise refusals.not_moved(answer)

    def read(self, store: ClaimStore) -> FoundClaim:
        """Return the claim as it stands. Raises Fenced when it is gone."""
        try:
            return store.read_claim(self._node)
        except RecordUnreadable as error:
            raise refusals.gone(self.where, error) from None

    def judge(self, found: FoundClaim) -> str:
        """Return the token of the claim if it is ours.

        Raises Fenced when it is another's, StateUnusable when it was filed with another history.
        """
        claim, own = found.claim, self.claims.own()
        if claim is None:
            raise refusals.edited(self.where, found)
        if claim.installation != self.claims.installation or claim.token not in own.tokens:
            raise refusals.foreign(claim, self.claims)
        if not self.claims.knows_history(claim):
            raise refusals.another_history(self.where, claim)
        return claim.token

    def _found(self, store: ClaimStore) -> int:
        """Return the node of a claim that the state file does not know yet, made where there is none."""
        parent = self.parent()
        try:
            if (number := store.find_claim(parent)) is not None:
                return number
            self.claims.name_installation()
            token = self._draw()
            self.claims.write_ahead(token, self.now())
            number, answer = store.make_claim(parent, self.claims.claim(token).text)
            if number is None and (number := store.find_claim(parent)) is None:
                raise refusals.not_moved(answer)
        except RecordUnreadable as error:
            raise refusals.no_place(error) from None
        return number

    def _prove(self, store: ClaimStore) -> None:
        """Raise unless ECM refuses a lock that was used up: one that it ignores silently would let two in."""
        assert self._seen is not None, "the claim was moved a moment ago"
        answer, self._seen = store.move_claim(self._node, self._used, self._seen.text), None
        if answer.verdict is Verdict.ACCEPTED:
            raise refusals.unlocked()
        if answer.verdict is not Verdict.REFUSED:
            raise refusals.not_moved(answer)


class Remembered:
    """Keep in the fence why nothing may be sent any more; what passes by itself is tried again."""

    def __init__(self, fence: Fence) -> None:
        self._fence = fence

    def __enter__(self) -> None:
        self._fence.check()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Fenced | StateUnusable):
            self._fence.lost = error


def _token(found: FoundClaim) -> str:
    return found.claim.token if found.claim else ""
