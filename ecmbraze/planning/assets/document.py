"""The document that an asset becomes: canonical JSON with its parts, its references and its manifest; pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ecmbraze.model import Asset, DocumentBytes, Json
from ecmbraze.planning.assets.references import Block, References

FORMAT = "ecmbraze asset 1"
_ASSERTION = "Braze tells no approval: the tag {tag!r} is the customer's assertion"
_TORN = "read while it changed"
_REDACTED = "redacted: may hold a secret"
# What the API serves no text of (api/braze.md 7.3).
_WITHOUT_TEXT = ("content_cards", "in_app_message")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """When an asset was read, and by which request."""

    at: str
    request: str


def canonical(value: Json) -> bytes:
    """Return JSON of which equal values are equal bytes: sorted keys, no blanks, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def parts_of(asset: Asset) -> Mapping[str, Json]:
    """Return the parts as they are archived: as Braze gave them, but for the headers of webhooks."""
    return {name: _redacted(value) for name, value in asset.parts.items()}


def draft(asset: Asset, references: References, texts: Callable[[str], str], seen: Seen, tag: str) -> DocumentBytes:
    """Return the document; ``texts`` gives the text of a block by its name, each time the bytes are asked for.

    A thousand blocks of 50 KB are not in memory at once: of canonical JSON the references come last.
    """
    parts = parts_of(asset)
    manifest = _manifest(asset, parts, references, seen, tag)
    before = canonical({"format": FORMAT, "manifest": manifest, "parts": parts})

    def pieces() -> Iterator[bytes]:
        yield before[:-1] + b',"references":['
        for place, block in enumerate(references.blocks):
            yield (b"," if place else b"") + canonical({**_reference(block), "content": texts(block.name)})
        yield b"]}"

    return DocumentBytes.measured(pieces)


def _reference(block: Block) -> dict[str, Json]:
    return {"id": block.id, "name": block.name, "sha256": block.sha256, "includes": list(block.includes)}


def archived(parts: Mapping[str, Json], references: References) -> str:
    """Return the digest of what is archived: no name, no tag and no date changes it."""
    named: Json = [{"name": block.name, "sha256": block.sha256} for block in references.blocks]
    return digest(canonical([parts, named, list(references.unresolved), list(references.circles)]))


def _manifest(asset: Asset, parts: Mapping[str, Json], references: References, seen: Seen, tag: str) -> Json:
    torn = sorted(block.name for block in references.blocks if block.torn)
    silent = sorted(name for name in asset.channels if name in _WITHOUT_TEXT)
    return {
        "id": asset.row.id,
        "kind": asset.row.kind,
        "name": asset.row.name,
        "tags": list(asset.row.tags),
        "channels": list(asset.channels),
        "about": dict(asset.about),
        "variants": list(_variants(parts)),
        "parts": {name: digest(_bytes(value)) for name, value in _pieces(parts).items()},
        "references": {block.name: block.sha256 for block in references.blocks},
        "unresolved": list(references.unresolved),
        "circles": list(references.circles),
        "archived": archived(parts, references),
        "seen": {"at": seen.at, "request": seen.request},
        "approval": _ASSERTION.format(tag=tag),
        "notes": [
            *(f"{_TORN}: Content Block {name}" for name in torn),
            *(f"Braze gives no text of {name}" for name in silent),
        ],
    }


def _bytes(value: Json) -> bytes:
    return value.encode() if isinstance(value, str) else canonical(value)


def _pieces(parts: Mapping[str, Json]) -> dict[str, Json]:
    """Return each part under its name: each variant of a campaign, each message of each step of a Canvas alone."""
    found: dict[str, Json] = {}
    for name, value in parts.items():
        if name == "messages" and isinstance(value, Mapping):
            found |= {f"messages/{variation}": message for variation, message in value.items()}
        elif name == "steps" and isinstance(value, list):
            found |= {f"steps/{_id(step, i)}": step for i, step in enumerate(value)}
        else:
            found[name] = value
    return found


def _variants(parts: Mapping[str, Json]) -> list[str]:
    messages, variants = parts.get("messages"), parts.get("variants")
    if isinstance(messages, Mapping):
        return sorted(messages)
    if isinstance(variants, list):
        return [_id(one, i) for i, one in enumerate(variants)]
    return []


def _id(value: Json, place: int) -> str:
    return str(value.get("id") or place) if isinstance(value, Mapping) else str(place)


def _redacted(value: Json) -> Json:
    """Return a part with the headers of webhooks by name only, at any depth."""
    match value:
        case Mapping():
            hidden = {"headers"} if value.get("channel") == "webhook" else set()
            return {name: _hidden(inner) if name in hidden else _redacted(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_redacted(inner) for inner in value]
    return value


def _hidden(headers: Json) -> Json:
    if isinstance(headers, Mapping):
        return dict.fromkeys(headers, _REDACTED)
    return _REDACTED if headers else headers
