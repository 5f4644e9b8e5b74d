"""The follow-ups of one customer: opened, escalated and completed, one at a time for each rule; pure.

What is noted of a customer is noted in one place, the record of the person, so that neither a workspace that is deleted
nor a customer number that is corrected loses an open follow-up. An episode begins when a customer waits and is silent;
it ends when one of the two is over, and only then another may begin. That somebody completed the follow-up meanwhile
changes nothing of this: so it is not made again until the cause has gone and come back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from typing import Protocol

from ecmbraze.errors import RecordUnreadable
from ecmbraze.model import (
    DONE_BY_OTHERS,
    WENT,
    Action,
    Change,
    Decision,
    Fact,
    Json,
    Kind,
    Record,
    Skip,
    Standing,
    State,
)
from ecmbraze.planning import dates
from ecmbraze.planning.context import Context
from ecmbraze.planning.success import waiting
from ecmbraze.planning.success.episode import Episode, Step
from ecmbraze.planning.success.options import Escalation, Options, SuccessRule
from ecmbraze.planning.success.waiting import Case
from ecmbraze.planning.success.writes import Writes


class Past(Protocol):
    """What is asked of the ledger, overlaid with the plan in hand; see :class:`ecmbraze.flow.Known`."""

    def of_customer(self, customer: str) -> Sequence[Record]: ...
    def noted(self, record: str) -> Mapping[str, Json]: ...
    def newest(self, key: str) -> Record | None: ...
    def looked(self, record: str, now: datetime) -> datetime | None: ...
    def written(self, key: str) -> Standing | None: ...
    def pending(self, record: str, rule: str, even_refused: Kind) -> bool: ...


@dataclass(slots=True, kw_only=True)
class _Customer:
    """One customer in one run."""

    options: Options
    change: Change
    person: str
    cases: Sequence[Case]
    homes: Sequence[Record]
    past: Past
    context: Context
    writes: Writes
    outcome: list[Action | Skip] = field(default_factory=list)

    def take(self, rule: SuccessRule, episode: Episode) -> Episode:
        """Return the episode of a rule as it is after this run."""
        episode = self.placed(rule.name, episode)
        silent = self._silent(rule)
        wait = waiting.since(rule, self.cases, self.context.now) is not None
        if episode.step and (not wait or silent is False):
            why = "nothing waits any more" if not wait else "not silent any more"
            self.end(rule.name, episode, why)
            return episode.over
        if episode.step and silent:
            episode = self._asked_anew(rule, episode)
        if episode.step is Step.OPEN and silent and rule.escalate and self._is_late(rule.name, rule.escalate, episode):
            return self._escalated(rule, episode)
        if not wait or silent is False:
            return replace(episode, left="")
        if episode.step is None and silent and self.change.fires and self._may_begin(rule.name, episode):
            return self._opened(rule, episode)
        return episode

    def _may_begin(self, rule: str, episode: Episode) -> bool:
        """Say whether another follow-up may be made: the last one is completed, and not by a person.

        While its completion has not arrived, a second one would stand beside it.
        """
        planned = any(isinstance(one, Action) and one.rule == rule for one in self.outcome)
        if planned or self.past.pending(self.change.record.key.text, rule, Kind.COMPLETION):
            return False
        last = replace(episode, place=episode.left)
        ends = (self.writes.completion(rule, last, step, "") for step in Step) if episode.left else ()
        return not any((end := self.past.written(one.key)) and end.why == DONE_BY_OTHERS for one in ends)

    def placed(self, rule: str, episode: Episode) -> Episode:
        """Return the episode by what became of its workspace; what came back with one goes on, or is completed."""
        back = [one for one in episode.behind if not self._is_gone(one.place)]
        last = None if episode.step else episode.number
        episode = replace(episode, behind=tuple(one for one in episode.behind if one not in back))
        for one in back:
            if one.number == last and self._is_ours(one.place):  # none was made since
                episode = replace(one, behind=episode.behind)
            else:
                self.end(rule, one, "its workspace is back, and it was made elsewhere meanwhile")
        if episode.step and self._is_gone(episode.place):
            gone = replace(episode, behind=())
            return replace(episode.over, behind=(*episode.behind, gone))
        if episode.step and not self._is_ours(episode.place):
            self.end(rule, episode, "its workspace belongs to somebody else now")
            return replace(episode.over, left=episode.place)
        return episode

    def _is_ours(self, place: str) -> bool:
        record = self.past.newest(place)
        return record is not None and self.person in record.customers

    def end(self, rule: str, episode: Episode, why: str) -> None:
        """Complete every follow-up of an episode but one that was taken back before it left."""
        for step in episode.steps:
            made = self._written(rule, episode, step)
            if made is None or made.state is not State.SUPERSEDED:
                self.outcome.append(self.writes.completion(rule, episode, step, why))

    def _is_late(self, rule: str, escalation: Escalation, episode: Episode) -> bool:
        """Say whether the first follow-up was made so long ago; one that waits, or was refused, is not late."""
        made = self._written(rule, episode, Step.OPEN)
        if made is None or made.state is not State.SENT:
            return False
        return dates.plus(made.at, escalation.after) <= self.context.now

    def _written(self, rule: str, episode: Episode, step: Step) -> Standing | None:
        """Say how the follow-up of a step stands."""
        return self.past.written(self.writes.key(rule, episode, step))

    def _is_gone(self, place: str) -> bool:
        record = self.past.newest(place)
        return record is None or record.gone

    def _silent(self, rule: SuccessRule) -> bool | None:
        """Say whether the customer is silent, by a look of this run; ``None`` where nobody can say."""
        looked = self.past.looked(self.change.record.key.text, self.context.now)
        if looked is None or looked < self.context.now:
            return None
        fact: Fact = self.change.record.facts.get(rule.engagement.value.fact)
        return fact if isinstance(fact, bool) else None

    def _opened(self, rule: SuccessRule, episode: Episode) -> Episode:
        place = self._place(rule)
        if place is None:
            home = rule.follow_up.place
            assert home is not None, "an open case is there"
            reason = f"waits in silence, and has no workspace of type {home.workspace_type} for a follow-up"
            self.outcome.append(self._skip(rule, reason))
            return episode
        begun = replace(
            episode,
            left="",
            number=episode.number + 1,
            step=Step.OPEN,
            place=place.key.text,
            on=dates.local(self.context.now, self.context.zone),
            type=rule.follow_up.reminder_type,
            task_list=rule.follow_up.task_list,
            asked=rule.asked,
        )
        self.outcome.append(self.writes.follow_up(rule, begun, Step.OPEN, self.cases))
        return begun

    def _asked_anew(self, rule: SuccessRule, episode: Episode) -> Episode:
        """Plan once more what ECM refused and is configured otherwise now, and what was not made of one that came back.

        A replay would send what was asked for before.
        """
        again = [step for step in episode.steps if self._is_missing(rule, episode, step)]
        if not again:
            return episode
        if Step.OPEN in again:
            asked = rule.follow_up
            episode = replace(episode, type=asked.reminder_type, task_list=asked.task_list)
        self.outcome += (self.writes.follow_up(rule, episode, step, self.cases) for step in again)
        return replace(episode, asked=rule.asked)

    def _is_missing(self, rule: SuccessRule, episode: Episode, step: Step) -> bool:
        made = self._written(rule.name, episode, step)
        refused = made is not None and made.state is State.REFUSED and episode.asked != rule.asked
        return refused or (made is not None and made.state is State.SUPERSEDED and made.why == WENT)

    def _escalated(self, rule: SuccessRule, episode: Episode) -> Episode:
        self.outcome.append(self.writes.follow_up(rule, episode, Step.ESCALATED, self.cases))
        return replace(episode, step=Step.ESCALATED)

    def _place(self, rule: SuccessRule) -> Record | None:
        """Return the workspace for a follow-up: the customer's own, the oldest of several; or the oldest open case."""
        if rule.follow_up.place is None:
            return waiting.of_rule(rule, self.cases)[0].record
        own = [one for one in self.homes if one.type == rule.follow_up.place.workspace_type]
        return min(own, key=lambda one: (one.created_at, one.number), default=None)

    def _skip(self, rule: SuccessRule, reason: str) -> Skip:
        record = self.change.record.key.text
        return Skip(record=record, customer=self.person, rule=rule.name, reason=reason, quarantined=True)


