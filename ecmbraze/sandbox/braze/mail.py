"""Writes about addresses, whoever has them: states, blocklist, bounces, spam, numbers (api/braze.md 5.7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecmbraze.sandbox.braze import people
from ecmbraze.sandbox.braze.answers import Refused, several
from ecmbraze.sandbox.braze.store import BrazeStore
from ecmbraze.sandbox.braze.tracking import later

_MOST = 50
_STATES = ("subscribed", "unsubscribed", "opted_in")


def set_state(store: BrazeStore, body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer `/email/status`: the state of an unknown address waits for somebody to have it. Raises Refused."""
    state = body.get("subscription_state")
    if state not in _STATES:
        raise Refused(400, "Invalid subscription state")
    emails = _emails(body)
    later(store, lambda: _state(store, emails, state))
    return {"message": "success"}


def block(store: BrazeStore, body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer `/email/blocklist`: the address is unsubscribed *and* counts as hard bounced. Raises Refused."""
    emails = _emails(body)

    def work() -> None:
        _state(store, emails, "unsubscribed")
        now = store.clock.now()
        store.addresses.bounced.update((email.lower(), now) for email in emails)

    later(store, work)
    return {"message": "success"}


def forgive_bounces(store: BrazeStore, body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer `/email/bounce/remove`; whoever was unsubscribed stays so. Raises Refused."""
    emails = _emails(body)

    def work() -> None:
        for email in emails:
            store.addresses.bounced.pop(email.lower(), None)

    later(store, work)
    return {"message": "success"}


def forgive_spam(store: BrazeStore, body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer `/email/spam/remove`. Raises Refused."""
    emails = _emails(body)

    def work() -> None:
        for email in emails:
            for user in people.with_email(store, email):
                user.fields.pop("marked_email_as_spam_at", None)

    later(store, work)
    return {"message": "success"}


def forgive_phones(store: BrazeStore, body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer `/sms/invalid_phone_numbers/remove`. Raises Refused."""
    phones = [str(phone) for phone in several(body, "phone_numbers", _MOST)]
    if not phones:
        raise Refused(400, "phone_numbers is required")

    def work() -> None:
        for phone in phones:
            store.addresses.invalid_phones.pop(phone, None)

    later(store, work)
    return {"message": "success"}


def _emails(body: Mapping[str, Any]) -> list[str]:
    emails = several(body, "email", _MOST)
    if not emails or not all(isinstance(email, str) for email in emails):
        raise Refused(400, "email must be a string or an array of strings")
    return emails


def _state(store: BrazeStore, emails: list[str], state: str) -> None:
    for email in emails:
        known = people.with_email(store, email)
        store.set_email_state(known, state)
        if not known:
            store.addresses.keep_state(email, state)
