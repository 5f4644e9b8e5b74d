"""Find the workspace that is to be probed, and say why nothing may be written there; writes nothing.

A probe must never lead to a message. Whatever cannot be told speaks against it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ecmbraze.config import Settings
from ecmbraze.config.names import named
from ecmbraze.engine.scan.details import as_record, read_whole
from ecmbraze.errors import RecordUnreadable, UsageError
from ecmbraze.flows import BY_NAME
from ecmbraze.needs import Needs, of_type
from ecmbraze.planning.outbound import Sort
from ecmbraze.suggest import did_you_mean
from ecmbraze.systems.ecm.client import EcmClient
from ecmbraze.systems.ecm.probing import Named, Trial

# How the name of everything begins that a probe makes.
MARK = "ecmbraze probe"
_INSTEAD = "Make a workspace for probes that names no customer, or take one of a type that no flow reads"
UNDONE = "Nothing was written and nothing was checked."
_BEGINNING = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The workspace that is probed."""

    id: int
    name: str
    type_id: int
    type_name: str

    def __str__(self) -> str:
        return f"workspace {self.id} {self.name!r} of type {self.type_name!r}"


def find(ecm: EcmClient, asked: str) -> Place:
    """Return the one workspace of an id or a name. Raises UsageError for none or several."""
    number = asked.removeprefix("ws:")
    types = {type_id: name for name, type_id in ecm.workspace_types().items()}
    found = _of_id(ecm, int(number)) if number.isascii() and number.isdigit() else _of_name(ecm, asked)
    if len(found) > 1:
        told = ", ".join(f"ws:{one.id} ({types.get(one.type_id, 'of an unknown type')})" for one in found)
        raise UsageError(
            f"--probe: {len(found)} workspaces are named {asked!r}: {told}.",
            undone=UNDONE,
            advice="Name one by its id.",
        )
    [one] = found
    return Place(id=one.id, name=one.name, type_id=one.type_id, type_name=types.get(one.type_id, ""))


def _of_id(ecm: EcmClient, number: int) -> list[Named]:
    try:
        row = ecm.workspace(number).row
    except RecordUnreadable as error:
        raise UsageError(
            f"--probe: node {number} is no workspace that the account may see: {error.happened.rstrip('.')}.",
            undone=UNDONE,
            advice="Name a workspace by its node id, or by its whole name.",
        ) from None
    listed = [one for one in ecm.probing.named(row.name) if one.id == number]  # which tells the type for certain
    return listed or [Named(id=row.id, name=row.name, type_id=row.type_id)]


def _of_name(ecm: EcmClient, asked: str) -> list[Named]:
    found = [one for one in ecm.probing.named(asked) if one.name == asked] if asked.strip() else []
    if not found:
        near = {one.name for one in ecm.probing.named(f"startswith_{asked[:_BEGINNING]}")} if asked.strip() else ()
        meant = did_you_mean(asked, near) or "."
        raise UsageError(
            f"--probe: there is no workspace named {asked!r} that the account may see{meant}",
            undone=UNDONE,
            advice="Write its whole name, or its node id (4711 or ws:4711).",
        )
    return found


def danger(config: Settings, ecm: EcmClient, place: Place) -> str:
    """Return why nothing may be written to this workspace; empty where no flow could send anything because of it.

    Flows that are off count too: they may be on tomorrow, and then compare with what they saw before.
    """
    if not place.type_name:
        return f"ECM does not tell its type, so that nobody can say which flow reads it. {_INSTEAD}"
    if _is_ours(config, place):
        return f"the archive of flows.assets or the claim of the fence lies there. {_INSTEAD}"
    needs = {flow: BY_NAME[flow].needs(section) for flow, section in config.flows.items()}
    types = ecm.workspace_types()
    if unknown := sorted({name for need in needs.values() for name in need.types} - types.keys()):
        return (
            f"ECM has no workspace type {unknown[0]!r}, so that nobody can say which flow reads it. Correct that name"
        )
    reading = {flow: need for flow, need in needs.items() if place.type_name in need.types}
    if reading and (why := _leads_to_somebody(ecm, place, list(reading.values()))):
        return f"{', '.join(reading)} read{'s' * (len(reading) == 1)} this type, and {why}. {_INSTEAD}"
    if left := [one for one in ecm.probing.below(place.id, MARK) if one.name.startswith(MARK)]:
        told = ", ".join(f"{one.name!r} (node {one.id})" for one in left)
        return f"an earlier probe left {told}, or another one is under way. Look who made it, and delete it in ECM"
    return ""


