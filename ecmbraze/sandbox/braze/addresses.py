"""What the simulated Braze keeps per address, and the states of whoever has it (api/braze.md 5.2); no endpoint."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from ecmbraze.sandbox.braze.records import User
from ecmbraze.sandbox.braze.switches import Switches

_ORPHANS_KEPT = timedelta(days=30)
_SHARED_BY = 100  # profiles that one write reaches, as the page on managing subscriptions says


class Addresses:
    """Who has which e-mail address or phone number, and what is kept of both beyond the people.

    ``bounced`` and ``unsubscribed`` are address → when; ``invalid_phones`` is number → (when, reason).
    """

    def __init__(self, now: Callable[[], datetime], switches: Switches) -> None:
        self._now, self._switches = now, switches
        self.bounced: dict[str, datetime] = {}
        self.unsubscribed: dict[str, datetime] = {}
        self.invalid_phones: dict[str, tuple[datetime, str]] = {}
        self._holders: dict[tuple[str, str], list[User]] = {}
        self._waiting: dict[str, str] = {}
        self._waiting_groups: dict[str, dict[str, tuple[str, datetime]]] = {}

    def holders(self, field: str, address: object) -> list[User]:
        """Return everybody with this ``email`` or ``phone``."""
        return list(self._holders.get((field, _plain(address)), []))

    def sharing(self, field: str, user: User) -> list[User]:
        """Return whom a write about one person reaches: everybody with the same address, a hundred at most."""
        address = user.fields.get(field)
        others = self._holders.get((field, _plain(address)), []) if address else []
        return [user, *(other for other in others if other is not user)][:_SHARED_BY]

    def move(self, user: User, field: str, address: str | None) -> None:
        """Give a person another address, or none.

        A new e-mail address resets the consent, unless somebody had that address before or a state waits for it.
        """
        old, new = _plain(user.fields.get(field)), _plain(address)
        kept = self._state_of(new) if new and field == "email" else None
        self._leave(user, field)
        if address is None:
            user.fields.pop(field, None)
            return
        user.fields[field] = address
        if not new:
            return
        self._holders.setdefault((field, new), []).append(user)
        if field == "email" and new != old:
            untouched = "subscribed" if self._switches.resubscribe_on_email_change else None
            user.fields["email_subscribe"] = kept or untouched or user.fields.get("email_subscribe", "subscribed")
        self._inherit_groups(user, new)

    def forget(self, user: User) -> None:
        """Let a person go; the consent of an address is deleted with its last holder."""
        for field in ("email", "phone"):
            address = _plain(user.fields.get(field))
            self._leave(user, field)
            if address and not self._holders.get((field, address)):
                self._waiting.pop(address, None)

    def set_state(self, user: User, channel: str, state: str | None, at: datetime, *, through_api: bool) -> None:
        """Set the global state of ``email`` or ``push``; who unsubscribes is listed under the address (5.7)."""
        if channel == "email":
            self._list(_plain(user.fields.get("email")), state, at, through_api=through_api)
        if state is None:
            user.fields.pop(f"{channel}_subscribe", None)
            return
        user.fields[f"{channel}_subscribe"] = state
        if state != "subscribed":
            user.dates[f"{channel}_{state}_at"] = at

    def mark_bounced(self, user: User, at: datetime | None) -> None:
        """Let the address of a person bounce since then, or no more."""
        _put(self.bounced, user.fields.get("email"), at)

    def mark_invalid(self, user: User, found: tuple[datetime, str] | None) -> None:
        """Let the number of a person be invalid since then and why, or no more."""
        _put(self.invalid_phones, user.fields.get("phone"), found)

    def keep_state(self, address: str, state: str) -> None:
        """Keep an e-mail state for an address that nobody has; no page names an end of that."""
        self._waiting[_plain(address)] = state

    def keep_group_state(self, address: str, group: str, state: str) -> None:
        """Keep a group state for an address that nobody has, for whoever gets it within 30 days."""
        self._waiting_groups.setdefault(_plain(address), {})[group] = (state, self._now())

    def _list(self, email: str, state: str | None, at: datetime, *, through_api: bool) -> None:
        if email and state == "unsubscribed" and (self._switches.list_api_unsubscribes or not through_api):
            self.unsubscribed[email] = at
        elif state != "unsubscribed" and not self._switches.list_resubscribed:
            self.unsubscribed.pop(email, None)

    def _state_of(self, email: str) -> str | None:
        for user in self._holders.get(("email", email), []):
            return str(user.fields.get("email_subscribe", "subscribed"))
        return self._waiting.get(email)

    def _inherit_groups(self, user: User, address: str) -> None:
        since = self._now() - _ORPHANS_KEPT
        found = self._waiting_groups.pop(address, {})
        user.groups.update({group: state for group, (state, at) in found.items() if at >= since})

    def _leave(self, user: User, field: str) -> None:
        key = (field, _plain(user.fields.get(field)))
        if key in self._holders:
            self._holders[key] = [other for other in self._holders[key] if other is not user]


def _plain(address: Any) -> str:
    return str(address or "").lower()


def _put(book: dict[str, Any], address: str | None, entry: Any) -> None:
    if entry is None:
        book.pop(_plain(address), None)
    elif address:
        book[_plain(address)] = entry
