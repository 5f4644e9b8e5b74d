"""Make text of strangers safe to print: no control characters, no terminal codes."""

from __future__ import annotations

import unicodedata


def printable(text: str) -> str:
    """Return the text with control and direction-changing characters shown as their escapes."""
    if text.isprintable():  # nearly all of a large report; nothing that is escaped below counts as printable
        return text
    return "".join(
        char if unicodedata.category(char) not in ("Cc", "Cf", "Cs") else f"\\u{ord(char):04x}" for char in text
    )
