"""How values are written into columns and read back: canonical JSON and UTC text; knows no table."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from ecmbraze.model import Facts, Json


def dump(value: object) -> str:
    """Return canonical JSON: sorted keys, no blanks, so that equal values are equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def load(text: str) -> Any:
    """Return the value that :func:`dump` wrote."""
    return json.loads(text)


def load_facts(text: str) -> Facts:
    """Return facts, with the lists of multi-value attributes as tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in json.loads(text).items()}


def load_json(text: str | None) -> Json:
    """Return a payload; a blanked one is ``None``."""
    value: Json = None if text is None else json.loads(text)
    return value


def instant(moment: datetime) -> str:
    """Return UTC text that sorts as time does, to the microsecond."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment(text: str) -> datetime:
    """Return the aware instant that :func:`instant` wrote."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
