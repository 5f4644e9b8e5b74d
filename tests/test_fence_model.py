"""The protocol of the fence, tried exhaustively: a copy of the state at any step, a kill at any, each interleaving.

The fence is the real one, over the rows of a state file and a claim, both in memory. A runner is one round of some
waves of messages. Its steps are those that anybody else can see: commits of its state, and what reaches the claim or
Braze. Before each of them another runner may go on.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import combinations, islice
from typing import Any

import pytest

from ecmbraze.engine.deliver.fence import Fence
from ecmbraze.errors import Fenced
from ecmbraze.ledger.claims import Own
from ecmbraze.model import Answer, Verdict
from ecmbraze.model.claims import Claim, FoundClaim
from tests.rehearsal import SOAK

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
_WAVES = 3
# Waves → of how many orders one is tried.
_EACH = {1: 1 if SOAK else 4, 2: 211}
_PACE = 1 if SOAK else 4


class Killed(BaseException):
    """The runner is dead; nothing of the product catches it."""


@dataclass(frozen=True)
class State:
    """What a state file knows: its tokens, and of each message whether it is ready, in flight, in doubt or sent."""

    taken: str = ""
    ahead: tuple[tuple[str, str], ...] = ()
    rows: tuple[str, ...] = ()
    attempts: tuple[str, ...] = ()


class World:
    """The claim and Braze, and the order in which the runners reach them."""

    def __init__(self) -> None:
        self.text, self.revision = "", 0
        self.sent: Counter[int] = Counter()
        self.drawn = 0
        self.holders: Counter[str] = Counter()


class Runner:
    """One round over a state. ``step`` is called before each visible step, with its name."""

    def __init__(self, world: World, state: State, step: Callable[[str], None]) -> None:
        self.world, self.state, self.step = world, state, step
        self.ended = ""

    # What the fence asks of the ledger

    place, installation, epoch = "ecm 1", "ab", 0

    def own(self) -> Own:
        return Own(taken=self.state.taken, ahead=self.state.ahead)

    def next_token(self, *numbers: int) -> str:
        self.world.drawn += 1
        return f"{max((self.own().newest, *numbers)) + 1}-{self.world.drawn:x}"

    def claim(self, token: str) -> Claim:
        return Claim(installation=self.installation, epoch=self.epoch, token=token, length=0, digest="0")

    def knows_history(self, claim: Claim) -> bool:
        return True

    def write_ahead(self, token: str, now: datetime, attempt: str = "") -> None:
        self.commit(ahead=(*self.state.ahead, (token, attempt)))

    def take(self, token: str, replaced: str, now: datetime) -> tuple[str, ...]:
        before = self.own()
        self.commit(taken=token, ahead=())
        return before.never_left(token, replaced)

    def commit(self, **changed: Any) -> None:
        self.step("commit")
        self.state = replace(self.state, **changed)

    # The claim

    def read_claim(self, node: int) -> FoundClaim:
        self.step("read")
        return FoundClaim(text=self.world.text, lock=str(self.world.revision))

    def move_claim(self, node: int, lock: str, text: str) -> Answer:
        self.step("move")
        if lock != str(self.world.revision):
            return Answer(verdict=Verdict.REFUSED, reason="edit conflict")
        self.world.text, self.world.revision = text, self.world.revision + 1
        token = Claim.read(text)
        assert token is not None
        self.world.holders[token.token] += 1
        return Answer(verdict=Verdict.ACCEPTED, reason="accepted")

    # The round

    def run(self) -> None:
        me: Any = self
        fence = Fence(claims=me, store=me, parent=lambda: 0, now=lambda: NOW)
        try:
            self._leave(fence.begin())
            self._recover()
            for number in range(len(self.state.rows)):
                if self.state.rows[number] == "ready":
                    self._wave(fence, number)
        except Fenced:
            self.ended = "fenced"
        except Killed:
            self.ended = "killed"
        else:
            self.ended = "done"

    def _leave(self, attempts: tuple[str, ...]) -> None:
        if attempts:
            both = zip(self.state.attempts, self.state.rows, strict=True)
            self.commit(rows=tuple("ready" if one in attempts else state for one, state in both))

    def _recover(self) -> None:
        if "in flight" in self.state.rows:
            self.commit(rows=tuple("in doubt" if row == "in flight" else row for row in self.state.rows))

    def _wave(self, fence: Fence, number: int) -> None:
        token = fence.next_token()
        attempt = f"a{number}{token}"
        self.commit(
            ahead=(*self.state.ahead, (token, attempt)),
            rows=_at(self.state.rows, number, "in flight"),
            attempts=_at(self.state.attempts, number, attempt),
        )
        try:
            fence.take(token)
        except Fenced:
            self.commit(rows=_at(self.state.rows, number, "ready"))
            raise
        self.step("send")
        self.world.sent[number] += 1
        self.commit(rows=_at(self.state.rows, number, "sent"))


def _at(values: tuple[str, ...], number: int, value: str) -> tuple[str, ...]:
    return (*values[:number], value, *values[number + 1 :])


def _begun(waves: int = _WAVES) -> tuple[World, State]:
    """Return a world in which the claim was made and is ours."""
    world = World()
    world.text = Claim(installation="ab", epoch=0, token="1-0", length=0, digest="0").text
    return world, State(taken="1-0", rows=("ready",) * waves, attempts=("",) * waves)


@dataclass
class Plan:
    """At which steps of the first runner its state is copied, it dies, and the others run."""

    copied: int
    starts: int
    dies: int = 0
    second_dies: int = 0
    seen: list[str] = field(default_factory=list)


def _play(plan: Plan) -> tuple[World, list[Runner]]:
    world, state = _begun()
    runners: list[Runner] = []
    copies: list[State] = []

    def first_step(name: str) -> None:
        plan.seen.append(name)
        at = len(plan.seen)
        if at == plan.copied:
            copies.append(runners[0].state)
        if at == plan.starts:
            _second(world, copies[0] if copies else state, plan, runners)
        if at == plan.dies:
            raise Killed

    runners.append(Runner(world, state, first_step))
    runners[0].run()
    for _ in range(3):  # whoever still can goes on, in turns, each on what it has
        for number, one in enumerate(list(runners)):
            again = Runner(world, one.state, lambda name: None)
            again.run()
            runners[number] = again
    return world, runners


def _second(world: World, state: State, plan: Plan, runners: list[Runner]) -> None:
    steps = 0

    def step(name: str) -> None:
        nonlocal steps
        steps += 1
        if steps == plan.second_dies:
            raise Killed

    runners.append(Runner(world, state, step))
    runners[-1].run()


def _steps() -> int:
    plan = Plan(copied=0, starts=0)
    _play(plan)
    return len(plan.seen)


def _judge(world: World, runners: list[Runner], plan: Plan) -> None:
    assert all(count <= 1 for count in world.sent.values()), plan
    assert all(count == 1 for count in world.holders.values()), plan
    assert sum(one.ended == "done" for one in runners) <= 1, plan
    lasting = [one for one in runners if one.ended == "done"]
    for one in lasting:  # nothing is lost: what was not sent stands in doubt at the one that goes on
        assert all(world.sent[n] or row == "in doubt" for n, row in enumerate(one.state.rows)), plan


def test_a_round_alone_sends_every_wave_once_and_is_still_the_one_after_it() -> None:
    plan = Plan(copied=0, starts=0)
    world, runners = _play(plan)

    assert dict(world.sent) == dict.fromkeys(range(_WAVES), 1)
    assert [one.ended for one in runners] == ["done"]
    assert plan.seen.count("send") == _WAVES


def test_a_kill_at_each_step_leaves_a_claim_that_is_ours_and_loses_no_message() -> None:
    for dies in range(1, _steps() + 1):
        plan = Plan(copied=0, starts=0, dies=dies)
        world, runners = _play(plan)

        assert [one.ended for one in runners] == ["done"], plan
        _judge(world, runners, plan)
        doubts = runners[0].state.rows.count("in doubt")
        assert doubts == (plan.seen[dies - 1] == "send" or _sent_and_not_noted(plan)), plan


def _sent_and_not_noted(plan: Plan) -> bool:
    """Say whether the kill fell between the move of a wave's claim and the note that it was sent."""
    moved = [n for n, name in enumerate(plan.seen, 1) if name == "move"]
    noted = [n + 1 for n, name in enumerate(plan.seen, 1) if name == "send"]
    return any(move < plan.dies and not any(move < note < plan.dies for note in noted) for move in moved[1:])


