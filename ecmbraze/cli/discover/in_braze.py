"""List campaigns, Canvases, segments and subscription groups of Braze; shows no state of any person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from ecmbraze.cli.discover.listing import Listing, Row, matches
from ecmbraze.config import Settings
from ecmbraze.config.names import named
from ecmbraze.config.strict_yaml import as_mapping
from ecmbraze.errors import CredentialRefused
from ecmbraze.model import Json
from ecmbraze.model.listed import Listed, ListedGroup, MessageState
from ecmbraze.planning.naming import Names
from ecmbraze.systems.braze.refusals import key_refused

_PLURAL = {"campaign": "campaigns", "canvas": "Canvases"}
_UNKNOWN = MessageState(state="unknown")


class Braze(Protocol):
    """What of Braze is asked."""

    def everything(self, kind: str, /) -> Sequence[Listed]: ...
    def states(self, kind: str, ids: Sequence[str], /) -> Iterator[MessageState]: ...
    def group_exists(self, group_id: str, /) -> bool: ...
    def groups_of(self, external_id: str, /) -> Sequence[ListedGroup]: ...


def messages(braze: Braze, kind: str, match: str) -> Listing:
    """Return the campaigns or Canvases whose name matches, archived ones too.

    The state of an archived one is known from the lists; every other is asked for. Where the key may not do that the
    rows are complete but for it, and the listing says so.
    """
    there = _by_name(braze.everything(kind))
    shown = [one for one in there if matches(one.name, match)]
    asked = [one.id for one in shown if not one.archived]
    states, lacking = _states(braze, kind, asked)
    states |= {one.id: MessageState(state="archived") for one in shown if one.archived}
    columns = {"id": "id", "state": "state", "schedule": "schedule_type", "name": "name", "tags": "tags"}
    if kind == "campaign":
        columns |= {"API campaign": "is_api_campaign"}
    return Listing(
        what=_PLURAL[kind],
        columns=columns,
        rows=[_message(one, states.get(one.id, _UNKNOWN), kind) for one in shown],
        lacking=lacking,
        there=len(there),
    )


def segments(braze: Braze) -> Listing:
    """Return the segments that are not archived: archived ones are in no list (api/braze.md 7.5)."""
    rows: list[Row] = [
        {"id": one.id, "name": one.name, "tags": list(one.tags)} for one in _by_name(braze.everything("segment"))
    ]
    return Listing(what="segments", columns={"id": "id", "name": "name", "tags": "tags"}, rows=rows)


def groups(config: Settings, braze: Braze) -> Listing:
    """Return the subscription groups that the flows name, and those in which the canary profile has a state."""
    places = _places(config)
    known, notes = _of_canary(config, braze)
    rows: list[Row] = []
    states, lacking = _groups_there(braze, [one for one in places if one not in known])
    for group_id in dict.fromkeys((*places, *known)):
        one = known.get(group_id)
        used: list[Json] = list(places.get(group_id, ()))
        rows.append(
            {
                "id": group_id,
                "state": "there" if group_id in known else states.get(group_id, "unknown"),
                "name": one.name if one else "",
                "channel": one.channel if one else "",
                "used": used,
            }
        )
    columns = {"id": "id", "state": "state", "channel": "channel", "name": "name", "used at": "used"}
    notes = [*_missing(config), *notes]
    return Listing(what="subscription groups", columns=columns, rows=rows, notes=notes, lacking=lacking)


def _by_name(found: Sequence[Listed]) -> list[Listed]:
    return sorted(found, key=lambda one: (one.name.casefold(), one.id))


def _states(braze: Braze, kind: str, ids: Sequence[str]) -> tuple[dict[str, MessageState], CredentialRefused | None]:
    try:
        return dict(zip(ids, braze.states(kind, ids), strict=True)), None
    except CredentialRefused as error:
        _refuse_key(error)
        refused = CredentialRefused(
            error.happened,
            undone=f"Which of the {_PLURAL[kind]} are drafts or stopped was not read.",
            advice=error.advice,
        )
        return {}, refused


def _groups_there(braze: Braze, ids: Sequence[str]) -> tuple[dict[str, str], CredentialRefused | None]:
    try:
        return {one: "there" if braze.group_exists(one) else "not in Braze" for one in ids}, None
    except CredentialRefused as error:
        _refuse_key(error)
        undone = "Which of the groups are in Braze was not read."
        return {}, CredentialRefused(error.happened, undone=undone, advice=error.advice)


def _refuse_key(error: CredentialRefused) -> None:
    """Raise the error again unless it is a permission that is lacking: with another key nothing is as it seems."""
    if error.happened == key_refused().happened:
        raise error


def _message(one: Listed, state: MessageState, kind: str) -> Row:
    own: dict[str, Json] = {"is_api_campaign": one.is_api_campaign} if kind == "campaign" else {}
    return {
        "id": one.id,
        "name": one.name,
        "state": state.state,
        "schedule_type": state.schedule_type,
        "tags": list(one.tags),
        **own,
    }


def _places(config: Settings) -> Mapping[str, list[str]]:
    """Return group → where the flows name it."""
    found: dict[str, list[str]] = {}
    for flow, section in config.flows.items():
        for entry in named(flow, section):
            if entry.sort is Names.GROUP:
                found.setdefault(entry.name, []).append(config.places.of(entry.path))
    return found


def _missing(config: Settings) -> Iterator[str]:
    written: Mapping[str, Any] = as_mapping(config.places.value(()).get("flows"))
    for flow in written:
        if flow not in config.flows:
            yield f"flows.{flow} does not load yet, so that its groups are missing here: `ecmbraze check` says why."


def _of_canary(config: Settings, braze: Braze) -> tuple[Mapping[str, ListedGroup], list[str]]:
    """Return what a profile of the operator's own tells of groups, and what is to be said of it."""
    elsewhere = "ids stand in Braze under Audience, Subscription Group Management"
    nobody = f"Braze has no list of subscription groups: these are those that the configuration names. All {elsewhere}."
    if not config.verify.canary:
        return {}, [nobody, "With `verify: {canary: EXTERNAL_ID}` the groups of that profile are listed, by name."]
    try:
        found = {one.id: one for one in braze.groups_of(config.verify.canary)}
    except CredentialRefused as error:
        _refuse_key(error)
        return {}, [nobody, f"The names of groups were not read. {error.happened}"]
    return found, [
        f"Braze has no list of subscription groups: these are those that the configuration names, and those in which "
        f"the canary profile ever had a state. All {elsewhere}."
    ]
