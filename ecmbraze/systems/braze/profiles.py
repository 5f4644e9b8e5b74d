"""Read one exported user into a Profile; an absent field is empty, an odd one is refused; asks nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ecmbraze.model import Json, Profile, Received
from ecmbraze.model.recipients import Alias, ExternalId, write
from ecmbraze.systems.shapes import ShapeError, listing, mapping, text, whole

_STATES = frozenset({"opted_in", "subscribed", "unsubscribed"})
UNKNOWN = "unknown"
# Not on the current pages, but seen: exact times of the global states (api/braze.md 4.3).
_CHOSEN_AT = ("email_opted_in_at", "email_unsubscribed_at", "push_opted_in_at", "push_unsubscribed_at")
# The formats differ inside one object: ISO 8601, ``2020-07-10 15:00:00.000 UTC``, ``2020-06-17 19:27:44 +0000``.
_ZONE = re.compile(r" (?:UTC|(?=[+-]\d\d:?\d\d$))")


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user of the export, before it is known under which recipient it was asked for."""

    external_id: str
    names: frozenset[str]
    """Every recipient that means this user: the external id, each alias."""
    email: str | None
    phone: str | None
    email_subscribe: str
    push_subscribe: str
    custom_attributes: Mapping[str, Json]
    custom_events: Mapping[str, tuple[int, str]]
    chosen_at: Mapping[str, datetime]
    """Those of ``email_opted_in_at`` and its like that the export carries."""
    received: Sequence[Received] = ()
    """The campaigns, where they were asked for."""

    def profile(self, recipient: str) -> Profile:
        """Return the user as the profile of one recipient."""
        return Profile(
            recipient=recipient,
            email=self.email,
            phone=self.phone,
            email_subscribe=self.email_subscribe,
            push_subscribe=self.push_subscribe,
            custom_attributes=self.custom_attributes,
            custom_events=self.custom_events,
            **self.chosen_at,
        )


def read_user(raw: object) -> User:
    """Return a user of `/users/export/ids` (api/braze.md 4.3); raises ShapeError."""
    user = mapping(raw, "user object")
    external = _external_id(user.get("external_id"))
    names = {_alias(mapping(alias, "alias")) for alias in listing(_given(user, "user_aliases", []), "list of aliases")}
    names |= {write(ExternalId(value=external))} if external else set()
    events = [mapping(event, "event") for event in listing(_given(user, "custom_events", []), "list of events")]
    return User(
        external_id=external,
        names=frozenset(names),
        email=_optional(user, "email"),
        phone=_optional(user, "phone"),
        email_subscribe=_state(user, "email_subscribe"),
        push_subscribe=_state(user, "push_subscribe"),
        custom_attributes=mapping(_given(user, "custom_attributes", {}), "custom attributes"),
        custom_events={
            str(event.get("name")): (whole(event.get("count", 0), "event count"), str(event.get("last", "")))
            for event in events
        },
        received=[
            _received(mapping(one, "campaign"))
            for one in listing(_given(user, "campaigns_received", []), "list of campaigns")
        ],
        chosen_at={name: at for name in _CHOSEN_AT if (at := moment(user.get(name)))},
    )


def _received(row: Mapping[str, object]) -> Received:
    """Return a campaign; Braze leaves the flags out that are false, and all of them where none is true (4.3)."""
    flags = mapping(_given(row, "engaged", {}), "flags of a campaign")
    return Received(
        campaign=text(row.get("api_campaign_id"), "api_campaign_id"),
        engaged=any(flag is True for flag in flags.values()),
    )


def _given(user: Mapping[str, object], name: str, otherwise: object) -> object:
    """Return a field, or ``otherwise`` where Braze leaves it out; ``false`` or ``0`` is not left out."""
    value = user.get(name)
    return otherwise if value is None else value


def moment(value: object) -> datetime | None:
    """Return an instant in UTC; ``None`` for anything else: such times are never guessed."""
    if not isinstance(value, str):
        return None
    try:
        found_at = datetime.fromisoformat(_ZONE.sub(lambda found: "+00:00" if "UTC" in found[0] else "", value.strip()))
        return found_at.astimezone(UTC) if found_at.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _external_id(value: object) -> str:
    """Return the id, also one that was once sent as a number (api/braze.md 1.3); empty for an alias-only user."""
    if value is None:
        return ""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else text(value, "external_id")


def _alias(alias: Mapping[str, object]) -> str:
    label, name = text(alias.get("alias_label"), "alias_label"), text(alias.get("alias_name"), "alias_name")
    return write(Alias(label=label, name=name))


def _optional(user: Mapping[str, object], name: str) -> str | None:
    value = user.get(name)
    if value is not None and not isinstance(value, str):
        raise ShapeError(f"{name} is no text")
    return value or None


def _state(user: Mapping[str, object], name: str) -> str:
    """Return the global state; Braze leaves the default out, any other shape is unknown and no consent."""
    value = _given(user, name, "subscribed")
    state = value.lower() if isinstance(value, str) else UNKNOWN
    return state if state in _STATES else UNKNOWN
