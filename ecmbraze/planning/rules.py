"""What a rule says, as typed YAML sections shared by the flows: who, when, what is sent, on which consent."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from ecmbraze.model import Facts, Json, Kind, Record
from ecmbraze.planning import rule_language
from ecmbraze.planning.naming import CUSTOMER_FACTS, CampaignId, CanvasId, GroupId, Scope
from ecmbraze.planning.rule_language import When, satisfied

TOKEN = "feedback.token"  # noqa: S105 the name of a fact
"""What texts name the token of a request by: opaque, and of one person alone."""
_SPAN = re.compile(r"(\d+)([smhd])")
_UNIT = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Section(BaseModel):
    """A part of the configuration: unknown keys are refused, values do not change."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        arbitrary_types_allowed=True,
        str_min_length=1,
        defer_build=True,  # a run reads the sections of its file, and all flows have sixty
    )

    def scope(self) -> Scope:
        """Return of what the names in it are said, where that is not what the names around it are said of."""
        return {}


def _span(raw: object) -> timedelta:
    if isinstance(raw, timedelta):
        return raw
    match = _SPAN.fullmatch(raw) if isinstance(raw, str) else None
    if not match:
        raise ValueError(f'{raw!r} is no span: write one such as "90s", "15m", "72h" or "30d"')
    span = timedelta(**{_UNIT[match[2]]: int(match[1])})
    if not timedelta(seconds=1) <= span <= timedelta(days=3660):
        raise ValueError(f"{raw!r} is out of range: a span lies between 1s and 3660d")
    return span


Span = Annotated[
    timedelta, BeforeValidator(_span), WithJsonSchema({"type": "string", "pattern": rf"^{_SPAN.pattern}$"})
]


class GroupConsent(Section):
    """The least state one channel demands."""

    state: Literal["opted_in", "subscribed"] = Field(description="least state: opted_in or subscribed")
    group: GroupId | None = Field(None, description="id of the Braze subscription group that must be subscribed")


def _short_consent(schema: dict[str, Any]) -> None:
    """Add the short form, ``{email: opted_in, group: ID}``, to the schema for editors."""
    for name in ("email", "sms", "whatsapp", "push"):
        schema["properties"][name]["anyOf"].append({"enum": ["opted_in", "subscribed"]})
    schema["properties"]["group"] = {"type": "string", "description": "group of the one channel beside it"}


class Consent(Section):
    """On which ground a message may go: a written reason, or a state per channel."""

    model_config = ConfigDict(json_schema_extra=_short_consent)

    transactional: str | None = Field(None, description="why no consent is needed, in a sentence for the auditor")
    email: GroupConsent | None = Field(None, description="what e-mail demands")
    sms: GroupConsent | None = Field(None, description="what SMS demands")
    whatsapp: GroupConsent | None = Field(None, description="what WhatsApp demands")
    push: GroupConsent | None = Field(None, description="what push demands")

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, raw: object) -> object:
        """Accept ``{email: opted_in, group: ID}`` for ``{email: {state: opted_in, group: ID}}``."""
        if not isinstance(raw, dict):
            return raw
        channels = {"email", "sms", "whatsapp", "push"} & raw.keys()
        group = raw.get("group")
        if group is not None and len(channels) != 1:
            raise ValueError("`group` beside a channel needs exactly one channel; nest it otherwise")
        return {
            name: {"state": value, **({"group": group} if group else {})}
            if name in channels and isinstance(value, str)
            else value
            for name, value in raw.items()
            if name != "group"
        }

    @model_validator(mode="after")
    def _one_ground(self) -> Consent:
        channels = [self.email, self.sms, self.whatsapp, self.push]
        if bool(self.transactional) == any(channels):
            raise ValueError('name either a channel (email: subscribed) or transactional: "reason"')
        for channel in ("sms", "whatsapp"):
            entry = getattr(self, channel)
            if entry and not entry.group:
                raise ValueError(f"{channel} consent lives in a subscription group: name its `group`")
        return self


Properties = dict[str, str | bool | int | float]


def refuse_unusable(properties: Properties, *, liquid: bool) -> None:
    """Raise ValueError for a property that Braze reserves, or whose text would be sent with a placeholder in it.

    With ``liquid`` the placeholders of Liquid are meant.
    """
    for name, text in properties.items():
        if name in ("time", "event_name") or name.startswith("$"):
            raise ValueError(f"Braze reserves the property name {name!r}: take another")
        left = rule_language.unfilled(text)
        if left and not (liquid and left.startswith(("{{", "{%"))):
            raise ValueError(
                f"property {name!r}: {left} is not filled in: write ${{Category.Attribute}}, or `liquid: true` if "
                "Braze is to fill it"
            )


