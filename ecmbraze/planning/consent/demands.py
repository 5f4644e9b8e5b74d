"""What a rule demands of a person's consent, and whether they gave it; unknown is never consent; pure.

A message goes only if every demand is met: the one stored with it when it was planned, and the one the rule makes now.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass

from ecmbraze.model import Json, Profile

TRANSACTIONAL = "transactional"
# The channels whose state the profile itself carries; the others live in subscription groups (api/braze.md 5).
_GLOBAL = ("email", "push")
_STATES = ("opted_in", "subscribed", "unsubscribed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """The least a message needs on one channel: a state, perhaps in a subscription group."""

    channel: str
    state: str
    group: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What is known of one person. ``groups`` maps group id → state, of the groups that were asked for."""

    profile: Profile
    bounced: bool
    groups: Mapping[str, str]
    withdrawn: Container[str] = frozenset()
    """The channels (``email``, ``push``, ``group:<id>``) on which a withdrawal stands in the ledger."""


def demands(*consents: Mapping[str, Json] | None) -> tuple[Demand, ...]:
    """Return what all of these consents together demand, each once; a transactional ground demands nothing."""
    found = [
        Demand(
            channel=channel, state=str(entry.get("state")), group=str(entry["group"]) if entry.get("group") else None
        )
        for consent in consents
        for channel, entry in (consent or {}).items()
        if isinstance(entry, Mapping)
    ]
    return tuple(dict.fromkeys(found))


def groups(wanted: Iterable[Demand]) -> frozenset[str]:
    """Return the subscription groups whose state must be known."""
    return frozenset(demand.group for demand in wanted if demand.group)


def seen(wanted: Iterable[Demand], given: Given) -> dict[str, str]:
    """Return what Braze said of each channel and group that is demanded: what a message that goes rests on."""
    profile = given.profile
    states = {"email": profile.email_subscribe, "push": profile.push_subscribe}
    found: dict[str, str] = {}
    for demand in wanted:
        if demand.channel in _GLOBAL:
            found[demand.channel] = str(states[demand.channel] or "unknown")
        if demand.group:
            found[f"group:{demand.group}"] = given.groups.get(demand.group, "unknown")
    return found


def refusal(wanted: Iterable[Demand], given: Given) -> str:
    """Return why a message must not go, in words; empty when every demand is met."""
    return next((reason for demand in wanted if (reason := _refusal(demand, given))), "")


def _refusal(demand: Demand, given: Given) -> str:
    return _standing(demand, given) or _shown(demand, given)


def _standing(demand: Demand, given: Given) -> str:
    """Return what the ledger knows of a withdrawal that Braze may not show (yet)."""
    for channel in (demand.channel, f"group:{demand.group}"):
        if channel in given.withdrawn:
            return f"a withdrawal from {channel} stands in the consent record, whatever Braze shows"
    return ""


def _shown(demand: Demand, given: Given) -> str:
    if demand.channel in _GLOBAL:
        profile = given.profile
        state = profile.push_subscribe if demand.channel == "push" else profile.email_subscribe
        if state == "unsubscribed":
            return f"unsubscribed from {demand.channel}"
        if state not in _STATES:
            return f"consent_unknown: Braze tells no {demand.channel} state that it documents"
        if demand.state == "opted_in" and state != "opted_in":
            return f"{demand.channel} is {state}, the rule demands opted_in"
    if demand.channel == "email" and given.bounced:
        return "the e-mail address bounced"
    if demand.group:
        held = given.groups.get(demand.group, "unknown").lower()
        if held == "unsubscribed":
            return f"unsubscribed from group {demand.group}"
        if held != "subscribed":
            return f"consent_unknown: group {demand.group}"
    return ""
