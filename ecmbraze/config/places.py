"""Where something stands in the configuration file: its line, and its path as people write it; reads no file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ecmbraze.config.strict_yaml import Document, line_of

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The places of one file. A path may hold steps that only the models know, as in a short form."""

    file: str
    document: Document = field(default_factory=Document)

    def of(self, path: Path) -> str:
        """Return the place for a person, ``ecmbraze.yaml:51: flows.onboarding.milestones[0].when``."""
        written = self.written(path)
        return f"{self.file}:{self.line(written)}: {dotted(written)}"

    def line(self, path: Path) -> int:
        """Return the line of a path, or of the nearest section around it."""
        return line_of(self.document, path)

    def written(self, path: Path) -> Path:
        """Return the path without the steps that do not stand in the file."""
        kept: list[str | int] = []
        for step in path:
            try:
                self.value((*kept, step))
            except (KeyError, IndexError, TypeError):
                continue
            kept.append(step)
        return tuple(kept)

    def find(self, base: Path, text: str) -> Path:
        """Return the last place below ``base`` that is named ``text``, or where it stands otherwise, else ``base``."""
        if not isinstance(self.value(base), list | dict):
            return base
        below = [path for path in self.document.lines if path[: len(base)] == base and len(path) > len(base)]
        named = [path for path in below if path[-1] == "name" and self.value(path) == text]
        found = named or [path for path in below if path[-1] == text or self.value(path) == text]
        return found[-1] if found else base

    def value(self, path: Path) -> Any:
        """Return what stands at a path of the file."""
        value: Any = self.document.value
        for step in path:
            value = value[step]
        return value


def dotted(path: Path) -> str:
    """Return a path as people write it, ``flows.onboarding.milestones[0].when``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step:.80}" if text else f"{step:.80}"
    return text or "the file"