def plan(options: Options, change: Change, person: str, past: Past, context: Context) -> Decision:
    """Decide one customer: which follow-ups are made, escalated and completed."""
    if context.backfill:  # it repeats values; what people are asked to do follows from how things stand now
        return Decision(memory=dict(change.memory))
    one = _customer(options, change, person, past, context)
    noted = {name: Episode.of(raw) for name, raw in change.memory.items()}
    after: dict[str, Episode] = {}
    for rule in options.rules:
        after[rule.name] = one.take(rule, noted.get(rule.name, Episode()))
    for name, episode in noted.items():
        if name not in after:
            placed = one.placed(name, episode)
            one.end(name, placed, f"the rule {name} is no longer configured")
            after[name] = placed.over
    # In the past, so that it comes due in each run; and the same in each of them, since it is part of the decision.
    since = min((at for rule in options.rules if (at := waiting.since(rule, one.cases, context.now))), default=None)
    memory = {name: episode.as_json() for name, episode in after.items() if episode.number}
    return Decision.of(one.outcome, memory=memory, due=since)


def _customer(options: Options, change: Change, person: str, past: Past, context: Context) -> _Customer:
    records = past.of_customer(person)
    return _Customer(
        options=options,
        change=change,
        person=person,
        cases=waiting.open_cases(options, records, past.noted, context.zone),
        homes=[one for one in records if one.type in options.homes],
        past=past,
        context=context,
        writes=Writes(record=change.record.key.text, context=context),
    )


def asked(options: Options, person: str, past: Past, context: Context) -> frozenset[str]:
    """Return the facts of engagement that decide about a customer now: none of one who does not wait."""
    try:
        cases = waiting.open_cases(options, past.of_customer(person), past.noted, context.zone)
        return frozenset(
            rule.engagement.value.fact for rule in options.rules if waiting.since(rule, cases, context.now)
        )
    except (RecordUnreadable, KeyError):  # planning says so, and plans nothing of the customer
        return frozenset()


def ahead(options: Options, memory: Mapping[str, Json], zone: tzinfo) -> Iterator[tuple[datetime, str]]:
    """Yield (when, rule) of each escalation to come, by what is noted of a customer."""
    for rule in options.rules:
        episode = Episode.of(memory.get(rule.name))
        if rule.escalate and episode.step is Step.OPEN and episode.on:
            begun = dates.instant(episode.on.isoformat(), zone)
            yield dates.plus(begun or datetime.max.replace(tzinfo=UTC), rule.escalate.after), rule.name
