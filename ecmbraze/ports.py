"""What the engine asks of the outside: read-only readers, the sink, the clock. No implementation here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from ecmbraze.model import (
    AddressList,
    Answer,
    Asset,
    AttributeInfo,
    ContentKind,
    ContentRow,
    Document,
    DocumentHit,
    DocumentRow,
    Facts,
    FollowUp,
    FollowUpState,
    Json,
    Kind,
    Member,
    MessageInfo,
    Profile,
    TrackBatch,
    TriggerBatch,
    WorkspaceDetail,
    WorkspacePage,
)
from ecmbraze.model.claims import FoundClaim


class Clock(Protocol):
    """Time is passed in. ``now`` is aware UTC; ``monotonic`` measures spans; ``sleep`` waits."""

    def now(self) -> datetime: ...
    def monotonic(self) -> float: ...
    def sleep(self, seconds: float) -> None: ...


class Work(StrEnum):
    """What a run takes its time for."""

    LISTED = "workspaces listed"
    READ = "details read"
    SENT = "objects sent"
    LOADED = "people loaded"


class Progress(Protocol):
    """Whoever shows how far a run is. Called from several threads; it raises nothing and changes nothing."""

    def expect(self, what: Work, more: int) -> None:
        """Note that so many more will come."""

    def step(self, what: Work, done: int) -> None:
        """Note that so many more are done."""


class WorkspaceReader(Protocol):
    """Extended ECM as a flow sees it. Everything raises; nothing returns ``None`` for trouble."""

    def server_now(self) -> datetime:
        """Return the server's own clock, aware."""
        ...

    def account_id(self) -> int:
        """Return the member id of the account that reads, asked once."""
        ...

    def workspace_types(self) -> Mapping[str, int]:
        """Return workspace type name → id of every type this account sees."""
        ...

    def list_workspaces(self, type_id: int, since: datetime | None = None) -> Iterator[WorkspacePage]:
        """Yield the pages of one type until its own ``next`` link ends; with ``since`` only what was modified then.

        Rows come in the server's order and may repeat between pages. Raises TemporaryError when a page fails
        or the listing ends short of its total: the scan then failed as a whole.
        """
        ...

    def lists_by_date(self, type_id: int, newest: datetime) -> bool:
        """Say whether ECM lists what was modified since a moment, rightly; ``newest`` is a modify date of the type."""
        ...

    def workspace(self, workspace_id: int) -> WorkspaceDetail:
        """Read one workspace with its categories by name.

        Raises RecordUnreadable when ECM says it cannot be read: missing and forbidden look alike.
        """
        ...

    def related(self, workspace_id: int, type_name: str) -> tuple[int, ...]:
        """Return the ids of the related workspaces of a type, from either end of the relation.

        Raises RecordUnreadable when they cannot be read, ConfigurationError for a type that does not exist.
        """
        ...

    def attributes(self, node_id: int) -> Mapping[str, AttributeInfo]:
        """Return the category attributes this workspace or document carries, by ``Category.Attribute`` name."""
        ...

    def documents(self, workspace_id: int) -> Iterator[DocumentRow]:
        """Yield every document and e-mail under a workspace, in all subfolders, each once, with its folder.

        Workspaces inside it are others. Raises RecordUnreadable when a folder cannot be listed.
        """
        ...

    def document(self, row: DocumentRow, *, classified: bool) -> Document:
        """Read one document whole: newest version, categories by name and, if asked, classifications by name.

        Raises RecordUnreadable when ECM says it cannot be read.
        """
        ...

    def categories_below(self, parent_id: int) -> Iterator[tuple[int, Facts]]:
        """Yield (id, facts by ``Category.Attribute``) of the workspaces directly in a folder.

        Raises RecordUnreadable when it cannot be listed.
        """
        ...

    def document_rows(self, ids: Sequence[int]) -> Mapping[int, DocumentRow]:
        """Return the rows of up to 250 ids; who is missing is gone or hidden. Raises TemporaryError when it fails."""
        ...

    def documents_changed_since(self, day: date) -> Iterator[DocumentHit]:
        """Yield the documents the search index holds as modified on ``day`` (ECM's zone) or later, each once.

        The index may lag and knows no time of day. Raises TemporaryError when the search fails.
        """
        ...


class PeopleReader(Protocol):
    """Braze as the screen sees it."""

    def profiles(self, recipients: Sequence[str]) -> Mapping[str, Sequence[Profile]]:
        """Read up to 50 people; a recipient missing from the answer is unknown to Braze, two entries are a tie."""
        ...

    def group_states(self, group_id: str, recipients: Sequence[str]) -> Mapping[str, str]:
        """Return recipient → ``subscribed | unsubscribed | unknown`` (lower case) for up to 50 people."""
        ...

    def message(self, kind: Kind, message_id: str) -> MessageInfo:
        """Return the name of a campaign or Canvas and why it would send nothing: a draft, archived, paused, not there.

        Raises CredentialRefused when the key may not read it.
        """
        ...

    def hard_bounces(self, since: datetime) -> frozenset[str]:
        """Return the lower-cased addresses that hard-bounced since ``since``."""
        ...

    def address_list(self, which: AddressList, since: datetime) -> Mapping[str, datetime]:
        """Return lower-cased address → when it came onto a list last, from the UTC day of ``since`` until now.

        Raises CredentialRefused when the key may not read it, TemporaryError when it cannot be read whole.
        """
        ...


