"""Send what is staged, phase by phase: mark in flight, send, settle; plans nothing and never guesses an outcome."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import datetime

from ecmbraze.engine.deliver.batches import Batch, Limits, build, divide
from ecmbraze.engine.deliver.screen import Screen
from ecmbraze.engine.deliver.settle import settle
from ecmbraze.errors import ConfigurationError, TemporaryError
from ecmbraze.ledger.outbox import Outbox, Row, Step
from ecmbraze.model import Action, Answer, Kind, MessageInfo, Phase, State, TrackBatch, Verdict
from ecmbraze.ports import Clock, MessageSink

# A look at consent and facts is at most 60 s old when a request leaves (delivery.md); reading them takes its time too.
SCREEN_LIFE_S = 10.0
# Of several entries of one person into a Canvas within one second only one counts (api/braze.md 3.3).
CANVAS_APART_S = 2.0


@dataclass(slots=True, kw_only=True)
class Push:
    """One flow's sending in one run. ``tick`` raises between requests when the run must end."""

    flow: str
    outbox: Outbox
    sink: MessageSink
    screen: Screen
    clock: Clock
    limits: Limits
    connections: int
    new_id: Callable[[], str]
    tick: Callable[[], None]
    paused: Callable[[], str | None]
    """Read before each request: the operator's switch."""
    clock_fault: Callable[[], str]
    """What is wrong with our clock, empty while messages may be sent by it."""
    clear: bool = True
    """Whether every outcome of this run is known so far."""
    steps: dict[int, Step] = field(default_factory=dict)
    """The last step of every row this run touched."""
    launched: dict[tuple[Kind, str], MessageInfo] = field(default_factory=dict)
    """(kind, id) → what Braze says of it: asked once for all flows of the round."""
    unsendable: set[tuple[Kind, str]] = field(default_factory=set)
    """What this flow cannot send in this round."""
    entered: dict[tuple[str, str], float] = field(default_factory=dict)
    """(person, Canvas) → when this round last had them enter it, on the monotonic clock."""

    def send(self, phase: Phase) -> None:
        """Send every sendable row of one phase, unless an outcome of this flow is unknown already.

        Raises what an answer says must end the flow, after its rows were settled; TemporaryError when a request
        could not be sent. Returns early, with rows in doubt, after an unknown outcome.
        """
        while self.clear and (rows := self.sendable(phase)):
            self.tick()
            for kind in {row.action.kind for row in rows}:  # before the screen, so that it is fresh, and before any
                self.sink.wait_for_turn(kind)  # row is in flight: a kill while we wait must leave no doubt
            leave = self._screened(rows)
            if any(row.action.kind.is_message for row in leave) and (fault := self.clock_fault()):
                raise TemporaryError(
                    f"Messages cannot be sent: {fault}.", undone="None was sent; they wait.",
                    advice="Set the clock right (NTP), then run again.",
                )  # fmt: skip
            if leave:
                self.clear = self._waves(list(divide(leave, self.limits)))
        if phase is Phase.TRIGGER:
            self.refuse_unsendable()

    def sendable(self, phase: Phase) -> list[Row]:
        """Return the next rows that may leave; what Braze would not send, and what is paused, stays ready."""
        if self.paused():
            return []
        while True:
            most = self.limits.trigger * self.connections
            rows = self.outbox.sendable(self.flow, phase, most, without=self.unsendable)
            if not self.find_unsendable(rows):
                return rows

    def find_unsendable(self, rows: Sequence[Row]) -> bool:
        """Ask once a round whether Braze would send each campaign and Canvas; return whether one more would not."""
        named = {(row.action.kind, row.action.name) for row in rows if row.action.kind in (Kind.CAMPAIGN, Kind.CANVAS)}
        for kind, name in named - self.launched.keys():
            self.launched[kind, name] = self.screen.people.message(kind, name)
        new = {message for message in named if self.launched[message].stopped} - self.unsendable
        self.unsendable |= new
        return bool(new)

    def kept_ready(self, row: Row) -> Step | None:
        """Return the step of a message that stays because Braze would not send it; ``None`` of any other."""
        found = self.launched.get((row.action.kind, row.action.name))
        return Step(row=row, state=State.WAITING, why=found.stopped) if found and found.stopped else None

    def title(self, action: Action) -> str:
        """Return the name by which people know a campaign or Canvas, as far as it was asked for."""
        found = self.launched.get((action.kind, action.name))
        return found.title if found else action.name

    def refuse_unsendable(self) -> None:
        """Raise ConfigurationError for campaigns and Canvases that Braze would not send: their messages stay ready."""
        if self.unsendable:
            raise ConfigurationError(
                "Braze would answer and send nothing:",
                problems=sorted(self.launched[one].stopped for one in self.unsendable),
                undone="Their messages were not sent; they wait.",
                advice="Launch or resume them in Braze, or name others in the configuration; then run again.",
            )  # fmt: skip

    def expire(self, now: datetime) -> None:
        """Give up what is past its time, with the reason why it did not leave before."""
        for step in self.outbox.expire(self.flow, now, paused=self.paused() or ""):
            self.steps[step.row.id] = step

    def _screened(self, rows: Sequence[Row]) -> list[Row]:
        steps = self.screen.look(rows)
        self._move(steps)
        stopped = {step.row.id for step in steps}
        return [row for row in rows if row.id not in stopped]

    def _waves(self, groups: list[tuple[Row, ...]]) -> bool:
        """Send groups, `connections` at a time; return False when an outcome is unknown.

        What is not sent within the life of its screen, or before its rate limit is used up, stays ready and is
        screened again.
        """
        clear, screened = True, self.clock.monotonic()
        with ThreadPoolExecutor(max_workers=self.connections) as pool:
            while groups and clear and not self.paused():
                self.tick()
                if self.clock.monotonic() - screened > SCREEN_LIFE_S:
                    break
                wave, groups = self._next_wave(groups)
                if not all(self.sink.has_turn(row.action.kind) for rows in wave for row in rows):
                    break
                again, clear = self._wave(pool, wave)
                groups = again + groups
        return clear

    def _next_wave(self, groups: Sequence[tuple[Row, ...]]) -> tuple[list[tuple[Row, ...]], list[tuple[Row, ...]]]:
        """Return the groups that may be in flight at once, and the rest: a person is in one request at a time."""
        wave: list[tuple[Row, ...]] = []
        later: list[tuple[Row, ...]] = []
        people: set[str] = set()
        for rows in groups:
            mine = {row.action.recipient for row in rows}
            if len(wave) < self.connections and not people & mine:
                wave.append(rows)
                people |= mine
            else:
                later.append(rows)
        return wave, later

    def _wave(self, pool: ThreadPoolExecutor, wave: Sequence[tuple[Row, ...]]) -> tuple[list[tuple[Row, ...]], bool]:
        entries = {(row.action.recipient, row.action.name) for rows in wave for row in rows if _enters(row)}
        self._keep_apart(entries)
        attempt = self.new_id()
        batches = [build(rows, self.limits, attempt) for rows in wave]
        flying = [Step(row=row, state=State.IN_FLIGHT) for batch in batches for row in batch.rows]
        self._move(flying, attempt=attempt)  # one commit marks the whole wave before its first byte
        futures: dict[Future[Answer], Batch] = {pool.submit(self._send, batch): batch for batch in batches}
        again: list[tuple[Row, ...]] = []
        answers: list[Answer] = []
        for future in as_completed(futures):
            answer = future.result()
            settled = settle(futures[future], answer)
            self._move(settled.steps)
            again.extend(settled.again)
            answers.append(answer)
        # Counted from the answer: a request may have waited for a rate limit before it went out.
        self.entered |= dict.fromkeys(entries, self.clock.monotonic())
        self._stop_if_told(answers)
        return again, all(answer.verdict is not Verdict.UNKNOWN for answer in answers)

    def _keep_apart(self, entries: set[tuple[str, str]]) -> None:
        """Wait until nobody enters a Canvas that they entered a moment ago: the second entry would be lost."""
        last = max((self.entered[entry] for entry in entries & self.entered.keys()), default=-CANVAS_APART_S)
        self.clock.sleep(max(0.0, last + CANVAS_APART_S - self.clock.monotonic()))

    def _send(self, batch: Batch) -> Answer:
        value = batch.value
        return self.sink.track(value) if isinstance(value, TrackBatch) else self.sink.trigger(value)

    def _stop_if_told(self, answers: Sequence[Answer]) -> None:
        for answer in answers:
            if answer.stop is not None:
                raise answer.stop
        for answer in answers:
            if answer.verdict is Verdict.NOT_PROCESSED and not answer.limited:
                raise TemporaryError(
                    f"Braze did not take a request: {answer.reason}.", undone="What was not sent waits.",
                    advice="The next run goes on.",
                )  # fmt: skip

    def _move(self, steps: Sequence[Step], *, attempt: str = "") -> None:
        self.outbox.move(steps, self.clock.now(), attempt=attempt)
        for step in steps:
            self.steps[step.row.id] = step


def _enters(row: Row) -> bool:
    return row.action.kind is Kind.CANVAS
