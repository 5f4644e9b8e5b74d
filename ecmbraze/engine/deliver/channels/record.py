"""What writes to Extended ECM have in common: a request each, of one workspace; no rate limit that tells its turn."""

from __future__ import annotations

from ecmbraze.engine.deliver.channels.channel import Packing, first_only, one_object
from ecmbraze.engine.setting import Systems
from ecmbraze.model import Action, keys

# A server that answers nothing certain three times in one run fails at more than a poisoned record: the rest waits.
# What was certainly not written (reserved, no connection) makes no doubt and counts for nothing.
PATIENCE = 3

PACKING = Packing(
    together=lambda action: "record", most=lambda limits: 1, fitting=first_only, objects=one_object
)  # fmt: skip


def no_wait(systems: Systems) -> None:
    """Extended ECM tells no rate limit: the client keeps to the configured connections."""


def always(systems: Systems) -> bool:
    return True


def node_id(action: Action) -> int:
    """Return the id of the workspace that is written to."""
    return keys.number_of(action.recipient)