class Send(Section):
    """What a rule sends: an event, a campaign or a Canvas, and the facts that travel with it."""

    event: str | None = Field(None, max_length=255, description="custom event to record")
    campaign: CampaignId | None = Field(None, description="API-triggered campaign id")
    canvas: CanvasId | None = Field(None, description="API-triggered Canvas id")
    consent: Consent | None = Field(None, description="on which consent the campaign or Canvas goes")
    event_consent: Literal["required"] | None = Field(None, description="`required` screens the event like a message")
    properties: Properties = Field(default_factory=dict, description="name → text with ${fact}")
    liquid: bool = Field(False, description="lets values with {{ or {% through, which Braze may run")
    expires: Span = Field(timedelta(hours=72), description="how long an unsent message stays sendable")

    @model_validator(mode="after")
    def _sendable(self) -> Send:
        if not (self.event or self.campaign or self.canvas):
            raise ValueError("name what is sent: event, campaign or canvas")
        if (self.campaign or self.canvas or self.event_consent) and self.consent is None:
            raise ValueError('a message needs a consent: {email: subscribed}, or {transactional: "reason"}')
        refuse_unusable(self.properties, liquid=self.liquid)
        return self

    def names(self, kind: Kind) -> str | None:
        """Return the event, campaign or Canvas that is sent; ``None`` where none is."""
        return {Kind.EVENT: self.event, Kind.CAMPAIGN: self.campaign, Kind.CANVAS: self.canvas}.get(kind)

    def demanded(self, kind: Kind) -> Mapping[str, Json] | None:
        """Return the consent a message of this kind needs, as it is stored with it; ``None`` where it needs none."""
        if self.consent is None or (kind is Kind.EVENT and not self.event_consent):
            return None
        return self.consent.model_dump(exclude_none=True)

    @property
    def secret(self) -> frozenset[str]:
        """The properties whose values stand in the ledger and in the message, and in no report."""
        return frozenset(name for name, text in self.properties.items() if TOKEN in rule_language.named(text))

    def facts(self) -> frozenset[str]:
        """Return the facts the properties name."""
        return frozenset().union(*(rule_language.named(value) for value in self.properties.values()))


def _several(raw: object) -> object:
    return (raw,) if isinstance(raw, dict) else raw


Suppress = Annotated[tuple[When, ...], BeforeValidator(_several, json_schema_input_type=When | tuple[When, ...])]


class Rule(Section):
    """A named condition; a record *comes to* satisfy it once, or each time with `repeat`."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=80, description="snake_case, unique in the flow")
    when: When = Field(description="fact → value; all must hold")
    suppress_when: Suppress = Field((), description="facts that stop this rule; in a list, any entry does")
    repeat: bool = Field(False, description="happens again when the record leaves the condition and comes back")
    require_archived: bool = Field(
        False, description="campaign and Canvas wait until their present content is archived and approved (flow assets)"
    )
    send: Send = Field(description="what is sent")

    def facts(self) -> frozenset[str]:
        """Return every fact this rule names."""
        return frozenset(self.when).union(*self.suppress_when, self.send.facts())

    def sending(self, kind: Kind, name: str) -> Send | None:
        """Return the part of the rule, as it is configured now, that sends this message; ``None`` when none does."""
        return self.send if self.send.names(kind) == name else None

    @property
    def reminds(self) -> bool:
        """Whether it comes due as time passes: how late it may still go is its own to say."""
        return False

    @property
    def asks_of_customers(self) -> bool:
        """Whether what stops it is a matter of each person, by what is open of them."""
        return any(name in CUSTOMER_FACTS for when in self.suppress_when for name in when)

    def stopped_by(self, facts: Facts) -> str | None:
        """Return what stops the rule for this record, in words; ``None`` when nothing does.

        What names facts of a customer is judged where they are among ``facts``, and else left to whoever knows them.
        """
        for when in self.suppress_when:
            if any(name in CUSTOMER_FACTS and name not in facts for name in when):
                continue
            if satisfied(when, facts):
                return "suppressed: " + ", ".join(f"{name} is {entry.told()}" for name, entry in when.items())
        return None

    def told(self) -> str:
        """Return the condition in words."""
        return ", ".join(f"{name} is {entry.told()}" for name, entry in self.when.items())

    def ended(self, record: Record, occurrence: str, zone: tzinfo, now: datetime) -> str | None:
        """Return why a message of this occurrence must not go any more; ``None`` while it may."""
        if not satisfied(self.when, record.named):
            return f"no longer {self.told()}"
        return self.moved(record, occurrence, zone) or self.stopped_by(record.named)

    def moved(self, record: Record, occurrence: str, zone: tzinfo) -> str | None:
        """Return what an occurrence rests on beside `when` and is another by now; ``None`` while nothing is."""
        return None


Options = TypeVar("Options")


def by_rule(
    rules: Callable[[Options], Sequence[Rule]],
) -> Callable[[Options, Record, str, str, tzinfo, datetime], str | None]:
    """Return the ``holds`` of a flow whose messages stand and fall with their rules."""

    def holds(options: Options, record: Record, rule: str, occurrence: str, zone: tzinfo, now: datetime) -> str | None:
        found = next((known for known in rules(options) if known.name == rule), None)
        return found.ended(record, occurrence, zone, now) if found else f"the rule {rule!r} is no longer configured"

    return holds
