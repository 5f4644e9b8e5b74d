"""Show configured category attributes as ``wnf_att_*`` columns of workspace listings (api/ecm.md 3.2)."""

from __future__ import annotations

import hashlib
from typing import Any

from ecmbraze.sandbox.ecm.model import Attribute, Category, Node
from ecmbraze.sandbox.ecm.store import EcmStore

_LETTERS = "bcdfghjkmnpqrstvwxz0123456789"


def configured(store: EcmStore) -> dict[str, tuple[Category, Attribute]]:
    """Return column name → attribute of the ``columns`` switch; a name that no longer exists shows nothing."""
    found: dict[str, tuple[Category, Attribute]] = {}
    for dotted in store.switches.columns:
        try:
            category, attribute = store.definitions.attribute(dotted)
        except ValueError:
            continue
        if not attribute.is_set:
            found[f"wnf_att_{_code(store.seed, category.id)}_{attribute.id}"] = (category, attribute)
    return found


def cells(columns: dict[str, tuple[Category, Attribute]], node: Node, cut: int = 0) -> dict[str, Any]:
    """Return the node's column values; dates have no ``_formatted`` twin. Of several values the first (choice)."""
    shown: dict[str, Any] = {}
    for name, (category, attribute) in columns.items():
        value = value_of(node, category, attribute)
        shown[name] = value[:cut] if cut and isinstance(value, str) and attribute.type_name != "Date" else value
        if attribute.type_name != "Date":
            shown[f"{name}_formatted"] = "" if value is None else str(value)
    return shown


def value_of(node: Node, category: Category, attribute: Attribute) -> Any:
    """Return one value as a column shows it, None when the workspace lacks the category."""
    value = node.values.get(category.id, {}).get(attribute.id)
    return (value[0] if value else None) if isinstance(value, list) else value


def meta_data(store: EcmStore) -> dict[str, Any]:
    """Return the column schema. Names are the attributes' display names and may repeat across categories."""
    sortable = store.switches.sortable_columns
    plain = {name: _schema(name.replace("_", " ").title(), name in sortable) for name in _PLAIN}
    special = {name: _schema(a.name, True) for name, (_, a) in configured(store).items()}
    return {"properties": {**plain, **special}}


_PLAIN = ("name", "type", "size", "create_date", "modify_date")


def _schema(name: str, sort: bool) -> dict[str, Any]:
    return {"align": "left", "name": name, "persona": "", "sort": sort, "type": -1, "width_weight": 1}


def _code(seed: int, category_id: int) -> str:
    """Return the opaque, tenant-specific code of a category's columns."""
    number = int(hashlib.sha256(f"{seed}/{category_id}".encode()).hexdigest()[:8], 16)
    return "".join(_LETTERS[number // len(_LETTERS) ** i % len(_LETTERS)] for i in range(3))
