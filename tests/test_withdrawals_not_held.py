"""A guard stops the messages of a flow, and its plan waits for a person: what people took back leaves all the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from ecmbraze.flow import Context, Known
from ecmbraze.flows import BY_NAME
from ecmbraze.model import Action, Change, Decision, Kind
from tests.rehearsal import CONTRACT, Rehearsal

KEY = "onboarding"


def _withdrawing() -> None:
    """Make the flow of this process unsubscribe everybody whose contract is approved."""
    flow = BY_NAME[KEY]
    plan: Callable[..., Decision] = flow.plan

    def with_withdrawals(options: Any, change: Change, known: Known, context: Context) -> Decision:
        decision = plan(options, change, known, context)
        fired = change.fires and change.record.facts.get(CONTRACT) == "Approved"
        taken_back = [_withdrawal(change, person, context) for person in change.record.customers if fired]
        news = tuple(action for action in taken_back if known.accepted(action.target)[1] != "unsubscribed")
        return replace(decision, actions=(*decision.actions, *news))

    object.__setattr__(flow, "plan", with_withdrawals)
    object.__setattr__(flow, "withdraws", True)


def _withdrawal(change: Change, person: str, context: Context) -> Action:
    return Action(
        flow=KEY, record=change.record.key.text, rule="email", occurrence="1", kind=Kind.WITHDRAWAL, recipient=person,
        name="email", payload="unsubscribed", expires_at=context.now + timedelta(days=1), reason="staff",
    )  # fmt: skip


def _run(stage: Rehearsal, *arguments: str, code: int = 0) -> dict[str, Any]:
    done = stage.ecmbraze(KEY, "--json", *arguments, before=_withdrawing)
    assert done.code == code, (done.code, done.stderr[-2000:])
    return done.report


def _unsubscribed(stage: Rehearsal, workspaces: list[int]) -> list[bool]:
    users = {user["external_id"]: user for user in stage.box.call("GET", "/braze/users")}
    return [users[stage.customer(number)].get("email_subscribe") == "unsubscribed" for number in workspaces]


def test_a_guarded_plan_and_one_that_waits_hold_no_withdrawal(stage: Rehearsal) -> None:
    stage.config["guards"] = {"max_messages": 1}
    first, second, third = chosen = stage.open_workspaces()[:3]
    for workspace in (first, second):
        stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})

    stopped = _run(stage, code=6)

    assert _unsubscribed(stage, chosen) == [True, True, False]
    assert stopped["by_action"]["withdrawals"] == stopped["counts"]["sent"] == 2
    stage.box.advance(30)
    stage.box.edit_workspace(third, {CONTRACT: "Approved"})

    waits = _run(stage, code=6)

    assert waits["plan_hash"] == stopped["plan_hash"]
    assert "Nothing new but withdrawals left" in waits["exit_reason"]
    assert _unsubscribed(stage, chosen) == [True, True, True]
    assert not stage.messages()

    confirmed = _run(stage, "--confirm", str(stopped["plan_hash"])[:12])

    assert confirmed["by_action"]["events"] == 2
    assert not any("changed since the plan" in note for note in confirmed["notes"])
    assert _run(stage)["by_action"]["events"] == 1