def test_a_copy_of_any_step_that_runs_at_any_later_step_sends_nothing_that_the_other_sends() -> None:
    last, ended = _steps() + 1, Counter[str]()
    for copied in range(1, last):
        for starts in range(copied, last):
            plan = Plan(copied=copied, starts=starts)
            world, runners = _play(plan)
            _judge(world, runners, plan)
            ended.update(one.ended for one in runners)
    assert ended["fenced"] > 100
    assert ended["done"] > 100


def test_the_same_with_kills_of_either_at_any_step() -> None:
    last = _steps() + 1
    for copied in range(1, last):
        for starts in range(copied, last, _PACE):
            for dies in range(starts, last, _PACE):
                _judge_of(Plan(copied=copied, starts=starts, dies=dies))
            for dies in range(1, last, _PACE):
                _judge_of(Plan(copied=copied, starts=starts, second_dies=dies))


@pytest.mark.soak
@pytest.mark.parametrize("waves", [1, 2] if SOAK else [1])
def test_each_interleaving_of_a_file_and_a_copy_of_it_that_both_go_on_at_once(waves: int) -> None:
    """Only what the other can see is a step here; a commit of one's own state is none. Of two waves a part."""
    tried = 0
    for copied in range(1, _length(waves) + 1):
        for order in _orders(_visible(waves, after=copied), _visible(waves), every=_EACH[waves]):
            world, runners = _interleaved(waves, copied, order)
            tried += 1
            assert all(count <= 1 for count in world.sent.values()), (copied, order)
            for one in runners:  # whoever was overtaken hears of it in its next round
                one.step = lambda name: None
                one.run()
            assert sum(one.ended == "done" for one in runners) <= 1, (copied, order)
            assert all(count <= 1 for count in world.sent.values()), (copied, order)
    assert tried > 400


