"""What the engine asks of the two systems without changing anything. No implementation here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from ecmbraze.model import (
    AddressList,
    Asset,
    AttributeInfo,
    ChoiceEvent,
    ContentKind,
    ContentRow,
    CurrentsFile,
    Document,
    DocumentHit,
    DocumentRow,
    Facts,
    FollowUpState,
    Kind,
    MailEvent,
    Member,
    MessageInfo,
    Profile,
    Received,
    WorkspaceDetail,
    WorkspacePage,
)


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

    def segment(self, segment_id: str, attributes: Sequence[str], files: str = "") -> SegmentExport:
        """Return who is in a segment, with their global states and these custom attributes; groups it does not show.

        It may take a quarter of an hour. Raises TemporaryError when it is not ready by then, runs already, or is
        spoiled in one line; ConfigurationError for an unknown segment, and where exports go to storage of the customer.
        ``files`` is the folder with a copy of that storage: then it is read from there, if it is not older than a day.
        """
        ...


class EngagementReader(Protocol):
    """What people did with messages, as exports of Braze tell it."""

    def received(self, recipients: Sequence[str]) -> Mapping[str, Sequence[Received]]:
        """Return recipient → the campaigns they received, 50 people a request; who is missing is unknown to Braze.

        Several profiles of one recipient add up. What is not told is no proof that nothing happened: campaigns that
        were stopped are left out after three months. Raises TemporaryError when it cannot be read.
        """
        ...


class CurrentsReader(Protocol):
    """Files of Braze Currents in a folder, which somebody else keeps in step with their bucket."""

    def files(self, folder: str, since: datetime) -> Sequence[CurrentsFile]:
        """Return the files that may tell of choices and were modified at or after ``since``, the oldest first.

        Raises ConfigurationError where the library that reads them is missing, TemporaryError where the folder cannot
        be listed.
        """
        ...

    def events(self, folder: str, file: CurrentsFile) -> Sequence[ChoiceEvent]:
        """Return what one file tells of choices, in its order; what it holds beside that is left out.

        Raises RecordUnreadable for one that is not complete: half a file tells nothing; RecordGone for one that is no
        longer there.
        """
        ...

    def mail_files(self, folder: str, since: datetime) -> Sequence[CurrentsFile]:
        """Return the files about e-mails that were sent, delivered, opened or clicked; else as :meth:`files`."""
        ...

    def mail_events(self, folder: str, file: CurrentsFile) -> Sequence[MailEvent]:
        """Return what one of these tells, without opens by machines and suspected bot clicks; as :meth:`events`."""
        ...


class RecordReader(Protocol):
    """What was written to Extended ECM, read back."""

    def follow_ups(self, node_id: int, task_list: str = "") -> Sequence[FollowUpState]:
        """Return every reminder of a workspace, with a list its tasks, completed ones too.

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
