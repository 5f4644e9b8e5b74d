"""Tell which rules a record *comes to* satisfy, and make the messages of each hit; stores no verdict, sends nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from functools import partial

from ecmbraze.errors import NamesNobody, OtherUnreadable, RecordUnreadable
from ecmbraze.model import Action, Change, Facts, Json, Kind, Record, Skip
from ecmbraze.planning import dates, rule_language
from ecmbraze.planning.context import Context
from ecmbraze.planning.rule_language import satisfied
from ecmbraze.planning.rules import Rule


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that a record has just come to satisfy, and for the how-manieth time."""

    rule: Rule
    occurrence: str


@dataclass(frozen=True, slots=True)
class Judged:
    """The hits in the order of the configuration, and how often each rule has happened by now."""

    hits: tuple[Hit, ...]
    memory: dict[str, Json]


def judge(rules: Iterable[Rule], change: Change, *, backfill: bool = False) -> Judged:
    """Judge every rule over one change.

    A hit is ``not rule(old facts) and rule(new facts)``. Unknown old facts are not false: a rule that names a fact
    the ledger never held for this record does not fire until a later change. A new record has satisfied nothing
    before. A backfill takes every satisfied rule as one that happened, under the key of its last occurrence.
    Raises KeyError for a fact the record does not carry, RecordUnreadable for one that cannot be compared.
    """
    hits, memory = [], dict(change.memory)
    facts, past = change.record.named, change.before.named if change.before else None
    for rule in rules:
        now = satisfied(rule.when, facts)
        before = _before(rule, past)
        count = max(_counted(memory.get(rule.name)), 1 if before else 0)
        if backfill and now:
            count = max(count, 1)
            hits.append(Hit(rule, str(count)))
        elif change.fires and now and before is False and (rule.repeat or count == 0):
            count += 1
            hits.append(Hit(rule, str(count)))
        elif change.fires and now and (rule.name, str(count)) in change.unreached:
            hits.append(Hit(rule, str(count)))
        memory[rule.name] = count
    return Judged(tuple(hits), {name: n for name, n in memory.items() if n})


def _counted(noted: Json) -> int:
    return noted if isinstance(noted, int) else 0


def _before(rule: Rule, facts: Facts | None) -> bool | None:
    if facts is None:
        return False
    try:
        return satisfied(rule.when, facts)
    except KeyError:
        return None


# How the time of an event is known, beside the words of the callers.
MODIFIED, LAST_LOOK = "modified", "last_look"


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """Everything the messages of one hit share."""

    flow: str
    record: Record
    hit: Hit
    now: datetime
    """When everything that it rests on had been read."""
    zone: tzinfo
    date: str | None = None
    """The rule's date attribute, if it names one."""
    due: datetime | None = None
    """When it came due, for what time itself makes happen."""
    until: datetime | None = None
    """After which it is too late, if that is earlier than the rule's `expires`."""
    facts: Facts = field(default_factory=dict)
    """What texts may name beside the facts of the record, e.g. of the document it is about."""
    at: tuple[datetime, str] | None = None
    """When it happened and how we know, where the record does not say."""
    since: datetime | None = None
    """When the record was last planned: what happened to it is younger. ``None`` where it never was."""
    why: str = ""
    """What a person reads in the report beside the condition."""
    customer: Callable[[str], Facts] = lambda person: {}
    """What is open of a person."""

    @property
    def named(self) -> Facts:
        return {**self.record.named, **self.facts}

    @property
    def expires_at(self) -> datetime:
        return min(self.now + self.hit.rule.send.expires, self.until or datetime.max.replace(tzinfo=UTC))


def occasion_of(flow: str, change: Change, hit: Hit, context: Context, *, date: str | None = None) -> Occasion:
    """Return the occasion of a hit on one change, for the flow to add what it knows of it."""
    return Occasion(
        flow=flow,
        record=change.record,
        hit=hit,
        now=context.latest,
        zone=context.zone,
        date=date,
        since=change.since,
        customer=context.customer,
    )


def events(occasion: Occasion, customer: str) -> Iterator[Action]:
    """Yield the event of a hit for one person, if the rule records one."""
    send = occasion.hit.rule.send
    if send.event:
        moment, source = happened_at(occasion)
        properties = rule_language.fill(dict(send.properties), occasion.named, liquid=send.liquid)
        properties["ecm_time_source"] = source
        payload: Json = {"name": send.event, "time": moment.isoformat(), "properties": properties}
        yield _action(occasion, customer, Kind.EVENT, send.event, payload)


