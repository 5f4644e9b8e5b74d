"""The contract of the flows is strict: a bug planted in any flow of the register fails it.

A flow with rules fails what it owes in planning; one without rules owes nothing there, and fails it in whole rounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from ecmbraze.errors import RecordUnreadable
from ecmbraze.flow import Context, Flow, Known
from ecmbraze.flows import BY_NAME, FLOWS
from ecmbraze.model import BY_US, Action, Change, Decision, Kind
from ecmbraze.needs import Needs
from ecmbraze.planning.outbound import Sort
from tests import test_flow_contract, test_flow_in_a_round
from tests.flow_stories import CONFIG, section, tellings
from tests.stories.story import of_workspaces

Plan = Callable[[Any, Change, Known, Context], Decision]


_CONTRACT = test_flow_contract.TestEveryFlow()
_CHECKS = [getattr(_CONTRACT, name) for name in dir(_CONTRACT) if name.startswith("test_")]


def _planning(flow: Flow[Any], plan: Plan) -> Flow[Any]:
    return replace(flow, plan=plan)


def _acting(flow: Flow[Any], change: Callable[[Action], Action | None]) -> Flow[Any]:
    """Return the flow with other actions."""

    def plan(*asked: Any) -> Decision:
        decision = flow.plan(*asked)
        return replace(decision, actions=tuple(made for action in decision.actions if (made := change(action))))

    return replace(flow, plan=plan)


def _needing(flow: Flow[Any], change: Callable[[Needs], Needs]) -> Flow[Any]:
    return replace(flow, needs=lambda options: change(flow.needs(options)))


def _consuming(flow: Flow[Any]) -> Flow[Any]:
    def plan(*asked: Any) -> Decision:
        try:
            return flow.plan(*asked)
        except RecordUnreadable:
            return Decision()

    return replace(flow, plan=plan)


def _example(flow: Flow[Any]) -> Any:
    """Return the section as it stands in the example: without the suppression that the stories add."""
    return CONFIG.flows[flow.name]


_BUGS: dict[str, Callable[[Flow[Any]], Flow[Any]]] = {
    "forgets what happened": lambda flow: _planning(flow, lambda *asked: replace(flow.plan(*asked), memory={})),
    "ignores what happened": lambda flow: _planning(
        flow, lambda options, change, *more: flow.plan(options, replace(change, memory={}), *more)
    ),
    "messages in a backfill": lambda flow: _planning(
        flow,
        lambda options, change, known, context: flow.plan(
            options, change, known, replace(context, include_messages=True)
        ),
    ),
    "does not know a backfill": lambda flow: _planning(
        flow,
        lambda options, change, known, context: flow.plan(options, change, known, replace(context, backfill=False)),
    ),
    "messages at a baseline": lambda flow: _planning(
        flow, lambda options, change, *more: flow.plan(options, replace(change, fires=True), *more)
    ),
    "consumes what leads to nobody": _consuming,
    "writes no attributes": lambda flow: _acting(flow, lambda action: action if action.kind.is_message else None),
    "writes nothing but attributes": lambda flow: _acting(
        flow, lambda action: None if action.kind.is_message else action
    ),
    "sends without consent": lambda flow: _acting(flow, lambda action: replace(action, consent=None)),
    "creates profiles": lambda flow: _acting(flow, lambda action: replace(action, create_profile=True)),
    "counts every occasion as the first": lambda flow: _acting(flow, lambda action: replace(action, occurrence="1")),
    "names another flow in its keys": lambda flow: _acting(flow, lambda action: replace(action, flow="other")),
    "plans what is suppressed": lambda flow: _planning(flow, lambda _, *more: flow.plan(_example(flow), *more)),
    "sends what is suppressed": lambda flow: replace(flow, holds=lambda _, *more: flow.holds(_example(flow), *more)),
    "takes nothing back": lambda flow: replace(flow, holds=lambda *_: None),
    "takes everything back": lambda flow: replace(flow, holds=lambda *_: "no"),
    "says nothing of what leaves": lambda flow: replace(flow, outbound=lambda *_: ()),
}
_BUGS_OF_TIME: dict[str, Callable[[Flow[Any]], Flow[Any]]] = {
    "never looks again": lambda flow: _planning(flow, lambda *asked: replace(flow.plan(*asked), due=None)),
    "foresees nothing": lambda flow: replace(flow, ahead=lambda *_: ()),
}


def _planted() -> Iterator[Any]:
    """Yield every bug in every flow with rules where it makes a difference."""
    for flow in FLOWS:
        if not flow.rules(section(flow)):
            continue
        needs = flow.needs(section(flow))
        for name, bug in (_BUGS | (_BUGS_OF_TIME if flow.ahead else {})).items():
            if name not in _harmless(flow):
                yield pytest.param(bug(flow), id=f"{flow.name} {name}")
        for fact in sorted(needs.facts - {BY_US}):
            yield pytest.param(_without_fact(flow, fact), id=f"{flow.name} reads no {fact}")
        for fact in sorted(needs.document_facts):
            yield pytest.param(_without_document_fact(flow, fact), id=f"{flow.name} reads no {fact} of documents")
        for kind in needs.documents:
            yield pytest.param(_without_kind(flow, kind.fact), id=f"{flow.name} reads no {kind.told()}")


def _harmless(flow: Flow[Any]) -> Iterator[str]:
    """Yield the bugs that change nothing in a flow: it writes no attributes, or nothing of a record at once."""
    if not any(row.sort is Sort.ATTRIBUTE for row in flow.outbound(section(flow), "ecm_")):
        yield "writes no attributes"
    if all(told.change.before is not None for told in tellings(flow)):
        yield "messages at a baseline"


def _without_fact(flow: Flow[Any], fact: str) -> Flow[Any]:
    return _needing(flow, lambda needs: replace(needs, facts=needs.facts - {fact}))


def _without_document_fact(flow: Flow[Any], fact: str) -> Flow[Any]:
    return _needing(flow, lambda needs: replace(needs, document_facts=needs.document_facts - {fact}))


def _without_kind(flow: Flow[Any], fact: str) -> Flow[Any]:
    return _needing(
        flow, lambda needs: replace(needs, documents=tuple(kind for kind in needs.documents if kind.fact != fact))
    )


@pytest.mark.parametrize("flow", list(_planted()))
def test_the_contract_fails_a_flow_in_which_a_bug_is_planted(flow: Flow[Any]) -> None:
    assert any(_fails(check, flow) for check in _CHECKS)


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_the_contract_passes_a_flow_in_which_none_is_planted(flow: Flow[Any]) -> None:
    assert not any(_fails(check, _planning(flow, flow.plan)) for check in _CHECKS)


# What a flow without rules can get wrong, and only whole rounds show.
_BUGS_OF_ROUNDS: dict[str, Callable[[Flow[Any]], Flow[Any]]] = {
    **{
        name: _BUGS[name]
        for name in (
            "forgets what happened",
            "ignores what happened",
            "messages at a baseline",
            "counts every occasion as the first",
            "says nothing of what leaves",
        )
    },
    "files no documents": lambda flow: _acting(flow, lambda action: _but(action, Kind.DOCUMENT)),
    "writes no values": lambda flow: _acting(flow, lambda action: _but(action, Kind.CATEGORY)),
    "withdraws nothing": lambda flow: _acting(flow, lambda action: _but(action, Kind.WITHDRAWAL)),
    "does not know what it wrote": lambda flow: _planning(
        flow, lambda options, change, known, context: flow.plan(options, change, _Forgetful(known), context)
    ),
    "writes what it does not declare": lambda flow: _acting(flow, _with_more),
    "names its documents by the moment": lambda flow: _planning(
        flow, lambda options, change, known, context: _named(flow.plan(options, change, known, context), context)
    ),
}


# And one that plans people, whom a baseline concerns in no way: what it asks of people in ECM, and says in Braze.
_BUGS_OF_FOLLOW_UPS: dict[str, Callable[[Flow[Any]], Flow[Any]]] = {
    "forgets what happened": _BUGS["forgets what happened"],
    "says nothing of what leaves": _BUGS["says nothing of what leaves"],
    "makes no follow-ups": lambda flow: _acting(flow, lambda action: _but(action, Kind.FOLLOW_UP)),
    "completes no follow-ups": lambda flow: _acting(flow, lambda action: _but(action, Kind.COMPLETION)),
    "writes no attributes": lambda flow: _acting(flow, lambda action: _but(action, Kind.ATTRIBUTE)),
}


# And one that plans assets, of which no fact but its own says what stands in ECM.
_BUGS_OF_ASSETS: dict[str, Callable[[Flow[Any]], Flow[Any]]] = {
    **{
        name: _BUGS[name]
        for name in (
            "forgets what happened",
            "ignores what happened",
            "counts every occasion as the first",
            "says nothing of what leaves",
        )
    },
    "adds no versions": lambda flow: _acting(flow, lambda action: _but(action, Kind.VERSION)),
    "describes nothing": lambda flow: _acting(flow, lambda action: _but(action, Kind.METADATA)),
}


def _but(action: Action, kind: Kind) -> Action | None:
    return None if action.kind is kind else action


class _Forgetful:
    """A ledger that does not know what was accepted."""

    def __init__(self, known: Known) -> None:
        self._known = known

    def __getattr__(self, name: str) -> Any:
        return {"accepted": lambda target: (False, None), "ours": lambda target: ()}.get(name) or getattr(
            self._known, name
        )


def _with_more(action: Action) -> Action:
    if action.kind is not Kind.CATEGORY or not isinstance(action.payload, Mapping):
        return action
    return replace(action, payload={**action.payload, f"{action.name}.Note": "seen"})


def _named(decision: Decision, context: Context) -> Decision:
    """Return the decision with documents that another moment would name otherwise."""
    moment = f"{context.now:%H%M}"
    named = (
        replace(action, occurrence=f"{action.occurrence} {moment}", name=f"{moment} {action.name}")
        if action.kind is Kind.DOCUMENT
        else action
        for action in decision.actions
    )
    return replace(decision, actions=tuple(named))


_ROUNDS = test_flow_in_a_round.TestEveryFlowInARound()
_OF_WORKSPACES = test_flow_in_a_round.TestEveryFlowOfWorkspacesInARound()
_SLOW = "killed_wherever"
# These notice most of what is planted: one is enough, and the others need not be played.
_FIRST = ("test_it_writes_everything", "test_each_act")


def _in_rounds(flow: Flow[Any]) -> list[Callable[..., None]]:
    owed = (_ROUNDS, _OF_WORKSPACES) if flow in of_workspaces(FLOWS) else (_ROUNDS,)
    checks = [getattr(of, name) for of in owed for name in dir(of) if name.startswith("test_") and _SLOW not in name]
    return sorted(checks, key=lambda check: not check.__name__.startswith(_FIRST))


def _planted_in_rounds() -> Iterator[Any]:
    for flow in FLOWS:
        if not flow.rules(section(flow)):
            bugs = _BUGS_OF_ASSETS if flow.confirmed_first else _BUGS_OF_ROUNDS
            for name, bug in (_BUGS_OF_FOLLOW_UPS if flow.candidates else bugs).items():
                yield pytest.param(bug(flow), id=f"{flow.name} {name}")


@pytest.mark.parametrize("flow", list(_planted_in_rounds()))
def test_whole_rounds_fail_a_flow_without_rules_in_which_a_bug_is_planted(
    flow: Flow[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(BY_NAME, flow.name, flow)
    made = iter(range(1000))

    def fresh() -> Path:
        path = tmp_path / str(next(made))
        path.mkdir()
        return path

    ready = test_flow_in_a_round.ready(flow.name, fresh)

    def owed(check: Callable[..., None]) -> Callable[[Flow[Any]], None]:
        given = {"ground": ready.copy(fresh), "flow": flow, "folders": fresh}
        named = {name: given[name] for name in signature(check).parameters}
        return lambda _: check(**named)

    assert any(_fails(owed(check), flow) for check in _in_rounds(flow))


def _fails(check: Callable[[Flow[Any]], None], flow: Flow[Any]) -> bool:
    try:
        check(flow)
    except (Exception, pytest.fail.Exception):
        return True
    return False
