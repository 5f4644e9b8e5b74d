"""Send what is staged, phase by phase: mark in flight, send, settle; plans nothing and never guesses an outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ecmbraze.engine.deliver.channels import channel_of
from ecmbraze.engine.deliver.channels.channel import Attempt, Batch, Place
from ecmbraze.engine.deliver.clock_faults import wrong_clock
from ecmbraze.engine.deliver.denials import Denials
from ecmbraze.engine.deliver.fence import Fence
from ecmbraze.engine.deliver.needless import left, needless
from ecmbraze.engine.deliver.reach import Reach, Width
from ecmbraze.engine.deliver.requests import build, divide, settle, wave_of
from ecmbraze.engine.deliver.rereading import TooSlow, too_late
from ecmbraze.engine.deliver.screen import Screen
from ecmbraze.engine.deliver.touched import ON_THE_WAY, Touched
from ecmbraze.engine.deliver.unsendable import Unsendable
from ecmbraze.engine.setting import BatchLimits, Systems
from ecmbraze.errors import EcmbrazeError, TemporaryError
from ecmbraze.ledger.outbox import Outbox, Row, Step
from ecmbraze.model import Answer, Delivery, DocumentBytes, Kind, MessageInfo, Phase, State, System, Verdict
from ecmbraze.ports import Clock, Work


@dataclass(slots=True, kw_only=True)
class Push:
    """One flow's sending in one run. ``tick`` raises between requests when the run must end."""

    flow: str
    outbox: Outbox
    systems: Systems
    screen: Screen
    fence: Fence
    clock: Clock
    limits: BatchLimits
    connections: int
    """How many requests may be on their way to Extended ECM at once."""
    new_id: Callable[[], str]
    tick: Callable[[], None]
    paused: Callable[[], str | None]
    """Read before each request: the operator's switch."""
    clock_fault: Callable[[], str]
    """What is wrong with our clock, empty while messages may be sent by it."""
    content: Callable[[str], DocumentBytes]
    """The bytes of a document that waits to be filed, by their sha256."""
    braze_connections: int = 8
    """How many requests may be on their way to Braze at once."""
    place: Place = field(default_factory=Place)
    """What stands where a write to Extended ECM goes."""
    leaves: str = ""
    """The rule whose rows are for the slices of an initial load alone, which are throttled."""
    unknown_for: timedelta = timedelta(days=90)
    """How long attributes wait for people whom Braze does not know."""
    clear: bool = True
    """Whether so few outcomes of this run are unknown that more may be sent."""
    doubts: int = 0
    """How many requests of this run had an unknown outcome."""
    unwritten: dict[tuple[int, str], str] = field(default_factory=dict)
    """(row number, name) → why it did not go through, or what is not known of it, of what is tried again."""
    denied: Denials = field(default_factory=Denials)
    touched: Touched = field(default_factory=Touched)
    launched: dict[tuple[Kind, str], MessageInfo] = field(default_factory=dict)
    """(kind, id) of what is launched in Braze → what Braze says of it: asked once for all flows of the round."""
    unsendable: Unsendable = field(init=False)
    """What of it this flow cannot send in this round."""
    reach: Reach = field(default_factory=Reach)
    width: Width = field(init=False)
    waves: int = 0
    """How many waves have left."""
    entered: dict[tuple[str, str], float] = field(default_factory=dict)
    """(person, message) → when this round last sent them one that must not follow another closely, monotonic."""

    def __post_init__(self) -> None:
        self.unsendable = Unsendable(systems=self.systems, launched=self.launched)
        self.width = Width(clock=self.clock, most=self.braze_connections)

    def send(self, phase: Phase) -> None:
        """Send every sendable row of one phase, unless an outcome of this flow is unknown already.

        Raises what an answer says must end the flow, after its rows were settled; TemporaryError when a request
        could not be sent. Returns early, with rows in doubt, after an unknown outcome.
        """
        if self.clear and not self.paused():
            self.systems.progress.expect(Work.SENT, self.outbox.count_sendable(self.flow, phase, but=self.leaves))
        while self.clear and (rows := self.sendable(phase)):
            self.tick()
            self.fence.check()
            self._wait_for_turn(rows)  # before the screen, so that it is fresh
            leave = self._screened(rows)
            if any(row.action.kind.is_message for row in leave) and (fault := self.clock_fault()):
                raise wrong_clock(fault)
            self._send_in_time(leave)
            self.touched.let_go()
        if phase is Phase.TRIGGER:
            self.unsendable.refuse()

    def _send_in_time(self, leave: Sequence[Row]) -> None:
        """Send what is young enough to leave."""
        young, before = self._in_time(divide(leave, self.limits)), self.waves
        try:
            self.clear = self._waves(young) if young else self.clear
            vain = bool(leave) and not young
        except TooSlow:
            vain = self.waves == before
        if late := self.reach.after(leave, vain=vain):
            self.screen.unread += len(late)
            self._move(late)

    def sendable(self, phase: Phase) -> list[Row]:
        """Return the next rows that may leave; what Braze would not send, and what is paused, stays ready."""
        if self.paused():
            return []
        while True:
            most, stopped = self._most(phase), self.unsendable.stopped
            rows = self.outbox.sendable(self.flow, phase, most, without=stopped, but=self.leaves)
            if self._take_apart([row for row in rows if row.action.kind.holds and not self.screen.configured(row)]):
                continue  # what is no longer configured goes no more, its neighbours go
            if not self.unsendable.find(rows):
                return rows

    def _most(self, phase: Phase) -> int:
        """Return how many rows to look at: as many as may be on their way at once; events go with attributes."""
        full = (self.braze_connections if phase is Phase.TRIGGER else 3) * self.limits.trigger
        if phase is Phase.PROFILE:
            full = self.braze_connections * max(1, self.limits.track // 2)
        return self.reach.most(full)

    def note_held(self, rows: Sequence[Row]) -> None:
        """Report the messages that were held as soon as they were staged."""
        self.touched.note(Step(row=row, state=State.HELD, why=row.why) for row in rows)

    def expire(self, now: datetime) -> None:
        """Give up what is past its time, with the reason why it did not leave before."""
        self.touched.note(self.outbox.expire(self.flow, now, paused=self.paused() or ""))
        self.touched.note(self.outbox.end_unknown(self.flow, now, self.unknown_for))

    def _screened(self, rows: Sequence[Row]) -> list[Row]:
        steps = self.screen.look(rows)
        self.reach.looked(len(rows), len(self.screen.later))
        others = needless(left(rows, steps), self.systems)
        self.unwritten |= {(step.row.id, ""): step.why for step in others if step.state is State.WAITING}
        self._move([*steps, *others])
        return [row for row in left(rows, [*steps, *others]) if row.id not in self.screen.later]

    def _waves(self, groups: list[tuple[Row, ...]]) -> bool:
        """Send groups, as many at a time as there are connections; return False when an outcome is unknown.

        What is not sent while what it rests on is young is screened again.
        """
        clear = True
        with ThreadPoolExecutor(max_workers=max(self.connections, self.braze_connections)) as pool:
            while groups and clear and not self.paused():
                self.tick()
                self._wait_for_turn(row for rows in groups for row in rows)  # nothing is on its way
                wave, groups = wave_of(
                    self._in_time(groups), {System.ECM: self.connections, System.BRAZE: self.width.now}
                )
                again, clear = self._wave(pool, wave) if wave else ([], clear)
                groups = again + groups
        return clear

    def _wait_for_turn(self, rows: Iterable[Row]) -> None:
        """Wait until no rate limit keeps rows back; before any is in flight: a kill meanwhile must leave no doubt."""
        for kind in {row.action.kind for row in rows}:
            channel_of(kind).wait_for_turn(self.systems)

    def _in_time(self, groups: Iterable[tuple[Row, ...]]) -> list[tuple[Row, ...]]:
        """Return groups without the messages that rest on what is too old: those stay ready."""
        young = (tuple(row for row in rows if not self.screen.outdated(row)) for rows in groups)
        return list(filter(None, young))

    def _wave(self, pool: ThreadPoolExecutor, wave: Sequence[tuple[Row, ...]]) -> tuple[list[tuple[Row, ...]], bool]:
        entries = {
            (row.action.recipient, row.action.name): apart_s
            for rows in wave
            for row in rows
            if (apart_s := channel_of(row.action.kind).apart_s)
        }
        self._keep_apart(entries)
        attempt = Attempt(
            id=self.new_id(),
            limits=self.limits,
            accepted=self.outbox.accepted,
            attempted=self.outbox.attempted,
            place=self.place,
            content=self.content,
        )
        batches = [build(rows, attempt) for rows in wave]
        values = [row for rows in wave for row in rows if row.action.kind.delivery is Delivery.LATEST]
        self.touched.note_before(self.outbox.accepted_of(values))
        self._take_off([row for batch in batches for row in batch.rows], attempt.id)
        self.waves += 1
        futures: dict[Future[Answer], Batch] = {pool.submit(batch.send, self.systems): batch for batch in batches}
        again: list[tuple[Row, ...]] = []
        apart: list[Row] = []
        answers: list[tuple[tuple[Row, ...], Answer]] = []
        together: list[Step] = []
        for future in as_completed(futures):
            batch, answer = futures[future], future.result()
            settled = settle(batch, answer)
            if all(row.action.kind.is_profile_value for row in batch.rows):
                together.extend(settled.steps)  # may be sent again whatever happens, so a crash costs nothing
            else:  # at once: a crash must not put a whole wave in doubt
                self._move(settled.steps)
            self._move(settled.aside)
            again.extend(settled.again)
            apart.extend(settled.apart)
            answers.append((batch.rows, answer))
        self._move(together)
        again.extend((part,) for part in self._take_apart(apart))
        # Counted from the answer: a request may have waited for a rate limit before it went out.
        self.entered |= dict.fromkeys(entries, self.clock.monotonic())
        self._stop_if_told(answers)
        return again, self._bearable(answers)

    def _take_apart(self, rows: Sequence[Row]) -> list[Row]:
        """Put each attribute of rows that hold several into a row of its own; return those rows."""
        if not rows:
            return []
        parts = self.outbox.take_apart(rows, self.clock.now())
        made = [part for row in rows for part in parts[row.id]]
        self.touched.replace(rows, made)
        return made

    def _take_off(self, rows: Sequence[Row], attempt: str) -> None:
        """Mark the whole wave in flight before its first byte, in one commit; messages leave under a claim of theirs.

        Raises why the claim was not moved, with the rows ready again: nothing of them left.
        """
        began = self.clock.monotonic()
        token = self.fence.next_token() if any(row.action.kind.is_message for row in rows) else ""
        leaving = [Step(row=row, state=State.IN_FLIGHT, seen=self.screen.seen.get(row.id)) for row in rows]
        self._move(leaving, attempt=attempt, token=token)
        try:
            if token:
                self.fence.take(token)
            if any(self.screen.outdated(row) for row in rows):
                raise too_late(self.clock.monotonic() - began)
        except EcmbrazeError as error:
            self._move([Step(row=row, state=State.READY, why=error.happened, untouched=True) for row in rows])
            raise

    def _keep_apart(self, entries: Mapping[tuple[str, str], float]) -> None:
        """Wait until nobody enters a Canvas that they entered a moment ago: the second entry would be lost."""
        free = [self.entered[entry] + apart_s for entry, apart_s in entries.items() if entry in self.entered]
        self.clock.sleep(max(0.0, max(free, default=0.0) - self.clock.monotonic()))

    def _stop_if_told(self, answers: Sequence[tuple[tuple[Row, ...], Answer]]) -> None:
        if any(rows[0].action.kind.system is System.BRAZE for rows, _ in answers):
            self.width.after(limited=any(answer.limited for _, answer in answers))
        for rows, answer in answers:
            if answer.stop is not None:
                raise answer.stop
            self.denied.note(rows[0], answer)
        for rows, answer in answers:
            kind = rows[0].action.kind
            if answer.verdict is Verdict.NOT_PROCESSED and not answer.limited and not channel_of(kind).alone:
                happened = f"{kind.system} did not take a request: {answer.reason}."
                raise TemporaryError(happened, undone="What was not sent waits.", advice="The next run goes on.")

    def _bearable(self, answers: Sequence[tuple[tuple[Row, ...], Answer]]) -> bool:
        """Note what did not go through and is tried again; return whether more may be sent."""
        unknown = [rows for rows, answer in answers if answer.verdict is Verdict.UNKNOWN]
        self.doubts += len(unknown)
        for rows, answer in answers:
            unsettled = not answer.denied and answer.verdict in (Verdict.UNKNOWN, Verdict.NOT_PROCESSED)
            values = all(row.action.kind.delivery is Delivery.LATEST for row in rows)
            if unsettled and (channel_of(rows[0].action.kind).alone or (values and answer.verdict is Verdict.UNKNOWN)):
                self.unwritten |= {(row.id, name): answer.reason for row in rows for name in row.action.names}
        return all(self.doubts < channel_of(rows[0].action.kind).patience for rows in unknown)

    def refuse_unwritten(self) -> None:
        """Raise when writes wait that each stood in a request of its own, or values of which nobody knows.

        CredentialRefused where the account lacks a right, else TemporaryError.
        """
        self.denied.refuse("Nothing was written there, it waits; all others went.")
        if why := next(iter(self.unwritten.values()), ""):
            raise TemporaryError(
                f"Writes did not go through, or nobody knows ({len(self.unwritten)}): {why.removesuffix('.')}.",
                undone="What did not go through waits.",
                advice="The next run looks for what may have been stored after all, and goes on.",
            )

    def _move(self, steps: Sequence[Step], *, attempt: str = "", token: str = "") -> None:
        self.outbox.move(steps, self.clock.now(), attempt=attempt, token=token)
        self.touched.move(steps)
        done = sum(len(step.row.action.names) for step in steps if step.state not in ON_THE_WAY)
        self.systems.progress.step(Work.SENT, done)
