"""Make the name of a document out of the name of an asset: whatever people typed, one that ECM takes; pure."""

from __future__ import annotations

import unicodedata

# flows.md, `assets`; ECM takes 248 (api/ecm.md 4.4).
_MOST, _LONGEST = 200, 248
# What separates names in ECM or in file systems, and what some of them refuse.
_REFUSED = frozenset('/\\:*?"<>|')
JSON, HTML = "json", "html"


def marker(number: str, ending: str) -> str:
    """Return how the name of the one document of an asset ends: by this it is found, whatever its name begins with."""
    return f"[{number}].{ending}"


def file_name(name: str, number: str, ending: str) -> str:
    """Return the name of the document of an asset."""
    end = f" {marker(number, ending)}"
    most = min(_MOST, _LONGEST - len(end))
    return f"{cleaned(name)[:most].rstrip(' .') or 'unnamed'}{end}"


def cleaned(name: str) -> str:
    """Return a name without what cannot stand in one: separators, controls, marks that are seen by nobody.

    Marks of direction and of no width are dropped: a name must not show otherwise than it is stored.
    """
    composed = unicodedata.normalize("NFC", name)
    letters = (_letter(letter) for letter in composed)
    return " ".join("".join(letters).split()).strip(" .")


def _letter(letter: str) -> str:
    if letter in _REFUSED:
        return "_"
    match unicodedata.category(letter):
        case "Cc" | "Zl" | "Zp":
            return " "
        case "Cf" | "Cs" | "Co" | "Cn":
            return ""
    return letter
