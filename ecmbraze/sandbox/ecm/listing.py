"""Select and order the workspaces of one listing request (api/ecm.md 3.2); renders none of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from flask import current_app
from werkzeug.datastructures import MultiDict

from ecmbraze.sandbox.ecm.asking import as_whole
from ecmbraze.sandbox.ecm.columnquery import parse
from ecmbraze.sandbox.ecm.columns import configured, value_of
from ecmbraze.sandbox.ecm.model import Node
from ecmbraze.sandbox.ecm.stamps import stamp
from ecmbraze.sandbox.ecm.store import EcmStore
from ecmbraze.sandbox.ecm.values import TRUE

Arguments = MultiDict[str, str]
Test = Callable[[Node], bool]
_BY_SHAPE = frozenset({"where_workspace_type_id", "expanded_view"})
_NOT_CHOOSING = frozenset({"page", "limit", "fields", "action", "metadata", "global_metadata", "include_total_count"})
_REMEMBERED = 16


class Listings:
    """The selections of the last requests, so that a deep page costs no sorting (guarded by the store's lock)."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Any, ...], Sequence[int]] = {}

    def remembered(self, key: tuple[Any, ...], select: Callable[[], Sequence[int]]) -> Sequence[int]:
        """Return the ids kept under ``key``, which must name every circumstance they depend on."""
        if key not in self._kept:
            while len(self._kept) >= _REMEMBERED:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = select()
        return self._kept[key]

    def ids(self, store: EcmStore, arguments: Arguments) -> Sequence[int]:
        """Return the ids of all rows in order.

        Invisible workspaces are among them only with ``total_count_includes_invisible``.
        """
        asked = {k: tuple(v) for k, v in arguments.lists() if k not in _NOT_CHOOSING}
        plain = set(asked) <= _BY_SHAPE and _expanded(arguments)
        version = ("shape", store.shape) if plain else ("any", store.version)
        key = (tuple(sorted(asked.items())), *version, repr(store.switches.read()))
        return self.remembered(key, lambda: _selected(store, arguments))


def listings() -> Listings:
    """Return the selections of the application that serves this request."""
    return cast(Listings, current_app.extensions["ecm_listings"])


def _expanded(arguments: Arguments) -> bool:
    return arguments.get("expanded_view", "false").lower() in TRUE


def _selected(store: EcmStore, arguments: Arguments) -> list[int]:
    """Apply every filter that is known; one that is not means "everything" (0.2, 11)."""
    if _expanded(arguments):
        rows = store.tree.workspaces(_types(store, arguments))
    else:
        wanted = set(_types(store, arguments))
        recent = (store.nodes[i] for i in reversed(store.links.recent))
        rows = (node for node in recent if node.type_id in wanted)
    tests = _tests(store, arguments)
    order, descending = _order(store, arguments)
    if not store.switches.total_count_includes_invisible:
        tests.append(lambda node: node.id not in store.invisible)
    if "where_column_query" in arguments:
        query = parse(arguments["where_column_query"], _looks(store).get, store.switches.column_query_ignores_case)
        tests.append(query.test)
        order, descending = (query.order, query.descending) if query.order else (order, descending)
    found = [node for node in rows if all(test(node) for test in tests)]
    look = _looks(store)[order]
    found.sort(key=lambda node: (_sortable(look(node)), node.id), reverse=descending)
    return [node.id for node in found]


def _types(store: EcmStore, arguments: Arguments) -> list[int]:
    """Return the types asked for: by id exactly, by name as a prefix in any language (section 13, 6)."""
    kinds = store.definitions.types
    if arguments.get("where_workspace_type_id"):
        wanted = as_whole("where_workspace_type_id", arguments["where_workspace_type_id"])
        return [wanted] if wanted in kinds else []
    name = arguments.get("where_workspace_type_name", "").casefold()
    return [k.id for k in kinds.values() if any(text.casefold().startswith(name) for text in k.names.values())]


def _tests(store: EcmStore, arguments: Arguments) -> list[Test]:
    tests: list[Test] = []
    looks = {name: look for name, look in _looks(store).items() if name == "name" or name.startswith("wnf_")}
    for parameter, texts in arguments.lists():
        look = looks.get(parameter.removeprefix("where_"))
        if parameter.startswith("where_") and look is not None:
            tests += [_matching(look, text) for text in texts]
    wanted = {a: arguments.get(f"where_{a}") for a in ("ext_system_id", "bo_type", "bo_id")}
    if any(wanted.values()):
        tests.append(lambda node: _refers(node, wanted))
    return tests


def _matching(look: Callable[[Node], Any], text: str) -> Test:
    """Compare as text: equal, or ``contains_`` or ``startswith_`` in front of the value."""
    if text.startswith("contains_"):
        return lambda node: text[9:].casefold() in str(look(node) or "").casefold()
    if text.startswith("startswith_"):
        return lambda node: str(look(node) or "").casefold().startswith(text[11:].casefold())
    return lambda node: str(look(node) if look(node) is not None else "") == text


def _refers(node: Node, wanted: dict[str, str | None]) -> bool:
    return any(
        all(text is None or getattr(reference, name) == text for name, text in wanted.items())
        for reference in node.get("references", ())
    )


def _order(store: EcmStore, arguments: Arguments) -> tuple[str, bool]:
    """Return the column to sort by; one that is not sortable falls back to ``asc_name`` (choice)."""
    direction, _, column = arguments.get("sort", "asc_name").partition("_")
    sortable = {*store.switches.sortable_columns, *configured(store)} & set(_looks(store))
    if direction not in ("asc", "desc") or column not in sortable:
        return "name", False
    return column, direction == "desc"


def _looks(store: EcmStore) -> dict[str, Callable[[Node], Any]]:
    """Return every column that can be sorted by or queried, lower case."""
    zone, zulu = store.switches.server_tz, store.switches.z_suffix_bw
    looks: dict[str, Callable[[Node], Any]] = {
        "name": lambda node: node.name,
        "id": lambda node: node.id,
        "dataid": lambda node: node.id,
        "parent_id": lambda node: node.parent_id,
        "create_date": lambda node: stamp(node.created, zulu, zone)[:19],
    }
    if store.switches.column_query_modify_date or "modify_date" in store.switches.sortable_columns:
        looks["modify_date"] = looks["modifydate"] = lambda node: stamp(node.modified, zulu, zone)[:19]
    for column, (category, attribute) in configured(store).items():
        looks[column] = lambda node, c=category, a=attribute: value_of(node, c, a)  # type: ignore[misc]
    return looks


def _sortable(value: Any) -> tuple[int, Any]:
    """Order empty values first, numbers before texts, texts without regard to case."""
    if value is None:
        return (0, 0)
    return (1, value) if isinstance(value, int) else (2, str(value).casefold())
