"""By which tokens the state file knows the claim outside the machine for its own; asks no system."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from ecmbraze.ledger.codec import instant, moment
from ecmbraze.ledger.history import History
from ecmbraze.model.claims import Claim, number_of

# What a digest of the end of the history begins with, so that it can be no digest of anything else.
_HEAD = "head"


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """The tokens that are ours: the one that was taken last, and those written ahead since, each with its attempt."""

    taken: str
    ahead: tuple[tuple[str, str], ...]

    @property
    def tokens(self) -> frozenset[str]:
        return frozenset({*([self.taken] if self.taken else []), *(token for token, _ in self.ahead)})

    @property
    def newest(self) -> int:
        """The number of the newest of them."""
        return max(map(number_of, self.tokens), default=0)

    def never_left(self, token: str, replaced: str) -> tuple[str, ...]:
        """Return the attempts whose token never stood there, when ``token`` took the place of ``replaced``.

        That is proven where the claim went straight from the last that was taken to this one: a lock that was used up
        brings none of the others there any more. Where one of ours stood in between, nothing is proven.
        """
        if not self.taken or replaced != self.taken:
            return ()
        return tuple(attempt for other, attempt in self.ahead if other != token and attempt)


class Claims:
    """Draw tokens, keep them before they leave, and note which of them was taken."""

    def __init__(
        self, database: Database, history: History, draw: Callable[[], str] = lambda: secrets.token_hex(8)
    ) -> None:
        self._database, self._history, self._draw = database, history, draw

    @property
    def place(self) -> str:
        """Where the claim lies, as ``ecm 4711``; empty before it was made."""
        return self._told("fence")

    @property
    def installation(self) -> str:
        return self._told("installation")

    @property
    def epoch(self) -> int:
        return int(self._told("epoch") or 0)

    def _told(self, name: str) -> str:
        row = self._database.execute("SELECT value FROM identity WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def own(self) -> Own:
        """Return the tokens that are ours."""
        rows = self._database.execute("SELECT token, attempt, taken FROM claim ORDER BY token").fetchall()
        return Own(
            taken=next((token for token, _, taken in rows if taken), ""),
            ahead=tuple((token, attempt) for token, attempt, taken in rows if not taken),
        )

    def taken_at(self) -> datetime | None:
        """Return when the claim was last known to be ours; ``None`` before it was made."""
        row = self._database.execute("SELECT at FROM claim WHERE taken").fetchone()
        return moment(row[0]) if row else None

    def next_token(self, *numbers: int) -> str:
        """Return a token that nobody else has, with a number above ours and those given."""
        return f"{max((self.own().newest, *numbers)) + 1}-{self._draw()}"

    def claim(self, token: str) -> Claim:
        """Return the claim that says a token, and how the history ends now."""
        head = self._history.head()
        return Claim(
            installation=self.installation,
            epoch=self.epoch,
            token=token,
            length=head.length,
            digest=self._digest(head.length, head.digest),
        )

    def knows_history(self, claim: Claim) -> bool:
        """Say whether the history is the one whose end the claim tells, or has grown from it.

        Of a row that lies in a segment beside the file nothing is said here: `state verify` follows the chain there.
        """
        if claim.length < self._history.anchor.length:
            return True
        digest = self._history.digest_at(claim.length)
        return digest is not None and self._digest(claim.length, digest) == claim.digest

    def _digest(self, length: int, digest: str) -> str:
        key = self._history.key
        text = f"{_HEAD}\n{length}\n{digest}"
        return (key.sign(text) if key else self._history.subject(text))[:32]

    def name_installation(self) -> None:
        """Give the installation its name, before its first claim is made."""
        if not self.installation:
            self._tell({"installation": self._draw()})

    def begin(self, place: str, now: datetime) -> None:
        """Note where the claim lies, once it stands there and its lock holds."""
        with self._database.atomic():
            self._tell({"fence": place})
            self._history.append(now, "fence", {"place": place, "epoch": self.epoch})

    def next_epoch(self) -> None:
        """Note that a copy was adopted, in the caller's transaction."""
        self._tell({"epoch": str(self.epoch + 1)})

    def _tell(self, values: Mapping[str, str]) -> None:
        with self._database.atomic():
            for name, value in values.items():
                self._database.conn.execute("INSERT OR REPLACE INTO identity VALUES (?, ?)", (name, value))

    def write_ahead(self, token: str, now: datetime, attempt: str = "") -> None:
        """Keep a token before it leaves: a kill afterwards leaves a claim that is still known for ours.

        ``attempt`` are the messages that leave under it, marked in flight in the same transaction: a copy of the file
        that knows the token knows them too, and sends none of them again.
        """
        with self._database.atomic():
            self._database.conn.execute("INSERT INTO claim VALUES (?, ?, ?, 0)", (token, instant(now), attempt))

    def take(self, token: str, replaced: str, now: datetime, *, keep_since: datetime | None = None) -> tuple[str, ...]:
        """Note that the claim says this token now, in place of ``replaced``; return the attempts that never left.

        Those written since ``keep_since`` stay ours: where the claim shows late, one of them may still be seen there.
        """
        before = self.own()
        with self._database.atomic():
            # Without a moment all others go, also those that a clock which was set back had written.
            kept = instant(keep_since) if keep_since else "9999"
            self._database.conn.execute("DELETE FROM claim WHERE token <> ? AND at < ?", (token, kept))
            self._database.conn.execute("UPDATE claim SET taken = token = ?", (token,))
            self._database.conn.execute("UPDATE claim SET at = ? WHERE taken", (instant(now),))
        return before.never_left(token, replaced)

    def adopted(self) -> datetime | None:
        """Return when an older copy was last adopted; ``None`` when none ever was."""
        row = self._database.execute("SELECT max(at) FROM adoption").fetchone()
        return moment(row[0]) if row and row[0] else None
