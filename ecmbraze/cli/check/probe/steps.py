"""Write to the probed workspace step by step, note what each write did, and take everything back; judges nothing.

Whatever happens in between, what was made is deleted and the attribute put back; what stays is named. A value that is
not ours any more is left to whoever wrote it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from ecmbraze.cli.check.probe.clearing import BACK_OFF_S, TRIES, Cleared, clear
from ecmbraze.cli.check.probe.place import MARK, Place
from ecmbraze.cli.logs import tell
from ecmbraze.errors import CredentialRefused, EcmbrazeError, RecordUnreadable
from ecmbraze.model import Answer, Verdict, WorkspaceRow
from ecmbraze.ports import Clock
from ecmbraze.systems.ecm.attempts import EDITED
from ecmbraze.systems.ecm.client import EcmClient
from ecmbraze.systems.ecm.filing import Child
from ecmbraze.systems.ecm.probing import Trial
from ecmbraze.systems.ecm.writing import ALREADY

# Dates are whole seconds (api/ecm.md 1.4): two writes must not fall into one.
_APART_S = 2.0
_POLL_S, _TOLD_EACH_S = 2.0, 10.0
# The index knows only the day of a change, in the zone of the server (api/ecm.md 6.1).
_DAYS = timedelta(days=1)


class Step(StrEnum):
    """One write whose effect is of interest."""

    EDIT = "edit of an attribute"
    FOLDER = "new folder"
    DOCUMENT = "new document"
    DEEP = "new document in a folder"
    VERSION = "new version"
    MOVE = "moved document"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a write did. ``at`` is the modify date of the workspace after it.

    ``asked`` is the time before it by the `Date` header of the server, which knows no zone.
    """

    answer: Answer
    moved: bool = False
    at: datetime | None = None
    asked: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Seen:
    """What the probe saw; what it did not come to is not there."""

    effects: dict[Step, Effect] = field(default_factory=dict)
    listing: tuple[bool, bool | None] | None = None
    """After the edit: whether the listing showed the workspace's own date, and the value where it has a column."""
    value_kept: bool | None = None
    indexed_s: float | None = None
    """After how many seconds the search found the document; ``None`` where it did not while we looked."""
    search_failed: str = ""
    document_moved: bool | None = None
    """Whether moving a document moved its own modify date."""
    clock: tuple[datetime, datetime] | None = None
    """The server's clock, read in the zone of the configuration, and the time by its header, which knows no zone."""
    name_shown: str = ""
    """The name of the document as ECM shows it, where it is not the one that was sent."""
    stands: str = ""
    """Why the attribute does not hold what it held before; empty where it does."""
    edited: bool = False
    """Whether that is because somebody else wrote it meanwhile."""
    cleared: Cleared = field(default_factory=Cleared)


