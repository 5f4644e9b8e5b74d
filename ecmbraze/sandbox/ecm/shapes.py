"""Show category values and definitions under their keys, in the three container shapes (api/ecm.md 0.2, 15 and 16)."""

from __future__ import annotations

from typing import Any

from ecmbraze.sandbox.ecm.model import MOST_ROWS, MOST_VALUES, Attribute, Category, Node
from ecmbraze.sandbox.ecm.store import EcmStore

# type numbers as the vendor's metadata prints them; that of a category is a choice
_TYPES = {"String": -1, "Integer": 2, "Date": -7, "Boolean": 5, "Assoc": -18, "Category": -18}
_LANGUAGES = ("en", "de")
_NOTHING: tuple[Any, ...] = (None, "", [])


def flat_values(category: Category, values: dict[Any, Any], absent: bool = False) -> dict[str, Any]:
    """Return one category's values: ``{cat}_{attr}``, set rows as ``{cat}_{set}_{row}_{attr}`` with rows from 1.

    A set without rows shows row 1 with empty values (5.2). With ``absent`` there is no key for what has no value.
    """
    shown = _all_values(category, values)
    return {key: value for key, value in shown.items() if value not in _NOTHING} if absent else shown


def _all_values(category: Category, values: dict[Any, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for attribute in category.attributes:
        key = f"{category.id}_{attribute.id}"
        if attribute.inner is not None:
            for row, stored in enumerate(values.get(attribute.id) or ({},), start=1):
                for inner in attribute.inner:
                    shown[f"{key}_{row}_{inner.id}"] = stored.get(inner.id, inner.nothing())
            continue
        shown[key] = values.get(attribute.id, attribute.nothing())
        if attribute.multilingual:
            shown[f"{key}_multilingual"] = values.get(f"{attribute.id}_multilingual") or dict.fromkeys(_LANGUAGES)
    return shown


def form_values(category: Category, values: dict[Any, Any]) -> dict[str, Any]:
    """Return one category's values as its forms carry them: a set is a list of rows under inner keys with ``x``."""
    shown = _all_values(category, values)
    for attribute in category.attributes:
        if attribute.inner is not None:
            key, inner = f"{category.id}_{attribute.id}", attribute.inner
            shown = {name: value for name, value in shown.items() if not name.startswith(f"{key}_")}
            rows = values.get(attribute.id) or [attribute.blank_row()]
            shown[key] = [{f"{key}_x_{cell.id}": row.get(cell.id, cell.nothing()) for cell in inner} for row in rows]
    return shown


def of_node(store: EcmStore, node: Node) -> list[tuple[Category, dict[str, Any]]]:
    """Return the node's categories with their flat values, in the order in which they were applied."""
    found = [(store.definitions.categories[cid], values) for cid, values in node.values.items()]
    absent = store.switches.empty_values_absent
    return [(category, flat_values(category, values, absent)) for category, values in found]


def definition(category: Category) -> dict[str, Any]:
    """Return the metadata of one category: the category itself first, sets with the row placeholder ``x``."""
    shown: dict[str, Any] = {str(category.id): _category(category)}
    for attribute in category.attributes:
        key = f"{category.id}_{attribute.id}"
        shown[key] = _attribute(key, attribute)
        for inner in attribute.inner or ():
            shown[f"{key}_x_{inner.id}"] = _attribute(f"{key}_x_{inner.id}", inner)
    return shown


def entry(category: Category, shown: dict[str, Any], metadata: bool) -> dict[str, Any]:
    """Return one element of ``/nodes/{id}/categories``; without ``metadata`` there are ids only, no names."""
    result: dict[str, Any] = {"data": {"categories": shown}}
    if metadata:
        defined = definition(category)
        keys = [key for key in defined if key != str(category.id)]
        result["metadata"] = {"categories": defined}
        result["metadata_map"] = {"categories": {str(category.id): keys}}
        result["metadata_order"] = {"categories": [str(category.id)]}
    return result


def form(category: Category) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the ``options.fields`` and ``schema.properties`` of a category's forms; sets are arrays (5.4).

    Only here can be seen whether a date keeps its time of day; the words are those of the Smart UI's forms (choice).
    """
    options: dict[str, Any] = {}
    properties: dict[str, Any] = {}
    for attribute in category.attributes:
        key = f"{category.id}_{attribute.id}"
        inner = [_field(f"{key}_x_{cell.id}", cell) for cell in attribute.inner or ()]
        name, option, schema = _field(key, attribute)
        if attribute.is_set:
            option = {**option, "items": {"fields": {cell: how for cell, how, _ in inner}}}
            schema = {
                "type": "array",
                "title": attribute.name,
                "items": {"type": "object", "properties": {cell: what for cell, _, what in inner}},
            }
        options[name], properties[name] = option, schema
    return options, properties


def _field(key: str, attribute: Attribute) -> tuple[str, dict[str, Any], dict[str, Any]]:
    option: dict[str, Any] = {"label": attribute.name, "readonly": attribute.read_only, "type": "text"}
    schema: dict[str, Any] = {"required": attribute.required, "title": attribute.name, "type": "string"}
    schema["readonly"] = attribute.read_only
    match attribute.type_name:
        case "Date":
            option["type"] = schema["format"] = "datetime" if attribute.with_time else "date"
            option["dateFormat"] = "MM/DD/YYYY HH:mm:ss" if attribute.with_time else "MM/DD/YYYY"
        case "Integer":
            option["type"] = schema["type"] = "integer"
        case "Boolean":
            option["type"], schema["type"] = "checkbox", "boolean"
        case _ if attribute.valid_values:
            option["type"], schema["enum"] = "select", list(attribute.valid_values)
        case _:
            schema["maxLength"] = attribute.max_length
    if attribute.multi_value:
        one = {name: schema.pop(name) for name in ("type", "format", "enum", "maxLength") if name in schema}
        option["fields"], option["type"] = {"item": {"type": option["type"]}}, "array"
        schema |= {"type": "array", "items": one, "maxItems": MOST_VALUES}
    return key, option, schema


def _category(category: Category) -> dict[str, Any]:
    """Return the category's own entry, which carries the same keys as that of an attribute (5.1)."""
    return {
        **_entry(str(category.id), category.name, "category"),
        "type": _TYPES["Category"],
        "type_name": "Category",
        "multi_value": False,
        "multi_value_length_default": 1,
        "multi_value_length_fixed": True,
        "multi_value_length_max": 1,
        "next_id": category.last_id + 1,
        "read_only": True,
    }


def _attribute(key: str, attribute: Attribute) -> dict[str, Any]:
    if attribute.is_set:
        return {
            **_entry(key, attribute.name, "set"),
            "type": _TYPES["Assoc"],
            "type_name": "Assoc",
            "multi_value": True,
            "multi_value_length_max": MOST_ROWS,
        }
    return {
        **_entry(key, attribute.name, ""),
        "type": _TYPES[attribute.type_name],
        "type_name": attribute.type_name,
        "multi_value": attribute.multi_value,
        "multi_value_length_max": MOST_VALUES if attribute.multi_value else 1,
        "required": attribute.required,
        "read_only": attribute.read_only,
        "max_length": attribute.max_length if attribute.type_name == "String" else None,
        "multilingual": attribute.multilingual,
        "valid_values": list(attribute.valid_values),
        "valid_values_name": list(attribute.valid_values),
    }


def _entry(key: str, name: str, persona: str) -> dict[str, Any]:
    return {
        "key": key,
        "name": name,
        "persona": persona,
        "description": None,
        "hidden": False,
        "read_only": False,
        "required": False,
    }
