"""The update form of one category of one node: fields, values, lock token; asks nothing and writes nothing.

Only the form says whether a date keeps its time of day, and what a popup offers now (api/ecm.md 5.3, 5.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, tzinfo
from enum import StrEnum
from typing import Any

from ecmbraze.errors import ConfigurationError
from ecmbraze.model import Json
from ecmbraze.systems.shapes import ShapeError, excerpt, inner, listing, mapping

# A date without time of day is written at noon: a server that is not on UTC shifts it by hours (api/ecm.md 5.3).
_NOON = time(12)
# What dateFormat and format say of a date that keeps its time (api/ecm.md 5.3).
_WITH_TIME = ("datetime", "date-time")

# A value without its spellings: what ECM shows and what we want to write can be compared.
Plain = None | bool | int | float | str | date | datetime


class Sort(StrEnum):
    """What an attribute holds."""

    TEXT = "text"
    NUMBER = "number"
    CHECKBOX = "checkbox"
    DAY = "day"
    INSTANT = "instant"
    SEVERAL = "several values"
    ROWS = "rows"


class UnfitError(ValueError):
    """A value of one record does not fit the attribute; the text names neither."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One attribute as the form describes it."""

    key: str
    name: str
    sort: Sort
    offered: tuple[str, ...] = ()
    """What a popup offers; empty for an attribute that takes anything."""
    longest: int | None = None
    required: bool = False
    read_only: bool = False

    def plain(self, value: object, zone: tzinfo | None) -> Plain:
        """Return a value, stored or wanted, without its spelling.

        Raises UnfitError for one that cannot be of this attribute, ConfigurationError for an instant without a zone.
        """
        if value is None or value in ("", [], [None], [""]):
            return None
        match self.sort:
            case Sort.TEXT:
                return _text(value)
            case Sort.NUMBER:
                return _number(value)
            case Sort.CHECKBOX:
                return _checked(value)
            case Sort.DAY:
                return _local(value, zone).date()
            case Sort.INSTANT:
                return _local(value, zone)
            case Sort.SEVERAL | Sort.ROWS:
                raise UnfitError("holds several values")

    def stored(self, value: Plain) -> Json:
        """Return a plain value as the update takes it; empty is ``""`` for a text and ``null`` for the others."""
        if value is None:
            return "" if self.sort is Sort.TEXT else False if self.sort is Sort.CHECKBOX else None
        if isinstance(value, datetime):
            return value.isoformat()
        return datetime.combine(value, _NOON).isoformat() if isinstance(value, date) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The form of one category: its fields by name, the stored values by key, the lock token where ECM gives one."""

    category_id: int
    fields: Mapping[str, Field]
    twice: frozenset[str]
    """Names that two attributes share."""
    values: Mapping[str, Any]
    token: str


def read_form(answer: Mapping[str, Any], category_id: int) -> Form:
    """Return the form of an answer of `/v1/forms/nodes/categories/update`; raises ShapeError."""
    forms = listing(answer.get("forms"), "form")
    if not forms:
        raise ShapeError("answer has no form")
    form = mapping(forms[0], "form")
    values, properties = mapping(form.get("data"), "form data"), inner(form, "schema", "properties")
    options = inner(form, "options").get("fields")
    fields: dict[str, Field] = {}
    twice: set[str] = set()
    for key, raw in properties.items():
        option = options.get(key) if isinstance(options, Mapping) else None
        field = _field(str(key), mapping(raw, "schema entry"), option if isinstance(option, Mapping) else {})
        if isinstance(values.get(field.key), list) and field.sort is not Sort.ROWS:
            field = replace(field, sort=Sort.SEVERAL)  # also where the schema does not say so
        if field.name:  # without a name stand the rows of sets, a second time
            twice |= {field.name} & fields.keys()
            fields[field.name] = field
    own = values.get(f"{category_id}_1")
    return Form(
        category_id=category_id,
        fields=fields,
        twice=frozenset(twice),
        values=values,
        token=token_of(own),
    )


def token_of(holder: object) -> str:
    """Return the lock token of `{"metadata_token": …}`; empty where there is none."""
    token = holder.get("metadata_token") if isinstance(holder, Mapping) else None
    return token if isinstance(token, str) else ""


def _field(key: str, schema: Mapping[str, Any], option: Mapping[str, Any]) -> Field:
    name = schema.get("title") or option.get("label")
    longest, offered = schema.get("maxLength"), schema.get("enum")
    return Field(
        key=key,
        name=name if isinstance(name, str) else "",
        sort=_sort(schema, option),
        offered=tuple(str(word) for word in offered if word != "") if isinstance(offered, list) else (),
        longest=longest if isinstance(longest, int) and longest > 0 else None,
        required=schema.get("required") is True,
        read_only=schema.get("readonly") is True or option.get("readonly") is True,
    )


def _sort(schema: Mapping[str, Any], option: Mapping[str, Any]) -> Sort:
    kind, shown, format_ = schema.get("type"), option.get("type"), schema.get("format")
    if kind == "object" or (kind == "array" and _has_rows(schema)):
        return Sort.ROWS
    if kind == "array":
        return Sort.SEVERAL
    pattern = f"{option.get('dateFormat', '')}{schema.get('dateFormat', '')}"
    if shown in _WITH_TIME or format_ in _WITH_TIME or (pattern and "h" in pattern.lower()):
        return Sort.INSTANT
    if shown == "date" or format_ == "date":
        return Sort.DAY
    if kind == "boolean":
        return Sort.CHECKBOX
    return Sort.NUMBER if kind in ("integer", "number") else Sort.TEXT


def _has_rows(schema: Mapping[str, Any]) -> bool:
    items = schema.get("items")
    return isinstance(items, Mapping) and (items.get("type") == "object" or "properties" in items)


def _text(value: object) -> str | None:
    """Return a text without what ECM may change: line ends, and blanks around it."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UnfitError("is no text")
    return str(value).replace("\r\n", "\n").strip() or None


def _number(value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UnfitError("is no number")
    try:
        return value if isinstance(value, int | float) else int(value)
    except ValueError:
        raise UnfitError("is no number") from None


def _checked(value: object) -> bool | None:
    """Return whether a box is checked; one that is not is empty, also when nobody ever touched it."""
    if value not in (True, False):
        raise UnfitError("is neither yes nor no")
    return True if value else None


def _local(value: object, zone: tzinfo | None) -> datetime:
    """Return a time as the server's clock on the wall shows it, in whole seconds (api/ecm.md 1.4)."""
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "").replace(microsecond=0)
        if moment.tzinfo is not None and zone is None:
            raise ConfigurationError(
                f"A time cannot be written to ECM in its own zone ({excerpt(value)}).",
                undone="Nothing was written; the row waits.",
                advice="Set ecm.timezone to the zone of the Content Server, for example Europe/Berlin.",
            )
        return moment.astimezone(zone).replace(tzinfo=None) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        raise UnfitError("is no date") from None
