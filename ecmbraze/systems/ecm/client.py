"""Extended ECM as a flow sees it: types, complete listings, details by name; and the only writer to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, tzinfo

from ecmbraze.errors import ConfigurationError, TemporaryError
from ecmbraze.model import (
    Answer,
    Assignee,
    AttributeInfo,
    Document,
    DocumentBytes,
    DocumentHit,
    DocumentRow,
    Facts,
    FollowUp,
    FollowUpState,
    Json,
    Obstacle,
    WorkspaceDetail,
    WorkspacePage,
)
from ecmbraze.model.claims import FoundClaim
from ecmbraze.systems.ecm.archiving import Archiving
from ecmbraze.systems.ecm.attempts import Attempts
from ecmbraze.systems.ecm.claims import ClaimWrites
from ecmbraze.systems.ecm.datequery import lists_by_date, modified_since
from ecmbraze.systems.ecm.detail import Details
from ecmbraze.systems.ecm.documents import Documents
from ecmbraze.systems.ecm.filing import ADD, Filing
from ecmbraze.systems.ecm.folders import walk
from ecmbraze.systems.ecm.followups import FollowUps
from ecmbraze.systems.ecm.learning import Learning
from ecmbraze.systems.ecm.listing import Scan
from ecmbraze.systems.ecm.login import AUTH, Login, PasswordLogin
from ecmbraze.systems.ecm.probing import Probing
from ecmbraze.systems.ecm.related import related
from ecmbraze.systems.ecm.search import search
from ecmbraze.systems.ecm.serverclock import ServerClock
from ecmbraze.systems.ecm.session import Session
from ecmbraze.systems.ecm.writing import EDIT, CategoryWrites
from ecmbraze.systems.http import Http
from ecmbraze.systems.shapes import ShapeError, inner, listing, text, whole


class EcmClient:
    """Implements WorkspaceReader, RecordSink, RecordReader and ClaimStore over the REST API of api/ecm.md. Thread-safe.

    ``otds`` replaces the password login. ``zone`` is the zone of times that come without one.
    """

    def __init__(
        self,
        http: Http,
        *,
        username: str,
        password: str,
        domain: str | None = None,
        zone: tzinfo | None = None,
        page_size: int = 500,
        otds: Login | None = None,
    ) -> None:
        http.redactor.add(password)
        self._http, self._zone, self._page_size = http, zone, page_size
        self._session = Session(http, otds or PasswordLogin(username, password, domain))
        self._clock = ServerClock(self._session, http.clock, zone)
        learning = Learning(self._session, zone)
        self._details = Details(self._session, zone, learning)
        self._documents = Documents(self._session, zone, learning)
        self._attempts = Attempts(self._session, self.account_id)
        self._categories = CategoryWrites(self._session, self._attempts, learning, zone)
        self._filing = Filing(self._session, self._attempts)
        self._follow_ups = FollowUps(self._session, self._attempts)
        self._claims = ClaimWrites(self._session, self._attempts)
        self._archiving = Archiving(self._session, self._attempts, self._filing, self._categories, learning)
        self.probing = Probing(
            self._session, self._attempts, self._filing, self._categories, learning, self._clock, zone
        )
        """What `check --probe` asks and writes; no run does."""
        self._types: dict[str, int] | None = None
        self._account: int | None = None

    def server_now(self) -> datetime:
        """Return the server's clock, asked now."""
        return self._clock.look()

    def skew(self) -> float | None:
        """Return the seconds by which our clock is ahead of ECM's own; ``None`` before it was asked."""
        return self._clock.skew

    def workspace_types(self) -> Mapping[str, int]:
        """Return workspace type name → id.

        A server without any type answers 500 (api/ecm.md 3.1), like one in trouble: it is temporary.
        """
        params = {"expand_templates": "false", "expand_wksp_info": "false"}
        answer = self._session.good("/api/v2/businessworkspacetypes", "the workspace types", params=params)
        try:
            entries = [inner(row, "data", "properties") for row in listing(answer.json().get("results"), "result list")]
            return {
                text(entry.get("wksp_type_name"), "type name"): whole(entry.get("wksp_type_id"), "type id")
                for entry in entries
            }
        except ShapeError as error:
            raise self._odd("the workspace types", error) from None

    def list_workspaces(self, type_id: int, since: datetime | None = None) -> Iterator[WorkspacePage]:
        """Yield the pages of one type; the next is fetched while this one is worked on. See the port for errors."""
        filters = {} if since is None else modified_since(since, self._zone)
        scan = Scan(
            self._session, type_id, limit=self._page_size, zone=self._zone, server=self._clock.known, filters=filters
        )
        return scan.pages()

    def lists_by_date(self, type_id: int, newest: datetime) -> bool:
        """Say whether `where_column_query` takes the modify date (api/ecm.md 3.2: unconfirmed, so it is asked)."""
        return lists_by_date(self._session, type_id, newest, self._zone)

    def workspace(self, workspace_id: int) -> WorkspaceDetail:
        """Read one workspace; any JSON error means it cannot be read: missing and forbidden look alike (E23)."""
        return self._details.workspace(workspace_id)

    def related(self, workspace_id: int, type_name: str) -> tuple[int, ...]:
        """Return the ids of the related workspaces of a type (api/ecm.md 3.6)."""
        if self._types is None:
            self._types = dict(self.workspace_types())
        if type_name not in self._types:
            raise ConfigurationError(f"The related workspace type {type_name!r} is not there.")
        return related(self._session, workspace_id, self._types[type_name])

    def attributes(self, node_id: int) -> Mapping[str, AttributeInfo]:
        """Return the attributes of the categories a workspace or a document carries."""
        return self._details.attributes(node_id)

    def categories_below(self, parent_id: int) -> Iterator[tuple[int, Facts]]:
        """Yield the facts of the workspaces directly in a folder, a page of them per request (api/ecm.md 4.2)."""
        return self._details.below(parent_id)

    def documents(self, workspace_id: int) -> Iterator[DocumentRow]:
        """Yield every document under a workspace, folder by folder (api/ecm.md 4.2)."""
        return walk(self._session, workspace_id, self._zone)

    def document(self, row: DocumentRow, *, classified: bool) -> Document:
        """Read one document with its newest version and category values (api/ecm.md 4.1, 7)."""
        return self._documents.whole(row, classified=classified)

    def document_rows(self, ids: Sequence[int]) -> Mapping[int, DocumentRow]:
        """Return the rows of up to 250 ids in one request (api/ecm.md 4.3)."""
        return self._documents.rows(ids)

    def documents_changed_since(self, day: date) -> Iterator[DocumentHit]:
        """Yield what the search index holds as modified since a day (api/ecm.md 6.1)."""
        return search(self._session, day, self._zone)

    def set_values(
        self,
        node_id: int,
        values: Mapping[str, Json],
        expected: Mapping[str, Json],
        attempted: Sequence[Mapping[str, Json]] = (),
    ) -> Answer:
        """Write the attributes of one category that differ, under its lock (api/ecm.md 5)."""
        return self._categories.set_values(node_id, values, (expected, *attempted))

    def obstacles(self, node_id: int, values: Mapping[str, Sequence[Json]], *, files: bool) -> list[Obstacle]:
        """Return all that keeps these values of each attribute, and documents, from a workspace; writes nothing.

        Two requests, and one for each category. Raises RecordUnreadable when the workspace cannot be read.
        """
        rights = ((EDIT, bool(values)), (ADD, files))
        found = [
            Obstacle(name="", said=f"ECM does not let this account {right.doing} it", is_right=True)
            for right, needed in rights
            if needed and self._attempts.lacks(right, node_id)
        ]
        for category in dict.fromkeys(name.partition(".")[0] for name in values):
            mine = {name: values[name] for name in values if name.partition(".")[0] == category}
            found += self._categories.obstacles(node_id, mine)
        return found

    def put_document(self, parent_id: int, folder: str, name: str, content: bytes, mime_type: str) -> Answer:
        """File a document in a folder, which is made when missing (api/ecm.md 4.4, 7)."""
        return self._filing.put(parent_id, folder, name, content, mime_type)

    def archive(
        self, parent_id: int, folder: str, marker: str, name: str, content: DocumentBytes, mime_type: str
    ) -> Answer:
        """Make the one document of an asset hold a content (api/ecm.md 4.4, 7)."""
        return self._archiving.put(parent_id, folder, marker, name, content, mime_type)

    def rename_archived(self, parent_id: int, folder: str, marker: str, name: str) -> Answer:
        """Name the document of an asset (api/ecm.md 4.4)."""
        return self._archiving.rename(parent_id, folder, marker, name)

    def describe_archived(
        self,
        parent_id: int,
        folder: str,
        marker: str,
        values: Mapping[str, Json],
        expected: Mapping[str, Json],
        attempted: Sequence[Mapping[str, Json]] = (),
    ) -> Answer:
        """Write attributes of one category of the document of an asset (api/ecm.md 5)."""
        return self._archiving.describe(parent_id, folder, marker, values, (expected, *attempted))

    def archived(self, parent_id: int, folder: str, marker: str) -> Iterator[str]:
        """Yield the sha256 of each version of the document of an asset, newest first (api/ecm.md 7)."""
        return self._archiving.digests(parent_id, folder, marker)

    def document_content(self, parent_id: int, folder: str, name: str) -> bytes | None:
        """Return the content of a document of a folder; ``None`` when it is certainly not there (api/ecm.md 4.2, 7)."""
        return self._filing.content(parent_id, folder, name)

    def add_follow_up(self, node_id: int, follow_up: FollowUp) -> Answer:
        """Make a reminder or a task on a workspace, unless it is there already (api/ecm.md 8.1, 8.2)."""
        return self._follow_ups.add(node_id, follow_up)

    def complete_follow_up(self, node_id: int, mark: str, task_list: str = "") -> Answer:
        """Complete the follow-up that bears a mark (api/ecm.md 8.1, 8.2)."""
        return self._follow_ups.complete(node_id, mark, task_list)

    def follow_ups(self, node_id: int, task_list: str = "") -> Sequence[FollowUpState]:
        """Return every reminder of a workspace, or its tasks (api/ecm.md 8.1, 8.2)."""
        return self._follow_ups.of(node_id, task_list)

    def reminder_types(self) -> Mapping[str, int]:
        """Return reminder type name → id, for `check`."""
        return self._follow_ups.types()

    def role_names(self, workspace_id: int) -> Sequence[str]:
        """Return the roles of a workspace by name (api/ecm.md 3.6), for `check`."""
        return self._follow_ups.members.roles(workspace_id)

    def members_like(self, assignee: Assignee) -> Sequence[str]:
        """Return the users or groups whose name begins alike (api/ecm.md 9), for `check`."""
        return self._follow_ups.members.like(assignee)

    def find_claim(self, parent_id: int) -> int | None:
        """Return the id of the claim in a folder or workspace (api/ecm.md 4.2); ``None`` when it is not there."""
        return self._claims.find(parent_id)

    def make_claim(self, parent_id: int, text: str) -> tuple[int | None, Answer]:
        """Make the claim (api/ecm.md 4.4, 7); see the port."""
        return self._claims.make(parent_id, text)

    def read_claim(self, node_id: int) -> FoundClaim:
        """Return what the claim says, with its lock (api/ecm.md 4.1)."""
        return self._claims.read(node_id)

    def move_claim(self, node_id: int, lock: str, text: str) -> Answer:
        """Write another text under the lock (api/ecm.md 4.4)."""
        return self._claims.move(node_id, lock, text)

    def workspace_named(self, name: str) -> int:
        """Return the id of the one workspace of a name (api/ecm.md 3.2)."""
        return self._claims.workspace_named(name)

    def ping(self) -> None:
        """Raise unless a Content Server REST API answers; needs no login (api/ecm.md 2.3)."""
        answer = self._http.read("GET", "/api/v1/ping", attempts=2)
        if answer.status != 200 or not answer.has_json():
            raise TemporaryError(
                f"ECM {self._http.host} answers its ping with status {answer.status} and {answer.kind}.",
                undone="Nothing was read.",
                advice="Check ecm.url with its base path.",
            )

    def whoami(self) -> str:
        """Return the login name of the account, for `check`."""
        answer = self._session.good(AUTH, "who the account is")
        try:
            return text(inner(answer.json(), "data").get("name"), "account name")
        except ShapeError as error:
            raise self._odd("who the account is", error) from None

    def account_id(self) -> int:
        """Return the member id of the account (api/ecm.md 2.1)."""
        if self._account is None:
            answer = self._session.good(AUTH, "who the account is")
            try:
                self._account = whole(inner(answer.json(), "data").get("id"), "account id")
            except ShapeError as error:
                raise self._odd("who the account is", error) from None
        return self._account

    def _odd(self, what: str, error: Exception) -> TemporaryError:
        return TemporaryError(
            self._http.redactor.scrub(f"ECM {self._http.host} tells {what} in an unknown way: {error}."),
            undone="Nothing was concluded from it.",
            advice="The next run tries again; if it stays so, report it.",
        )
