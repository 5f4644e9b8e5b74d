"""Text with `${fact}`: filled from a record's facts, a lone `${fact}` keeps its type; no other syntax.

What leaves holds nothing that nobody can see, and no program that Braze would run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ecmbraze.errors import RecordUnreadable
from ecmbraze.model import Fact, Facts, Json

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
        shown = _UNSEEN.sub("", value.replace("\r\n", "\n").replace("\r", "\n"))
        return _JOINERS.sub("", shown) or (None if value else value)
    if isinstance(value, list | tuple):
        return [one for one in map(cleaned, value) if one is not None] or (None if value else value)
    return value


def runs(value: Json) -> bool:
    """Say whether Braze may run the value as Liquid."""
    return _openings(value) > 0


def _openings(value: Json) -> int:
    if isinstance(value, list | tuple):
        return sum(_openings(one) for one in value)
    return len(_LIQUID.findall(value)) if isinstance(value, str) else 0


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
