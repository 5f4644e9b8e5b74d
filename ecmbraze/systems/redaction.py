"""Keep secrets out of every text that leaves the program: registered once, scrubbed in all their spellings."""

from __future__ import annotations

import base64
import html
import json
import threading
from collections import OrderedDict
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

# Shorter ones would blank ordinary words, and a secret of three characters is none.
_SHORTEST = 4
# A server may hand out a new ticket with each answer; texts about older ones are long written.
_PASSING_KEPT = 64
_LONGEST = 5000


class Redactor:
    """The secrets of one process. Thread-safe; a 401 of Braze echoes the key (api/braze.md 9.3)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lasting: dict[str, tuple[str, ...]] = {}
        self._passing: OrderedDict[str, tuple[str, ...]] = OrderedDict()

    def add(self, secret: str, *, passing: bool = False) -> None:
        """Register a secret; of ``passing`` ones (tickets) the newest are kept, so that memory does not grow."""
        if len(secret) < _SHORTEST:
            return
        with self._lock:
            if not passing:
                self._lasting[secret] = tuple(_spellings(secret))
            elif secret not in self._passing:
                self._passing[secret] = tuple(_spellings(secret))
                while len(self._passing) > _PASSING_KEPT:
                    self._passing.popitem(last=False)

    def scrub(self, text: str) -> str:
        """Return the text with every registered secret replaced by ``***``, however it is spelled."""
        with self._lock:
            spellings = [one for known in (self._lasting, self._passing) for group in known.values() for one in group]
        for spelling in sorted(spellings, key=len, reverse=True):
            text = text.replace(spelling, "***")
        return text

    def excerpt(self, value: object) -> str:
        """Return the scrubbed beginning of what a server said: one line, printable, at most 200 characters."""
        # Scrub first: a secret that is cut in two is not recognised any more.
        said = self.scrub(str(value)[:_LONGEST])
        return "".join(letter if letter.isprintable() else " " for letter in said[:200])


def _spellings(secret: str) -> Iterator[str]:
    raw = secret.encode("utf-8", "surrogatepass")
    yield secret
    yield repr(secret)[1:-1]
    yield quote(secret, safe="", errors="replace")
    yield quote_plus(secret, errors="replace")
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield html.escape(secret)
    yield raw.hex()
    yield raw.hex().upper()
    for before in range(3):
        yield from _inside_base64(raw, before)


def _inside_base64(raw: bytes, before: int) -> Iterator[str]:
    """Yield the characters that the secret alone decides when ``before`` bytes precede it (``user:password``)."""
    code = base64.b64encode(bytes(before) + raw)
    first = -(-before * 8 // 6)
    last = (before + len(raw)) * 8 // 6
    middle = code[first:last].decode()
    if len(middle) >= _SHORTEST:
        yield middle
        yield middle.replace("+", "-").replace("/", "_")
