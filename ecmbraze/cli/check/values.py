"""Tell whether a condition can ever hold, or a date be read, on an attribute as ECM defines it; pure."""

from __future__ import annotations

from collections.abc import Mapping

from ecmbraze.config.names import Named
from ecmbraze.model import AttributeInfo
from ecmbraze.planning.naming import Names
from ecmbraze.planning.rule_language import Condition
from ecmbraze.suggest import did_you_mean

_SHOWN = 8


def refusal(entry: Named, info: AttributeInfo, carried: Mapping[str, AttributeInfo]) -> str:
    """Return why the setting can never work on this attribute; empty when it may."""
    if entry.sort is Names.DATE:
        return _no_date(info, carried)
    return _never(entry.name, entry.condition, info) if entry.condition else ""


def not_offered(name: str, value: object, info: AttributeInfo) -> str:
    """Return that a popup has no such value; empty when it has, or takes anything."""
    if not info.valid_values or str(value) in info.valid_values:
        return ""
    near = did_you_mean(str(value), info.valid_values)
    more = " …" if len(info.valid_values) > _SHOWN else ""
    return f"{name} never is {str(value)!r}{near or ': it offers ' + ', '.join(info.valid_values[:_SHOWN]) + more}"


def _no_date(info: AttributeInfo, carried: Mapping[str, AttributeInfo]) -> str:
    if info.type_name != "Date":
        dates = [name for name, other in carried.items() if other.type_name == "Date"]
        near = did_you_mean(info.name, dates) or (f": dates are {', '.join(sorted(dates)[:_SHOWN])}" if dates else "")
        return f"{info.name} is no date but {_sort(info)}{near}"
    return f"{info.name} holds several dates: name one that holds a single one" if info.multi_value else ""


def _never(name: str, condition: Condition, info: AttributeInfo) -> str:
    operand = condition.operand if isinstance(condition.operand, tuple) else (condition.operand,)
    if condition.operator in ("at_least", "at_most"):
        compares = info.type_name not in ("Boolean", "Date")
        return "" if compares else f"{name} is {_sort(info)}: {condition.operator} compares numbers"
    if condition.operator == "is":
        return ""
    return next((why for value in operand if (why := _unequal(name, value, info))), "")


def _unequal(name: str, value: object, info: AttributeInfo) -> str:
    """Return why the attribute can never equal a value."""
    match info.type_name:
        case "Boolean":
            return "" if isinstance(value, bool) else f"{name} is a checkbox: write true or false, without quotes"
        case "Integer" if not isinstance(value, int) or isinstance(value, bool):
            digits = isinstance(value, str) and value.lstrip("-").isdigit()
            return "" if digits else f"{name} holds whole numbers, never {value!r}: write a number"
        case "String" if isinstance(value, bool):
            return f"{name} holds text, never a switch: write it in quotes, {str(value).lower()!r}"
    return not_offered(name, value, info) if value is not None else ""


def _sort(info: AttributeInfo) -> str:
    return {"Boolean": "a checkbox", "Integer": "a number", "Date": "a date", "String": "text"}.get(
        info.type_name, info.type_name
    )