@dataclass(slots=True, kw_only=True)
class Probe:
    """One probe. ``tick`` raises when it must end; ``renewed`` gives a client that remembers no failure."""

    ecm: EcmClient
    renewed: Callable[[], EcmClient]
    place: Place
    trial: Trial | None
    token: str
    wait_s: float
    clock: Clock
    tick: Callable[[], None]
    seen: Seen = field(default_factory=Seen)
    ended: EcmbrazeError | None = None
    """What ended it early."""
    _made: dict[int, Child] = field(default_factory=dict)
    _editing: bool = False
    _filing: bool = False
    """Whether the attribute may have been written, and anything made."""

    @property
    def mark(self) -> str:
        return f"{MARK} {self.token}"

    def run(self) -> None:
        """Take every step, then take all of it back, also after an error, which is kept."""
        try:
            self.seen.clock = self.ecm.server_now(), self._header_now()
            folder = self._make(Step.FOLDER, self.place.id, self.mark)
            self._keep_to_ourselves(folder)
            self._edit()
            self._file(folder)
        except EcmbrazeError as error:
            self.ended = error
        finally:
            try:
                self._put_back()
            finally:
                self._clear()

    def _keep_to_ourselves(self, folder: Child | None) -> None:
        """Raise where another probe works here, or where nothing could be deleted: then one folder is enough.

        Of two that began at once each sees the other's folder, and goes.
        """
        there = [one for one in self.ecm.probing.below(self.place.id, MARK) if one.name.startswith(MARK)]
        if others := [one for one in there if self.token not in one.name]:
            raise RecordUnreadable(
                f"Another probe works in this workspace ({others[0].name!r}).",
                undone="Nothing but a folder was made.",
                advice="Wait until it has ended; what one that was killed left is deleted in ECM. Then probe again.",
            )
        if folder and not self.ecm.probing.may_delete(folder.id):
            raise CredentialRefused(
                f"The account may not delete what it makes in this workspace (node {folder.id}).",
                advice="Give it that right there.",
            )

    def _edit(self) -> None:
        """Write the attribute, look what that did, and put it back at once."""
        trial = self.trial
        if trial is None:
            return
        value, former = {trial.name: trial.value}, {trial.name: trial.former}
        self._editing = True
        if self._effect(Step.EDIT, lambda: self.ecm.set_values(self.place.id, value, former)):
            kept = self.ecm.set_values(self.place.id, value, value)  # nothing differs from itself: it only reads
            self.seen.value_kept = kept.reason == ALREADY
            self._look_at_listing(trial)
        self._put_back()

    def _file(self, folder: Child | None) -> None:
        """Make documents, version and move them, and wait for the search index."""
        began = self.clock.monotonic() + _APART_S  # before which nothing is written
        document = self._make(Step.DOCUMENT, self.place.id, f"{self.mark} Größe.txt")
        if document:
            shown = [one.name for one in self.ecm.probing.below(self.place.id, self.token) if one.id == document.id]
            self.seen.name_shown = next((name for name in shown if name != document.name), "")
            self._wait_for_index(document, began)
        deep = self._make(Step.DEEP, folder.id, f"{self.mark} below.txt") if folder else None
        if document:
            self._effect(Step.VERSION, lambda: self.ecm.probing.add_version(document.id, document.name, self._text(2)))
        if deep:
            before = self.ecm.probing.document(deep.id).modified_at
            if self._effect(Step.MOVE, lambda: self.ecm.probing.move(deep.id, self.place.id)):
                self.seen.document_moved = self.ecm.probing.document(deep.id).modified_at != before

    def _make(self, step: Step, parent_id: int, name: str) -> Child | None:
        """Make a folder or a document and return it; ``None`` where that did not go well for certain."""
        made = 0

        def write() -> Answer:
            nonlocal made
            self._filing = True
            if step is Step.FOLDER:
                made, answer = self.ecm.probing.make_folder(parent_id, name)
            else:
                made, answer = self.ecm.probing.make_document(parent_id, name, self._text(1))
            if made:
                is_folder = step is Step.FOLDER
                self._made[made] = Child(id=made, name=name, is_folder=is_folder, is_document=not is_folder, size=None)
                tell("probe.made", node=made, name=name)
            return answer

        self._effect(step, write)
        return self._made.get(made)

    def _effect(self, step: Step, write: Callable[[], Answer]) -> bool:
        """Write once, and note whether the workspace got another modify date; return whether it was written."""
        self.tick()
        self.clock.sleep(_APART_S)
        before, asked = self._row(), self._header_now()
        answer = write()
        tell("probe.step", step=str(step), outcome=str(answer.verdict))
        self.seen.effects[step] = Effect(answer=answer)
        if answer.verdict is not Verdict.ACCEPTED:
            return False
        after = self._row()
        if after.modified_at == before.modified_at:  # it may come a moment later
            self.clock.sleep(_APART_S)
            after = self._row()
        moved = after.modified_at != before.modified_at
        self.seen.effects[step] = Effect(answer=answer, moved=moved, at=after.modified_at, asked=asked)
        return True

    def _header_now(self) -> datetime:
        return self.clock.now() - timedelta(seconds=self.ecm.probing.header_skew)

    def _row(self) -> WorkspaceRow:
        return self.ecm.workspace(self.place.id).row

    def _look_at_listing(self, trial: Trial) -> None:
        row = self._row()
        page, shown = self.ecm.probing.listed(row, self.place.type_id)
        if shown is None:
            return
        name = trial.name.partition(".")[2].casefold()
        columns = [column for column, title in page.columns.items() if title.casefold() == name]
        values = [shown.columns[column] for column in columns if column in shown.columns]
        told = None if not values else trial.value in values
        self.seen.listing = shown.modified_at == row.modified_at, told

    def _wait_for_index(self, document: Child, began: float) -> None:
        told = began
        day = (self.clock.now() - _DAYS).date()
        while True:
            try:
                found = self.ecm.probing.indexed(document.id, self.place.id, day)
            except EcmbrazeError as error:
                self.seen.search_failed = error.happened
                return
            now = self.clock.monotonic()
            if not found and now - began >= self.wait_s:  # where the place of a document cannot be searched by
                found = self.ecm.probing.among_newest(document.id, self.place.id, day)
            if found:
                self.seen.indexed_s = now - began
            if found or now - began >= self.wait_s:
                return
            if now - told >= _TOLD_EACH_S:
                told = now
                tell("probe.wait", what="the search index", seconds=round(now - began), most=round(self.wait_s))
            self.tick()
            self.clock.sleep(_POLL_S)

    def _text(self, number: int) -> bytes:
        return f"{self.mark}, version {number}. Made by `ecmbraze check --probe`; may be deleted.\n".encode()

    # taking back

    def _put_back(self) -> None:
        """Let the attribute hold what it held before, read back; a value that is not ours is left alone."""
        trial, ecm = self.trial, self.ecm
        if trial is None or not self._editing:
            return
        value, former = {trial.name: trial.value}, {trial.name: trial.former}
        for attempt in range(TRIES):
            answer = ecm.set_values(self.place.id, former, value)
            self.seen.edited = answer.verdict is Verdict.REFUSED and answer.reason.startswith(EDITED)
            self.seen.stands = "" if answer.reason == ALREADY else answer.reason
            if answer.reason == ALREADY or self.seen.edited or isinstance(answer.stop, CredentialRefused):
                break
            if answer.verdict is not Verdict.ACCEPTED:
                self.clock.sleep(BACK_OFF_S * 2**attempt)
                ecm = self.renewed()
        self._editing = bool(self.seen.stands) and not self.seen.edited
        tell("probe.put_back", attribute=trial.name, done=not self.seen.stands)

    def _clear(self) -> None:
        """Delete what was made, wherever the answers got lost."""
        if self._filing:
            self.seen.cleared = clear(self.ecm, self.renewed, self.place.id, self.token, self._made, self.clock)
