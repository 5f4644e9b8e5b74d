"""What every flow in the register owes, told once: a new flow is tested by being there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

import pytest
import typer

from ecmbraze.cli.app import app
from ecmbraze.config.meaning import CUSTOMER, DOCUMENT, FEEDBACK, REMINDER, WORKSPACE
from ecmbraze.errors import RecordUnreadable
from ecmbraze.flow import Flow
from ecmbraze.flows import BY_NAME, FLOWS
from ecmbraze.model import Change, Decision, Fact, Json, Kind, Record, WorkspaceKey
from ecmbraze.needs import Needs
from ecmbraze.planning.assets.options import Shown
from ecmbraze.planning.outbound import Sort, directions, written
from tests.fakes import Nothing
from tests.flow_stories import (
    CONFIG,
    HELD_BACK,
    NOW,
    Telling,
    Told,
    emptied,
    first_seen,
    held_back,
    in_its_time,
    messages_of,
    named_in_the_example,
    plan,
    planned_again,
    satisfying,
    section,
    tellings,
)

_OWN = {*WORKSPACE, *DOCUMENT, *REMINDER, *FEEDBACK, *CUSTOMER, "document.modified"}
_OPTIONS = (
    "--dry-run",
    "--exit-code",
    "--limit-listing",
    "--max-duration",
    "--since",
    "--until",
    "--limit",
    "--include-messages",
    "--confirm",
    "--report",
    "--json",
    "--config",
)
_COMMAND: Any = typer.main.get_command(app)
_HOUR = timedelta(hours=1)


class Beside(Nothing):
    """A ledger that knows one other workspace of the person, and what its flow noted of it."""

    def __init__(self, flow: Flow[Any], other: Record) -> None:
        self._other, self._memory = other, plan(flow, first_seen(other)).memory

    def of_customer(self, customer: str) -> Sequence[Record]:
        return (self._other,)

    def noted(self, record: str) -> Mapping[str, Json]:
        return self._memory


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
class TestEveryFlow:
    def test_has_a_command_with_the_options_of_the_contract(self, flow: Flow[Any]) -> None:
        options = {option for parameter in _COMMAND.commands[flow.name].params for option in parameter.opts}

        assert set(_OPTIONS) <= options
        assert flow.summary in _COMMAND.commands[flow.name].help

    def test_stands_in_the_example_and_in_the_register_once(self, flow: Flow[Any]) -> None:
        assert flow.name in CONFIG.flows
        assert [known.name for known in FLOWS].count(flow.name) == 1
        assert BY_NAME[flow.name].name == flow.name

    def test_reads_every_fact_that_its_section_names(self, flow: Flow[Any]) -> None:
        needs = flow.needs(section(flow))

        read = needs.facts | needs.document_facts | _customers(needs)
        kinds = frozenset(name for kind in needs.documents for name in kind.when or {})
        written = {row.name for row in flow.outbound(section(flow), "ecm_") if row.sort is Sort.CATEGORY_ATTRIBUTE}
        suppressing = {HELD_BACK} if flow.rules(section(flow)) else set()
        assert named_in_the_example(flow) - written | suppressing <= read | kinds

    def test_plans_nothing_at_a_baseline(self, flow: Flow[Any]) -> None:
        for rule in flow.rules(section(flow)):
            decision = plan(flow, replace(first_seen(satisfying(flow, rule)), fires=False))

            assert decision.actions == ()

    def test_tells_of_each_rule_and_the_same_when_asked_again(self, flow: Flow[Any]) -> None:
        for told in tellings(flow):
            assert told.messages, told.rule.name
            assert plan(flow, told.change, told.now) == told.decision

    def test_gives_each_message_a_key_of_its_own(self, flow: Flow[Any]) -> None:
        for told in tellings(flow):
            keys = [action.key for action in told.decision.actions]

            assert len(keys) == len(set(keys))
            assert all(key.startswith(f"{flow.name}/ws:7/") for key in keys)

    def test_sends_no_message_without_consent(self, flow: Flow[Any]) -> None:
        for told in tellings(flow):
            assert all(action.consent for action in told.messages if action.kind is not Kind.EVENT)

    def test_writes_every_attribute_that_it_says_leaves(self, flow: Flow[Any]) -> None:
        declared = {row.name for row in flow.outbound(section(flow), "ecm_") if row.sort is Sort.ATTRIBUTE}
        said = set(declared)

        for told in tellings(flow):
            whole = plan(flow, told.change, told.now, backfill=True)
            said -= _all_attributes(whole).keys()
            assert _all_attributes(plan(flow, first_seen(told.change.record))) or not declared
        assert said == set() or not flow.rules(section(flow))  # else its story shows it, round by round

    def test_creates_nobody_whom_its_section_does_not_let_it_create(self, flow: Flow[Any]) -> None:
        for told in tellings(flow):
            assert [one for one in told.decision.actions if one.create_profile and not _creates(flow)] == []

    def test_repeats_in_a_campaign_the_attributes_that_it_relies_on(self, flow: Flow[Any]) -> None:
        for told in tellings(flow):
            asked = first_seen(told.change.record)
            decision = plan(flow, asked, told.now, backfill=True, include_messages=True, campaign="any")
            planned = _all_attributes(decision)
            for one in decision.actions:
                if isinstance(one.payload, Mapping) and "attributes" in one.payload:
                    assert one.payload["attributes"] == planned, one.key

    def test_takes_the_values_of_a_person_from_the_workspace_that_is_newest(self, flow: Flow[Any]) -> None:
        for told in tellings(flow):
            record = told.change.record
            earlier = _earlier(record)
            alone = plan(flow, first_seen(record), told.now, backfill=True)

            for changed, other in ((record, earlier), (earlier, record)):
                asked = plan(flow, first_seen(changed), told.now, known=Beside(flow, other), backfill=True)
                assert _attributes(asked) == _attributes(alone), told.rule.name

    def test_is_quiet_when_nothing_changed(self, flow: Flow[Any]) -> None:
        for told in tellings(flow):
            record = told.change.record
            again = planned_again(record, record, told.decision.memory, told.now)

            assert plan(flow, again, told.now + _HOUR).actions == ()

    def test_tells_of_the_next_occasion_under_another_key_or_not_at_all(self, flow: Flow[Any]) -> None:
        for told in tellings(flow):
            for repeat in (False, True):
                back = _come_back(flow, told)
                second = in_its_time(flow, told.rule, back, told.now + 2 * _HOUR, repeat=repeat).decision

                keys = {action.key for action in told.messages}
                assert not keys & {action.key for action in messages_of(second)}, told.rule.name
                assert not told.rule.repeat or messages_of(second, told.rule.name), told.rule.name

    def test_goes_by_what_it_noted(self, flow: Flow[Any]) -> None:
        for told in tellings(flow):
            steps = ((told.change, told.now), (_come_back(flow, told), told.now + 2 * _HOUR))

            assert told.decision.memory, told.rule.name
            assert any(
                plan(flow, change, now) != plan(flow, replace(change, memory={}), now) for change, now in steps
            ), told.rule.name

    def test_messages_nobody_of_what_is_gone(self, flow: Flow[Any]) -> None:
        for told in tellings(flow):
            record = told.change.record
            gone = planned_again(replace(record, gone=True), record, told.decision.memory, told.now, fires=False)

            assert messages_of(plan(flow, gone, told.now + _HOUR)) == ()

    def test_messages_nobody_again_of_what_comes_back_as_it_was(self, flow: Flow[Any]) -> None:
        for told in tellings(flow):
            record, absent = told.change.record, replace(told.change.record, gone=True)
            gone = planned_again(absent, record, told.decision.memory, told.now, fires=False)
            noted = plan(flow, gone, told.now + _HOUR).memory
            back = planned_again(record, absent, noted, told.now + _HOUR)

            assert messages_of(plan(flow, back, told.now + 2 * _HOUR, known=Told(told.messages))) == (), told.rule.name

    def test_messages_nobody_in_a_backfill_unless_it_is_asked_to(self, flow: Flow[Any]) -> None:
        for told in tellings(flow):
            change = first_seen(told.change.record)

            assert messages_of(plan(flow, change, told.now, backfill=True)) == ()

    def test_repeats_in_a_backfill_only_what_bears_the_same_key(self, flow: Flow[Any]) -> None:
        for told in tellings(flow):
            asked = replace(first_seen(told.change.record), memory=told.decision.memory)
            known = Told(told.messages)
            backfill = plan(flow, asked, told.now, known=known, backfill=True, include_messages=True)

            repeated = {one.key for one in messages_of(backfill, told.rule.name)}
            assert repeated <= {one.key for one in told.messages}
            of_time = told.change.before is not None  # time goes on alone: a backfill has no reminders
            assert of_time or repeated, told.rule.name

    def test_puts_a_record_aside_of_which_there_is_nobody_to_tell(self, flow: Flow[Any]) -> None:
        for told in tellings(flow):
            record = told.change.record
            customer = flow.needs(section(flow)).mapping_of(record.stream)
            nobody = replace(record, customers=(), facts={**record.facts, customer: ()})

            with pytest.raises(RecordUnreadable, match="no customer"):
                plan(flow, replace(told.change, record=nobody), told.now)

    def test_holds_back_what_is_suppressed_and_says_so(self, flow: Flow[Any]) -> None:
        for told in tellings(flow):
            decision = plan(flow, replace(told.change, record=held_back(told.change.record)), told.now)

            assert messages_of(decision, told.rule.name) == ()
            assert [skip.reason for skip in decision.skips if skip.rule == told.rule.name and HELD_BACK in skip.reason]

    def test_takes_a_message_back_when_its_rule_no_longer_holds(self, flow: Flow[Any]) -> None:
        for told in tellings(flow):
            record = told.change.record
            for action in told.messages:
                assert _stopped(flow, told, action.occurrence, record) is None
                assert _stopped(flow, told, action.occurrence, emptied(record))
                assert HELD_BACK in str(_stopped(flow, told, action.occurrence, held_back(record)))
                assert flow.holds(section(flow), record, "no_such_rule", action.occurrence, UTC, told.now)

    def test_looks_again_when_the_next_thing_comes_due(self, flow: Flow[Any]) -> None:
        for rule in flow.rules(section(flow)) if flow.ahead else ():
            record = satisfying(flow, rule)

            for fires in (True, False):
                decision = plan(flow, replace(first_seen(record), fires=fires))
                ahead = [due for due, _ in flow.ahead(section(flow), record, decision.memory, UTC)]  # type: ignore[misc]
                assert decision.due == min((due for due in ahead if due > NOW), default=None)

    def test_names_only_facts_it_reads_in_what_leaves(self, flow: Flow[Any]) -> None:
        rows = flow.outbound(section(flow), "ecm_")
        named = {row.fact for row in rows if "." in row.fact and " " not in row.fact[:9]}

        needs = flow.needs(section(flow))
        assert named
        read = needs.facts | needs.people | _customers(needs)
        read |= {f"content.{name}" for name in Shown} if needs.content else set()
        assert named <= read | {f"document.{name}" for name in needs.document_facts} | _OWN

    def test_declares_everything_that_it_plans_to_write(self, flow: Flow[Any]) -> None:
        declared = {(row.sort, row.name) for row in flow.outbound(section(flow), "ecm_")}

        for told in tellings(flow):
            planned = {pair for action in told.decision.actions for pair in written(action)}
            assert planned
            assert planned - declared == set()

    def test_declares_which_way_it_writes(self, flow: Flow[Any]) -> None:
        assert directions(flow.outbound(section(flow), "ecm_")) is flow.direction

    def test_declares_each_attribute_under_one_rule(self, flow: Flow[Any]) -> None:
        rows = [row for row in flow.outbound(section(flow), "ecm_") if row.sort is Sort.ATTRIBUTE]

        assert len({row.name for row in rows}) == len({(row.name, row.rule) for row in rows})


def _creates(flow: Flow[Any]) -> bool:
    return bool(getattr(section(flow), "create_profiles", False))


def _attributes(decision: Decision) -> dict[str, Json]:
    """Return the attributes planned, without those that count workspaces."""
    return {name: value for name, value in _all_attributes(decision).items() if not isinstance(value, int)}


def _all_attributes(decision: Decision) -> dict[str, Json]:
    values = (one.values for one in decision.actions if one.kind.is_profile_value)
    return {name: value for some in values for name, value in some.items()}


def _earlier(record: Record) -> Record:
    """Return another workspace of the same person, of which everything happened ten years before."""
    ten_years = timedelta(days=3650)
    facts = {name: _long_ago(value) for name, value in record.facts.items()}
    return replace(
        record,
        key=WorkspaceKey(id=3),
        created_at=record.created_at - ten_years,
        facts=facts,
        modified_at=record.modified_at - ten_years,
        documents=(),
    )


def _long_ago(value: Fact) -> Fact:
    return "2017-06-01" if isinstance(value, str) and value.startswith("20") else value


def _customers(needs: Needs) -> set[str]:
    """The attributes that say whom a workspace belongs to."""
    return {customer.attribute for customer in needs.customers.values()}


def _come_back(flow: Flow[Any], told: Telling) -> Change:
    """Return the change by which a record is again what it was, after all of it had been emptied."""
    record = told.change.record
    left = plan(flow, planned_again(emptied(record), record, told.decision.memory, told.now), told.now + _HOUR)
    return planned_again(record, emptied(record), left.memory, told.now + _HOUR)


def _stopped(flow: Flow[Any], told: Telling, occurrence: str, record: Any) -> str | None:
    return flow.holds(section(flow), record, told.rule.name, occurrence, UTC, told.now)
