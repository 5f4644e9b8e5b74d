"""One channel for each kind of write. A kind without a channel does not type-check: nothing falls through."""

from __future__ import annotations

from ecmbraze.engine.deliver.channels.archive import ARCHIVE, METADATA, RENAME, VERSION
from ecmbraze.engine.deliver.channels.channel import Channel
from ecmbraze.engine.deliver.channels.follow_up import COMPLETION, FOLLOW_UP
from ecmbraze.engine.deliver.channels.records import CATEGORY, DOCUMENT
from ecmbraze.engine.deliver.channels.track import ATTRIBUTE, ATTRIBUTES, EVENT
from ecmbraze.engine.deliver.channels.trigger import CAMPAIGN, CANVAS
from ecmbraze.engine.deliver.channels.withdrawal import WITHDRAWAL
from ecmbraze.model import Kind


def channel_of(kind: Kind) -> Channel:  # noqa: C901 one case per kind, so that none is forgotten
    """Return the channel of a kind."""
    match kind:
        case Kind.ATTRIBUTE:
            return ATTRIBUTE
        case Kind.ATTRIBUTES:
            return ATTRIBUTES
        case Kind.EVENT:
            return EVENT
        case Kind.CAMPAIGN:
            return CAMPAIGN
        case Kind.CANVAS:
            return CANVAS
        case Kind.WITHDRAWAL:
            return WITHDRAWAL
        case Kind.CATEGORY:
            return CATEGORY
        case Kind.DOCUMENT:
            return DOCUMENT
        case Kind.FOLLOW_UP:
            return FOLLOW_UP
        case Kind.COMPLETION:
            return COMPLETION
        case Kind.ARCHIVE:
            return ARCHIVE
        case Kind.VERSION:
            return VERSION
        case Kind.RENAME:
            return RENAME
        case Kind.METADATA:
            return METADATA