def _judge_of(plan: Plan) -> None:
    world, runners = _play(plan)
    _judge(world, runners, plan)


def _orders(first: int, second: int, *, every: int) -> Iterator[tuple[int, ...]]:
    """Yield every order, or one in so many, of the steps of two runners: who is next."""
    total = first + second
    for places in islice(combinations(range(total), first), 0, None, every):
        yield tuple(0 if place in places else 1 for place in range(total))


def _length(waves: int) -> int:
    return len(_alone(waves))


def _visible(waves: int, *, after: int = 0) -> int:
    return sum(name != "commit" for name in _alone(waves)[after:])


def _alone(waves: int) -> list[str]:
    seen: list[str] = []
    world, state = _begun(waves)
    Runner(world, state, seen.append).run()
    return seen


def _interleaved(waves: int, copied: int, order: tuple[int, ...]) -> tuple[World, list[Runner]]:
    """Let the first run to the step at which it is copied, then both in this order; what is left over comes last."""
    world, state = _begun(waves)
    turns = [threading.Semaphore(0), threading.Semaphore(0)]
    arrived = threading.Semaphore(0)
    over = [False, False]
    taken = 0

    def first_step(name: str) -> None:
        nonlocal taken
        taken += 1
        if taken < copied or (taken > copied and name == "commit"):
            return
        if taken == copied:
            runners.append(Runner(world, runners[0].state, second_step))
        arrived.release()
        turns[0].acquire()

    def second_step(name: str) -> None:
        if name != "commit":
            arrived.release()
            turns[1].acquire()

    def live(number: int) -> None:
        runners[number].run()
        over[number] = True
        arrived.release()

    runners = [Runner(world, state, first_step)]
    threads = [threading.Thread(target=live, args=(0,), daemon=True)]
    threads[0].start()
    arrived.acquire()
    threads.append(threading.Thread(target=live, args=(1,), daemon=True))
    threads[1].start()
    arrived.acquire()
    for who in (*order, *(0, 1) * 40):
        if not over[who]:
            turns[who].release()
            arrived.acquire()
    assert over == [True, True]
    for thread in threads:
        thread.join()
    return world, runners
