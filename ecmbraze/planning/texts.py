"""Text with `${fact}`: filled from a record's facts, a lone `${fact}` keeps its type; no other syntax."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ecmbraze.model import Fact, Facts, Json

_FACT = re.compile(r"\$\{([^{}]+)\}")
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


def fill(properties: Mapping[str, Json], facts: Facts) -> dict[str, Json]:
    """Return the properties with their facts; an empty fact leaves its property out, or is "" inside a text."""
    filled = {name: _fill(value, facts) for name, value in properties.items()}
    return {name: value for name, value in filled.items() if value is not None}


def _fill(value: Json, facts: Facts) -> Json:
    if not isinstance(value, str):
        return value
    if alone := _FACT.fullmatch(value):
        return plain(facts[alone.group(1)])
    return _FACT.sub(lambda match: _text(facts[match.group(1)]), value)


def plain(fact: Fact) -> Json:
    """Return a fact as JSON: a multi-value one as a list."""
    return list(fact) if isinstance(fact, tuple) else fact


def _text(fact: Fact) -> str:
    if isinstance(fact, tuple):
        return ", ".join(_text(value) for value in fact)
    if isinstance(fact, bool):
        return "true" if fact else "false"
    return "" if fact is None else str(fact)


def too_long(value: Json) -> bool:
    """Say whether Braze would drop the value because of its length."""
    if isinstance(value, str):
        return len(value) > MAX_TEXT
    if isinstance(value, Mapping):
        return any(too_long(inner) for inner in value.values())
    return isinstance(value, list | tuple) and any(too_long(inner) for inner in value)
