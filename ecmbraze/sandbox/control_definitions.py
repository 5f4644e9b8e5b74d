"""Views of the control API on categories and workspace types, as administrators define them; holds no data."""

from __future__ import annotations

from typing import Any

from ecmbraze.sandbox.ecm.definitions import CHANGED, DEFINED
from ecmbraze.sandbox.ecm.model import ROLES, Attribute
from ecmbraze.sandbox.ecm.person import Person
from ecmbraze.sandbox.ecm.store import EcmStore
from ecmbraze.sandbox.fields import NAME, NAMES, OBJECTS, body, checked, unknown


class DefinitionViews:
    """What administrators do to categories and workspace types."""

    def __init__(self, store: EcmStore) -> None:
        self._store, self._person, self._known = store, Person(store), store.definitions

    def types(self) -> Any:
        """List the workspace types with the categories and roles of their templates."""
        names = {number: category.name for number, category in self._known.categories.items()}
        return [
            {
                "name": kind.name,
                "german": kind.names["de"],
                "categories": [names[one] for one in kind.category_ids],
                "roles": list(kind.roles),
            }
            for kind in self._known.types.values()
        ]

    def categories(self) -> Any:
        """List the categories with their attributes: type, values of a popup, rows of a set."""
        return [
            {"name": category.name, "attributes": [_described(attribute) for attribute in category.attributes]}
            for category in self._known.categories.values()
        ]

    def add_attribute(self) -> Any:
        """Add an attribute to "category": "name", "type", "time", "multi_value", "required", "valid_values", "rows"."""
        given = checked(body(), {"category": NAME, **DEFINED}, "an attribute", ("category", "name"))
        name = given.pop("category")
        category = self._known.category_named(name)
        if category is None:
            raise unknown("no category", name, (one.name for one in self._known.categories.values()))
        return {"id": self._known.add_attribute(category, given, self._person.gap).id}

    def rename_attribute(self) -> Any:
        """Rename {"from": "Category.Old", "to": "New"}."""
        wanted = checked(body(), {"from": NAME, "to": NAME}, "to rename an attribute", ("from", "to"))
        category, _ = self._known.attribute(wanted["from"])
        self._known.change_attribute(wanted["from"], {"name": wanted["to"].removeprefix(f"{category.name}.")})
        return self._changed()

    def change_attribute(self) -> Any:
        """Change how "attribute" ("Category.Attribute") is defined; stored values stay."""
        wanted = checked(body(), {"attribute": NAME, **CHANGED}, "to change an attribute", ("attribute",))
        self._known.change_attribute(wanted.pop("attribute"), wanted)
        return self._changed()

    def drop_attribute(self) -> Any:
        """Remove "attribute" ("Category.Attribute")."""
        wanted = checked(body(), {"attribute": NAME}, "to drop an attribute", ("attribute",))
        self._known.drop_attribute(wanted["attribute"])
        return self._changed()

    def add_category(self) -> Any:
        """Define a category: "name", "attributes"."""
        wanted = checked(body(), {"name": NAME, "attributes": OBJECTS}, "a category", ("name", "attributes"))
        return {"id": self._known.add_category(wanted["name"], wanted["attributes"], self._person.gap).id}

    def add_type(self) -> Any:
        """Define a workspace type: "name", "categories" and "roles" of its template, its name in "german"."""
        fields = {"name": NAME, "categories": NAMES, "roles": NAMES, "german": NAME}
        wanted = checked(body(), fields, "a workspace type", ("name", "categories"))
        roles = wanted.get("roles", ROLES)
        return {"id": self._person.add_type(wanted["name"], wanted["categories"], wanted.get("german"), roles).id}

    def rename_type(self) -> Any:
        """Rename a workspace type {"from": "Old", "to": "New"}."""
        wanted = checked(body(), {"from": NAME, "to": NAME}, "to rename a workspace type", ("from", "to"))
        kind = self._known.type_named(wanted["from"])
        kind.name = kind.names["en"] = wanted["to"]
        return self._changed()

    def _changed(self) -> Any:
        """Let no remembered selection outlive a changed definition."""
        self._store.version += 1
        self._store.shape += 1
        return {"ok": True}


def _described(attribute: Attribute) -> dict[str, Any]:
    if attribute.inner is not None:
        return {"name": attribute.name, "rows": [_described(inner) for inner in attribute.inner]}
    shown: dict[str, Any] = {"name": attribute.name, "type": attribute.type_name}
    shown |= {"valid_values": list(attribute.valid_values)} if attribute.valid_values else {}
    flags = {"time": attribute.with_time, "multi_value": attribute.multi_value, "required": attribute.required}
    flags["read_only"] = attribute.read_only
    return shown | {name: True for name, flag in flags.items() if flag}
