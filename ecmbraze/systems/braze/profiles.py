"""Read one exported user into a Profile; an absent field is empty, an odd one is refused; asks nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ecmbraze.model import Json, Profile
from ecmbraze.systems.shapes import ShapeError, listing, mapping, whole

_STATES = frozenset({"opted_in", "subscribed", "unsubscribed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user of the export, before it is known under which recipient it was asked for."""

    external_id: str
    names: frozenset[str]
    """Every recipient that means this user: the external id, each ``alias:LABEL:NAME``."""
    email: str | None
    phone: str | None
    email_subscribe: str
    push_subscribe: str
    custom_attributes: Mapping[str, Json]
    custom_events: Mapping[str, tuple[int, str]]

    def profile(self, recipient: str) -> Profile:
        """Return the user as the profile of one recipient."""
        return Profile(
            recipient=recipient, email=self.email, phone=self.phone, email_subscribe=self.email_subscribe,
            push_subscribe=self.push_subscribe, custom_attributes=self.custom_attributes,
            custom_events=self.custom_events,
        )  # fmt: skip


def read_user(raw: object) -> User:
    """Return a user of `/users/export/ids` (api/braze.md 4.3); raises ShapeError."""
    user = mapping(raw, "user object")
    external = "" if user.get("external_id") is None else str(user["external_id"])
    aliases = [mapping(alias, "alias") for alias in listing(user.get("user_aliases") or [], "list of aliases")]
    names = {f"alias:{alias.get('alias_label')}:{alias.get('alias_name')}" for alias in aliases}
    events = [mapping(event, "event") for event in listing(user.get("custom_events") or [], "list of events")]
    return User(
        external_id=external, names=frozenset(names | ({external} if external else set())),
        email=_optional(user, "email"), phone=_optional(user, "phone"), email_subscribe=_state(user, "email_subscribe"),
        push_subscribe=_state(user, "push_subscribe"),
        custom_attributes=mapping(user.get("custom_attributes") or {}, "custom attributes"),
        custom_events={
            str(event.get("name")): (whole(event.get("count", 0), "event count"), str(event.get("last", "")))
            for event in events
        },
    )  # fmt: skip


def _optional(user: Mapping[str, object], name: str) -> str | None:
    value = user.get(name)
    if value is not None and not isinstance(value, str):
        raise ShapeError(f"{name} is no text")
    return value or None


def _state(user: Mapping[str, object], name: str) -> str:
    """Return the global state; Braze omits the default, and a state we do not know is not consent (delivery.md)."""
    state = str(user.get(name) or "subscribed").lower().replace(" ", "_")
    return state if state in _STATES else "unsubscribed"
