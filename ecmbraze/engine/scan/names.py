"""Refuse names that ECM does not have, with the nearest one it has, before anything is read for them."""

from __future__ import annotations

from collections.abc import Iterable

from ecmbraze.errors import ConfigurationError
from ecmbraze.model import BY_US, WorkspacePage
from ecmbraze.needs import TypeNeeds
from ecmbraze.ports import WorkspaceReader
from ecmbraze.suggest import did_you_mean

_SAMPLES = 5
_MISSING = "The configuration names what ECM does not have:"


def check_types(need: TypeNeeds, there: Iterable[str]) -> None:
    """Raise ConfigurationError for a workspace type, or a related one, that ECM does not have."""
    known = set(there)
    related = sorted({customer.related for customer in need.customers if customer.related})
    missing = [unknown("workspace type", name, known) for name in (need.name, *related) if name not in known]
    if missing:
        raise ConfigurationError(_MISSING, problems=missing)


def check_attributes(reader: WorkspaceReader, need: TypeNeeds, page: WorkspacePage) -> None:
    """Raise ConfigurationError for a fact that none of the first workspaces of a page carries."""
    carried, wanted = set[str](), need.facts - {BY_US}
    for row in page.rows[:_SAMPLES]:
        carried |= reader.attributes(row.id).keys()
        if wanted <= carried:
            return
    missing = [unknown(f"attribute on {need.name!r}", name, carried) for name in sorted(wanted - carried)]
    if page.rows and missing:
        raise ConfigurationError(_MISSING, problems=missing)


def unknown(what: str, name: str, there: Iterable[str]) -> str:
    """Return the sentence for a name that is not there."""
    return f"{what} {name!r} is not there{did_you_mean(name, there)}"


def place_of(reader: WorkspaceReader, type_name: str, name: str) -> int:
    """Return the one workspace of the archive. Raises ConfigurationError unless there is exactly one."""
    types = reader.workspace_types()
    if type_name not in types:
        near = did_you_mean(type_name, types)
        raise ConfigurationError(
            f"assets: there is no workspace type {type_name!r}{near or '.'}",
            undone="No content was read.",
            advice="Correct flows.assets.workspace, then run `ecmbraze check`.",
        )
    listed = {row.id: row.name for page in reader.list_workspaces(types[type_name]) for row in page.rows}
    found = [number for number, there in listed.items() if there == name]
    if len(found) != 1:
        many = f"{len(found)} workspaces" if found else "no workspace"
        near = "" if found else did_you_mean(name, listed.values())
        raise ConfigurationError(
            f"assets: there is {many} of type {type_name!r} named {name!r}{near or '.'}",
            undone="No content was read.",
            advice="There must be exactly one: make it in Extended ECM, or correct flows.assets.workspace.",
        )
    return found[0]
