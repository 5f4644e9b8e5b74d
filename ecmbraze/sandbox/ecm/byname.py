"""Turn values as people name them into what the simulated ECM stores, and back; checks nothing."""

from __future__ import annotations

import re
from typing import Any

from ecmbraze.sandbox.clock import parse_instant
from ecmbraze.sandbox.ecm.model import Attribute, Category

_DAY = re.compile(r"(\d{4}-\d\d-\d\d)(T\d\d:\d\d:\d\d)?")


def stored_value(category: Category, attribute: Attribute, raw: Any) -> Any:
    """Return what is kept: dates as they are echoed, rows by attribute id, anything else as given.

    Nothing is checked, so that a tenant with odd contents can be made (several values where one is expected).
    """
    if attribute.inner is not None:
        by_name = {inner.name: inner for inner in attribute.inner}
        unknown = {name for row in raw or () for name in row} - set(by_name)
        if unknown:
            raise ValueError(f"{category.name}.{attribute.name} has no {', '.join(sorted(unknown))}")
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
