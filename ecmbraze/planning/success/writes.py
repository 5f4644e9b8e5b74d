"""What is written of an episode: the follow-up of each of its steps, and its completion; says nothing of when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from ecmbraze.model import Action, Fact, FollowUp, Kind, mark_of
from ecmbraze.planning import dates, rule_language
from ecmbraze.planning.context import Context
from ecmbraze.planning.success import waiting
from ecmbraze.planning.success.episode import Episode, Step
from ecmbraze.planning.success.options import SuccessRule
from ecmbraze.planning.success.waiting import Case

FLOW = "success"
# What is asked of people stands until it is done, or no longer needed.
_NEVER = timedelta(days=3650)


@dataclass(frozen=True, slots=True, kw_only=True)
class Writes:
    """What may be written because of one customer, in one run."""

    record: str
    """The record of the person."""
    context: Context

    def key(self, rule: str, episode: Episode, step: Step) -> str:
        """Return the business key of a follow-up, in every run the same."""
        return self._action(rule, episode, step, "").key

    def follow_up(self, rule: SuccessRule, episode: Episode, step: Step, cases: Sequence[Case]) -> Action:
        """Return what is asked of whom, as the rule is configured now, by the open cases of the customer."""
        asked = rule.follow_up
        escalated = rule.escalate if step is Step.ESCALATED else None
        assign = escalated.assign if escalated else asked.assign
        otherwise = None if escalated else asked.otherwise
        oldest = waiting.of_rule(rule, cases)[0]
        # Both of an episode are of one kind, whatever was configured meanwhile: else the second is never completed.
        same = bool(asked.task_list) is bool(episode.task_list)
        wanted = FollowUp(
            mark="",
            # An escalation is for one that is still open: nobody is told of what somebody has done.
            escalates=mark_of(self.key(rule.name, episode, Step.OPEN)) if escalated else "",
            type=asked.reminder_type if same else episode.type,
            task_list=asked.task_list if same else episode.task_list,
            text=self._text(rule, oldest, cases),
            due=dates.local(dates.plus(self.context.now, asked.due), self.context.zone),
            priority=asked.priority,
            assign=assign.value,
            otherwise=otherwise.value if otherwise else None,
        )
        since = dates.local(oldest.opened, self.context.zone).isoformat()
        why = f"open since {since} and silent, by {rule.engagement.value.by}"
        return replace(self._action(rule.name, episode, step, why), payload=wanted.payload())

    def completion(self, rule: str, episode: Episode, step: Step, why: str) -> Action:
        """Return the end of a follow-up, under its own key: at most one is ever written."""
        made = self._action(rule, episode, step, why)
        return replace(made, kind=Kind.COMPLETION, name=mark_of(made.key), payload=episode.stands)

    def _action(self, rule: str, episode: Episode, step: Step, why: str) -> Action:
        return Action(
            flow=FLOW,
            record=self.record,
            rule=rule,
            occurrence=f"{episode.number}.{step}",
            kind=Kind.FOLLOW_UP,
            recipient=episode.place,
            name=rule,
            payload=None,
            expires_at=self.context.now + _NEVER,
            reason=why,
        )

    def _text(self, rule: SuccessRule, oldest: Case, cases: Sequence[Case]) -> str:
        way = rule.engagement.value
        facts: dict[str, Fact] = {
            **oldest.record.named,
            **waiting.together(cases, self.context.now, self.context.zone),
            "engagement.by": way.by,
            "engagement.silent": f"{way.silent.days} days" if way.silent else None,
        }
        filled = rule_language.fill({"text": rule.follow_up.text}, facts, liquid=True).get("text")
        return str(filled or rule.name)
