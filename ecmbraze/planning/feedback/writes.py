"""The writes of one answer: the values in the category, and the comment as a document; says nothing of when."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo

from ecmbraze.model import Action, Json, Kind, target
from ecmbraze.planning.context import Context
from ecmbraze.planning.feedback.answers import Answer
from ecmbraze.planning.feedback.options import FeedbackRule, Part
from ecmbraze.planning.feedback.requests import FLOW, Past, Request
from ecmbraze.planning.outbound import Outbound, Sort

_CUT = " … (whole comment in a document)"
_CUT_ALONE = " … (shortened)"
# What is written here holds until something newer does.
_NEVER = timedelta(days=3650)
_WHOLE, _DECIMAL = re.compile(r"-?\d{1,18}"), re.compile(r"-?\d{1,18}\.\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One answer and the request it belongs to."""

    person: str
    """The record of the person."""
    rule: FeedbackRule
    request: Request
    answer: Answer
    at: datetime
    """When it was given, or first seen."""
    count: int
    """For the how-manieth time this request is answered: 1, and more for one that was edited."""
    why: str

    @property
    def too_long(self) -> bool:
        return len(self.answer.comment) > self.rule.comment_length

    @property
    def filed(self) -> bool:
        """Whether the comment becomes a document."""
        wanted = self.rule.comment_document == "always" or self.too_long
        return self.rule.files and bool(self.answer.comment) and wanted


def values(given: Given, past: Past, context: Context) -> Iterator[Action]:
    """Yield the values of an answer, one write per category, beside what else the flow keeps there."""
    by_category: dict[str, dict[str, Json]] = {}
    for name, part in given.rule.write.items():
        by_category.setdefault(name.partition(".")[0], {})[name] = _value(part, given, context.zone)
    for category, mine in by_category.items():
        action = Action(
            flow=FLOW,
            record=given.person,
            rule=given.rule.name,
            occurrence=given.request.occurrence,
            kind=Kind.CATEGORY,
            recipient=given.request.record,
            name=category,
            payload=mine,
            expires_at=context.now + _NEVER,
            reason=given.why,
        )
        kept = past.values_of(action.recipient, action.kind).get(category)
        payload = {**(kept if isinstance(kept, Mapping) else {}), **mine}
        if kept != payload or past.refusing(action.target):
            yield replace(action, payload=payload)


def targets(rule: FeedbackRule, request: Request) -> Iterator[str]:
    """Yield the target of each write that :func:`values` makes of an answer to a request."""
    for category in dict.fromkeys(name.partition(".")[0] for name in rule.write):
        yield target(request.record, Kind.CATEGORY, category)


def _value(part: Part, given: Given, zone: tzinfo) -> Json:
    match part:
        case "score":
            return _number(given.answer.score)
        case "comment":
            return _comment(given)
        case "at":
            return _local(given.at, zone)
        case "asked":
            return _local(given.request.at, zone) if given.request.at else None
        case "survey":
            return given.rule.name


def _number(text: str) -> Json:
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else text


def _comment(given: Given) -> str | None:
    text = given.answer.comment
    if not given.too_long:
        return text or None
    end = _CUT if given.filed else _CUT_ALONE
    return f"{text[: given.rule.comment_length - len(end)].rstrip()}{end}"


def _local(moment: datetime, zone: tzinfo) -> str:
    """Return a moment as ECM takes it: its own zone, no offset (api/ecm.md 5.3)."""
    return moment.astimezone(zone).replace(tzinfo=None, microsecond=0).isoformat()


def document(given: Given, context: Context) -> Iterator[Action]:
    """Yield the document of a comment, where it becomes one."""
    if not given.filed:
        return
    occurrence = f"{given.request.occurrence}.{given.count}"
    key = f"{FLOW}/{given.person}/{given.rule.name}/{occurrence}/{Kind.DOCUMENT}/{given.request.record}"
    yield Action(
        flow=FLOW,
        record=given.person,
        rule=given.rule.name,
        occurrence=occurrence,
        kind=Kind.DOCUMENT,
        recipient=given.request.record,
        name=_name(given, key),
        payload={"folder": given.rule.folder, "content": _text(given, key)},
        expires_at=context.now + _NEVER,
        reason=given.why,
    )


def _name(given: Given, key: str) -> str:
    return f"{given.at.astimezone(UTC):%Y-%m-%d} {given.rule.name} {hashlib.sha256(key.encode()).hexdigest()[:12]}.txt"


def _text(given: Given, key: str) -> str:
    """Return the document: lines for people, then one JSON object; never the token."""
    asked = given.request.at.astimezone(UTC).isoformat() if given.request.at else None
    found = {
        "key": key,
        "customer": given.request.customer,
        "survey": given.rule.name,
        "score": given.answer.score,
        "comment": given.answer.comment,
        "asked": asked,
        "answered": given.at.astimezone(UTC).isoformat(),
    }
    lines = [
        f"Survey: {given.rule.name}",
        f"Customer: {given.request.customer}",
        f"Asked: {asked or 'not known'}",
        f"Answered: {found['answered']}",
        f"Score: {given.answer.score}",
        "",
        given.answer.comment,
        "",
    ]
    return "\n".join([*lines, "--- json", json.dumps(found, ensure_ascii=False, sort_keys=True), ""])


def declared(rules: tuple[FeedbackRule, ...]) -> Iterator[Outbound]:
    """Yield what answers write. An attribute that several surveys write stands once, with all of their names."""
    writers: dict[str, list[FeedbackRule]] = {}
    for rule in rules:
        for name in rule.write:
            writers.setdefault(name, []).append(rule)
        if rule.files and rule.answer.comment:
            yield Outbound(
                sort=Sort.DOCUMENT, name=rule.folder, fact=f"attribute:{rule.answer.comment}", rule=rule.name
            )
    for name, mine in writers.items():
        part, longest = mine[0].write[name], max(rule.comment_length for rule in mine)
        yield Outbound(
            sort=Sort.CATEGORY_ATTRIBUTE,
            name=name,
            fact=_shown(part, mine[0]),
            rule=", ".join(r.name for r in mine),
            values=("x" * longest,) if part == "comment" else tuple(r.name for r in mine) if part == "survey" else (),
        )


def _shown(part: Part, rule: FeedbackRule) -> str:
    match part:
        case "score" | "comment" | "at":
            name = {"score": rule.answer.score, "comment": rule.answer.comment, "at": rule.answer.at}[part]
            return f"attribute:{name}" if name else "when the answer was first seen"
        case "asked":
            return "when the request was sent"
        case "survey":
            return "the name of the rule"
