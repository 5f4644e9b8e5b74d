"""Read people back from Braze: profiles, group states, bounces; writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from ecmbraze.errors import ConfigurationError, CredentialRefused, TemporaryError
from ecmbraze.model import Json, Profile
from ecmbraze.systems.braze.identifiers import identifier
from ecmbraze.systems.exchange import CertificateRefused
from ecmbraze.systems.http import Http

PER_REQUEST = 50  # api/braze.md 4.1, 5.3
_BOUNCE_PAGE = 500  # api/braze.md 5.7
_FIELDS = (
    "external_id", "user_aliases", "email", "phone", "email_subscribe", "push_subscribe", "custom_attributes",
    "custom_events",
)  # fmt: skip


class People:
    """Implements PeopleReader."""

    def __init__(self, http: Http, headers: Mapping[str, str]) -> None:
        self._http, self._headers = http, headers

    def profiles(self, recipients: Sequence[str]) -> Mapping[str, Sequence[Profile]]:
        """Return recipient → profiles; who is missing is unknown to Braze."""
        found: dict[str, list[Profile]] = {}
        listed = [person for person in recipients if not person.startswith("email:")]
        for start in range(0, len(listed), PER_REQUEST):
            part = listed[start : start + PER_REQUEST]
            aliases = [identifier(person)["user_alias"] for person in part if person.startswith("alias:")]
            ids = [person for person in part if not person.startswith("alias:")]
            query: dict[str, Any] = {"external_ids": ids, "user_aliases": aliases}
            self._export({name: value for name, value in query.items() if value}, set(part), found)
        for person in recipients:
            if person.startswith("email:"):
                self._export({"email_address": person.removeprefix("email:")}, {person}, found)
        return found

    def group_states(self, group_id: str, recipients: Sequence[str]) -> Mapping[str, str]:
        """Return recipient → lower-case state; an unknown group is exit 15."""
        states: dict[str, str] = {}
        for start in range(0, len(recipients), PER_REQUEST):
            part = recipients[start : start + PER_REQUEST]
            params = [("subscription_group_id", group_id)]
            params += [("external_id[]", person) for person in part if ":" not in person or not _special(person)]
            body = self._ask("GET", "/subscription/status/get", "subscription.status.get", params=params)
            status = body.get("status")
            if not isinstance(status, Mapping):
                raise _odd("/subscription/status/get")
            states |= {str(person): str(state).lower() for person, state in status.items()}
        return states

    def hard_bounces(self, since: datetime) -> frozenset[str]:
        """Return the bounced addresses, lower case; today's need an end date of tomorrow (api/braze.md 5.7)."""
        found: set[str] = set()
        until = self._http.clock.now() + timedelta(days=1)
        offset = 0
        while True:
            params = {
                "start_date": f"{since:%Y-%m-%d}", "end_date": f"{until:%Y-%m-%d}", "limit": str(_BOUNCE_PAGE),
                "offset": str(offset), "sort_direction": "asc",
            }  # fmt: skip
            body = self._ask("GET", "/email/hard_bounces", "email.hard_bounces", params=params)
            emails = body.get("emails")
            if not isinstance(emails, list):
                raise _odd("/email/hard_bounces")
            found |= {
                str(entry["email"]).lower() for entry in emails if isinstance(entry, Mapping) and "email" in entry
            }
            if len(emails) < _BOUNCE_PAGE:
                return frozenset(found)
            offset += len(emails)

    def names(self, kind: str, message_id: str) -> Mapping[str, Any]:
        """Return the details of a campaign or Canvas for `check`; raises ConfigurationError when Braze has none."""
        path, name = f"/{kind}s/details" if kind == "campaign" else "/canvas/details", f"{kind}_id"
        permission = "campaigns.details" if kind == "campaign" else "canvas.details"
        return self._ask("GET", path, permission, params={name: message_id})

    def _export(self, query: Mapping[str, Json], asked: set[str], found: dict[str, list[Profile]]) -> None:
        body = self._ask(
            "POST", "/users/export/ids", "users.export.ids", json={**query, "fields_to_export": list(_FIELDS)}
        )
        users = body.get("users")
        if not isinstance(users, list):
            raise _odd("/users/export/ids")
        for user in users:
            for person in _spellings(user) & asked:
                found.setdefault(person, []).append(_profile(person, user))

    def _ask(self, method: str, path: str, permission: str, **request: Any) -> Mapping[str, Any]:
        try:
            answer = self._http.read(method, path, json_errors_final=False, headers=self._headers, **request)
        except CertificateRefused as error:
            raise CredentialRefused(
                f"{error}.", undone="Nothing was sent.", advice="Check braze.url and braze.ca_file."
            ) from None
        if answer.status in (401, 403):
            refused = "refuses the API key" if answer.status == 401 else f"key lacks the permission {permission}"
            raise CredentialRefused(f"Braze {refused}.", undone="Nothing was sent.", advice="Check braze.api_key.")
        if 300 <= answer.status < 400:
            raise ConfigurationError(
                f"Braze answers {path} with a redirect; refusing to follow it.", advice="Check braze.url."
            )
        if answer.status >= 400:
            said = str(answer.json().get("message", ""))[:200] if answer.has_json() else "no JSON"
            raise ConfigurationError(
                f"Braze refuses {path}: {self._http.redactor.scrub(said)}", undone="Nothing was sent.",
                advice="Check the ids in the configuration and braze.url.",
            )  # fmt: skip
        return answer.json()


def _special(person: str) -> bool:
    return person.startswith(("alias:", "email:"))


def _spellings(user: Mapping[str, Any]) -> set[str]:
    """Return every way a recipient could have named this profile."""
    names = {str(user["external_id"])} if user.get("external_id") is not None else set()
    for alias in user.get("user_aliases") or ():
        names.add(f"alias:{alias.get('alias_label')}:{alias.get('alias_name')}")
    if user.get("email"):
        names.add(f"email:{str(user['email']).lower()}")
    return names


def _profile(person: str, user: Mapping[str, Any]) -> Profile:
    events = {
        str(event["name"]): (int(event.get("count", 0)), str(event.get("last", "")))
        for event in user.get("custom_events") or ()
    }
    return Profile(
        recipient=person, email=user.get("email"), phone=user.get("phone"),
        email_subscribe=str(user.get("email_subscribe") or "subscribed"),
        push_subscribe=str(user.get("push_subscribe") or "subscribed"),
        custom_attributes=user.get("custom_attributes") or {}, custom_events=events,
    )  # fmt: skip


def _odd(path: str) -> TemporaryError:
    return TemporaryError(f"Braze answered {path} in a shape nobody documents.", undone="Nothing was sent.")
