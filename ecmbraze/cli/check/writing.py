"""Hold what a flow writes to Extended ECM against the form of one workspace of each type; writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from ecmbraze.cli.check.findings import WRONG_NAME, Finding, Level, doubt, well
from ecmbraze.config import Settings
from ecmbraze.config.names import Named
from ecmbraze.config.places import Path
from ecmbraze.engine.scan.names import place_of
from ecmbraze.errors import ConfigurationError, CredentialRefused, RecordUnreadable
from ecmbraze.flow import Flow
from ecmbraze.model import Json, Obstacle
from ecmbraze.needs import ContentNeeds
from ecmbraze.planning.outbound import Sort
from ecmbraze.ports import WorkspaceReader


class Forms(WorkspaceReader, Protocol):
    """Extended ECM, asked what keeps values from being written."""

    def obstacles(self, node_id: int, values: Mapping[str, Sequence[Json]], *, files: bool) -> Sequence[Obstacle]: ...


def findings(config: Settings, ecm: Forms, flow: Flow[Any], names: Sequence[Named]) -> Iterator[Finding]:
    """Yield all that keeps a flow from writing what it declares, each by the attribute's own name.

    A type without workspaces, and attributes that no workspace carries, are told by the check of the names.
    """
    section = config.flows[flow.name]
    declared = flow.outbound(section, config.attribute_prefix)
    values = {row.name: row.values for row in declared if row.sort is Sort.CATEGORY_ATTRIBUTE}
    files = any(row.sort is Sort.DOCUMENT for row in declared)
    if not values and not files:
        return
    if content := flow.needs(section).content:
        yield from _archive(config, ecm, flow.name, content, values, names)
        return
    types = ecm.workspace_types()
    for type_name in (name for name in flow.needs(section).types if name in types):
        page = next(iter(ecm.list_workspaces(types[type_name])), None)
        for row in page.rows[:1] if page else ():
            with suppress(RecordUnreadable):
                for obstacle in ecm.obstacles(row.id, values, files=files):
                    yield _finding(config, flow.name, names, obstacle, f"workspace {row.id} of type {type_name!r}")


def _archive(
    config: Settings,
    ecm: Forms,
    flow: str,
    content: ContentNeeds,
    values: Mapping[str, Sequence[Json]],
    names: Sequence[Named],
) -> Iterator[Finding]:
    """Yield whether the workspace of the archive is there, exactly one, and what keeps it from being written."""
    try:
        place = place_of(ecm, *content.place)
    except ConfigurationError as error:
        where = config.places.of(("flows", flow, "workspace"))
        yield Finding(level=Level.WRONG, where=where, said=error.happened, code=WRONG_NAME)
        return
    yield well(f"{flow}: workspace", f"{content.place[1]!r} is {place}")
    for obstacle in ecm.obstacles(place, values, files=True):
        yield _finding(config, flow, names, obstacle, f"workspace {place}")


def _finding(config: Settings, flow: str, names: Sequence[Named], obstacle: Obstacle, on: str) -> Finding:
    around: Path = ("flows", flow, "workspace_types" if "workspace of" in on else "workspace")
    path = next((entry.path for entry in names if entry.name == obstacle.name), around)
    where, said = config.places.of(path), f"{obstacle.said} (looked at {on})"
    if not obstacle.certain:
        return doubt(where, said)
    code = CredentialRefused.exit_code if obstacle.is_right else WRONG_NAME
    return Finding(level=Level.WRONG, where=where, said=said, code=code)
