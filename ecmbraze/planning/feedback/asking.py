"""Plan one workspace: a completion becomes a request to each of its people, once each, when its time has come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from ecmbraze.model import Action, Change, Decision, Json, Skip
from ecmbraze.planning import messages
from ecmbraze.planning.context import Context
from ecmbraze.planning.feedback import occasions, requests
from ecmbraze.planning.feedback.occasions import Asking
from ecmbraze.planning.feedback.options import FeedbackRule, Options
from ecmbraze.planning.feedback.requests import FLOW, Past
from ecmbraze.planning.messages import Hit, Occasion
from ecmbraze.planning.rule_language import satisfied
from ecmbraze.planning.rules import TOKEN


def plan(options: Options, change: Change, past: Past, context: Context) -> Decision:
    """Decide one workspace."""
    rules = [_again(rule, change, past) for rule in options.rules]
    judged = messages.judge(rules, change, backfill=context.backfill)
    hits = {hit.rule.name: hit for hit in judged.hits}
    messages.refuse_nobody(change.record, judged.hits)
    memory: dict[str, Json] = dict(judged.memory)
    outcome: list[Action | Skip] = []
    waits: list[datetime] = []
    for rule in options.rules:
        one = _One(options=options, rule=rule, change=change, past=past, context=context)
        asking = one.take(hits.get(rule.name), occasions.noted(memory, rule))
        outcome += one.outcome
        waits += one.waits
        memory.pop(occasions.place(rule), None)
        if asking and not asking.done:
            memory[occasions.place(rule)] = asking.as_json()
    return Decision.of(outcome, memory=memory, due=min(waits, default=None))


def _again(rule: FeedbackRule, change: Change, past: Past) -> FeedbackRule:
    """Return the rule so that a completion of which nobody was asked is not the only one there may be."""
    if rule.repeat or not change.memory.get(rule.name):
        return rule
    people = dict.fromkeys([*change.record.customers, *(change.before.customers if change.before else ())])
    mine = (
        one
        for person in people
        for one in requests.of_person(person, past)
        if (one.record, one.rule) == (change.record.key.text, rule.name)
    )
    reached = any(one.asked or one.pending for one in mine) or _is_sampled_out(rule, change)
    return rule if reached else rule.model_copy(update={"repeat": True})


def _is_sampled_out(rule: FeedbackRule, change: Change) -> bool:
    people = change.record.customers
    return bool(people) and not any(occasions.is_sampled(rule, _draw(rule, change, "", one)) for one in people)


def _draw(rule: FeedbackRule, change: Change, occurrence: str, customer: str) -> str:
    """Return what the sample is drawn by: the business key; of a rule that asks once, without the count."""
    return requests.key_of(change.record.key.text, rule.name, occurrence if rule.repeat else "", customer)


@dataclass(slots=True, kw_only=True)
class _One:
    """One rule over one change of a workspace."""

    options: Options
    rule: FeedbackRule
    change: Change
    past: Past
    context: Context
    outcome: list[Action | Skip] = field(default_factory=list)
    waits: list[datetime] = field(default_factory=list)

    def take(self, hit: Hit | None, asking: Asking | None) -> Asking | None:
        """Return what is to be noted of the rule after this change."""
        if hit is not None:
            asking = self._begun(hit, asking)
        if asking is None:
            return None
        due = occasions.due(self.rule, asking.since, self.context.zone)
        asking = self._watched(asking, due)
        if asking.left == ():
            return asking
        if self.change.record.gone:
            return self._dropped(asking, "the workspace is gone")
        if not satisfied(self.rule.when, self.change.record.named):
            return self._dropped(asking, f"no longer {self.rule.told()}")
        if not self.change.fires:
            self.waits.append(due)
            return asking
        due = max(due, asking.until or due)
        now = due if due > self.context.now else occasions.in_hours(self.rule, self.context.now, self.context.zone)
        if now > self.context.now:
            self.waits.append(now)
            return asking
        return self._ask(asking, due)

    def _begun(self, hit: Hit, asking: Asking | None) -> Asking:
        """Return the note of a hit; what reached nobody, since its person was corrected, began when it first did."""
        if asking and asking.occurrence == hit.occurrence:
            return replace(asking, left=None)
        asked = asking.asked if asking else ()
        return Asking(occurrence=hit.occurrence, since=self._completed(hit), asked=asked)

    def _completed(self, hit: Hit) -> datetime:
        """Return when the workspace was completed: when it was edited, else our last look before.

        An edit from after this run began is no reason to count the delay from the last look.
        """
        if self.change.record.modified_at > self.context.now:
            return self.change.record.modified_at
        occasion = messages.occasion_of(FLOW, self.change, hit, self.context)
        return messages.happened_at(occasion)[0]

    def _dropped(self, asking: Asking, why: str) -> Asking:
        whom = "nobody" if asking.left is None else "nobody else"
        self.outcome.append(self._skip(", ".join(self.change.record.customers), f"{why}: {whom} is asked about it"))
        return replace(asking, left=())

    def _watched(self, asking: Asking, due: datetime) -> Asking:
        """Return the note without whom nothing more is expected of: answered, in vain, or never sent."""
        return replace(asking, asked=tuple(one for one in asking.asked if self._open(one, due)))

    def _open(self, entry: str, due: datetime) -> bool:
        occurrence, _, customer = entry.partition(" ")
        key = requests.key_of(self.change.record.key.text, self.rule.name, occurrence, customer)
        mine = next((one for one in requests.of_person(customer, self.past) if one.key == key), None)
        if mine is None or key in requests.answered(customer, self.past):
            return False
        if not mine.asked:
            self.waits += [due] if mine.pending else []  # past: looked at again in each run
            return mine.pending
        until = (mine.at or self.context.now) + self.rule.answer_within
        if until > self.context.now:
            self.waits.append(until)
            return True
        days = f"{self.rule.answer_within.total_seconds() / 86400:g} days"
        self.outcome.append(self._skip(customer, f"expired: asked {mine.at:%Y-%m-%d}, no answer within {days}"))
        return False

    def _ask(self, asking: Asking, due: datetime) -> Asking:
        """Ask everybody who may be asked now; note the others."""
        record = self.change.record
        named = record.customers if asking.left is None else [one for one in record.customers if one in asking.left]
        hit = Hit(self.rule, asking.occurrence)
        messages.refuse_nobody(record, [hit] if asking.left is None else [])
        left: list[str] = []
        until: list[datetime] = []
        for customer in named if self.context.messages else ():
            key = requests.key_of(record.key.text, self.rule.name, asking.occurrence, customer)
            if not occasions.is_sampled(self.rule, _draw(self.rule, self.change, asking.occurrence, customer)):
                self.outcome.append(self._skip(customer, f"left out by the sample of {self.rule.sample:g}"))
                continue
            if back := requests.kept_back(self.options, key, customer, self.past, self.context.now):
                self.outcome.append(self._skip(customer, back[1]))
                until.append(occasions.in_hours(self.rule, back[0] or due, self.context.zone))
                left.append(customer)
                continue
            told = list(self._tell(hit, customer, due))
            self.outcome += told
            if any(isinstance(one, Action) for one in told):
                asking = occasions.asked_one(asking, customer)
                # From here on it is expected. It may have left later: that is seen then.
                self.waits.append(due + self.rule.answer_within)
        self.waits += until
        return replace(asking, left=tuple(left), until=min(until, default=None))

    def _tell(self, hit: Hit, customer: str, due: datetime) -> Iterator[Action | Skip]:
        record = replace(self.change.record, customers=(customer,))
        key = requests.key_of(record.key.text, self.rule.name, hit.occurrence, customer)
        occasion = Occasion(
            flow=FLOW,
            record=record,
            hit=hit,
            now=self.context.latest,
            zone=self.context.zone,
            due=due,
            facts={TOKEN: self.context.token(key)},
            customer=self.context.customer,
        )
        yield from messages.tell(occasion, {}, create=self.options.create_profiles)

    def _skip(self, customer: str, reason: str) -> Skip:
        return Skip(record=self.change.record.key.text, customer=customer, rule=self.rule.name, reason=reason)
