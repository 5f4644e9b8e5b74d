"""Plan one person whose profile shows an answer: it goes back to its workspace, or is put aside with its text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ecmbraze.model import Action, Change, Decision, Json, Kind, Skip
from ecmbraze.planning.context import Context
from ecmbraze.planning.feedback import answers, requests, writes
from ecmbraze.planning.feedback.answers import Answer
from ecmbraze.planning.feedback.options import AnswerAttributes, FeedbackRule, Options
from ecmbraze.planning.feedback.requests import ANSWERS, Past, Request
from ecmbraze.planning.feedback.writes import Given

_SEEN = "seen"
"""Under which name it is noted of a person what of each survey was taken over or put aside last."""


def plan(options: Options, change: Change, person: str, past: Past, context: Context) -> Decision:
    """Decide one person: what is news in the attributes of each survey."""
    memory = dict(change.memory)
    if context.backfill:  # it consumes nothing: what it wrote would stand in the way of an answer edited until then
        return Decision(memory=memory)
    one = _One(
        options=options,
        change=change,
        person=person,
        past=past,
        context=context,
        seen=_mapping(memory.get(_SEEN)),
        done=_mapping(memory.get(ANSWERS)),
        requests=requests.of_person(person, past),
    )
    for names, rules in options.surveys.items():
        one.take(names, {rule.name: rule for rule in rules})
    # Planned again in each run until the values have arrived: their workspace may go before.
    due = context.now if one.waits else None
    return Decision.of(one.outcome, memory={_SEEN: one.seen, ANSWERS: one.done}, due=due)


def _mapping(value: Json) -> dict[str, Json]:
    return dict(value) if isinstance(value, Mapping) else {}


@dataclass(slots=True, kw_only=True)
class _One:
    """One change of one person."""

    options: Options
    change: Change
    person: str
    past: Past
    context: Context
    requests: Sequence[Request]
    seen: dict[str, Json]
    done: dict[str, Json]
    outcome: list[Action | Skip] = field(default_factory=list)

    def take(self, names: AnswerAttributes, rules: Mapping[str, FeedbackRule]) -> None:
        """Take over what these attributes show, if that is news."""
        answer, place = answers.read(self.change.record.facts, names), names.score
        first = place not in self.seen and not self.change.record.facts.get(names.looked)
        aside = f"answer in {names.score}"  # a blank keeps it apart from the rules: their messages do not wait for it
        shown = answer.digest if answer else ""
        known = self.seen.get(place) == shown and not self.past.refused(self.change.record.key.text, self.person, aside)
        if known and not self._is_lost(shown):
            return
        self.seen[place] = shown
        if answer is None:
            return
        mine = [one for one in self.requests if one.rule in rules or self._is_left(one, answer, first)]
        if not any(one.asked for one in mine):
            return
        found = answers.match(
            answer,
            mine,
            list(self.done),
            seen=self.change.record.modified_at,
            first=first,
            token=self.context.token,
            span=lambda rule: requests.within(self.options, rule),
        )
        why_not = self._astray(found.request, rules) if found.request else found.why
        if found.request is None or why_not:
            self._put_aside(aside, answer, why_not)
        else:
            self._take_over(rules[found.request.rule], found.request, answer, found.why)

    def _is_lost(self, shown: str) -> bool:
        """Say whether the workspace went before an answer that was taken over arrived there."""
        said = [one for one in self.requests if _mapping(self.done.get(one.key)).get("said") == shown]
        return any(self._is_underway(one) and self._is_gone(one) for one in said)

    @property
    def waits(self) -> bool:
        """Whether values are planned or staged that have not arrived in their workspace yet, and still may."""
        fresh = any(isinstance(one, Action) and one.kind is Kind.CATEGORY for one in self.outcome)
        return fresh or any(self._is_underway(one) and not self._is_gone(one) for one in self.requests)

    def _is_underway(self, request: Request) -> bool:
        """Say whether values of an answer to a request are planned or staged and have not arrived yet."""
        rule = next((one for one in self.options.rules if one.name == request.rule), None)
        if rule is None or request.key not in self.done:
            return False
        return any(map(self.past.underway, writes.targets(rule, request)))

    def _is_gone(self, request: Request) -> bool:
        place = self.past.newest(request.record)
        return place is None or place.gone

    def _astray(self, request: Request, rules: Mapping[str, FeedbackRule]) -> str:
        """Return why an answer to a request can be written nowhere; empty where it can."""
        if request.rule not in rules:
            return f"the rule {request.rule!r} that asked about {request.record} is no longer configured"
        return f"the workspace {request.record} that it is about is gone" if self._is_gone(request) else ""

    def _is_left(self, request: Request, answer: Answer, first: bool) -> bool:
        """Say whether an answer may be to a request of a rule that is gone: nobody knows any more where it goes."""
        if any(one.name == request.rule for one in self.options.rules):
            return False
        return answer.token == self.context.token(request.key) if answer.token else not first

    def _take_over(self, rule: FeedbackRule, request: Request, answer: Answer, how: str) -> None:
        at = answer.at or self.change.record.modified_at
        before = _mapping(self.done.get(request.key))
        if before.get("said") == answer.digest:
            return  # put aside meanwhile, and now as it was
        count = int(str(before.get("count", 0))) + 1
        late = request.at is not None and at > request.at + rule.answer_within
        self.done[request.key] = {"said": answer.digest, "count": count, "at": at.isoformat()}
        given = Given(
            person=self.change.record.key.text,
            rule=rule,
            request=request,
            answer=answer,
            at=at,
            count=count,
            why=_why(request, how, edited=count > 1, late=late),
        )
        if self._is_newest(request) and self._is_last(request, at):
            self.outcome += writes.values(given, self.past, self.context)
        else:
            why = f"{given.why}: a later one stands in the workspace {request.record}"
            record = self.change.record.key.text
            self.outcome.append(Skip(record=record, customer=self.person, rule=rule.name, reason=why))
        self.outcome += writes.document(given, self.context)

    def _is_newest(self, request: Request) -> bool:
        """Say whether no later request of this person about the same workspace is answered: its values stand there."""
        later = [one for one in self.requests if one.record == request.record and _after(one, request)]
        return not any(one.key in self.done for one in later)

    def _is_last(self, request: Request, at: datetime) -> bool:
        """Say whether nobody else whom the workspace names answered about it later."""
        place = self.past.newest(request.record)
        for other in place.customers if place else ():
            if other == self.person:
                continue
            done = requests.answered(other, self.past)
            theirs = [one.key for one in requests.of_person(other, self.past) if one.record == request.record]
            answered = [_mapping(done[key]) for key in theirs if key in done]
            if any(datetime.fromisoformat(str(one["at"])) > at for one in answered):
                return False
        return True

    def _put_aside(self, place: str, answer: Answer, why: str) -> None:
        reason = f"this answer belongs to no request that is known: {why} ({answer.text})"
        record = self.change.record.key.text
        self.outcome.append(Skip(record=record, customer=self.person, rule=place, reason=reason, quarantined=True))


def _after(one: Request, other: Request) -> bool:
    earliest = datetime.min.replace(tzinfo=one.at.tzinfo if one.at else None)
    return one.key != other.key and bool(one.at and (other.at or earliest) < one.at)


def _why(request: Request, how: str, *, edited: bool, late: bool) -> str:
    asked = f"asked {request.at:%Y-%m-%d}" if request.at else "asked"
    marks = ", ".join(mark for mark, on in (("late", late), ("edited", edited)) if on)
    return f"answer to {request.rule}, {asked}, {how}" + (f" ({marks})" if marks else "")
