"""How each rule of a flow in the register comes to tell somebody something, made from the example alone.

Knows no flow by name: a new one gets its stories by standing in the register and in ``config.example.yaml``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter

from ecmbraze.config import load
from ecmbraze.flow import Context, Flow, Known
from ecmbraze.flows import BY_NAME
from ecmbraze.model import (
    BY_US,
    Action,
    Change,
    Decision,
    Document,
    DocumentRow,
    Fact,
    Json,
    Record,
    Version,
    WorkspaceKey,
    keys,
)
from ecmbraze.needs import Needs, of_type
from ecmbraze.planning.document_kinds import DocumentKind
from ecmbraze.planning.rule_language import Condition
from ecmbraze.planning.rules import Rule, Suppress
from tests.fakes import Nothing

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
CUSTOMER = "0000050031"
HELD_BACK = "Held.Back"
"""A fact that stops every rule of every section here, whatever the example says."""
_EXAMPLE = Path(__file__).parents[1] / "config.example.yaml"
CONFIG = load(
    _EXAMPLE,
    flows=BY_NAME,
    environ={"ECM_PASSWORD": "x", "BRAZE_API_KEY": "y"},
)
_STOP = TypeAdapter(Suppress).validate_python({HELD_BACK: "Yes"})
_FACT = re.compile(r"[A-Z][\w ]*\.[A-Z][\w -]*")
# A day ahead, so that what counts days to or from it comes due later.
_DAY = "2027-06-01"


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """A change of which a rule tells, and what the flow made of it."""

    rule: Rule
    change: Change
    now: datetime
    decision: Decision

    @property
    def messages(self) -> tuple[Action, ...]:
        return messages_of(self.decision, self.rule.name)


class Told(Nothing):
    """A ledger that remembers which occurrences led to messages."""

    def __init__(self, actions: tuple[Action, ...]) -> None:
        self._actions = actions

    def happened(self, record: str, rule: str) -> frozenset[str]:
        return frozenset(one.occurrence for one in self._actions if (one.record, one.rule) == (record, rule))


def section(flow: Flow[Any], *, repeat: bool = False, campaign: str = "") -> Any:
    """Return the flow's section of the example, each rule of which is also suppressed by ``HELD_BACK``.

    With ``repeat`` each of its rules may happen again, where that is a matter of the configuration; with ``campaign``
    each sends that campaign as well, unless it sends one.
    """
    options = CONFIG.flows[flow.name]
    mine = tuple(flow.rules(options))
    rules = tuple(
        rule.model_copy(
            update={
                "suppress_when": (*rule.suppress_when, *_STOP),
                "repeat": repeat or rule.repeat,
                "send": rule.send.model_copy(update={"campaign": rule.send.campaign or campaign or None}),
            }
        )
        for rule in mine
    )
    (field,) = (name for name in type(options).model_fields if getattr(options, name) == mine)
    return options.model_copy(update={field: rules})


def named_in_the_example(flow: Flow[Any]) -> frozenset[str]:
    """Return every ``Category.Attribute`` that stands anywhere in the flow's section of the example."""
    return frozenset(fact for text in _texts(_sections()[flow.name]) for fact in _FACT.findall(text))


@cache
def _sections() -> Mapping[str, Any]:
    sections: Mapping[str, Any] = yaml.safe_load(_EXAMPLE.read_text(encoding="utf-8"))["flows"]
    return sections


def _texts(raw: object) -> Iterator[str]:
    if isinstance(raw, Mapping):
        for key, value in raw.items():
            yield str(key)
            yield from _texts(value)
    elif isinstance(raw, list):
        for value in raw:
            yield from _texts(value)
    elif isinstance(raw, str):
        yield raw


def plan(
    flow: Flow[Any],
    change: Change,
    now: datetime = NOW,
    *,
    known: Known | None = None,
    backfill: bool = False,
    include_messages: bool = False,
    repeat: bool = False,
    campaign: str = "",
) -> Decision:
    """Let the flow plan one change under the example."""
    context = Context(now=now, zone=UTC, prefix="ecm_", backfill=backfill, include_messages=include_messages)
    return flow.plan(section(flow, repeat=repeat, campaign=campaign), change, known or Nothing(), context)


def first_seen(record: Record) -> Change:
    return Change(record=record, before=None, fires=True, memory={})


