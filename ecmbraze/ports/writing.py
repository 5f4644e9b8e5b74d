"""The only writers to the two systems. No implementation here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ecmbraze.model import (
    Answer,
    DocumentBytes,
    FollowUp,
    Json,
    Kind,
    TrackBatch,
    TriggerBatch,
)
from ecmbraze.model.claims import FoundClaim


class MessageSink(Protocol):
    """The only writer to Braze. Never raises for an answer: every outcome is a judged Answer.

    A write is tried once and never waits: what must wait for a rate limit waits before it is on its way.
    """

    def wait_for_turn(self, kind: Kind) -> None:
        """Wait until the rate limit lets the next write of a kind go.

        Raises TimeBudgetUsed when that lasts longer than the run may wait.
        """
        ...

    def track(self, batch: TrackBatch) -> Answer: ...
    def trigger(self, batch: TriggerBatch) -> Answer: ...

    def withdraw(self, recipients: Sequence[str], channel: str) -> Answer:
        """Unsubscribe up to 75 existing profiles from ``email``, ``push`` or ``group:<id>``; subscribes nobody."""
        ...


class RecordSink(Protocol):
    """The only writer to Extended ECM. Never raises for an answer: every outcome is a judged Answer.

    A write is tried once.
    """

    def set_values(
        self,
        node_id: int,
        values: Mapping[str, Json],
        expected: Mapping[str, Json],
        attempted: Sequence[Mapping[str, Json]] = (),
    ) -> Answer:
        """Write attributes of one category, by ``Category.Attribute``; ``expected`` is what we last wrote there.

        ``attempted`` is what we sent since, without knowing whether it arrived: it counts as expected too.
        Dates are ISO, with a time where the attribute has one; ``{}`` expects that we never wrote. Reads form, values
        and lock token, then: every value already as wanted is ACCEPTED without a write; a value that is neither wanted
        nor expected, nor never written and empty, is REFUSED with ``edited_in_ecm: …``. A lost lock is read once more:
        with the values as expected it is written once more, a second loss is REFUSED alike. A held, reserved or locked
        workspace is NOT_PROCESSED with the reason (``locked_in_ecm: …``), one on which a right is missing with
        ``denied``; a missing attribute or popup word is NOT_PROCESSED with a ``stop``. Cut off, 5xx and HTML are
        UNKNOWN. At most 3 requests, 2 more after a lost lock.
        """
        ...

    def put_document(self, parent_id: int, folder: str, name: str, content: bytes, mime_type: str) -> Answer:
        """File a document in a folder below a parent, ``""`` directly in it; a missing folder is made.

        A document of this name with equal content (sha256, read back) is ACCEPTED, with other content REFUSED. HTTP 500
        although it may be stored is UNKNOWN.
        """
        ...

    def add_follow_up(self, node_id: int, follow_up: FollowUp) -> Answer:
        """Make a follow-up on a workspace, unless one with its mark is there already: then it is ACCEPTED as it is.

        Nobody behind ``assign`` and ``otherwise`` is REFUSED; a reminder type that is not there is NOT_PROCESSED with a
        ``stop``. What cannot be read beforehand is NOT_PROCESSED; 5xx, cut off and HTML are UNKNOWN. A task goes below
        its list, which is made when missing; it has one assignee, of several that with the lowest id.
        """
        ...

    def complete_follow_up(self, node_id: int, mark: str, task_list: str = "") -> Answer:
        """Complete the follow-up that bears a mark, with a list a task; one gone or completed already is ACCEPTED.

        A task that has no completion date after that is REFUSED: no page says which status completes one.
        """
        ...

    def archive(
        self, parent_id: int, folder: str, marker: str, name: str, content: DocumentBytes, mime_type: str
    ) -> Answer:
        """Make the one document in a folder whose name ends in ``marker`` hold a content: a new one, or a version.

        A newest version of equal content (sha256, read back) is ACCEPTED without a write. Whatever does not prove what
        is stored is UNKNOWN.
        """
        ...

    def rename_archived(self, parent_id: int, folder: str, marker: str, name: str) -> Answer:
        """Name that document; REFUSED when it is not there."""
        ...

    def describe_archived(
        self,
        parent_id: int,
        folder: str,
        marker: str,
        values: Mapping[str, Json],
        expected: Mapping[str, Json],
        attempted: Sequence[Mapping[str, Json]] = (),
    ) -> Answer:
        """Write attributes of one category of that document, as :meth:`set_values`; a category that it lacks and the
        workspace has is put on it first. REFUSED when it is not there. Where all of the attributes are empty it is
        another document than the one we wrote, made anew after somebody deleted that, and is written.
        """
        ...


class ClaimStore(Protocol):
    """The claim in Extended ECM: one small document, whose description says which state file may send."""

    def workspace_named(self, name: str) -> int:
        """Return the id of the one workspace of a name. Raises ConfigurationError for none or several."""
        ...

    def find_claim(self, parent_id: int) -> int | None:
        """Return the id of the claim in a folder or workspace; ``None`` when it is certainly not there.

        Raises RecordUnreadable when the folder cannot be listed.
        """
        ...

    def make_claim(self, parent_id: int, text: str) -> tuple[int | None, Answer]:
        """Make the claim; return its id, or ``None`` and why there is none. Of several at once one alone makes it."""
        ...

    def read_claim(self, node_id: int) -> FoundClaim:
        """Return what the claim says, with its lock. Raises RecordUnreadable when it is deleted or may not be read."""
        ...

    def move_claim(self, node_id: int, lock: str, text: str) -> Answer:
        """Write another text if the claim is still as it was read under ``lock``; else REFUSED. Tried once."""
        ...