class SegmentExport(Protocol):
    """Everybody of a segment at one moment, checked whole."""

    @property
    def size(self) -> int: ...

    def members(self) -> Iterator[Member]: ...


class SegmentReader(Protocol):
    """Segments of Braze, which an export shows whole."""

    def segment(self, segment_id: str, attributes: Sequence[str]) -> SegmentExport:
        """Return who is in a segment, with their global states and these custom attributes; groups it does not show.

        It may take a quarter of an hour. Raises TemporaryError when it is not ready by then, runs already, or is
        spoiled in one line; ConfigurationError for an unknown segment, and where exports go to storage of the customer.
        """
        ...


class MessageSink(Protocol):
    """The only writer to Braze. Never raises for an answer: every outcome is a judged Answer.

    A write is tried once and never waits: what must wait for a rate limit waits before it is on its way.
    """

    def wait_for_turn(self, kind: Kind) -> None:
        """Wait until the rate limit lets the next write of a kind go.

        Raises TimeBudgetUsed when that lasts longer than the run may wait.
        """
        ...

    def has_turn(self, kind: Kind) -> bool:
        """Say whether a write of a kind may go now."""
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
        self, node_id: int, values: Mapping[str, Json], expected: Mapping[str, Json],
        attempted: Sequence[Mapping[str, Json]] = (),
    ) -> Answer:  # fmt: skip
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
        """Make a reminder on a workspace, unless one with its mark is there already: then it is ACCEPTED as it is.

        Nobody behind ``assign`` and ``otherwise`` is REFUSED; a reminder type that is not there is NOT_PROCESSED with a
        ``stop``. What cannot be read beforehand is NOT_PROCESSED; 5xx, cut off and HTML are UNKNOWN.
        """
        ...

    def complete_follow_up(self, node_id: int, mark: str) -> Answer:
        """Complete the reminder that bears a mark; one that is gone or completed already is ACCEPTED."""
        ...

    def archive(self, parent_id: int, folder: str, marker: str, name: str, content: bytes, mime_type: str) -> Answer:
        """Make the one document in a folder whose name ends in ``marker`` hold a content: a new one, or a version.

        A newest version of equal content (sha256, read back) is ACCEPTED without a write. Whatever does not prove what
        is stored is UNKNOWN.
        """
        ...

    def rename_archived(self, parent_id: int, folder: str, marker: str, name: str) -> Answer:
        """Name that document; REFUSED when it is not there."""
        ...

    def describe_archived(
        self, parent_id: int, folder: str, marker: str, values: Mapping[str, Json], expected: Mapping[str, Json],
        attempted: Sequence[Mapping[str, Json]] = (),
    ) -> Answer:  # fmt: skip
        """Write attributes of one category of that document, as :meth:`set_values`; a category that it lacks and the
        workspace has is put on it first. REFUSED when it is not there.
        """
        ...


class RecordReader(Protocol):
    """What was written to Extended ECM, read back."""

    def follow_ups(self, node_id: int) -> Sequence[FollowUpState]:
        """Return every reminder of a workspace, completed ones too.

        Raises TemporaryError or RecordUnreadable when it cannot tell.
        """
        ...

    def document_content(self, parent_id: int, folder: str, name: str) -> bytes | None:
        """Return the content of a document, looked for by listing its folder, never by search.

        ``None`` means certainly absent. Raises TemporaryError or RecordUnreadable when it cannot tell.
        """
        ...

    def archived(self, parent_id: int, folder: str, marker: str) -> Iterator[str]:
        """Yield the sha256 of each version of the one document whose name ends in ``marker``, newest first, read back.

        Nothing where there is no such document. Raises TemporaryError or RecordUnreadable when it cannot tell.
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


class ContentReader(Protocol):
    """What people wrote in Braze. Everything raises; nothing returns ``None`` for trouble."""

    def content_rows(self, kind: ContentKind, since: datetime | None) -> Sequence[ContentRow]:
        """Return every asset of a kind, archived ones too, each once; with ``since`` what was edited at or after it.

        Raises TemporaryError when a list cannot be read whole, CredentialRefused where the key may not read it.
        """
        ...

    def asset(self, row: ContentRow) -> Asset:
        """Return all of one asset; raises RecordUnreadable where Braze does not give it."""
        ...
