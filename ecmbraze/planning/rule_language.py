"""The rule language, small for ever: the conditions of a `when`, and texts with `${fact}`; no expressions.

A condition is a value, a list, not, is, at_least or at_most. A lone `${fact}` keeps its type. What leaves holds nothing
that nobody can see, and no program that Braze would run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from ecmbraze.errors import RecordUnreadable
from ecmbraze.model import Fact, Facts, Json
from ecmbraze.suggest import did_you_mean

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,2})?")
_OPERATORS = ("not", "is", "at_least", "at_most")
_SHAPES = "a value, a list of values, {not: value}, {is: set}, {is: empty}, {at_least: number} or {at_most: number}"


@dataclass(frozen=True, slots=True)
class Condition:
    """One entry of a `when`: an operator and what it compares with."""

    operator: str
    operand: Fact

    def holds(self, fact: Fact) -> bool:
        """Say whether ``fact`` satisfies the condition; a multi-value fact does when one of its values does.

        Raises RecordUnreadable when a comparison of numbers meets something that is none.
        """
        match self.operator:
            case "is":
                return (fact is None or fact == () or fact == "") is (self.operand == "empty")
            case "any":
                return any(_same(value, wanted) for value in _values(fact) for wanted in _values(self.operand))
            case "not":
                return not any(_same(value, wanted) for value in _values(fact) for wanted in _values(self.operand))
            case "at_least":
                return fact is not None and _number(fact) >= _number(self.operand)
            case "at_most":
                return fact is not None and _number(fact) <= _number(self.operand)
        raise AssertionError(self.operator)  # the parser knows no other

    def told(self) -> str:
        """Return the condition as people write it."""
        operand = " or ".join(str(value) for value in _values(self.operand))
        return operand if self.operator in ("any", "is") else f"{self.operator.replace('_', ' ')} {operand}"


def _values(fact: Fact) -> tuple[Any, ...]:
    return fact if isinstance(fact, tuple) else (fact,)


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, str) != isinstance(right, str) and None not in (left, right):
        return str(left) == str(right)  # a popup of numbers arrives as text
    return bool(left == right)


def _number(fact: Fact) -> float:
    if isinstance(fact, int | float) and not isinstance(fact, bool):
        return fact
    if not _NUMBER.fullmatch(str(fact).strip()):  # `nan`, `inf` and `1_000` are words to whoever typed them
        raise RecordUnreadable(f"{fact!r} is not a number, but a rule compares it with one.")
    return float(str(fact))


def _parse(raw: object) -> Condition:
    if isinstance(raw, Condition):
        return raw
    if isinstance(raw, Mapping):
        return _operator(raw)
    if isinstance(raw, list):
        if not raw or any(isinstance(value, list | Mapping) for value in raw):
            raise ValueError("a list needs at least one plain value")
        return Condition("any", tuple(raw))
    if isinstance(raw, str | int | float | bool):
        return Condition("any", raw)
    raise ValueError("write {is: empty} for a fact without a value" if raw is None else f"write {_SHAPES}")


def _operator(raw: Mapping[Any, Any]) -> Condition:
    if len(raw) != 1:
        raise ValueError(f"one operator at a time: {_SHAPES}")
    operator, operand = next(iter(raw.items()))
    match operator:
        case "is" if operand in ("set", "empty"):
            return Condition(operator, operand)
        case "is":
            raise ValueError(f"after `is` stands set or empty, not {operand!r}")
        case "at_least" | "at_most" if isinstance(operand, int | float) and not isinstance(operand, bool):
            return Condition(operator, operand)
        case "at_least" | "at_most":
            raise ValueError(f"{operator} takes a number, without quotes, not {operand!r}")
        case "not" if not isinstance(operand, Mapping):
            return Condition("not", tuple(operand) if isinstance(operand, list) else operand)
    near = did_you_mean(str(operator), _OPERATORS) or f": write {_SHAPES}"
    raise ValueError(f"no such operator {operator!r}{near}")


_PLAIN = {"type": ["string", "number", "boolean"]}
_SCHEMA = WithJsonSchema(
    {
        "anyOf": [
            _PLAIN,
            {"type": "array", "minItems": 1, "items": _PLAIN},
            {
                "type": "object",
                "minProperties": 1,
                "maxProperties": 1,
                "additionalProperties": False,
                "properties": {
                    "not": {"anyOf": [_PLAIN, {"type": "array", "items": _PLAIN}]},
                    "is": {"enum": ["set", "empty"]},
                    "at_least": {"type": "number"},
                    "at_most": {"type": "number"},
                },
            },
        ]
    }
)
# What pydantic sees: anything the YAML can hold, turned into a Condition or refused with a sentence.
When = Annotated[dict[str, Annotated[Condition, BeforeValidator(_parse), _SCHEMA]], Field(min_length=1)]


def satisfied(when: Mapping[str, Condition], facts: Facts) -> bool:
    """Say whether all entries hold. Raises KeyError for a fact the record does not carry: unknown is not false."""
    return all(condition.holds(facts[name]) for name, condition in when.items())


_FACT = re.compile(r"\$\{([^{}]+)\}")
# Control characters but tab and line feed, what has no width, and what turns the direction of a text.
_UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]"
)
# The joiners belong to some scripts and to composed signs; beside an ASCII character they only hide something.
_JOINERS = re.compile(r"(?<![^\x00-\x7f])[\u200c\u200d]+|[\u200c\u200d]+(?![^\x00-\x7f])")
_LIQUID = re.compile(r"\{[{%]")
# The placeholders of Liquid and Jinja, and ours left open.
_ALMOST = re.compile(r"\{\{.*|\{%.*|\$\{.*")
# Braze's own limit for an attribute and a property value (api/braze.md 1.6, 1.7); longer ones are dropped silently.
MAX_TEXT = 255


def named(text: Json) -> frozenset[str]:
    """Return the facts a property names."""
    return frozenset(_FACT.findall(text)) if isinstance(text, str) else frozenset()


def unfilled(text: Json) -> str:
    """Return what looks like a placeholder and would be sent as it stands; empty when nothing does."""
    found = _ALMOST.search(_FACT.sub("", text)) if isinstance(text, str) else None
    return found[0] if found else ""


def fill(properties: Mapping[str, Json], facts: Facts, *, liquid: bool = False) -> dict[str, Json]:
    """Return the properties with their facts; an empty fact leaves its property out, or is "" inside a text.

    Raises RecordUnreadable for a fact that Braze may run as Liquid, unless ``liquid`` lets it through.
    """
    filled = {name: _fill(value, facts) for name, value in properties.items()}
    for name, value in () if liquid else filled.items():
        own = properties[name]
        if _openings(value) > _openings(_FACT.sub(" ", own) if isinstance(own, str) else own):
            raise RecordUnreadable(
                f"{' or '.join(sorted(named(own)))} in the property {name!r} holds {{{{ or {{%, which Braze may run; "
                "`liquid: true` in the rule lets it through"
            )
    return {name: value for name, value in filled.items() if value is not None}


def _fill(value: Json, facts: Facts) -> Json:
    if not isinstance(value, str):
        return value
    if alone := _FACT.fullmatch(value):
        return cleaned(plain(facts[alone.group(1)]))
    return _FACT.sub(lambda match: _text(cleaned(plain(facts[match.group(1)]))), value)


def cleaned(value: Json) -> Json:
    """Return a value without what nobody can see; a text of nothing else is empty, and so is a list of such."""
    if isinstance(value, str):
        if value.isascii() and value.isprintable():  # nearly every value: half a microsecond instead of three
            return value
        shown = _UNSEEN.sub("", value.replace("\r\n", "\n").replace("\r", "\n"))
        return _JOINERS.sub("", shown) or (None if value else value)
    if isinstance(value, list | tuple):
        return [one for one in map(cleaned, value) if one is not None] or (None if value else value)
    return value


def runs(value: Json) -> bool:
    """Say whether Braze may run the value as Liquid."""
    return _openings(value) > 0


def _openings(value: Json) -> int:
    if isinstance(value, str):
        return len(_LIQUID.findall(value))
    return sum(_openings(one) for one in value) if isinstance(value, list | tuple) else 0


def plain(fact: Fact) -> Json:
    """Return a fact as JSON: a multi-value one as a list."""
    return list(fact) if isinstance(fact, tuple) else fact


def _text(value: Json) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_text(one) for one in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def too_long(value: Json) -> bool:
    """Say whether Braze would drop the value because of its length."""
    if isinstance(value, str):
        return len(value) > MAX_TEXT
    if isinstance(value, Mapping):
        return any(too_long(inner) for inner in value.values())
    return isinstance(value, list | tuple) and any(too_long(inner) for inner in value)
