"""The `when` language, small for ever: a value, a list, not, is, at_least, at_most; no expressions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from ecmbraze.errors import RecordUnreadable
from ecmbraze.model import Fact, Facts
from ecmbraze.suggest import did_you_mean

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
        return operand if self.operator == "any" else f"{self.operator.replace('_', ' ')} {operand}"


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
    try:
        return float(str(fact))
    except ValueError:
        raise RecordUnreadable(f"{fact!r} is not a number, but a rule compares it with one.") from None


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
                "type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": False,
                "properties": {
                    "not": {"anyOf": [_PLAIN, {"type": "array", "items": _PLAIN}]}, "is": {"enum": ["set", "empty"]},
                    "at_least": {"type": "number"}, "at_most": {"type": "number"},
                },
            },
        ]
    }
)  # fmt: skip
# What pydantic sees: anything the YAML can hold, turned into a Condition or refused with a sentence.
When = Annotated[dict[str, Annotated[Condition, BeforeValidator(_parse), _SCHEMA]], Field(min_length=1)]


def satisfied(when: Mapping[str, Condition], facts: Facts) -> bool:
    """Say whether all entries hold. Raises KeyError for a fact the record does not carry: unknown is not false."""
    return all(condition.holds(facts[name]) for name, condition in when.items())
