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

from ecmbraze.errors import (
    ConfigurationError,
    EcmbrazeError,
    Fenced,
    RecordUnreadable,
    StateUnusable,
    TemporaryError,
)
from ecmbraze.ledger.claims import Claims
from ecmbraze.model import Answer, Verdict
from ecmbraze.model.claims import Claim, FoundClaim, number_of
from ecmbraze.ports import ClaimStore

# A claim that somebody touches without changing it (a rename, a right) costs its lock; it is read anew so often.
_TRIES = 3
_UNSENT = "Nothing was sent."
ADOPT = "`ecmbraze state adopt --restored-from FILE --reason TEXT`"
_ONLY_WAY = (
    f"Does a second machine run this configuration? Let one of them go on. Was this file restored or copied? Stop the "
    f'other, then {ADOPT} (docs/operations.md, "A restored state file").'
)


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

    def begin(self) -> tuple[str, ...]:
        """Move the claim before anything is sent; return the attempts of a killed run that never left.

        Raises Fenced when another state file holds it, or when it is gone; TemporaryError when ECM cannot be reached.
        """
        if self.store is None:
            if self.claims.place and not self.waived:
                raise ConfigurationError(
                    f"This state file has its claim in Extended ECM ({self.claims.place}), the configuration names no "
                    "`fence:`.", undone=_UNSENT, advice="Put it back, or say `fence: none` to go without.",
                )  # fmt: skip
            return ()
        with _Remembered(self):
            fresh = not self.claims.place
            self._node = self._found(self.store) if fresh else int(self.claims.place.rpartition(" ")[2])
            token = self._draw()
            self.claims.write_ahead(token, self.now())
            never = self._take(self.store, token)
            if fresh:
                self._prove(self.store)
                self.claims.begin(f"ecm {self._node}", self.now())
            return never

    def warning(self) -> str:
        """Return why a live run would send nothing, in words; empty where it would, or where that cannot be asked."""
        if self.store is None or not self.claims.place:
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
        self.claims.begin(f"ecm {self._node}", self.now())

    def _known(self, store: ClaimStore) -> int | None:
        """Return the node of the claim, by its number or by its name; ``None`` when it is gone or was never made."""
        if self.claims.place:
            number = int(self.claims.place.rpartition(" ")[2])
            with suppress(RecordUnreadable):
                store.read_claim(number)
                return number
        try:
            return store.find_claim(self.parent())
        except RecordUnreadable as error:
            raise _no_place(error) from None

    def next_token(self) -> str:
        """Return the token of a wave, to be stored with it; empty without a fence. Raises why nothing may be sent."""
        self.check()
        return self._draw() if self.store is not None else ""

    def take(self, token: str) -> None:
        """Move the claim to a token that is stored: then its wave may leave. Raises as :meth:`begin`."""
        if self.store is not None:
            with _Remembered(self):
                self._take(self.store, token)

    def check(self) -> None:
        """Raise why nothing may be sent any more."""
        if self.lost is not None:
            raise self.lost

    def _draw(self) -> str:
        seen = self._seen.claim if self._seen else None
        return self.claims.next_token(seen.number if seen else 0)

    def _take(
        self, store: ClaimStore, token: str, judge: Callable[[FoundClaim], str] | None = None
    ) -> tuple[str, ...]:  # fmt: skip
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
        raise not_moved(answer)

    def read(self, store: ClaimStore) -> FoundClaim:
        """Return the claim as it stands. Raises Fenced when it is gone."""
        try:
            return store.read_claim(self._node)
        except RecordUnreadable as error:
            raise Fenced(
                f"The claim of this state file, node {self._node} in Extended ECM, is deleted or may not be read "
                f"({error.happened}).", undone=_UNSENT,
                advice=f"Restore it from the recycle bin, or give the account the right to see it; if that cannot be: "
                f"{ADOPT} makes another.",
            ) from None  # fmt: skip

    def judge(self, found: FoundClaim) -> str:
        """Return the token of the claim if it is ours.

        Raises Fenced when it is another's, StateUnusable when it was filed with another history.
        """
        claim, own = found.claim, self.claims.own()
        if claim is None:
            raise Fenced(
                f"The claim, node {self._node} in Extended ECM, was edited: its description is {found.text[:80]!r}.",
                undone=_UNSENT, advice=f"Put it back as the audit of the node shows it, or {ADOPT}.",
            )  # fmt: skip
        if claim.installation != self.claims.installation or claim.token not in own.tokens:
            raise Fenced(_foreign(claim, self.claims), undone=_UNSENT, advice=_ONLY_WAY)
        if not self.claims.knows_history(claim):
            raise StateUnusable(
                f"The history of this state file is not the one that was filed with its claim (node {self._node}) at "
                f"row {claim.length}: it was recomputed, cut or exchanged.", undone=_UNSENT,
                advice="`ecmbraze state verify` says more; restore a backup (docs/operations.md).",
            )  # fmt: skip
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
                raise not_moved(answer)
        except RecordUnreadable as error:
            raise _no_place(error) from None
        return number

    def _prove(self, store: ClaimStore) -> None:
        """Raise unless ECM refuses a lock that was used up: one that it ignores silently would let two in."""
        assert self._seen is not None, "the claim was moved a moment ago"
        answer, self._seen = store.move_claim(self._node, self._used, self._seen.text), None
        if answer.verdict is Verdict.ACCEPTED:
            raise ConfigurationError(
                "Extended ECM does not hold a change of the claim against its lock token, so two runners could both "
                "believe that they own it.", undone=_UNSENT,
                advice="Ask its vendor about `metadata_token` of `PUT /v2/nodes/{id}`; until then `fence: none`.",
            )  # fmt: skip
        if answer.verdict is not Verdict.REFUSED:
            raise not_moved(answer)


class _Remembered:
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


def _no_place(error: RecordUnreadable) -> ConfigurationError:
    return ConfigurationError(f"fence: the folder or workspace cannot be listed: {error.happened}.", undone=_UNSENT)


def not_moved(answer: Answer) -> EcmbrazeError:
    """Return what a move that did not take place means."""
    if answer.denied is not None:
        return answer.denied
    if isinstance(answer.stop, EcmbrazeError):
        return answer.stop
    return TemporaryError(
        f"The claim in Extended ECM could not be moved: {answer.reason}.", undone=_UNSENT,
        advice="The next run tries again; if it stays so, look at the node, or say `fence: none`.",
    )  # fmt: skip


def _foreign(claim: Claim, claims: Claims) -> str:
    if claim.installation != claims.installation:
        return (
            f"The claim in Extended ECM is of another installation ({claim.installation}, not {claims.installation})."
        )
    epochs = f", after a copy was adopted (epoch {claim.epoch})" if claim.epoch > claims.epoch else ""
    return (
        f"This state file is at claim {number_of(claims.own().taken)}, the claim in Extended ECM is at "
        f"{claim.number}{epochs}: another copy of this file has sent since."
    )
