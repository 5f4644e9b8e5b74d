"""What writes to Extended ECM have in common: a request each, of one workspace; no rate limit that tells its turn."""

from __future__ import annotations

from ecmbraze.engine.deliver.channels.channel import Packing, first_only, one_object
from ecmbraze.engine.setting import Systems
from ecmbraze.model import Action, Answer, Verdict, keys

# A server that fails at three records in one run fails at more than a poisoned one: the rest waits.
PATIENCE = 3
# How the reason of an answer begins that concerns this workspace and no other: somebody works on it.
_LOCKED = "locked_in_ecm"

PACKING = Packing(
    together=lambda action: f"{action.kind}/{action.recipient}/{action.name}", most=lambda limits: 1,
    fitting=first_only, objects=one_object,
)  # fmt: skip


def no_wait(systems: Systems) -> None:
    """Extended ECM tells no rate limit: the client keeps to the configured connections."""


def always(systems: Systems) -> bool:
    return True


def strikes(answer: Answer) -> bool:
    """Say whether an answer may be about the server, and not about the one workspace."""
    match answer.verdict:
        case Verdict.UNKNOWN:
            return True
        case Verdict.NOT_PROCESSED:
            return not answer.reason.startswith(_LOCKED)
        case Verdict.ACCEPTED | Verdict.REFUSED:
            return False


def node_id(action: Action) -> int:
    """Return the id of the workspace that is written to."""
    return keys.number_of(action.recipient)
