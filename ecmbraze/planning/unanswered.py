"""Which of several writes may stand in a category, by what a look showed there: some of them had no answer; pure."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence

from ecmbraze.model import Facts, Json

_LOCAL = re.compile(r"(?P<day>\d{4}-\d\d-\d\d)T(?P<time>\d\d:\d\d:\d\d)(?:[+-]\d\d:\d\d)?")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_EMPTY: tuple[object, ...] = (None, "", [], ())


def may_stand(written: Sequence[Mapping[str, Json]], shown: Facts, typed: Container[str]) -> list[Mapping[str, Json]]:
    """Return the writes that nothing beside what is ``typed`` speaks against.

    The attributes of a category are written together: what stands beside them, a date or a source, shows which write
    arrived last. What staff type as well shows nothing.
    """
    beside = {name: value for name, value in shown.items() if name not in typed}

    def is_another(one: Mapping[str, Json]) -> bool:
        return any(
            not is_shown(value, one[name]) and any(name in other and is_shown(value, other[name]) for other in written)
            for name, value in beside.items()
            if name in one
        )

    return [one for one in written if not is_another(one)]


def is_shown(fact: object, value: Json) -> bool:
    """Say whether a value that was written is what a look shows, which gives times their zone (api/ecm.md 1.4).

    An attribute without time of day shows of a time its day alone.
    """
    shown, written = _plain(fact), _plain(value)
    if isinstance(shown, str) and isinstance(written, str) and _DAY.fullmatch(shown):
        return written.partition("T")[0] == shown
    return written == shown


def _plain(value: object) -> object:
    """Return a value without its spelling: of a time neither its zone, the tenant's both times, nor a midnight."""
    if value in _EMPTY:
        return None
    local = _LOCAL.fullmatch(value) if isinstance(value, str) else None
    if local is None:
        return value
    return local["day"] if local["time"] == "00:00:00" else f"{local['day']}T{local['time']}"
