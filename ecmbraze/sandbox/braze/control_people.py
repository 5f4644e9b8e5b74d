"""Views of the control API on the profiles of the simulated Braze; what Braze itself answers is elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecmbraze.sandbox.braze import people
from ecmbraze.sandbox.braze.records import STANDARD, User
from ecmbraze.sandbox.braze.store import BrazeStore
from ecmbraze.sandbox.braze.tracking import flush
from ecmbraze.sandbox.fields import FLAG, NAMES, NUMBER, OBJECT, OBJECTS, Kind, body, checked, one_of, unknown

_STATE = one_of("opted_in", "subscribed", "unsubscribed")
_SIMPLE = Kind("a text, a number, true, false or null", lambda value: not isinstance(value, list | dict), null=True)
_ADDRESS = Kind("a text, or null for none", lambda value: value is None or isinstance(value, str), null=True)
_PLACE = Kind(
    "longitude and latitude",
    lambda value: isinstance(value, dict) and {"longitude", "latitude"} == {n for n in value if NUMBER.fits(value[n])},
)
_GROUPS = Kind(
    "group id → subscribed or unsubscribed",
    lambda value: isinstance(value, dict) and all(state in ("subscribed", "unsubscribed") for state in value.values()),
)
_ALIASES = Kind(
    "a list of alias_name and alias_label",
    lambda value: OBJECTS.fits(value) and all({"alias_name", "alias_label"} == set(one) for one in value),
)
_ENGAGED = Kind("message id → flags", lambda value: isinstance(value, dict) and all(map(NAMES.fits, value.values())))
_PERSON: Mapping[str, Kind] = {
    **dict.fromkeys(STANDARD, _SIMPLE),
    "current_location": _PLACE,
    "email": _ADDRESS,
    "phone": _ADDRESS,
    "email_subscribe": Kind(_STATE.name, lambda value: value is None or _STATE.fits(value), null=True),
    "push_subscribe": _STATE,
    "groups": _GROUPS,
    "custom_attributes": OBJECT,
    "user_aliases": _ALIASES,
    "hard_bounced": FLAG,
    "engaged": _ENGAGED,
}


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
        """Make or change a profile: fields of Braze, "groups", "custom_attributes", "user_aliases", "hard_bounced"."""
        flush(self._store)
        given = checked(body(), _PERSON, "a profile")
        for group in given.get("groups", ()):
            if group not in self._store.groups:
                raise unknown("no subscription group", group, self._store.groups)
        return _described(self._store.put_user(external_id, given))

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
        "custom_events": {name: entry[2] for name, entry in user.events.items()},
    }
