"""Build the steps of one run from what it was given; takes none of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from ecmbraze.engine.inventory import Inventory
from ecmbraze.engine.planner import Planner
from ecmbraze.engine.push import Push
from ecmbraze.engine.screen import Screen
from ecmbraze.flow import Context

if TYPE_CHECKING:
    from ecmbraze.engine.run import Run

# Before Braze existed: all bounces there are.
_ALL_BOUNCES = datetime(2010, 1, 1)  # noqa: DTZ001 the zone is the run's


def planner(run: Run) -> Planner:
    """Return the planning of the run's flow over its plan file."""
    needs = run.flow.needs(run.section)
    context = Context(
        now=run.clock.now(), zone=run.setting.zone, prefix=run.setting.prefix, backfill=run.options.backfill,
        include_messages=run.options.include_messages,
    )  # fmt: skip
    return Planner(
        flow=run.flow, options=run.section, needs=needs, plan=run.plan, context=context, tick=run.tick,
        view=run.ledger.view(run.plan, run.flow.name, needs),
    )  # fmt: skip


def inventory(run: Run, save: Callable[[], None]) -> Inventory:
    """Return the scan of the run; ``save`` keeps the details read so far."""
    return Inventory(
        reader=run.systems.workspaces, mirror=run.ledger.mirror, plan=run.plan, now=run.clock.now(),
        connections=run.setting.connections, sweep_requests=run.setting.sweep_requests,
        sweep_every=run.setting.sweep_every, tick=run.tick, save=save, monotonic=run.clock.monotonic, fresh=run.fresh,
    )  # fmt: skip


def screen(run: Run, planned: Planner) -> Screen:
    """Return the last look before sending; the bounce list is read once, when the first message needs it."""

    @cache
    def bounces() -> frozenset[str]:
        return run.systems.people.hard_bounces(_ALL_BOUNCES.replace(tzinfo=run.setting.zone))

    return Screen(
        people=run.systems.people, workspaces=run.systems.workspaces, flow=run.flow, options=run.section,
        needs=planned.needs, bounced=bounces, fresh=run.fresh, clock=run.clock,
        today=lambda person: run.ledger.outbox.messages_today(person, run.clock.now()),
        max_per_person=run.setting.max_per_person,
    )  # fmt: skip


def push(run: Run, looked: Screen) -> Push:
    """Return the sending of what is staged."""
    return Push(
        flow=run.flow.name, outbox=run.ledger.outbox, sink=run.systems.sink, screen=looked, clock=run.clock,
        limits=run.setting.batches, connections=run.setting.connections, new_id=run.new_id, tick=run.tick,
        paused=lambda: run.ledger.waiting.paused(run.flow.name),
    )  # fmt: skip
