"""Turn values as people name them into what the simulated ECM stores, and back; checks nothing."""

from __future__ import annotations

import re
from typing import Any

from ecmbraze.sandbox.clock import parse_instant
from ecmbraze.sandbox.ecm.model import Attribute, Category
from ecmbraze.sandbox.fields import ANY, OBJECTS, checked

_DAY = re.compile(r"(\d{4}-\d\d-\d\d)(T\d\d:\d\d:\d\d)?")


def stored_value(category: Category, attribute: Attribute, raw: Any) -> Any:
    """Return what is kept: dates as they are echoed, rows by attribute id, anything else as given.

    Nothing is checked, so that a tenant with odd contents can be made (several values where one is expected).
    """
    if attribute.inner is not None:
        known = {inner.name: ANY for inner in attribute.inner}
        if raw is not None and not OBJECTS.fits(raw):
            raise ValueError(f"{category.name}.{attribute.name} takes a list of rows, each an object")
        raw = [checked(row, known, f"a row of {category.name}.{attribute.name}") for row in raw or ()]
        return [{i.id: stored_value(category, i, row.get(i.name)) for i in attribute.inner} for row in raw or ()]
    if raw is None:
        return [] if attribute.multi_value else None  # null, even where the form would leave ""
    date = _DAY.fullmatch(raw) if attribute.type_name == "Date" and isinstance(raw, str) else None
    if date is None:
        return raw
    return f"{date[1]}{date[2] if date[2] and attribute.with_time else 'T00:00:00'}"


def named_value(attribute: Attribute, stored: Any) -> Any:
    """Return a stored value as people read it: rows by attribute name."""
    if attribute.inner is None:
        return stored
    return [{inner.name: row.get(inner.id) for inner in attribute.inner} for row in stored or ()]


def second(text: Any, otherwise: int) -> int:
    """Return an instant in epoch seconds, ``otherwise`` for none."""
    return otherwise if text is None else int(parse_instant(str(text)).timestamp())
