"""Compare what was due with what Braze took and what is held: repeated, lost and unexplained must all be empty."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from tests.rehearsal import Rehearsal


@dataclass(frozen=True, slots=True)
class Books:
    """(recipient, event name or message id) of each kind of wrong."""

    repeated: tuple[tuple[str, str], ...]
    lost: tuple[tuple[str, str], ...]
    unexpected: tuple[tuple[str, str], ...]
    held: tuple[tuple[str, str], ...]


def held(stage: Rehearsal) -> set[tuple[str, str]]:
    """What `holds list` shows."""
    rows = json.loads(stage.ecmbraze("holds", "list", "--json").stdout)
    return {(row["customer"], row["name"]) for row in rows}


def check(stage: Rehearsal, due: Iterable[tuple[str, str]]) -> Books:
    """Return the books after the last run."""
    got, waiting, expected = stage.messages(), held(stage), set(due)
    return Books(
        repeated=tuple(key for key, n in got.items() if n > 1),
        lost=tuple(sorted(expected - got.keys() - waiting)),
        unexpected=tuple(sorted(got.keys() - expected)),
        held=tuple(sorted(waiting)),
    )
