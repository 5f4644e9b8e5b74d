"""Who stands behind a user name, a group or a role of a workspace; changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ecmbraze.errors import RecordUnreadable
from ecmbraze.model import Assignee, Team
from ecmbraze.systems.ecm import paging
from ecmbraze.systems.ecm.learning import ask
from ecmbraze.systems.ecm.session import Session
from ecmbraze.systems.shapes import ShapeError, inner, listing, whole

_USER, _GROUP = 0, 1  # api/ecm.md 9
_PAGE = 20  # the server's cap
# So much of a name is asked for where one like it will do; of groups ECM may find nothing but the whole name.
_BEGINNING = 3


class Members:
    """The look-ups of one client. Thread-safe: it keeps nothing, since people come and go."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def behind(self, node_id: int, assignee: Assignee) -> list[int]:
        """Return the ids of those who can be asked; empty when nobody is there any more.

        Raises RecordUnreadable or TemporaryError when ECM does not tell.
        """
        try:
            match assignee.team:
                case Team.USER:
                    found = list(self._named(_USER, assignee.name))
                case Team.GROUP:
                    found = list(self._named(_GROUP, assignee.name))
                case Team.ROLE:
                    found = self._in_role(node_id, assignee.name)
            return [whole(one.get("id"), "member id") for one in found if one.get("deleted") is not True]
        except ShapeError as error:
            raise RecordUnreadable(f"{assignee}: {error}") from None

    def roles(self, workspace_id: int) -> list[str]:
        """Return the names of a workspace's roles; raises RecordUnreadable when ECM does not tell."""
        try:
            return [
                str(role.get("name")) for role in self._listed(f"/api/v2/businessworkspaces/{int(workspace_id)}/roles")
            ]
        except ShapeError as error:
            raise RecordUnreadable(f"the roles of {workspace_id}: {error}") from None

    def like(self, assignee: Assignee) -> list[str]:
        """Return the names of users or groups that are there and begin as this one does."""
        kind = _GROUP if assignee.team is Team.GROUP else _USER
        try:
            exact = list(self._named(kind, assignee.name))
            found = exact or self._beginning(kind, assignee.name[:_BEGINNING])
            return [str(one.get("name")) for one in found if one.get("deleted") is not True]
        except ShapeError as error:
            raise RecordUnreadable(f"{assignee}: {error}") from None

    def _named(self, kind: int, name: str) -> Iterator[Mapping[str, Any]]:
        """Yield the members of exactly this name."""
        for one in self._beginning(kind, name):
            if str(one.get("name") or "").casefold() == name.casefold():
                yield one

    def _beginning(self, kind: int, name: str) -> Iterator[Mapping[str, Any]]:
        """Yield the members whose name begins so, and maybe others: the filter may be ignored (api/ecm.md 9)."""

        def page(number: int) -> Mapping[str, Any]:
            params = [("where_type", str(kind)), ("where_name", name), ("limit", str(_PAGE)), ("page", str(number))]
            return ask(self._session, "/api/v2/members", params).json()

        for rows in paging.walk(page, _member_id, _PAGE, f"The list of members named {name!r}"):
            for one in (inner(row, "data", "properties") for row in rows):
                if one.get("type") == kind:
                    yield one

    def _in_role(self, node_id: int, name: str) -> list[Mapping[str, Any]]:
        """Return the members of a workspace role, groups as they are (api/ecm.md 3.6)."""
        path = f"/api/v2/businessworkspaces/{int(node_id)}/roles"
        role = next((one for one in self._listed(path) if one.get("name") == name), None)
        return [] if role is None else self._listed(f"{path}/{whole(role.get('id'), 'role id')}/members")

    def _listed(self, path: str) -> list[Mapping[str, Any]]:
        rows = listing(ask(self._session, path, []).json().get("results"), "result list")
        return [inner(row, "data", "properties") for row in rows]


def _member_id(row: Mapping[str, Any]) -> int:
    return whole(inner(row, "data", "properties").get("id"), "member id")
