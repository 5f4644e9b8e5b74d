"""Hold and change the definitions of categories and workspace types; knows no node."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ecmbraze.sandbox.ecm.model import Attribute, Category, WorkspaceType
from ecmbraze.sandbox.fields import ANY, FLAG, NAME, NAMES, NATURAL, OBJECTS, TEXT, Kind, checked, one_of, unknown

_FIELDS = {
    "name": "name",
    "type": "type_name",
    "time": "with_time",
    "multi_value": "multi_value",
    "required": "required",
    "read_only": "read_only",
    "max_length": "max_length",
    "valid_values": "valid_values",
    "multilingual": "multilingual",
    "default": "default",
    "empty": "empty",
    "rows": "inner",
}
TYPES = ("String", "Integer", "Date", "Boolean")
CHANGED: Mapping[str, Kind] = {
    "name": NAME,
    "type": one_of(*TYPES),
    "time": FLAG,
    "multi_value": FLAG,
    "required": FLAG,
    "read_only": FLAG,
    "max_length": NATURAL,
    "valid_values": Kind("a list of texts", lambda value: isinstance(value, tuple) or NAMES.fits(value)),
    "multilingual": FLAG,
    "default": ANY,
    "empty": TEXT,
}
DEFINED = {**CHANGED, "rows": OBJECTS}


class Definitions:
    """The categories and workspace types of one server."""

    def __init__(self, next_id: Callable[[], int]) -> None:
        self._next_id = next_id
        self.categories: dict[int, Category] = {}
        self.types: dict[int, WorkspaceType] = {}

    def add_category(self, name: str, attributes: list[Mapping[str, Any]], gaps: Callable[[], int]) -> Category:
        """Define a category.

        Attributes are mappings of ``name, type, time, multi_value, required, read_only, max_length, valid_values,
        multilingual, default, empty`` or, for a set, ``name, rows``. Ids start at 2 and are spread by ``gaps`` (5.2).
        """
        if any(category.name == name for category in self.categories.values()):
            raise ValueError(f"category {name!r} exists")
        category = Category(id=self._next_id(), name=name)
        for raw in attributes:
            self.add_attribute(category, raw, gaps)
        self.categories[category.id] = category
        return category

    def add_attribute(self, category: Category, raw: Mapping[str, Any], gaps: Callable[[], int]) -> Attribute:
        """Add one attribute or set at the end of a category; ids are never used again."""
        if category.by_name(str(raw.get("name"))):
            raise ValueError(f"{category.name}.{raw['name']} exists")
        fresh = _Ids(category, gaps)
        attribute = _built(raw, fresh)
        category.attributes.append(attribute)
        return attribute

    def change_attribute(self, dotted: str, raw: Mapping[str, Any]) -> Attribute:
        """Change how an attribute is defined; stored values stay as they are (fault E20)."""
        _, attribute = self.attribute(dotted)
        for key, value in checked(raw, CHANGED, f"attribute {dotted}").items():
            setattr(attribute, _FIELDS[key], tuple(value) if key == "valid_values" else value)
        return attribute

    def drop_attribute(self, dotted: str) -> tuple[Category, Attribute]:
        """Remove an attribute from its category and return both."""
        category, attribute = self.attribute(dotted)
        category.attributes.remove(attribute)
        return category, attribute

    def attribute(self, dotted: str) -> tuple[Category, Attribute]:
        """Find ``Category.Attribute`` or ``Category.Set``. Raises ValueError when there is none."""
        for category in self.categories.values():
            if dotted.startswith(f"{category.name}."):
                attribute = category.by_name(dotted[len(category.name) + 1 :])
                if attribute is not None:
                    return category, attribute
        every = (f"{category.name}.{a.name}" for category in self.categories.values() for a in category.attributes)
        raise unknown("no attribute", dotted, every)

    def category_named(self, name: str) -> Category | None:
        """Return the category of this name, or None."""
        return next((c for c in self.categories.values() if c.name == name), None)

    def type_named(self, name: str) -> WorkspaceType:
        """Find a workspace type by its exact English name. Raises ValueError when there is none."""
        for kind in self.types.values():
            if kind.name == name:
                return kind
        raise unknown("no workspace type", name, (kind.name for kind in self.types.values()))


class _Ids:
    """Hand out attribute ids of one category: from 2, growing, with gaps."""

    def __init__(self, category: Category, gaps: Callable[[], int]) -> None:
        self._category, self._gaps = category, gaps

    def next(self) -> int:
        self._category.last_id += self._gaps() if self._category.last_id > 1 else 1
        return self._category.last_id


def _built(raw: Mapping[str, Any], ids: _Ids) -> Attribute:
    raw = checked(raw, DEFINED, "an attribute", ("name",))
    fields: dict[str, Any] = {_FIELDS[key]: value for key, value in raw.items() if key != "rows"}
    attribute = Attribute(id=ids.next(), **{**fields, "valid_values": tuple(fields.get("valid_values", ()))})
    if "rows" in raw:
        attribute.inner = [_built(inner, ids) for inner in raw["rows"]]
    return attribute
