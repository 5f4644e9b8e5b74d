"""Which listing columns carry the facts that rules name, proven by comparing; reads a few details, keeps nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from ecmbraze.errors import RecordUnreadable
from ecmbraze.ledger.codec import dump, load_facts
from ecmbraze.model import BY_US, Fact, Facts, WorkspaceDetail, WorkspacePage, WorkspaceRow
from ecmbraze.needs import TypeNeeds
from ecmbraze.ports import WorkspaceReader

# A column that does not show its attribute, or two that do: they are not tried again until the rules name other facts.
CONTRADICTED = ""
# Per fact, so many workspaces that hold a value are read whole, and as many that hold none.
_EACH = 3
# Names may repeat across categories (api/ecm.md 3.2): so many columns of one name are told apart.
_MOST = 4


def in_force(
    reader: WorkspaceReader, need: TypeNeeds, page: WorkspacePage, held: Mapping[str, str]
) -> Mapping[str, str]:
    """Return fact → column for a type whose listing carries all that rules name; empty where details must be read.

    ``held`` is what was proven before; with a contradicted column it is returned as it is.
    """
    named = all(_names(page.columns.get(column), fact) for fact, column in held.items())
    if held.keys() == _wanted(need) and (named or CONTRADICTED in held.values()):
        return held
    return prove(reader, need, page)


def prove(reader: WorkspaceReader, need: TypeNeeds, page: WorkspacePage) -> Mapping[str, str]:
    """Return fact → the one column that agrees with it in every workspace read, at least once with a value.

    Empty where that cannot be told from this page, which costs no request; contradicted where it is not so.
    """
    candidates = {fact: _candidates(fact, page) for fact in _wanted(need)}
    if not coverable(need) or not candidates or not _all_shown(candidates, page.rows):
        return {}
    columns = {column for found in candidates.values() for column in found}
    read = [(row, facts) for row in _sample(page, columns) if (facts := _facts(reader, row)) is not None]
    proven = {fact: [one for one in found if _agrees(fact, one, read)] for fact, found in candidates.items()}
    if all(len(found) == 1 for found in proven.values()):
        return {fact: found[0] for fact, found in proven.items()}
    return dict.fromkeys(proven, CONTRADICTED) if _all_shown(candidates, [row for row, _ in read]) else {}


def coverable(need: TypeNeeds) -> bool:
    """Say whether attributes of the workspace itself are all that is read: no documents, sets, related workspaces."""
    return not need.documents and all(customer.attributes() for customer in need.customers)


def without(need: TypeNeeds, page: WorkspacePage) -> list[str]:
    """Return the facts whose name no column bears."""
    return sorted(fact for fact in _wanted(need) if not _candidates(fact, page))


def trusted(columns: Mapping[str, str]) -> bool:
    """Say whether columns may stand in for detail reads."""
    return bool(columns) and CONTRADICTED not in columns.values()


def as_detail(row: WorkspaceRow, columns: Mapping[str, str], by_us: bool | None) -> WorkspaceDetail | None:
    """Return what a listing row says, in the shape of a detail read; ``None`` when it lacks one of the columns."""
    if not set(columns.values()) <= row.columns.keys():
        return None
    facts: dict[str, Fact] = {fact: row.columns[column] for fact, column in columns.items()}
    return WorkspaceDetail(row=row, facts={**facts, **({} if by_us is None else {BY_US: by_us})})


def shows(row: WorkspaceRow, columns: Mapping[str, str], facts: Mapping[str, Any]) -> bool:
    """Say whether a listing row shows these facts; several values may stand in a list."""
    shown = [row.columns.get(column, facts) for column in columns.values()]  # what is not there is like nothing
    held = [facts[fact] for fact in columns]
    if shown == held:  # most rows of most runs
        return list(map(type, shown)) == list(map(type, held))
    pairs = zip(held, shown, strict=True)
    return tuple in map(type, shown) and facts not in shown and all(_alike(one, other) for one, other in pairs)


def moved(held: str, now: Facts) -> Mapping[str, bool]:
    """Return fact → whether it lost its value, of those that differ; what only the rules added is no change."""
    known = load_facts(held)
    differing = [name for name in known.keys() & now.keys() if not _alike(known[name], now[name])]
    return {name: now[name] in (None, ()) for name in differing}


def _alike(one: object, other: object) -> bool:
    """Say whether two facts are written alike: 1 is not true, nor 1.0."""
    if isinstance(one, tuple | list) and isinstance(other, tuple | list):
        return len(one) == len(other) and all(map(_alike, one, other))
    return type(one) is type(other) and one == other


def _wanted(need: TypeNeeds) -> frozenset[str]:
    return need.facts - {BY_US}


def _candidates(fact: str, page: WorkspacePage) -> tuple[str, ...]:
    return tuple(column for column, shown in sorted(page.columns.items()) if _names(shown, fact))[:_MOST]


def _all_shown(candidates: Mapping[str, tuple[str, ...]], rows: Sequence[WorkspaceRow]) -> bool:
    """Say whether of each fact one of its columns shows a value somewhere: else there is nothing to compare."""
    return all(
        any(row.columns.get(column) is not None for column in found for row in rows) for found in candidates.values()
    )


def _names(shown: str | None, fact: str) -> bool:
    """Say whether a display name is that of the fact's attribute: columns do not name the category."""
    return shown is not None and shown.casefold() == fact.rpartition(".")[2].casefold()


def _sample(page: WorkspacePage, columns: set[str]) -> list[WorkspaceRow]:
    """Return rows that show each column with a value, with different ones if there are, and without."""
    chosen: dict[int, WorkspaceRow] = {}
    for column in sorted(columns):
        values = {dump(row.columns.get(column)): row for row in reversed(page.rows) if column in row.columns}
        empty = [row for row in page.rows if column in row.columns and row.columns[column] is None]
        full = [row for text, row in sorted(values.items()) if text != "null"]
        chosen |= {row.id: row for row in (*islice(full, _EACH), *islice(empty, _EACH))}
    return list(chosen.values())


def _facts(reader: WorkspaceReader, row: WorkspaceRow) -> Mapping[str, Fact] | None:
    """Return the facts of a workspace that is still as the listing showed it; ``None`` of any other."""
    try:
        detail = reader.workspace(row.id)
    except RecordUnreadable:
        return None
    return detail.facts if detail.row.modified_at == row.modified_at else None


def _agrees(fact: str, column: str, read: list[tuple[WorkspaceRow, Mapping[str, Fact]]]) -> bool:
    """Say whether a column shows a fact in all workspaces, its type too: 1 is not true, ``EU`` not a list of it."""
    pairs = list(_pairs(fact, column, read))
    return any(shown != "null" for shown, _ in pairs) and all(shown == said for shown, said in pairs)


def _pairs(fact: str, column: str, read: list[tuple[WorkspaceRow, Mapping[str, Fact]]]) -> Iterator[tuple[str, str]]:
    for row, facts in read:
        if column in row.columns:
            yield dump(row.columns[column]), dump(facts.get(fact))