def triggers(occasion: Occasion, customer: str, attributes: Mapping[str, Json], *, create: bool) -> Iterator[Action]:
    """Yield the campaign and the Canvas of a hit for one person, with the attributes they rely on."""
    send = occasion.hit.rule.send
    properties = rule_language.fill(dict(send.properties), occasion.named, liquid=send.liquid)
    payload: Json = {"properties": properties, "attributes": dict(attributes)}
    for kind, name in ((Kind.CAMPAIGN, send.campaign), (Kind.CANVAS, send.canvas)):
        if name:
            yield _action(occasion, customer, kind, name, payload, create=create)


def tell(
    occasion: Occasion, repeated: Mapping[str, Mapping[str, Json]], *, create: bool, event_only: str = ""
) -> Iterator[Action | Skip]:
    """Yield every message of a hit for every person, or why there is none.

    ``repeated`` are the attributes each person gets in the same plan; ``event_only`` is why nothing else goes.
    """
    record, rule = occasion.record, occasion.hit.rule
    skip = partial(Skip, record=record.key.text, customer=", ".join(record.customers), rule=rule.name)
    if stopped := rule.stopped_by(record.named):
        yield skip(reason=stopped)
        return
    try:
        for customer in record.customers:
            if stopped := _stopped_for(customer, occasion):
                yield replace(skip(reason=stopped), customer=customer)
                continue
            yield from events(occasion, customer)
            if not event_only:
                yield from triggers(occasion, customer, repeated.get(customer, {}), create=create)
        if event_only and (rule.send.campaign or rule.send.canvas):
            yield skip(reason=event_only)
    except RecordUnreadable as error:
        yield skip(reason=error.happened, quarantined=True, again=isinstance(error, OtherUnreadable))


def _stopped_for(customer: str, occasion: Occasion) -> str | None:
    """Return what stops a rule for one person, by what is open of them."""
    if not occasion.hit.rule.asks_of_customers:
        return None
    return occasion.hit.rule.stopped_by({**occasion.record.named, **occasion.customer(customer)})


def refuse_nobody(record: Record, hits: Sequence[Hit]) -> None:
    """Raise NamesNobody when something happened to a record that leads to nobody.

    It is quarantined, its facts are not taken: filled in later, the customer still gets what happened. Whom it named
    before loses at once what it said of them.
    """
    if hits and not record.customers:
        rules = ", ".join(hit.rule.name for hit in hits)
        raise NamesNobody(f"the workspace names no customer for {rules}")


def happened_at(occasion: Occasion) -> tuple[datetime, str]:
    """Return when the hit happened and how we know: when it came due, by the rule's date, else by the modify date.

    A date ahead is no time of an event: Braze would replace it by the current one (api/braze.md 1.7). A modify date
    from before our last look is none either, since the change is younger: then the last look itself stands in. It is
    the same from look to look; the present moment would plan two different events for the same facts.
    """
    if occasion.due is not None:
        return occasion.due, "due"
    named = occasion.record.named
    moment = dates.instant(named[occasion.date], occasion.zone, occasion.date) if occasion.date else None
    if moment and moment <= occasion.now:
        return moment, "date"
    at, source = occasion.at or (occasion.record.modified_at, MODIFIED)
    since = occasion.since
    if source == MODIFIED and since is not None and not since <= at <= occasion.now:
        return since, LAST_LOOK
    return at, source


def _action(occasion: Occasion, customer: str, kind: Kind, name: str, payload: Json, *, create: bool = False) -> Action:
    if rule_language.too_long(payload):
        raise RecordUnreadable(
            f"a property of {name!r} is longer than {rule_language.MAX_TEXT} characters; Braze would drop it."
        )
    rule = occasion.hit.rule
    told = f"{rule.told()}, due {occasion.due:%Y-%m-%d %H:%M} UTC" if occasion.due else rule.told()
    return Action(
        flow=occasion.flow,
        record=occasion.record.key.text,
        rule=rule.name,
        occurrence=occasion.hit.occurrence,
        kind=kind,
        recipient=customer,
        name=name,
        payload=payload,
        expires_at=occasion.expires_at,
        reason=", ".join(part for part in (told, occasion.why) if part),
        consent=rule.send.demanded(kind),
        create_profile=create,
        not_before=occasion.due or (occasion.at[0] if occasion.at else None),
    )
