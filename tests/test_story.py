"""Any story of edits, consent flips, kills, faults and clock jumps: the promises of delivery.md hold after each step.

A Hypothesis state machine over the whole program, forked and killed for real, against the sandbox.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections import Counter
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.crashing.warm import warm
from tests.rehearsal import CAMPAIGN, CONTRACT, SOAK, TYPE, rehearsal

EVENT = "contract_approved"
BOOLEANS = st.booleans()
FAULTS = ("reset_before", "reset_after", "html500", "cut_answer", "busy", "empty200")


class Story(RuleBasedStateMachine):
    """Five workspaces of five customers, and whatever happens to them."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.stage = self.stack.enter_context(rehearsal(folder, "--workspaces", "60", "--customers", "60"))
        self.stage.config["guards"] = {"max_audience_share": 1.0}
        self.stage.config["braze"] |= {"track_batch": 2, "trigger_batch": 1}
        self.stage.config["ecm"]["page_size"] = 500
        self.stage.set_up()
        self.program = self.stack.enter_context(warm(self.stage))
        self.workspaces = self.stage.open_workspaces()[:5]
        self.customer = {workspace: self.stage.customer(workspace) for workspace in self.workspaces}
        self.approved: set[int] = set()
        self.taken_back: set[int] = set()
        self.silent: set[str] = set()
        self.ever_silent: set[str] = set()
        self.allowed: Counter[tuple[str, str]] = Counter()
        self.before: Counter[tuple[str, str]] = Counter()

    def teardown(self) -> None:
        """The faults are over: what is not truly unknown arrives."""
        try:
            self._all_is_well()
        finally:
            self.stack.close()

    number = st.integers(0, 4)

    @rule(number=number)
    def approve(self, number: int) -> None:
        workspace = self.workspaces[number]
        if workspace not in self.approved | self.taken_back:
            self.approved.add(workspace)
            self.allowed.update((self.customer[workspace], name) for name in (EVENT, CAMPAIGN))
            self.stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})

    @rule(number=number)
    def take_back(self, number: int) -> None:
        workspace = self.workspaces[number]
        if workspace in self.approved:
            self.approved.discard(workspace)
            self.taken_back.add(workspace)
            self.stage.box.edit_workspace(workspace, {CONTRACT: "Draft"})

    @rule(number=number)
    def delete(self, number: int) -> None:
        workspace = self.workspaces[number]
        if workspace in self.approved:
            self.approved.discard(workspace)
            self.taken_back.add(workspace)
            self.stage.box.delete_workspace(workspace)

    @precondition(lambda self: len(self.workspaces) < 9)
    @rule(number=number)
    def create_approved(self, number: int) -> None:
        customer = self.customer[self.workspaces[number]]
        values = {CONTRACT: "Approved", "Onboarding.Customer Number": customer}
        workspace = self.stage.box.create_workspace(TYPE, name=f"Neu {len(self.workspaces)}", values=values)
        self.workspaces.append(workspace)
        self.customer[workspace] = customer
        self.approved.add(workspace)
        self.allowed.update((customer, name) for name in (EVENT, CAMPAIGN))

    @rule(number=number)
    def touch(self, number: int) -> None:
        """Save again without a change that a rule names."""
        workspace = self.workspaces[number]
        if workspace not in self.taken_back:
            self.stage.box.edit_workspace(workspace, {"Onboarding.VIP": True})

    @rule(number=number)
    def flip_consent(self, number: int) -> None:
        customer = self.customer[self.workspaces[number]]
        self.silent ^= {customer}
        self.ever_silent.add(customer)
        state = "unsubscribed" if customer in self.silent else "subscribed"
        self.stage.box.call("PUT", f"/braze/users/{customer}", {"email_subscribe": state})

    @rule(seconds=st.sampled_from([1, 400, 2000, 8000]))
    def clock_jumps(self, seconds: int) -> None:
        self.stage.box.advance(seconds)

    @rule(
        kind=st.sampled_from(FAULTS), path=st.sampled_from(["/users/track", "/trigger/send"]), processed=st.booleans()
    )
    def run_with_a_fault(self, kind: str, path: str, processed: bool) -> None:
        self.stage.box.fault(kind, system="braze", path=path, bytes=30, process=processed, times=1)
        self._run()
        self.stage.box.clear_faults()

    @rule(point=st.integers(1, 60))
    def run_and_kill(self, point: int) -> None:
        self._run(die_at=point)

    @rule()
    def run_twice_at_once(self) -> None:
        other = self.stage.start("onboarding")
        self._run()
        assert other.wait() in (0, 3, 4, 5, 11)

    @rule()
    def run_in_peace(self) -> None:
        self._run()

    @invariant()
    def nothing_goes_twice_and_nothing_against_consent(self) -> None:
        got = self.stage.messages()
        assert not got - self.allowed, "a message that nothing asked for, or one too many"
        new = got - self.before
        assert not [key for key in new if key[1] == CAMPAIGN and key[0] in self.silent], "against consent"
        self.before = got

    def _run(self, die_at: int | None = None) -> None:
        code = self.program.run("onboarding", die_at=die_at)
        # 5: the record of a waiting message was deleted and cannot be read again; its message waits.
        assert code in (0, 3, 4, 11, -9) or (code == 5 and self.taken_back), (code, self.program.err)

    def _all_is_well(self) -> None:
        self.stage.box.clear_faults()
        for seconds in (400, 2000, 22_000, 60, 60):
            self.stage.box.advance(seconds)
            self._run()
        self.nothing_goes_twice_and_nothing_against_consent()
        got, ended = self.stage.messages(), self._ended()
        for workspace in self.approved:
            for name in (EVENT, CAMPAIGN):
                customer = self.customer[workspace]
                fate = ended.get((f"ws:{workspace}", name), "never planned")
                assert fate in ("sent", "held", "suppressed", "ready"), (workspace, name, fate)
                assert fate != "suppressed" or customer in self.ever_silent
                # What a hold of the same person and rule blocks stays ready; nothing else may.
                assert fate != "ready" or any(state == "held" for state in ended.values())
        sent = Counter(
            (customer, name)
            for (record, name), state in ended.items()
            for customer in [self.customer.get(int(record.removeprefix("ws:")), "")]
            if state == "sent"
        )
        assert not sent - got, "said to be sent, but Braze has it not"

    def _ended(self) -> dict[tuple[str, str], str]:
        with closing(sqlite3.connect(self.stage.state)) as file:
            rows = file.execute("SELECT record, name, state FROM outbox WHERE delivery = 'once'").fetchall()
        return {(record, name): state for record, name, state in rows}


TestStory = pytest.mark.soak(Story.TestCase)
# `make test` lives through eight stories of up to 18 steps, the same each time; `make soak` through 200 of up to 30.
TestStory.settings = settings(
    max_examples=200 if SOAK else 8, stateful_step_count=30 if SOAK else 18, deadline=None, derandomize=True,
    suppress_health_check=list(HealthCheck), print_blob=False, phases=(Phase.generate,),
)  # fmt: skip
