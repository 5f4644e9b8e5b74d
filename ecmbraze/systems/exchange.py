"""One answer of a server, and the ways an exchange can fail; judges nothing."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

# faults.md T-8. Both systems nest fewer than ten levels.
MAX_DEPTH = 100
_LARGEST = 2**63
_SURROGATE = re.compile(rb"\\u[dD][89abAB]|\\u[dD][c-fC-F]")


class TransportError(Exception):
    """No whole answer came. The text is scrubbed and names the cause."""


class NotSentError(TransportError):
    """No byte of the request can have reached the server: DNS, connect, TLS, a local error."""


class RateLimitedError(NotSentError):
    """The rate limit of the path is used up; it was not asked."""


class CertificateRefusedError(NotSentError):
    """The server's certificate or its TLS version is not acceptable; no byte of the request was sent."""


class OutcomeUnknownError(TransportError):
    """The request may have been processed: reset, read time-out, cut-off or oversized answer."""


class TooLargeError(OutcomeUnknownError):
    """The answer is larger than any of these APIs sends, and would be again."""


class NotJsonError(ValueError):
    """The body is not the whole JSON object an API answers with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDigest:
    """What is known of a downloaded file once it has passed."""

    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True)  # no slots: the parsed body is kept, a page of 500 rows is read once
class Exchange:
    """A whole answer: status, headers by lower-case name, body bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    attempt: int = 1
    """Which attempt of its request this is the answer to; those before it failed in passing."""
    file: FileDigest | None = None
    """What a file was that was not kept: then the body is empty."""

    def json(self) -> dict[str, Any]:
        """Return the JSON object of the body.

        Raises NotJsonError for HTML, empty, cut off, NaN, duplicate keys, deep nesting, lone surrogates, no object.
        """
        if isinstance(self._parsed, NotJsonError):
            raise self._parsed
        return self._parsed

    def has_json(self) -> bool:
        """Say whether the body is a JSON object."""
        return not isinstance(self._parsed, NotJsonError)

    @property
    def kind(self) -> str:
        """What the body is, for a message to a person."""
        if not self.body.strip():
            return "an empty answer"
        if self.body.lstrip().startswith(b"<"):
            return "a web page"
        return "JSON" if self.has_json() else str(self._parsed)

    @cached_property
    def _parsed(self) -> dict[str, Any] | NotJsonError:
        try:
            return parse(self.body)
        except NotJsonError as error:
            return error


def parse(body: bytes) -> dict[str, Any]:
    """Return the JSON object in the bytes; raises NotJsonError, never another exception (faults.md B35, I-2)."""
    try:
        value = json.loads(
            body.decode("utf-8-sig"),
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_fitting,
            object_pairs_hook=_no_duplicates,
        )
        if _SURROGATE.search(body):
            json.dumps(value, ensure_ascii=False).encode("utf-8")  # a lone half fails here, a pair does not
    except (ValueError, RecursionError):
        raise NotJsonError(f"answer is not valid JSON ({len(body)} bytes)") from None
    if not isinstance(value, dict):
        raise NotJsonError("answer is JSON, but not an object")
    _refuse_depth(value)
    return value


def _refuse_depth(value: object) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            part
            for outer in level
            for part in (outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ())
            if type(part) is dict or type(part) is list
        ]
        if not level:
            return
    raise NotJsonError(f"answer nests deeper than {MAX_DEPTH} levels")


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("a number is too large")
    return value


def _fitting(text: str) -> int:
    """Return a whole number that a database takes; no system stores a larger one."""
    value = int(text)
    if not -_LARGEST <= value < _LARGEST:
        raise ValueError("a number is too large")
    return value


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built = dict(pairs)
    if len(built) != len(pairs):
        raise ValueError("a key stands twice")
    return built
