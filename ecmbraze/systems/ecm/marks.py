"""Find a follow-up by the mark it bears, and judge a create by what the list shows after it; sends nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from ecmbraze.errors import ConfigurationError, EcmbrazeError
from ecmbraze.model import Answer, FollowUp, FollowUpState, Verdict
from ecmbraze.systems.ecm.members import Members


def marked(found: Iterable[FollowUpState], mark: str) -> FollowUpState | None:
    """Return the follow-up that bears a mark: of several the one that is open."""
    return min((one for one in found if one.bears(mark)), key=lambda one: (one.completed, one.id), default=None)


def people(members: Members, node_id: int, follow_up: FollowUp) -> list[int]:
    """Return who is asked, by id; nobody when neither ``assign`` nor ``otherwise`` leads to anybody."""
    return members.behind(node_id, follow_up.assign) or (
        members.behind(node_id, follow_up.otherwise) if follow_up.otherwise else []
    )


def nobody(follow_up: FollowUp) -> Answer:
    """Return the refusal of a follow-up for nobody."""
    others = f", nor behind {follow_up.otherwise}" if follow_up.otherwise else ", and no `otherwise` is named"
    return Answer(verdict=Verdict.REFUSED, reason=f"nobody stands behind {follow_up.assign}{others}")


def judged(answer: Answer, look: Callable[[], FollowUpState | None], node_id: int) -> Answer:
    """Return the answer to a create by what the list shows now.

    A 500 may have stored it. And one that was taken and cannot be seen would be made again after a lost answer:
    whether an account sees what it made for others is not documented, so the flow stops there.
    """
    if answer.verdict not in (Verdict.ACCEPTED, Verdict.UNKNOWN):
        return answer
    try:
        found = look()
    except EcmbrazeError:
        return answer
    if found:
        return Answer(verdict=Verdict.ACCEPTED, reason=f"made as follow-up {found.id}")
    if answer.verdict is Verdict.UNKNOWN:
        return answer
    stop = ConfigurationError(
        f"ECM took a follow-up on {node_id} and does not list it for this account.",
        undone="No more follow-ups were made: after a lost answer one could be made twice.",
        advice="Let the account see the follow-ups of others, then run `ecmbraze check`.",
    )
    return replace(answer, stop=stop)
