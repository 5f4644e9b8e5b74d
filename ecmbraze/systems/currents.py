"""Read what Currents files in a synced folder tell of choices and of e-mails; concludes nothing from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ecmbraze.model import SPAM, ChoiceEvent, CurrentsFile, MailAct, MailEvent
from ecmbraze.model.recipients import ExternalId, write
from ecmbraze.systems import avrofolder

# api/braze.md 6.3: the types that say something of a choice or an address.
_GLOBAL, _GROUP = "behaviors.subscription.GlobalStateChange", "behaviors.subscriptiongroup.StateChange"
_SPAM, _BOUNCE, _LEFT = "messages.email.MarkAsSpam", "messages.email.Bounce", "messages.email.Unsubscribe"
_CHOICES = (_GLOBAL, _GROUP, _SPAM, _BOUNCE, _LEFT)
_STATES = {"subscribed": "subscribed", "unsubscribed": "unsubscribed", "opted in": "opted_in", "opted_in": "opted_in"}
# And those that say what became of an e-mail.
_ACTS = {
    "messages.email.Send": MailAct.SENT,
    "messages.email.Delivery": MailAct.DELIVERED,
    "messages.email.Open": MailAct.ENGAGED,
    "messages.email.Click": MailAct.ENGAGED,
}
_MAILS = tuple(_ACTS)
# Before Braze there were no events, and placeholders of test events are no times.
_FIRST, _LAST = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (2011, 9999))
# No longer than the interval that `check` knows may stand in the attribute of the source.
_LONGEST_SOURCE = 60


class CurrentsFolder:
    """The reader of every such folder."""

    def files(self, folder: str, since: datetime) -> Sequence[CurrentsFile]:
        """Return the files about choices modified at or after ``since``, the oldest first; see the port."""
        return avrofolder.files(folder, since, _CHOICES)

    def events(self, folder: str, file: CurrentsFile) -> Sequence[ChoiceEvent]:
        """Return what one file says of choices; see the port."""
        return [event for kind, row in avrofolder.rows(folder, file, _CHOICES) for event in _choice(kind, row)]

    def mail_files(self, folder: str, since: datetime) -> Sequence[CurrentsFile]:
        """Return the files about e-mails modified at or after ``since``, the oldest first; see the port."""
        return avrofolder.files(folder, since, _MAILS)

    def mail_events(self, folder: str, file: CurrentsFile) -> Sequence[MailEvent]:
        """Return what one file says of e-mails; see the port."""
        return [event for kind, row in avrofolder.rows(folder, file, _MAILS) for event in _mail(kind, row)]


def _choice(kind: str, row: Mapping[str, Any]) -> Iterator[ChoiceEvent]:
    """Yield the event of one row; nothing of one without id or possible time. Unknown fields are left out."""
    if not row.get("id") or not (at := _time(row)):
        return
    state = _STATES.get(str(row.get("subscription_status")).lower(), "")
    fact = ""
    if kind == _GLOBAL:
        channel = str(row.get("channel") or "").lower()
        fact = channel if channel in ("email", "push") and state else ""
    elif kind == _GROUP:
        fact = f"group:{row['subscription_group_id']}" if row.get("subscription_group_id") and state else ""
    elif kind == _SPAM:
        state = SPAM
    yield ChoiceEvent(
        id=str(row["id"]),
        person=_person(row),
        addresses=tuple(str(row[name]) for name in ("email_address", "phone_number") if row.get(name)),
        fact=fact,
        state=state if fact or kind == _SPAM else "",
        at=at,
        source=_plain(str(row.get("state_change_source") or "")),
    )


def _mail(kind: str, row: Mapping[str, Any]) -> Iterator[MailEvent]:
    """Yield the event of one row; nothing of one without id or possible time, or that no person caused."""
    if not row.get("id") or not (at := _time(row)) or _is_of_a_machine(row):
        return
    yield MailEvent(
        id=str(row["id"]),
        act=_ACTS[kind],
        person=_person(row),
        address=str(row.get("email_address") or ""),
        message=str(row.get("dispatch_id") or row["id"]),
        at=at,
    )


def _is_of_a_machine(row: Mapping[str, Any]) -> bool:
    """Say whether a mail proxy opened it or a scanner clicked: a text and a boolean, null where nobody looked (6.3)."""
    return str(row.get("machine_open")).lower() == "true" or row.get("is_suspected_bot_click") is True


def _time(row: Mapping[str, Any]) -> datetime | None:
    at = row.get("time")
    return datetime.fromtimestamp(at, UTC) if isinstance(at, int) and _FIRST <= at <= _LAST else None


def _person(row: Mapping[str, Any]) -> str:
    person = row.get("external_user_id")
    return write(ExternalId(value=str(person))) if person else ""


def _plain(source: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in source).split())[:_LONGEST_SOURCE]
