"""A refusal with its status and message as Braze words it, and the reading of bodies and queries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

_SYNTAX = "Error while parsing request body. Please check your syntax."


class Refused(Exception):
    """End a request with a status, a body and headers; ``empty`` sends no body."""

    def __init__(
        self,
        status: int,
        message: str,
        headers: Mapping[str, str] | None = None,
        *,
        empty: bool = False,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.headers, self.empty = status, dict(headers or {}), empty
        self.body = {"message": message, **(more or {})}


def json_object(raw: bytes) -> dict[str, Any]:
    """Return a request's JSON object. Raises Refused with 400 for anything else, NaN included."""
    try:
        value = json.loads(raw, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refused(400, _SYNTAX) from None
    if not isinstance(value, dict):
        raise Refused(400, _SYNTAX)
    return value


def whole(query: Mapping[str, str], name: str, default: int) -> int:
    """Return a number of the query string. Raises Refused with 400."""
    text = query.get(name, str(default))
    if not text.isdecimal():
        raise Refused(400, f"{name} must be a non-negative integer")
    return int(text)


def listed(body: Mapping[str, Any], name: str) -> list[Any]:
    """Return an optional array of a body. Raises Refused with 400 when it is something else."""
    value = body.get(name)
    if value is not None and not isinstance(value, list):
        raise Refused(400, f"'{name}' must be an array")
    return value or []


def several(body: Mapping[str, Any], name: str, most: int) -> list[Any]:
    """Return what is given alone or as an array. Raises Refused with 400 for more than ``most``."""
    value = body.get(name)
    found = value if isinstance(value, list) else [value] if value else []
    if len(found) > most:
        raise Refused(400, "The max number of ids per request was exceeded")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)
