"""What every flow in the register owes, told once: a new flow is tested by being there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer

from ecmbraze.cli.app import app
from ecmbraze.config import load
from ecmbraze.config.meaning import DOCUMENT, REMINDER, WORKSPACE
from ecmbraze.engine.records import of_type
from ecmbraze.flow import Context, Flow, Needs
from ecmbraze.flows import BY_NAME, FLOWS
from ecmbraze.model import Action, Change, Decision, Document, DocumentRow, Fact, Record, Version
from ecmbraze.planning.document_kinds import DocumentKind
from ecmbraze.planning.outbound import Sort
from tests.fakes import Nothing

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
_CONFIG = load(
    Path(__file__).parents[1] / "config.example.yaml", flows=BY_NAME,
    environ={"ECM_PASSWORD": "x", "BRAZE_API_KEY": "y"},
)  # fmt: skip
_CONTEXT = Context(now=NOW, zone=UTC, prefix="ecm_")
_OWN = {*WORKSPACE, *DOCUMENT, *REMINDER, "document.modified"}
_OPTIONS = ("--dry-run", "--exit-code", "--limit-listing", "--max-duration", "--since", "--until", "--limit",
            "--include-messages", "--confirm", "--report", "--json", "--config")  # fmt: skip


def _satisfying(flow: Flow[Any]) -> Record:
    """A record on which every rule of the example holds."""
    options = _CONFIG.flows[flow.name]
    facts: dict[str, Fact] = dict.fromkeys(flow.needs(options).facts, "2026-11-01")
    for rule in flow.rules(options):
        facts |= {name: condition.operand for name, condition in rule.when.items()}
    needs = flow.needs(options)
    markers = dict.fromkeys(of_type("", [needs]).markers, True)
    return Record(
        id=7, type=needs.types[0], name="Würth GmbH", created_at=NOW - timedelta(days=1), modified_at=NOW,
        facts={**facts, **markers, needs.customer.fact: ("0000050031",)}, customers=("0000050031",),
        documents=tuple(_document(100 + n, kind, needs) for n, kind in enumerate(needs.documents)),
    )  # fmt: skip


def _document(number: int, kind: DocumentKind, needs: Needs) -> Document:
    """A document of a kind, with a value that means approved wherever the example asks for one."""
    facts: dict[str, Fact] = dict.fromkeys(needs.document_facts, "2026-12-31")
    facts |= dict.fromkeys((name for name in facts if name.endswith("Status")), "Approved")
    facts |= dict.fromkeys((name for name in facts if name.endswith("Version")), "1")
    facts |= {name: condition.operand for name, condition in (kind.when or {}).items()}
    texts = {"name": kind.name, "folder": kind.folder, "mime_type": kind.mime}
    row = DocumentRow(
        id=number, created_at=NOW, modified_at=NOW,
        **{name: (text or "x").replace("*", "") for name, text in texts.items()},
    )  # fmt: skip
    return Document(
        row=row, version=Version(number=1, major=1, minor=0, created_at=NOW, told="1.0"), facts=facts,
        classifications=(kind.classification or "",),
    )  # fmt: skip


def _plan(flow: Flow[Any], change: Change) -> Decision:
    return flow.plan(_CONFIG.flows[flow.name], change, Nothing(), _CONTEXT)


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
class TestEveryFlow:
    def test_has_a_command_with_the_options_of_the_contract(self, flow: Flow[Any]) -> None:
        command: Any = typer.main.get_command(app)
        options = {option for parameter in command.commands[flow.name].params for option in parameter.opts}

        assert set(_OPTIONS) <= options
        assert flow.summary in command.commands[flow.name].help

    def test_stands_in_the_example_and_in_the_register_once(self, flow: Flow[Any]) -> None:
        assert flow.name in _CONFIG.flows
        assert [known.name for known in FLOWS].count(flow.name) == 1
        assert BY_NAME[flow.name] is flow

    def test_plans_nothing_at_a_baseline(self, flow: Flow[Any]) -> None:
        decision = _plan(flow, Change(record=_satisfying(flow), before=None, fires=False, memory={}))

        assert decision.actions == ()

    def test_plans_messages_for_a_new_record_and_the_same_ones_again(self, flow: Flow[Any]) -> None:
        change = Change(record=_satisfying(flow), before=None, fires=True, memory={})

        first, second = _plan(flow, change), _plan(flow, change)

        assert first == second
        assert any(action.kind.is_message for action in first.actions)

    def test_gives_each_message_a_key_of_its_own(self, flow: Flow[Any]) -> None:
        decision = _plan(flow, Change(record=_satisfying(flow), before=None, fires=True, memory={}))

        keys = [action.key for action in decision.actions]
        assert len(keys) == len(set(keys))
        assert all(key.startswith(f"{flow.name}/ws:7/") for key in keys)

    def test_sends_no_message_without_consent(self, flow: Flow[Any]) -> None:
        decision = _plan(flow, Change(record=_satisfying(flow), before=None, fires=True, memory={}))

        assert all(action.consent for action in decision.actions if action.kind in ("campaign", "canvas"))

    def test_is_quiet_when_nothing_changed(self, flow: Flow[Any]) -> None:
        record = _satisfying(flow)

        assert _plan(flow, Change(record=record, before=record, fires=True, memory={})).actions == ()

    def test_takes_a_message_back_when_its_rule_no_longer_holds(self, flow: Flow[Any]) -> None:
        record, section = _satisfying(flow), _CONFIG.flows[flow.name]
        actions = _plan(flow, Change(record=record, before=None, fires=True, memory={})).actions
        emptied = replace(record, facts=dict.fromkeys(record.facts), documents=())

        for action in actions:
            if action.kind.is_message:
                assert flow.holds(section, record, action.rule, action.occurrence, UTC, NOW) is None
                assert flow.holds(section, emptied, action.rule, action.occurrence, UTC, NOW)

    def test_names_only_facts_it_reads_in_what_leaves(self, flow: Flow[Any]) -> None:
        section = _CONFIG.flows[flow.name]
        named = {row.fact for row in flow.outbound(section, "ecm_") if "." in row.fact and " " not in row.fact[:9]}

        needs = flow.needs(section)
        assert named
        assert named <= needs.facts | {f"document.{name}" for name in needs.document_facts} | _OWN

    def test_declares_everything_that_it_plans_to_write(self, flow: Flow[Any]) -> None:
        decision = _plan(flow, Change(record=_satisfying(flow), before=None, fires=True, memory={}))
        declared = {(row.sort, row.name) for row in flow.outbound(_CONFIG.flows[flow.name], "ecm_")}

        planned = {written for action in decision.actions for written in _written(action)}
        assert planned
        assert planned - declared == set()

    def test_declares_each_attribute_under_one_rule(self, flow: Flow[Any]) -> None:
        rows = [row for row in flow.outbound(_CONFIG.flows[flow.name], "ecm_") if row.sort is Sort.ATTRIBUTE]

        assert len({row.name for row in rows}) == len({(row.name, row.rule) for row in rows})


def _written(action: Action) -> Iterator[tuple[Sort, str]]:
    """What an action brings to Braze, under the names of the declaration."""
    sort = {kind.value: kind for kind in Sort}[action.kind.value]
    yield sort, action.name
    payload = action.payload if isinstance(action.payload, dict) and sort is not Sort.ATTRIBUTE else {}
    properties, attributes = payload.get("properties", {}), payload.get("attributes", {})
    assert isinstance(properties, dict)
    assert isinstance(attributes, dict)
    yield from ((Sort(f"{sort} property"), f"{action.name}.{name}") for name in properties)
    yield from ((Sort.ATTRIBUTE, name) for name in attributes)
    if "time" in payload:
        yield Sort.EVENT_TIME, action.name
