"""Find the nearest name to one that is not there: the one place that says "did you mean"; reads nothing."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

# Below this likeness a suggestion is more often wrong than helpful.
_LIKENESS = 0.6
# What stands behind the last dot must be more alike, and a word, to speak for the whole name.
_ALONE, _SHORTEST = 0.8, 3


def nearest(name: str, there: Iterable[str]) -> str | None:
    """Return the name most like ``name``, upper and lower case aside; ``None`` when nothing is like it.

    A name that differs only in its category counts, too: ``Stage`` finds ``Onboarding.Stage``.
    """
    names = {entry.casefold(): entry for entry in sorted(there, reverse=True)}
    found = difflib.get_close_matches(name.casefold(), names, n=1, cutoff=_LIKENESS)
    if found:
        return names[found[0]]
    last = {entry.rpartition(".")[2]: original for entry, original in sorted(names.items(), reverse=True)}
    found = difflib.get_close_matches(name.casefold().rpartition(".")[2], last, n=1, cutoff=_ALONE)
    return last[found[0]] if found and len(found[0]) >= _SHORTEST else None


def did_you_mean(name: str, there: Iterable[str]) -> str:
    """Return the question to append to a sentence, ``; did you mean 'x'?``, or nothing."""
    near = nearest(name, there)
    return f"; did you mean {near!r}?" if near is not None else ""
