"""One ledger, one flow's sending and two small systems in memory: what is staged leaves, and answers as told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ecmbraze.engine.deliver.consents import Consents
from ecmbraze.engine.deliver.push import Push
from ecmbraze.engine.deliver.screen import Screen
from ecmbraze.engine.recover import evidence, verifying
from ecmbraze.engine.recover.evidence import Found
from ecmbraze.engine.setting import BatchLimits, Sample, Systems
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.outbox import Row
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.ledger.stage import Part
from ecmbraze.model import (
    Action,
    AddressList,
    Answer,
    Assignee,
    FollowUp,
    FollowUpState,
    Json,
    Kind,
    MessageInfo,
    Phase,
    Priority,
    Profile,
    State,
    Team,
    TrackBatch,
    Verdict,
    attributes,
    mark_of,
)
from tests.fakes import Everything, Unasked, no_fence, systems
from tests.systems.rig import NOW, FakeClock
from tests.twins.office import Office

TAKEN = Answer(verdict=Verdict.ACCEPTED, reason="accepted")
LOST = Answer(verdict=Verdict.UNKNOWN, reason="cut off")


def refused(reason: str) -> Answer:
    return Answer(verdict=Verdict.REFUSED, reason=reason)


def not_taken(reason: str) -> Answer:
    return Answer(verdict=Verdict.NOT_PROCESSED, reason=reason)


class Records:
    """Extended ECM: keeps what it takes, and gives the answers laid out for it first, whether or not it kept it."""

    def __init__(self) -> None:
        self.values: list[tuple[int, Mapping[str, Json], Mapping[str, Json]]] = []
        self.attempted: list[list[Mapping[str, Json]]] = []
        """Beside each of those values, what may stand there although no answer said so."""
        self.stored: dict[tuple[int, str, str], bytes] = {}
        self.put: list[str] = []
        self.answers: dict[int, list[Answer]] = {}
        self.loses: set[int] = set()
        """Workspaces whose documents are not stored, whatever is answered."""
        self.unreadable: Exception | None = None
        self.office = Office(users={"ann"})

    def set_values(
        self,
        node_id: int,
        values: Mapping[str, Json],
        expected: Mapping[str, Json],
        attempted: Sequence[Mapping[str, Json]] = (),
    ) -> Answer:
        self.values.append((node_id, values, expected))
        self.attempted.append(list(attempted))
        return self._answer(node_id)

    def put_document(self, parent_id: int, folder: str, name: str, content: bytes, mime_type: str) -> Answer:
        assert mime_type == "text/plain"
        self.put.append(f"{parent_id} {name}")
        if parent_id not in self.loses:
            self.stored.setdefault((parent_id, folder, name), content)
        return self._answer(parent_id)

    def document_content(self, parent_id: int, folder: str, name: str) -> bytes | None:
        if self.unreadable is not None:
            raise self.unreadable
        return self.stored.get((parent_id, folder, name))

    def add_follow_up(self, node_id: int, follow_up: FollowUp) -> Answer:
        self.put.append(f"{node_id} {follow_up.mark}")
        if node_id not in self.loses:
            self.office.add(node_id, follow_up, there=True)
        return self._answer(node_id)

    def complete_follow_up(self, node_id: int, mark: str, task_list: str = "") -> Answer:
        self.put.append(f"{node_id} completes {mark}")
        if node_id not in self.loses:
            self.office.complete(node_id, mark, task_list)
        return self._answer(node_id)

    def follow_ups(self, node_id: int, task_list: str = "") -> Sequence[FollowUpState]:
        if self.unreadable is not None:
            raise self.unreadable
        return self.office.of(node_id, task_list)

    def _answer(self, node_id: int) -> Answer:
        waiting = self.answers.get(node_id, [])
        return waiting.pop(0) if waiting else TAKEN


class Braze:
    """Braze: the profiles it knows, and what it was sent."""

    def __init__(self, *people: str) -> None:
        self.known = {person: [profile(person)] for person in people}
        self.withdrawn: list[tuple[tuple[str, ...], str]] = []
        self.tracked: list[TrackBatch] = []
        self.answers: list[Answer] = []
        self.asked: list[str] = []

    def profiles(self, recipients: Sequence[str]) -> Mapping[str, Sequence[Profile]]:
        self.asked += recipients
        return {recipient: self.known[recipient] for recipient in recipients if recipient in self.known}

    def group_states(self, group_id: str, recipients: Sequence[str]) -> Mapping[str, str]:
        raise AssertionError(group_id)

    def message(self, kind: Kind, message_id: str) -> MessageInfo:
        raise AssertionError(message_id)

    def hard_bounces(self, since: datetime) -> frozenset[str]:
        raise AssertionError(since)

    def address_list(self, which: AddressList, since: datetime) -> Mapping[str, datetime]:
        raise AssertionError(which)

    def wait_for_turn(self, kind: Kind) -> None: ...

    def track(self, batch: TrackBatch) -> Answer:
        self.tracked.append(batch)
        return self.answers.pop(0) if self.answers else TAKEN

    def trigger(self, batch: object) -> Answer:
        raise AssertionError(batch)

    def withdraw(self, recipients: Sequence[str], channel: str) -> Answer:
        self.withdrawn.append((tuple(recipients), channel))
        return self.answers.pop(0) if self.answers else TAKEN


def profile(recipient: str, **more: Any) -> Profile:
    values: dict[str, Any] = {
        "email": None,
        "phone": None,
        "email_subscribe": "subscribed",
        "push_subscribe": "subscribed",
        "custom_attributes": {},
        "custom_events": {},
        **more,
    }
    return Profile(recipient=recipient, **values)


class Desk:
    """The flow ``f`` and everything it stages; ``clock`` is its time."""

    def __init__(self, folder: Path, *people: str, connections: int = 1) -> None:
        self.ledger = Ledger.create(folder / "state.db", {}, NOW)
        self.clock, self.records, self.braze = FakeClock(), Records(), Braze(*people)
        self.connections, self.paused = connections, ""
        self.systems: Systems = systems(
            people=self.braze, sink=self.braze, records=self.records, records_sink=self.records
        )
        self.attempts = 0
        self.push = self.new_run()

    def new_run(self) -> Push:
        """Begin another run of the flow; what waited is ready again."""
        nobody: Any = Unasked()
        flow: Any = _NoRules()  # of a flow the screen asks only for its rules
        screen = Screen(
            consents=Consents(
                people=self.braze,
                flow=flow,
                options=nobody,
                bounced=frozenset,
                withdrawn=lambda *_: frozenset(),
                clock=self.clock,
            ),
            records=nobody,
            flow=flow,
            options=nobody,
            needs=nobody,
            today=lambda _: 0,
            max_per_person=None,
            twins=lambda _: (),
            reached=lambda *_: True,
            renewed=lambda *_: False,
            staged=lambda _: False,
            customer=lambda _: {},
            mirrored=dict.fromkeys,
            attributes=Everything(),
            standing=lambda *_: "",
            clock=self.clock,
            zone=nobody,
        )
        self.ledger.outbox.wake("f", self.clock.now())
        self.push = Push(
            flow="f",
            outbox=self.ledger.outbox,
            systems=self.systems,
            screen=screen,
            clock=self.clock,
            limits=BatchLimits(),
            connections=self.connections,
            new_id=self._id,
            tick=lambda: None,
            paused=lambda: self.paused or None,
            clock_fault=lambda: "",
            fence=no_fence(),
            content=self.ledger.contents.of,
        )
        return self.push

    def _id(self) -> str:
        self.attempts += 1
        return f"attempt-{self.attempts}"

    def stage(self, *actions: Action, last: Phase = Phase.TRIGGER) -> None:
        plan = PlanFile(self.ledger.plan_path("t"))
        plan.put_actions(actions)
        self.ledger.stage(plan).everything([Part(flow="f", facts=False, move=False, last=last)], self.clock.now())
        plan.discard()

    def send(self) -> None:
        """Send all phases, as a round does."""
        for phase in Phase:
            self.push.send(phase)

    def look(self, after: float) -> Found:
        """Let seconds pass and look for what is in doubt."""
        self.clock.advance(after)
        return evidence.look(self.ledger.outbox, self.systems, self.clock.now(), marked=True)

    def verify(self) -> verifying.Seen:
        self.clock.advance(600)
        return verifying.look(self.ledger.outbox, self.systems, Sample(share=1.0), Everything(), self.clock.now())

    def rows(self) -> list[Row]:
        return self.ledger.outbox.rows("true")

    def states(self) -> list[State]:
        return [row.state for row in self.rows()]

    def row(self) -> Row:
        (row,) = self.rows()
        return row


class _NoRules:
    def rules(self, options: object) -> Sequence[Any]:
        return ()


def action_of(kind: Kind, recipient: str, name: str, payload: Json, **more: Any) -> Action:
    values: dict[str, Any] = {
        "flow": "f",
        "record": "person:C-1",
        "rule": "email",
        "occurrence": "1",
        "kind": kind,
        "recipient": recipient,
        "name": name,
        "payload": payload,
        "expires_at": NOW + timedelta(hours=1),
        "reason": "because",
        **more,
    }
    return Action(**values)


def attributes_of(recipient: str, values: Mapping[str, Json], **more: Any) -> Iterator[Action]:
    """Yield what planning makes of the attributes of a person."""
    shared = {"flow": "f", "record": "ws:1", "occurrence": "0", "recipient": recipient, "reason": "value changed"}
    return attributes(values, **{**shared, "expires_at": NOW + timedelta(hours=1), **more})


def document(workspace: int = 1, content: str = "Grüße", name: str = "day email.txt", **more: Any) -> Action:
    payload = {"folder": "Consent History", "content": content}
    return action_of(Kind.DOCUMENT, f"ws:{workspace}", name, payload, **more)


def follow_up(workspace: int = 1, **more: Any) -> Action:
    made = FollowUp(
        mark="",
        type="Follow-up",
        text="Call.",
        due=NOW.date(),
        priority=Priority.HIGH,
        assign=Assignee(team=Team.USER, name="ann"),
    )
    return action_of(Kind.FOLLOW_UP, f"ws:{workspace}", "silent", made.payload(), **{"rule": "silent", **more})


def task(workspace: int = 1, **more: Any) -> Action:
    made = follow_up(workspace, **more)
    assert isinstance(made.payload, dict)
    payload = {"list": "Follow-ups", **{name: value for name, value in made.payload.items() if name != "type"}}
    return replace(made, payload=payload)


def completion(of: Action, **more: Any) -> Action:
    assert isinstance(of.payload, dict)
    payload = {name: of.payload[name] for name in ("type", "list") if name in of.payload}
    return action_of(Kind.COMPLETION, of.recipient, mark_of(of.key), payload, **{"rule": "silent", **more})


def category(workspace: int = 1, status: str = "Withdrawn", **more: Any) -> Action:
    return action_of(Kind.CATEGORY, f"ws:{workspace}", "Consent", {"Consent.Email Status": status}, **more)


def withdrawal(person: str = "C-1", channel: str = "email", **more: Any) -> Action:
    return action_of(Kind.WITHDRAWAL, person, channel, "unsubscribed", **more)


def event(person: str, **more: Any) -> Action:
    payload = {"name": "n", "time": NOW.isoformat()}
    return action_of(Kind.EVENT, person, "n", payload, **{"record": "ws:9", "rule": "r", **more})


def attribute(person: str, name: str = "a") -> Action:
    return action_of(Kind.ATTRIBUTE, person, name, "x", record="ws:9", rule=name, occurrence="0")
