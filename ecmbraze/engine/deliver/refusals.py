"""Why a claim keeps a state file from sending: one error for each cause, with what to type; asks nothing."""

from __future__ import annotations

from ecmbraze.errors import (
    ConfigurationError,
    EcmbrazeError,
    Fenced,
    RecordUnreadable,
    StateUnusable,
    TemporaryError,
)
from ecmbraze.ledger.claims import Claims
from ecmbraze.model import Answer
from ecmbraze.model.claims import Claim, FoundClaim, number_of

UNSENT = "Nothing was sent."
ADOPT = "`ecmbraze state adopt --restored-from FILE --reason TEXT`"
_ONLY_WAY = (
    f"Does a second machine run this configuration? Let one of them go on. Was this file restored or copied? Stop the "
    f'other, then {ADOPT} (docs/operations.md, "A restored state file").'
)


def gone(where: str, error: RecordUnreadable) -> Fenced:
    """Return the error of a claim that is deleted or hidden: the two look alike."""
    return Fenced(
        f"The claim of this state file, {where}, is deleted or may not be read ({error.happened}).",
        undone=UNSENT,
        advice=f"Restore it from the recycle bin, or give the account the right to see it; if that cannot be: {ADOPT} "
        "makes another.",
    )


def edited(where: str, found: FoundClaim) -> Fenced:
    """Return the error of a text that is no claim."""
    return Fenced(
        f"The claim, {where}, was edited: it says {found.text[:80]!r}.",
        undone=UNSENT,
        advice=f"Put it back as it was (of a node the audit shows it), or {ADOPT}.",
    )


def foreign(claim: Claim, claims: Claims) -> Fenced:
    """Return the error of a claim that another state file holds."""
    if claim.installation != claims.installation:
        said = f"The claim is of another installation ({claim.installation}, not {claims.installation or 'ours'})."
        return Fenced(said, undone=UNSENT, advice=_ONLY_WAY)
    epochs = f", after a copy was adopted (epoch {claim.epoch})" if claim.epoch > claims.epoch else ""
    return Fenced(
        f"This state file is at claim {number_of(claims.own().taken)}, the claim stands at {claim.number}{epochs}: "
        "another copy of this file has sent since.",
        undone=UNSENT,
        advice=_ONLY_WAY,
    )


def another_history(where: str, claim: Claim) -> StateUnusable:
    """Return the error of a state file whose history is not the one that was filed."""
    return StateUnusable(
        f"The history of this state file is not the one that was filed with its claim ({where}) at row {claim.length}: "
        "it was recomputed, cut or exchanged.",
        undone=UNSENT,
        advice="`ecmbraze state verify` says more; restore a backup (docs/operations.md).",
    )


def unlocked() -> ConfigurationError:
    """Return the error of an ECM that takes a change under a lock that was used up."""
    return ConfigurationError(
        "Extended ECM does not hold a change of the claim against its lock token, so two runners could both believe "
        "that they own it.",
        undone=UNSENT,
        advice="Ask its vendor about `metadata_token` of `PUT /v2/nodes/{id}`; until then `fence: canary`.",
    )


def unnamed(place: str) -> ConfigurationError:
    """Return the error of a configuration without a fence for a state file that has a claim."""
    return ConfigurationError(
        f"This state file has a claim ({place}), the configuration names no `fence:`.",
        undone=UNSENT,
        advice="Put it back, or say `fence: none` to go without.",
    )


def elsewhere(place: str) -> ConfigurationError:
    """Return the error of a configuration that names another place than the claim was made in."""
    return ConfigurationError(
        f"The claim of this state file lies elsewhere ({place}) than `fence:` says.",
        undone=UNSENT,
        advice=f"Put `fence:` back; or, once nothing else runs, {ADOPT} with the state file itself makes one there.",
    )


def no_place(error: RecordUnreadable) -> ConfigurationError:
    """Return the error of a folder that the claim cannot be looked for in."""
    return ConfigurationError(
        f"fence: the folder or workspace cannot be listed: {error.happened}.",
        undone=UNSENT,
        advice="Let the account see it, or name another place in `fence:`; then `ecmbraze check`.",
    )


def not_moved(answer: Answer) -> EcmbrazeError:
    """Return what a move that did not take place means."""
    if answer.denied is not None:
        return answer.denied
    if isinstance(answer.stop, EcmbrazeError):
        return answer.stop
    return TemporaryError(
        f"The claim could not be moved: {answer.reason}.",
        undone=UNSENT,
        advice="The next run tries again; if it stays so, look at what `fence:` names, or say `fence: none`.",
    )
