"""Views of the control API on the profiles of the simulated Braze; what Braze itself answers is elsewhere."""

from __future__ import annotations

from typing import Any

from ecmbraze.sandbox.braze import changes, moments, people
from ecmbraze.sandbox.braze.records import User
from ecmbraze.sandbox.braze.store import BrazeStore
from ecmbraze.sandbox.braze.tracking import flush
from ecmbraze.sandbox.fields import body, unknown


class PeopleViews:
    """The profiles of the simulated Braze."""

    def __init__(self, store: BrazeStore) -> None:
        self._store = store

    def listing(self) -> Any:
        """List the profiles."""
        return [_described(user) for user in self._store.users]

    def show(self, external_id: str) -> Any:
        """Show one profile."""
        flush(self._store)
        return _described(self._found(external_id))

    def put(self, external_id: str) -> Any:
        """Make or change a profile: fields of Braze, "groups", "custom_attributes", "received" and more, dated "at"."""
        flush(self._store)
        waiting = changes.make(self._store, [{"external_id": external_id, **changes.profile(body())}])
        return {"planned": waiting} if waiting else _described(self._found(external_id))

    def change(self) -> Any:
        """Change several profiles in the order given, each with its "external_id" and, if wanted, its "at"."""
        flush(self._store)
        wanted = changes.changes(body())
        waiting = changes.make(self._store, wanted)
        return {"changed": len(wanted) - waiting, "planned": waiting}

    def delete(self, external_id: str) -> Any:
        """Delete a profile."""
        flush(self._store)
        found = self._found(external_id)
        self._store.drop_user(found)
        return _described(found)

    def _found(self, external_id: str) -> User:
        found = self._store.by_external.get(external_id)
        if found is None:
            raise unknown("no user", external_id, self._store.by_external)
        return found


def _described(user: User) -> dict[str, Any]:
    return {
        "external_id": user.external_id,
        "recipient": people.recipient(user),
        **user.fields,
        "custom_attributes": user.custom,
        "groups": user.groups,
        "user_aliases": user.aliases,
        **{name: moments.stamp(at) for name, at in user.dates.items()},
        "custom_events": {name: entry[2] for name, entry in user.events.items()},
    }
