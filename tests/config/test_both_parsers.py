"""The fast parser of the configuration reads every text as the slow one does, or leaves it to it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ecmbraze.config import strict_yaml

EXAMPLE = (Path(__file__).parents[2] / "config.example.yaml").read_text(encoding="utf-8")
_PIECES = (
    "a: b\n",
    "- ",
    "  ",
    "\t",
    ": ",
    "# c\n",
    "'x'",
    '"y"',
    "{a: b}",
    "[1, 2]",
    "{a:b}",
    "|\n  t\n",
    ">-\n  u\n",
    "&a ",
    "*a",
    "!t ",
    "---\n",
    "...\n",
    "? ",
    "\n",
    "é",
    "\u2028",
    "\x85",
    "\ufeff",
    "1.10",
    "yes",
    "~",
    "a#b",
    " #c",
    "%",
    "@",
    '"\\x41"',
    "''",
    '{"a":1}',
    "[a, b,]",
    "key:\n",
    "- - x\n",
    ":",
    "\r\n",
    "\x07",
    "|2\n   z\n",
    "k:\n  - b\n",
)


def _texts() -> Iterator[str]:
    rng, lines = random.Random(20261128), EXAMPLE.splitlines(keepends=True)
    yield EXAMPLE
    for _ in range(3000):
        yield "".join(rng.choices(_PIECES, k=rng.randint(1, 8)))
    for _ in range(60):  # one piece too many in a part of the example
        first = rng.randrange(len(lines))
        part = "".join(lines[first : first + 20])
        place = rng.randrange(len(part) + 1)
        yield part[:place] + rng.choice(_PIECES) + part[place:]


def test_what_the_fast_parser_reads_is_what_the_slow_one_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = list(_texts())
    fast = [strict_yaml.parse(text) for text in texts]
    monkeypatch.setattr(strict_yaml, "_FAST", yaml.SafeLoader)

    differ = [text for text, found in zip(texts, fast, strict=True) if found != strict_yaml.parse(text)]

    assert not differ
    assert sum(not found.problems for found in fast) > 500
