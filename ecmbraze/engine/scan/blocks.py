"""Read Content Blocks by the names under which other content includes them, each once in a round; writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from ecmbraze.errors import RecordUnreadable
from ecmbraze.ledger.scratch import Scratch
from ecmbraze.model import Asset, ContentRow
from ecmbraze.planning.assets import references
from ecmbraze.planning.assets.references import Block

_CONTENT = "content"
# Blocks are read until two reads agree, so often at most (flows.md, `assets`).
_READS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """One block as it was read, and where its text stands."""

    block: Block
    asset: Asset
    """All of it but its text."""
    begins: int
    size: int


@dataclass(slots=True, kw_only=True)
class Blocks:
    """The Content Blocks of one round; ``asset`` reads one whole. Their texts are in a file, not in memory."""

    asset: Callable[[ContentRow], Asset]
    _rows: dict[str, ContentRow] = field(default_factory=dict)
    _read: dict[str, _Kept | RecordUnreadable | None] = field(default_factory=dict)
    _texts: Scratch = field(default_factory=Scratch)

    def list(self, rows: Iterable[ContentRow]) -> None:
        """Take over what the list of all blocks shows."""
        self._rows = {row.name: row for row in rows}

    def listed(self, name: str) -> bool:
        """Say whether there is a block of this name."""
        return name in self._rows

    def is_read(self, name: str) -> bool:
        """Say whether something asked for a block of this name in this round."""
        return name in self._read

    def block(self, name: str) -> Block | None:
        """Return a block by its name; ``None`` where there is none. Raises RecordUnreadable as :meth:`whole`."""
        found = self._kept(name)
        return found.block if found else None

    def content(self, name: str) -> str:
        """Return the text of a block; empty where there is none."""
        found = self._kept(name)
        return self._texts.read(found.begins, found.size).decode() if found else ""

    def whole(self, name: str) -> tuple[Block, Asset] | None:
        """Return a block by its name with all that Braze says of it.

        Raises RecordUnreadable for one that is listed and not given: what includes it is not archived without it.
        """
        found = self._kept(name)
        if found is None:
            return None
        return found.block, replace(found.asset, parts={**found.asset.parts, _CONTENT: self.content(name)})

    def _kept(self, name: str) -> _Kept | None:
        if name not in self._read:
            row = self._rows.get(name)
            try:
                self._read[name] = self._until_two_agree(row) if row else None
            except RecordUnreadable as error:
                self._read[name] = error
        found = self._read[name]
        if isinstance(found, RecordUnreadable):
            raise found
        return found

    def _until_two_agree(self, row: ContentRow) -> _Kept:
        asset, torn = self.asset(row), False
        for _ in range(_READS - 1):
            before, asset = asset, self.asset(row)
            torn = _text(asset) != _text(before)
            if not torn:
                break
        block, text = references.block(_text(asset), row.id, row.name, torn=torn), _text(asset).encode()
        others = {part: value for part, value in asset.parts.items() if part != _CONTENT}
        return _Kept(block=block, asset=replace(asset, parts=others), begins=self._texts.add(text), size=len(text))


def _text(asset: Asset) -> str:
    return str(asset.parts.get(_CONTENT) or "")
