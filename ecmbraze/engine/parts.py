"""Build the parts of one round from what it was given; takes no step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from ecmbraze.engine import reporting
from ecmbraze.engine.context import RoundContext
from ecmbraze.engine.customers import asked_types, customers
from ecmbraze.engine.deliver.channels.channel import Place
from ecmbraze.engine.deliver.clock_faults import ClockFaults
from ecmbraze.engine.deliver.consents import Consents
from ecmbraze.engine.deliver.fence import Fence
from ecmbraze.engine.deliver.push import Push
from ecmbraze.engine.deliver.rereading import Rereading
from ecmbraze.engine.deliver.screen import Screen
from ecmbraze.engine.plan.planner import Planner
from ecmbraze.engine.recover.canary import Canary
from ecmbraze.engine.report_lines import ActionLines, SkipLines
from ecmbraze.engine.run import Run
from ecmbraze.engine.run_report import RunReport
from ecmbraze.engine.scans import bounced
from ecmbraze.engine.setting import Setting, Systems
from ecmbraze.flow import Context, Flow
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.view import View
from ecmbraze.model import Action, Fact, Facts, Json, Kind, PersonKey, keys
from ecmbraze.needs import Needs
from ecmbraze.planning.adoption import Adoption
from ecmbraze.planning.outbound import attributes
from ecmbraze.ports import Clock

if TYPE_CHECKING:
    from ecmbraze.engine.deliver.archived import Archive


def run(of: RoundContext, flow: Flow[Any], section: Any) -> Run:
    """Return the run of one flow in the round."""
    needs, now = flow.needs(section), of.clock.now()
    view = of.ledger.view(of.plan, flow.name, needs)
    screen = _screen(of, flow, section, needs, view)
    mode = "apply" if of.options.apply else "backfill" if of.options.backfill or of.options.load else "live"
    report = RunReport(
        run_id=of.new_id(),
        flow=flow.name,
        mode=mode,
        dry_run=of.options.dry_run,
        started_at=now,
        finished_at=now,
        configuration=of.setting.configuration,
        as_if_new=of.options.as_if_new,
        plan_file=str(of.options.keep or ""),
        actions=ActionLines(folder=of.ledger.path.parent),
        skipped=SkipLines(folder=of.ledger.path.parent),
    )
    made = Run(
        flow=flow,
        section=section,
        needs=needs,
        asked_types=asked_types(of.setting, flow, section),
        options=of.options,
        plan=of.plan,
        report=report,
        screen=screen,
        planner=_planner(of, flow, section, needs, view),
        push=_push(of, flow, section, screen, view),
        before=of.ledger.watermarks(flow.name),
    )
    made.push.touched.report = partial(reporting.pushed, made)
    return made


def fence(setting: Setting, systems: Systems, ledger: Ledger, clock: Clock) -> Fence:
    """Return the claim of the state file outside the machine; one that lets all through where none is configured."""
    place = setting.fence
    if place is not None and place.canary:
        from ecmbraze.engine.deliver.canaryfence import CanaryFence  # where the claim lies in Braze

        return CanaryFence(
            claims=ledger.claims,
            store=None,
            parent=lambda: 0,
            now=clock.now,
            person=setting.canary,
            people=systems.people,
            sink=systems.sink,
        )

    def parent() -> int:
        assert place is not None, "asked only where there is one"
        return place.folder or systems.claims.workspace_named(place.workspace)

    return Fence(
        claims=ledger.claims,
        store=systems.claims if place else None,
        parent=parent,
        now=clock.now,
        waived=setting.unfenced,
    )


def canary(of: RoundContext) -> Canary:
    """Return the profile of our own that shows whether writes arrive."""
    return Canary(person=of.setting.canary, outbox=of.ledger.outbox, people=of.systems.people, sink=of.systems.sink)


def _planner(of: RoundContext, flow: Flow[Any], section: Any, needs: Needs, view: View) -> Planner:
    context = Context(
        now=of.clock.now(),
        zone=of.setting.zone,
        prefix=of.setting.prefix,
        backfill=of.options.backfill,
        include_messages=of.options.include_messages,
        token=of.ledger.history.token,
        customer=customers(of),
    )
    return Planner(
        flow=flow,
        options=section,
        needs=needs,
        plan=of.plan,
        context=context,
        tick=of.tick,
        view=view,
        adoption=_adoption(of, view),
        remembers=of.setting.keep.rows,
    )


def _adoption(of: RoundContext, view: View) -> Adoption | None:
    """Return the last adoption of a copy of the state file, as one flow sees it."""
    at = of.ledger.claims.adopted()
    return Adoption(at=at, planned=dict(view.last_planned()), sweep_every=of.setting.sweep_every) if at else None


def _screen(of: RoundContext, flow: Flow[Any], section: Any, needs: Needs, view: View) -> Screen:
    """Return the last look before sending."""
    return Screen(
        consents=Consents(
            people=of.screened or of.systems.people,
            flow=flow,
            options=section,
            bounced=partial(bounced, of),
            withdrawn=_withdrawn(of),
            clock=of.clock,
        ),
        records=Rereading(
            reader=of.systems.workspaces,
            needs=needs,
            fresh=of.shared.fresh,
            clock=of.clock,
            connections=of.setting.connections,
        ),
        flow=flow,
        options=section,
        needs=needs,
        clock=of.clock,
        zone=of.setting.zone,
        today=lambda person: of.ledger.outbox.messages_today(person, of.clock.now()),
        max_per_person=of.setting.max_per_person,
        twins=of.ledger.outbox.twins,
        reached=of.ledger.outbox.reached,
        renewed=of.ledger.outbox.renewed,
        staged=of.ledger.outbox.knows,
        mirrored=view.records,
        attributes=attributes(flow.outbound(section, of.setting.prefix)),
        standing=_standing(of),
        customer=customers(of),
    )


def _standing(of: RoundContext) -> Callable[[Kind, str], str]:
    """Return what says whether the content of a message is archived; nothing of it is made before somebody asks."""
    made = cache(lambda: _archive(of))
    return lambda kind, message_id: made().standing(kind, message_id)


def _archive(of: RoundContext) -> Archive:
    from ecmbraze.engine.deliver.archived import Archive  # where a rule wants archived content

    name, needs = of.setting.archive or ("", Needs())
    return Archive(
        needs=needs.content,
        reader=of.systems.content,
        mirror=of.ledger.mirror,
        now=of.clock.now(),
        noted=of.ledger.view(of.plan, name, needs).noted_earlier,
        state=of.ledger.outbox.state_of,
        told=of.shared.archived,
    )


def _withdrawn(of: RoundContext) -> Callable[[str, Sequence[str]], frozenset[str]]:
    """Return what says on which channels a withdrawal of a person stands, by the flows that note them.

    One from push is the person's own; those from e-mail and groups are of everybody at the address, for as long as a
    workspace leads to them.
    """
    noting = [
        (flow.withdrawn, section, of.ledger.view(of.plan, flow.name, flow.needs(section)))
        for flow, section in of.setting.withdrawing
    ]

    def standing(person: str, addresses: Sequence[str]) -> frozenset[str]:
        found = {keys.read(text) for address in addresses for text in of.ledger.mirror.people_at(address)}
        sharing = {key.recipient for key in found if isinstance(key, PersonKey)} - {person}
        channels: set[str] = set()
        for ask, section, view in noting:
            if ask:
                channels |= ask(section, person, view)
                channels |= {
                    channel
                    for other in sharing
                    if view.of_customer(other)
                    for channel in ask(section, other, view)
                    if channel != "push"
                }
        return frozenset(channels)

    return standing


def _json(fact: Fact) -> Json:
    return list(fact) if isinstance(fact, tuple) else fact


def _push(of: RoundContext, flow: Flow[Any], section: Any, looked: Screen, view: View) -> Push:
    """Return the sending of one flow; ``view`` knows what stands in ECM and may be replaced."""

    def replaceable(action: Action) -> Json:
        written, record = of.ledger.outbox.accepted(action.target), view.record(action.recipient)
        ours = written if isinstance(written, Mapping) else {}
        if record is None or not flow.replaces(section):
            return dict(flow.taken_over(section, record, view)) if record else None
        return {name: _json(fact) for name, fact in record.facts.items() if name not in ours}

    def shown(action: Action) -> Facts | None:
        record, now = view.record(action.recipient), of.clock.now()
        if of.options.load or record is None or record.stream not in flow.needs(section).streams:
            return {}  # no round like this one reads it
        return record.facts if view.looked(action.recipient, now) == now else None

    return Push(
        flow=flow.name,
        leaves=flow.initial.rule if flow.initial and _is_for_later(of, flow.name) else "",
        outbox=of.ledger.outbox,
        systems=of.systems,
        screen=looked,
        clock=of.clock,
        fence=of.fence,
        limits=of.setting.batches,
        connections=of.setting.connections,
        braze_connections=of.setting.braze_connections,
        new_id=of.new_id,
        tick=of.tick,
        paused=lambda: of.ledger.waiting.paused(flow.name),
        entered=of.shared.entered,
        launched=of.shared.launched,
        unknown_for=of.setting.keep.unknown,
        place=Place(replaceable=replaceable, shown=shown, typed=flow.typed(section)),
        content=of.ledger.contents.of,
        clock_fault=ClockFaults(clock=of.clock, skews=of.systems.skews, last=of.ledger.last_end()).told,
    )


def _is_for_later(of: RoundContext, flow: str) -> bool:
    """Say whether an initial load is under way and this round is none of its slices: what they left goes with them."""
    load = of.ledger.loads.get(flow)
    return of.options.load is None and load is not None and load.is_under_way