def planned_again(
    record: Record, before: Record, memory: Mapping[str, Json], since: datetime = NOW, *, fires: bool = True
) -> Change:
    return Change(record=record, before=before, fires=fires, memory=memory, since=since)


def tellings(flow: Flow[Any]) -> Iterator[Telling]:
    """Yield, for each rule, how it tells of a new record: at once, or when the first thing of it comes due."""
    for rule in flow.rules(section(flow)):
        record = satisfying(flow, rule)
        yield in_its_time(flow, rule, first_seen(record))


def in_its_time(flow: Flow[Any], rule: Rule, change: Change, now: datetime = NOW, *, repeat: bool = False) -> Telling:
    """Return what the flow makes of a change: at once, or when the first thing that it notes of it comes due."""
    decision, record = plan(flow, change, now, repeat=repeat), change.record
    if not messages_of(decision, rule.name) and (due := _first_due(flow, rule, record, decision.memory, now)):
        change, now = planned_again(record, record, decision.memory, now), due + timedelta(minutes=1)
        decision = plan(flow, change, now, repeat=repeat)
    return Telling(rule=rule, change=change, now=now, decision=decision)


def _first_due(
    flow: Flow[Any], rule: Rule, record: Record, memory: Mapping[str, Json], now: datetime
) -> datetime | None:
    ahead = flow.ahead(section(flow), record, memory, UTC) if flow.ahead else ()
    return min((due for due, name in ahead if name == rule.name and due > now), default=None)


def messages_of(decision: Decision, rule: str = "") -> tuple[Action, ...]:
    return tuple(one for one in decision.actions if one.kind.is_message and rule in ("", one.rule))


def satisfying(flow: Flow[Any], rule: Rule) -> Record:
    """Return a record on which one rule holds, with nothing of it but what the flow says it needs."""
    needs = flow.needs(section(flow))
    type_name = (getattr(rule, "workspace_types", ()) or needs.types)[0]
    facts: dict[str, Fact] = {name: False if name == BY_US else _DAY for name in needs.of(type_name)}
    facts |= {name: _value(condition) for name, condition in rule.when.items() if name in facts}
    facts |= dict.fromkeys(of_type(type_name, [needs]).markers, True)
    return Record(
        key=WorkspaceKey(id=7),
        stream=keys.workspaces(type_name),
        name="Würth GmbH",
        created_at=NOW - timedelta(days=1),
        modified_at=NOW,
        facts={**facts, needs.customers[type_name].fact: (CUSTOMER,)},
        customers=(CUSTOMER,),
        documents=tuple(_document(100 + n, kind, needs) for n, kind in enumerate(needs.documents)),
    )


def emptied(record: Record) -> Record:
    """Return the record when nothing of it is filled in but its customer, and no document is there."""
    kept = {name: value for name, value in record.facts.items() if name.startswith(("customer: ", "document"))}
    return replace(record, facts={**dict.fromkeys(record.facts), **kept}, documents=())


def held_back(record: Record) -> Record:
    return replace(record, facts={**record.facts, HELD_BACK: "Yes"})


def _value(condition: Condition) -> Fact:
    """Return a value that satisfies a condition."""
    operand = condition.operand
    tried: tuple[Fact, ...] = (*operand, "x", None) if isinstance(operand, tuple) else (operand, "x", None)
    return next(value for value in tried if not isinstance(value, tuple) and condition.holds(value))


def _document(number: int, kind: DocumentKind, needs: Needs) -> Document:
    """Return a document of a kind, with a value that means approved wherever the example asks for one."""
    facts: dict[str, Fact] = dict.fromkeys(needs.document_facts, "2026-12-31")
    facts |= dict.fromkeys((name for name in facts if name.endswith("Status")), "Approved")
    facts |= dict.fromkeys((name for name in facts if name.endswith("Version")), "1")
    facts |= {name: _value(condition) for name, condition in (kind.when or {}).items()}
    texts = {"name": kind.name, "folder": kind.folder, "mime_type": kind.mime}
    row = DocumentRow(
        id=number,
        created_at=NOW,
        modified_at=NOW,
        **{name: (text or "x").replace("*", "") for name, text in texts.items()},
    )
    version = Version(number=1, major=1, minor=0, created_at=NOW, told="1.0")
    return Document(row=row, version=version, facts=facts, classifications=(kind.classification or "",))