def _is_ours(config: Settings, place: Place) -> bool:
    """Say whether the archive of content or the claim of the fence lies in this workspace."""
    content = [need for flow, section in config.flows.items() if (need := BY_NAME[flow].needs(section).content)]
    named = config.fence and (config.fence.workspace == place.name or config.fence.folder == place.id)
    return bool(named) or any(need.place == (place.type_name, place.name) for need in content)


def _leads_to_somebody(ecm: EcmClient, place: Place, reading: list[Needs]) -> str:
    need = replace(of_type(place.type_name, reading), documents=())  # documents name nobody
    try:
        people = as_record(read_whole(ecm, place.id, need, {}), need)[1]
    except RecordUnreadable as error:
        return f"whom it belongs to cannot be told ({error.happened.rstrip('.')})"
    return "it names a customer, who could be messaged because of the probe" if any(people.values()) else ""


def trials(config: Settings, ecm: EcmClient, place: Place, token: str) -> dict[str, Trial]:
    """Return by name what may be written and put back, and no flow names; the best to take first: empty, a text."""
    taken = _taken(config)
    found = [one for one in ecm.probing.trials(place.id, (f"{MARK} {token}", token)) if one.name not in taken]
    found.sort(key=lambda one: (not one.was_empty, not isinstance(one.value, str), one.name))
    return {one.name: one for one in found}


def left_in(found: Mapping[str, Trial]) -> str:
    """Return which attribute an earlier probe was killed before it could put back; empty for none."""
    left = [one for one in found.values() if isinstance(one.former, str) and one.former.startswith(MARK)]
    told = ", ".join(f"{one.name} holding {one.former!r}" for one in left)
    return f"an earlier probe left {told}. Put back in ECM what was there (its log or audit says)" if left else ""


def chosen(config: Settings, place: Place, found: Mapping[str, Trial], wanted: str) -> Trial | None:
    """Return the attribute to write; ``None`` where there is none. Raises UsageError for a wanted one that may not."""
    if wanted in (taken := _taken(config)):
        raise UsageError(
            f"--probe-attribute {wanted!r}: {taken[wanted]} names it, and a value of a probe must not count there.",
            undone=UNDONE,
            advice="Name an attribute that no flow names; any will do, or none.",
        )
    if wanted and wanted not in found:
        near = did_you_mean(wanted, found) or "."
        raise UsageError(
            f"--probe-attribute: {wanted!r} of {place} cannot be written and put back exactly{near}",
            undone=UNDONE,
            advice=f"It takes a text, a number or a checkbox that no flow names: {', '.join(found) or 'it has none'}.",
        )
    return found[wanted] if wanted else next(iter(found.values()), None)


def _taken(config: Settings) -> dict[str, str]:
    """Return every attribute that a flow reads or writes, with the flow."""
    return {name: flow for flow in config.flows for name in _of_flow(config, flow)}


def _of_flow(config: Settings, flow: str) -> Iterator[str]:
    section = config.flows[flow]
    yield from (entry.name for entry in named(flow, section))
    yield from BY_NAME[flow].needs(section).facts
    declared = BY_NAME[flow].outbound(section, config.attribute_prefix)
    yield from (row.name for row in declared if row.sort is Sort.CATEGORY_ATTRIBUTE)
