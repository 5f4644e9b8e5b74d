"""Follow the Content Blocks that a text includes: nested, in circles, and by names that are computed; pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ecmbraze.model import Json

# As Braze shows it: {{content_blocks.${name}}}, with a filter behind it or not (api/braze.md 7.2).
# Nothing is tried in a second way (`(?>…)`, `*+`): what somebody left open would take for ever.
_INCLUDED = re.compile(r"content_blocks\s*+\.\s*+\$\{(?P<name>(?:(?>\{\{.{0,1000}?\}\})|[^{}])*+)\}", re.DOTALL)
_ANY = re.compile(r"content_blocks\b")
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,100}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One Content Block as it was read: its text by its digest, and what it includes itself."""

    id: str
    name: str
    sha256: str
    includes: tuple[str, ...] = ()
    unresolved: tuple[str, ...] = ()
    torn: bool = False
    """Whether it changed each time it was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """What an asset includes, at any depth: each block once, in the order of the names."""

    blocks: tuple[Block, ...] = ()
    unresolved: tuple[str, ...] = ()
    """What is included under a name that is computed when it is sent, or that no block has."""
    circles: tuple[str, ...] = ()
    """Blocks that include themselves, perhaps through others."""


def included(content: Json) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return (names of blocks, what is named in a way that nobody can follow) of every text in a value."""
    names: set[str] = set()
    odd: set[str] = set()
    for text in texts(content):
        for found in _INCLUDED.finditer(text):
            name = found["name"].strip()
            if _PLAIN.fullmatch(name):
                names.add(name)
            else:
                odd.add(found[0][:200])
        rest = _INCLUDED.sub("", text)
        odd |= {_around(rest, found.start()) for found in _ANY.finditer(rest)}
    return tuple(sorted(names)), tuple(sorted(odd))


def block(text: str, number: str, name: str, *, torn: bool = False) -> Block:
    """Return a Content Block of this text."""
    names, odd = included(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Block(id=number, name=name, sha256=digest, includes=names, unresolved=odd, torn=torn)


def follow(content: Json, read: Callable[[str], Block | None], itself: str = "") -> References:
    """Return everything that a value includes; ``read`` gives one by its name, ``None`` where there is none."""
    names, odd = included(content)
    found: dict[str, Block] = {}
    missing, circles = set(odd), set[str]()
    queue = [(name, frozenset([itself] if itself else [])) for name in names]
    while queue:
        name, above = queue.pop()
        if name in above:
            circles.add(name)
            continue
        if name in found:
            continue
        one = read(name)
        if one is None:
            missing.add(name)
            continue
        found[name] = one
        missing.update(one.unresolved)
        queue += [(inner, above | {name}) for inner in one.includes]
    circles |= _circles(found)
    return References(
        blocks=tuple(found[name] for name in sorted(found)),
        unresolved=tuple(sorted(missing)),
        circles=tuple(sorted(circles)),
    )


def texts(content: Json) -> Iterator[str]:
    """Yield every text in a value."""
    match content:
        case str():
            yield content
        case Mapping():
            for inner in content.values():
                yield from texts(inner)
        case list() | tuple():
            for inner in content:
                yield from texts(inner)


def _circles(found: Mapping[str, Block]) -> set[str]:
    """Return the blocks that can be reached from themselves."""
    return {name for name in found if name in _below(name, found)}


def _below(name: str, found: Mapping[str, Block]) -> set[str]:
    reached: set[str] = set()
    queue = list(found[name].includes)
    while queue:
        inner = queue.pop()
        if inner not in reached:
            reached.add(inner)
            queue += found[inner].includes if inner in found else ()
    return reached


def _around(text: str, start: int) -> str:
    return text[start : start + 60].split("\n")[0]
