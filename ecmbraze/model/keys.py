"""Write and read the text that names a record, and the stream it comes from; the only place that knows their shape.

A record is named by one text in keys, the state file and reports: ``ws:4711``, ``person:C-42``,
``content:campaigns:3f0c``. What it is is read here, never guessed from the text elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ecmbraze.model.content import ContentKind

_WORKSPACE, _PERSON, _CONTENT = "ws", "person", "content"
_WORKSPACES, _CONTENTS = "workspaces/", "content/"
_CONTENT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
PEOPLE = "people"
"""The stream of what Braze says of people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceKey:
    """A business workspace by its node id."""

    id: int

    @property
    def text(self) -> str:
        return f"{_WORKSPACE}:{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonKey:
    """A person in Braze, by the text of :mod:`ecmbraze.model.recipients`."""

    recipient: str

    @property
    def text(self) -> str:
        return f"{_PERSON}:{self.recipient}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentKey:
    """An asset of Braze: a template, a Content Block, a campaign or a Canvas."""

    kind: ContentKind
    id: str

    @property
    def text(self) -> str:
        return f"{_CONTENT}:{self.kind}:{self.id}"


Key = WorkspaceKey | PersonKey | ContentKey


def read(text: str) -> Key:
    """Return what a text names; raises ValueError for one that names no record."""
    kind, _, rest = text.partition(":")
    if kind == _WORKSPACE and rest.isascii() and rest.isdigit():
        return WorkspaceKey(id=int(rest))
    if kind == _PERSON and rest:
        return PersonKey(recipient=rest)
    of, _, number = rest.partition(":")
    if kind == _CONTENT and of in tuple(ContentKind) and _CONTENT_ID.fullmatch(number):
        return ContentKey(kind=ContentKind(of), id=number)
    raise ValueError(f"{text!r} names no record")


def names_a_record(text: str) -> bool:
    """Say whether a text is one that :func:`read` takes."""
    try:
        read(text)
    except ValueError:
        return False
    return True


def order(text: str) -> tuple[str, int, str]:
    """Return what texts are sorted by: one sort of record after the other, workspaces by their number."""
    kind, _, rest = text.partition(":")
    return kind, len(rest), rest


def workspace(number: int) -> str:
    """Return the text that names a workspace."""
    return f"{_WORKSPACE}:{number}"


def number_of(text: str) -> int:
    """Return the node id of a workspace; raises ValueError where the text names no workspace."""
    match read(text):
        case WorkspaceKey(id=number):
            return number
        case PersonKey():
            raise ValueError(f"{text!r} is a person, not a workspace")
        case ContentKey():
            raise ValueError(f"{text!r} is content of Braze, not a workspace")


def workspaces(type_name: str) -> str:
    """Return the stream of the workspaces of one type."""
    return f"{_WORKSPACES}{type_name}"


def type_of(stream: str) -> str:
    """Return the workspace type of a stream; empty where it is no stream of workspaces."""
    return stream.removeprefix(_WORKSPACES) if stream.startswith(_WORKSPACES) else ""


def content(kind: ContentKind) -> str:
    """Return the stream of the assets of one kind."""
    return f"{_CONTENTS}{kind}"


def kind_of(stream: str) -> ContentKind | None:
    """Return the kind of assets of a stream; ``None`` where it is no stream of content."""
    return ContentKind(stream.removeprefix(_CONTENTS)) if stream.startswith(_CONTENTS) else None


def is_asset_id(text: str) -> bool:
    """Say whether an id of Braze can stand in a key and in the name of a document."""
    return bool(_CONTENT_ID.fullmatch(text))
