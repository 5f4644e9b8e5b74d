"""List workspace types and the attributes of one, with how rules write them; shows no value of any workspace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ecmbraze.cli.discover.listing import Listing, Row
from ecmbraze.config.meaning import WORKSPACE
from ecmbraze.config.strict_yaml import written
from ecmbraze.errors import ConfigurationError, CredentialRefused, RecordUnreadable
from ecmbraze.model import AttributeInfo, Json, WorkspaceRow
from ecmbraze.ports import WorkspaceReader
from ecmbraze.suggest import did_you_mean

# Workspaces that are read for their attributes: those made at different times may carry different categories.
_WORKSPACES = 5
_KINDS = {"String": "text", "Integer": "integer", "Date": "date", "Boolean": "checkbox"}
_PLACEHOLDERS = ("COLUMN", "VALUE")
Attributes = Mapping[str, AttributeInfo]


def types(ecm: WorkspaceReader) -> Listing:
    """Return every workspace type that the account sees."""
    found = sorted(ecm.workspace_types().items(), key=lambda one: one[0].casefold())
    rows: list[Row] = [{"name": name, "id": number} for name, number in found]
    return Listing(what="workspace types", columns={"type": "name", "id": "id"}, rows=rows)


def attributes(ecm: WorkspaceReader, type_name: str) -> Listing:
    """Return the attributes of the categories that a few workspaces of a type carry.

    Raises ConfigurationError for a type that is not there, CredentialRefused where none of them can be read.
    """
    known = ecm.workspace_types()
    if type_name not in known:
        raise ConfigurationError(
            f"There is no workspace type {type_name!r}{did_you_mean(type_name, known) or '.'}",
            undone="Its attributes were not read.",
            advice="`ecmbraze discover types` lists those that this account sees.",
        )
    page = next(iter(ecm.list_workspaces(known[type_name])), None)
    sample = _sample(page.rows if page else ())
    found, unread = _carried(ecm, type_name, sample)
    rows = [_row(info, found) for info in sorted(found.values(), key=lambda one: one.name.casefold())]
    columns = {"attribute": "name", "kind": "kind", "write it as": "examples", "offers": "values"}
    notes = tuple(_notes(type_name, len(sample) - unread, unread))
    return Listing(what=f"attributes of {type_name!r}", columns=columns, rows=rows, notes=notes)


def _sample(rows: Sequence[WorkspaceRow]) -> list[WorkspaceRow]:
    """Return a few workspaces, from the oldest to the newest on the page."""
    by_age = sorted(rows, key=lambda row: (row.created_at, row.id))
    if len(by_age) <= _WORKSPACES:
        return by_age
    return [by_age[number * (len(by_age) - 1) // (_WORKSPACES - 1)] for number in range(_WORKSPACES)]


def _carried(ecm: WorkspaceReader, type_name: str, sample: Sequence[WorkspaceRow]) -> tuple[Attributes, int]:
    """Return what the workspaces carry, and how many of them could not be read."""
    found: dict[str, AttributeInfo] = {}
    refused: list[RecordUnreadable] = []
    for row in sample:
        try:
            found |= ecm.attributes(row.id)
        except RecordUnreadable as error:
            refused.append(error)
    if refused and len(refused) == len(sample):
        raise CredentialRefused(
            f"ECM lists workspaces of type {type_name!r} and lets this account read the categories of none of "
            f"{len(sample)}: {refused[0].happened}",
            undone="No attribute was read.",
            advice="Give the account the permission See Contents on these workspaces.",
        )
    return found, len(refused)


def _notes(type_name: str, read: int, unread: int) -> Iterator[str]:
    if not read:
        yield f"The account sees no workspace of type {type_name!r}: what its workspaces carry is not known."
        return
    left = f"; {unread} could not be read" if unread else ""
    yield f"Read from {read} workspace{'s' * (read > 1)}{left}. A category that none of them carries is missing."
    yield f"Every workspace also has {', '.join(WORKSPACE)}."


def _row(info: AttributeInfo, carried: Attributes) -> Row:
    kind = _KINDS.get(info.type_name, info.type_name.lower())
    examples: list[Json] = list(_examples(info, carried))
    values: list[Json] = list(info.valid_values)
    several = info.multi_value or bool(info.set_name)
    return {
        "name": info.name,
        "kind": f"{kind}, several" if several else kind,
        "examples": examples,
        "values": values,
        "set": info.set_name or None,
    }


def _examples(info: AttributeInfo, carried: Attributes) -> Iterator[str]:
    """Yield how an attribute is written; none of it is a value of a workspace."""
    single = not info.multi_value and not info.set_name
    if info.type_name == "Date" and single:
        yield f"date: {written(info.name)}"
    else:
        yield f"when: {written({info.name: _operand(info, single=single)})}"
    if customer := in_a_row(info, carried):
        yield f"customer: {written(customer)}"


def _operand(info: AttributeInfo, *, single: bool) -> Json:
    match info.type_name:
        case "Boolean":
            return True
        case "Integer" if single:
            return {"at_least": 1}
        case "String" if info.valid_values:
            return info.valid_values[0]
        case _:
            return {"is": "set"}


def in_a_row(info: AttributeInfo, carried: Attributes) -> str:
    """Return how a customer is found in one row of a set, picked by a popup of it where it has one; else empty."""
    mine = f"{info.set_name}."
    if not info.set_name or info.type_name not in ("String", "Integer") or info.valid_values:
        return ""
    for other in carried.values():
        column, value = other.name.removeprefix(mine), next(iter(other.valid_values), "")
        if other.set_name == info.set_name and value and not set("[]=") & set(f"{column}{value}"):
            break
    else:
        column, value = _PLACEHOLDERS
    return f"{info.set_name}[{column}={value}].{info.name.removeprefix(mine)}"
