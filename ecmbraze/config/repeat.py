"""Decide what of the file a message may repeat: nothing that may be a secret, however misspelt, and nothing long."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel

from ecmbraze.config.places import Path
from ecmbraze.config.sections import Braze, Ecm, Otds, Settings

_LONGEST = 80
# What stands under such a name is never repeated, wherever the name stands.
_SECRET_NAME = re.compile("pass|secret|key|token|credential", re.IGNORECASE)
# Beside the secrets only what is known to be none is repeated: a name may be misspelt, a value misplaced.
_BESIDE_SECRETS: dict[Path, type[BaseModel]] = {("ecm",): Ecm, ("ecm", "otds"): Otds, ("braze",): Braze}
_PLAIN = {(*at, name) for at, section in _BESIDE_SECRETS.items() for name in section.model_fields} - {("ecm", "otds")}


def shown(path: Path, given: Any, *, bare: bool = False) -> str:
    """Return a value for a sentence, as Python writes it or ``bare``; a stand-in where it is not to be repeated."""
    if not may_be_shown(path):
        return "…" if bare else "this value"
    if isinstance(given, list | dict):
        return "…" if bare else "a list" if isinstance(given, list) else "a section"
    text = str(given) if bare else repr(given)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def instead(path: Path, given: Any, said: str) -> str:
    """Return the sentence of a model with :func:`shown` instead of the value it repeats."""
    stand_in = shown(path, given)
    if stand_in != repr(given):
        for form in (repr(str(given)), repr(given)):
            said = said.replace(form, stand_in)
    return said


def may_be_shown(path: Path) -> bool:
    """Say whether a value may stand in a message: it is no secret, and no misspelt or misplaced one."""
    if any(isinstance(step, str) and _SECRET_NAME.search(step) for step in path):
        return False
    if path[:1] in _BESIDE_SECRETS:
        return path in _PLAIN
    return bool(path) and path[0] in Settings.model_fields


def outermost(path: Path) -> Path:
    """Return the path as far as it may be shown: names inside of what may be a secret may be parts of it."""
    for end in range(1, len(path)):
        if path[:end] not in _BESIDE_SECRETS and not may_be_shown(path[:end]):
            return path[:end]
    return path
