"""The facts of an asset: what the scan keeps of it beside its document, and what planning goes by; pure."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from ecmbraze.model import ContentKind, ContentRow, Facts

ID, KIND, NAME, TAGS, CHANNELS = "id", "kind", "name", "tags", "channels"
STATE, LOST = "state", "lost"
"""Whether it is approved, and how many complete looks have seen that it no longer is: two mark it."""
UPDATED, READ, LOOK, AFTER = "updated", "read", "look", "after"
"""When Braze says it was edited last; when it was first read as it is now, by which request, and when it was last read
before that, with other content: empty for the first look."""
LAST = "last"
"""Of what is approved no more: when it was seen last as it is archived; it may have changed since."""
SHA256 = "sha256"
"""Digest of what is archived: parts and references; no name, tag or date changes it."""
DOCUMENT, SIZE = "document", "size"
"""Digest of the document, and its length."""
RENDERING, RENDERED = "rendering", "rendered"
"""Digest of the page beside it, and its length; empty where there is none."""
BLOCKS, TEXT, INCLUDES, UNRESOLVED = "blocks", "text", "includes", "unresolved"
"""Every block that it includes at any depth; of a block itself the digest of its text and what it includes directly."""
PLACE = "workspace"
"""The workspace of the archive."""

LIMITS = (
    "Braze gives neither drag-and-drop templates nor drafts of Content Blocks, no text of content cards and in-app "
    "messages, and of when content went live nothing: archived is what the API gives, with the time it was seen; "
    "headers of webhooks are left out. Name in `expected` what must be there. This is said once."
)
"""What cannot be archived, for the operator to know."""

FACTS = frozenset(
    (
        ID,
        KIND,
        NAME,
        TAGS,
        CHANNELS,
        STATE,
        LOST,
        UPDATED,
        READ,
        LOOK,
        AFTER,
        LAST,
        SHA256,
        DOCUMENT,
        SIZE,
        RENDERING,
        RENDERED,
        BLOCKS,
        TEXT,
        INCLUDES,
        UNRESOLVED,
        PLACE,
    )
)


class Status(StrEnum):
    """How an asset stands, in the words of the category."""

    NEVER = ""
    """It never carried the tag, and is known because something includes it."""
    APPROVED = "approved"
    TAG_REMOVED = "tag_removed"
    ARCHIVED = "archived"
    DELETED = "deleted"


def names(held: Facts, name: str) -> tuple[str, ...]:
    """Return the texts of a fact that holds several."""
    found = held.get(name)
    return tuple(str(one) for one in found) if isinstance(found, tuple) else ()


def row_of(kind: ContentKind, number: str, held: Facts) -> ContentRow:
    """Return an asset as the lists showed it last."""
    return ContentRow(
        kind=kind,
        id=number,
        name=str(held[NAME]),
        tags=names(held, TAGS),
        edited=datetime.fromisoformat(str(held[UPDATED])),
    )
