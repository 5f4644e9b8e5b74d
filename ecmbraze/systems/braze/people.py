"""Read people back from Braze: profiles and group states; writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from ecmbraze.errors import TemporaryError
from ecmbraze.model import Json, Profile, Received
from ecmbraze.model.recipients import Alias, Email, ExternalId, read
from ecmbraze.systems.braze.asking import Asking, odd
from ecmbraze.systems.braze.identifiers import identifier
from ecmbraze.systems.braze.profiles import UNKNOWN, User, read_user
from ecmbraze.systems.shapes import ShapeError, listing, mapping

PER_REQUEST = 50  # api/braze.md 4.1, 5.3
_EXPORT, _GROUPS = "/users/export/ids", "/subscription/status/get"
# No campaigns_received: it costs the fast lane of the rate limit (api/braze.md 4.1).
_FIELDS = (
    "external_id",
    "user_aliases",
    "email",
    "phone",
    "email_subscribe",
    "push_subscribe",
    "custom_attributes",
    "custom_events",
)


# Flags of engagement, and what leads back to whom they were asked for.
_RECEIVED = ("external_id", "user_aliases", "campaigns_received")


class People:
    """The people behind one key."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    def profiles(self, recipients: Sequence[str]) -> Mapping[str, Sequence[Profile]]:
        """Return recipient → profiles; who is missing is unknown to Braze, two profiles are a tie."""
        found: dict[str, list[Profile]] = {}
        for person, user in self._users(recipients):
            found.setdefault(person, []).append(user.profile(person))
        return found

    def received(self, recipients: Sequence[str]) -> Mapping[str, Sequence[Received]]:
        """Return recipient → the campaigns they received; who is missing is unknown to Braze."""
        found: dict[str, list[Received]] = {}
        for person, user in self._users(recipients, _RECEIVED, "Nobody's silence was concluded from it."):
            found.setdefault(person, []).extend(user.received)
        return found

    def group_states(self, group_id: str, recipients: Sequence[str]) -> Mapping[str, str]:
        """Return recipient → lower-case state; ``unknown`` for whom Braze does not name. An unknown group is exit 15.

        The endpoint knows no aliases: such a person is looked up by external id, else by address.
        """
        names: dict[str, tuple[str, str]] = {}
        aliases: list[str] = []
        for person in recipients:
            match read(person):
                case ExternalId(value=value):
                    names[person] = ("external_id", value)
                case Email(address=address):
                    names[person] = ("email", address)
                case Alias():
                    aliases.append(person)
        for person, user in self._users(aliases):
            names[person] = ("external_id", user.external_id) if user.external_id else ("email", user.email or "")
        states = {
            kind: self._states(group_id, kind, [name for of, name in names.values() if of == kind and name])
            for kind in ("external_id", "email")
        }
        found = {person: states[kind].get(_same(kind, name), UNKNOWN) for person, (kind, name) in names.items()}
        return {person: found.get(person, UNKNOWN) for person in recipients}

    def _users(
        self, recipients: Sequence[str], fields: Sequence[str] = _FIELDS, undone: str = ""
    ) -> Iterator[tuple[str, User]]:
        """Yield each recipient with each user Braze returns for them; ``undone`` is what a failure leaves undone."""
        named = {person: identifier(person) for person in recipients}
        listed = [person for person, name in named.items() if "email" not in name]
        parts = [listed[start : start + PER_REQUEST] for start in range(0, len(listed), PER_REQUEST)]
        queries: list[dict[str, Json]] = []
        for part in parts:
            query: dict[str, Json] = {
                "external_ids": [named[person]["external_id"] for person in part if "external_id" in named[person]],
                "user_aliases": [named[person]["user_alias"] for person in part if "user_alias" in named[person]],
            }
            queries.append({name: value for name, value in query.items() if value})
        for person, name in named.items():
            if "email" in name:  # one address per request (api/braze.md 4.1)
                parts.append([person])
                queries.append({"email_address": name["email"]})
        export = partial(self._export, fields=fields, undone=undone)
        for part, users in zip(parts, self._asking.at_once(export, queries), strict=True):
            by_address, asked = [person for person in part if "email" in named[person]], frozenset(part)
            for user in users:
                yield from ((person, user) for person in by_address or sorted(user.names & asked))

    def _export(self, query: Mapping[str, Json], fields: Sequence[str], undone: str) -> list[User]:
        try:
            body = self._asking.ask("POST", _EXPORT, json={**query, "fields_to_export": list(fields)})
            return [read_user(user) for user in listing(body.get("users"), "list of users")]
        except TemporaryError as error:
            raise TemporaryError(
                f"{'Engagement' if undone else 'Consent'} could not be read. {error.happened}",
                undone=undone or "Nobody was messaged without it; they wait.",
                advice=error.advice,
            ) from error
        except ShapeError as error:
            raise odd(_EXPORT, error) from None

    def _states(self, group_id: str, kind: str, names: Sequence[str]) -> dict[str, str]:
        """Return name → state, 50 names a request; two states of one address are none."""
        states: dict[str, str] = {}
        for start in range(0, len(names), PER_REQUEST):
            params = [("subscription_group_id", group_id)]
            params += [(f"{kind}[]", name) for name in names[start : start + PER_REQUEST]]
            body: Mapping[str, Any] = self._asking.ask("GET", _GROUPS, params=params, about=group_id)
            try:
                told = mapping(body.get("status"), "states")
            except ShapeError as error:
                raise odd(_GROUPS, error) from None
            for name, raw in told.items():
                key, state = _same(kind, str(name)), _group_state(raw)
                states[key] = state if states.get(key, state) == state else UNKNOWN
        return states


def _same(kind: str, name: str) -> str:
    """Return what two spellings of one person share: addresses ignore case, external ids do not."""
    return name.lower() if kind == "email" else name


def _group_state(raw: object) -> str:
    """Return the state, whose case varies (api/braze.md 5.1); any other shape is unknown and no consent."""
    state = raw.lower() if isinstance(raw, str) else UNKNOWN
    return state if state in ("subscribed", "unsubscribed") else UNKNOWN
