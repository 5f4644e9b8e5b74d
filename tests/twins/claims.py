"""The claim of an installation in memory, as its port has it: one description under a lock; held to the sandbox."""

from __future__ import annotations

from ecmbraze.errors import RecordUnreadable
from ecmbraze.model import Answer, Verdict
from ecmbraze.model.claims import FoundClaim
from tests.twins.wire import Trouble, Wire

FOLDER, NODE = 60_000, 60_001


class TwinClaims:
    """Implements ClaimStore for one claim. ``text`` is ``None`` while there is none; ``locks`` says that they hold."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.text: str | None = None
        self.locks = True
        self.moves: list[str] = []
        """Every text that the program put there, oldest first."""
        self._revision = 0

    def workspace_named(self, name: str) -> int:
        self.wire.read("claim folder")
        return FOLDER

    def find_claim(self, parent_id: int) -> int | None:
        self.wire.read("claim folder")
        return None if self.text is None else NODE

    def make_claim(self, parent_id: int, text: str) -> tuple[int | None, Answer]:
        trouble = self.wire.there("claim make")
        made = self.text is None and (trouble is None or trouble.processed)
        if made:
            self._put(text)
        self.wire.back("claim make")
        if trouble is None and made:
            return NODE, Answer(verdict=Verdict.ACCEPTED, reason="accepted")
        return None, _told(trouble) or Answer(verdict=Verdict.REFUSED, reason="the name is taken")

    def read_claim(self, node_id: int) -> FoundClaim:
        self.wire.read("claim read")
        if self.text is None:
            raise RecordUnreadable("ECM answers 400: could not get a node")
        return FoundClaim(text=self.text, lock=self._lock)

    def move_claim(self, node_id: int, lock: str, text: str) -> Answer:
        trouble = self.wire.there("claim move")
        held = lock == self._lock or not self.locks
        if held and (trouble is None or trouble.processed):
            self._put(text)
        self.wire.back("claim move")
        lost = Answer(verdict=Verdict.REFUSED, reason="edit conflict")
        return _told(trouble) or (Answer(verdict=Verdict.ACCEPTED, reason="accepted") if held else lost)

    def edit(self, text: str | None) -> None:
        """Let somebody edit the description, or delete the document."""
        self.text, self._revision = text, self._revision + 1

    @property
    def _lock(self) -> str:
        return f"lock {self._revision}"

    def _put(self, text: str) -> None:
        self.edit(text)
        self.moves.append(text)


def _told(trouble: Trouble | None) -> Answer | None:
    if trouble is None:
        return None
    verdict = Verdict.UNKNOWN if trouble.unknown else Verdict.NOT_PROCESSED
    return Answer(verdict=verdict, reason=str(trouble))
