"""What Braze keeps of the value of an attribute, and how it tells a moment (api/braze.md 1.6); knows no profile."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from ecmbraze.model import Json

_MAX_TEXT, _MAX_ITEMS = 255, 500
_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)? ?(Z|[+-]\d\d:?\d\d)?)?")


def moment(text: object) -> datetime | None:
    """Return the moment a text means, UTC when it names no zone; ``None`` when it is no date."""
    if not isinstance(text, str) or not _ISO.fullmatch(text):
        return None
    try:
        found = datetime.fromisoformat(text.replace(" +", "+"))
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def stamp(at: datetime) -> str:
    """Return a moment as reads give it."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def stored(types: dict[str, str], name: str, raw: Json) -> Json:
    """Return what is kept; ``None`` for a value that is dropped without a word. The first value fixes the type."""
    if isinstance(raw, str) and len(raw) > _MAX_TEXT:
        return None
    kind = _kind(raw)
    known = types.setdefault(name, kind)
    if kind == known:
        at = moment(raw) if kind == "time" else None
        items = list(dict.fromkeys(raw))[-_MAX_ITEMS:] if kind == "array" and isinstance(raw, Sequence) else None
        return stamp(at) if at else raw if items is None else items
    if known == "string" and kind != "array":
        return str(raw).lower() if isinstance(raw, bool) else str(raw)
    return None


def _kind(raw: Json) -> str:
    if isinstance(raw, bool):
        return "boolean"
    if isinstance(raw, int | float):
        return "number"
    if isinstance(raw, str):
        return "string" if moment(raw) is None else "time"
    return "array"
