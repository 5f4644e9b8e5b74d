"""Build what every round scans from what it was given; reads nothing itself. What few flows need: `further_scans`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from ecmbraze.engine.context import RoundContext
from ecmbraze.engine.scan.dated import Dated
from ecmbraze.engine.scan.details import WorkList
from ecmbraze.engine.scan.document_looks import DocumentLooks
from ecmbraze.engine.scan.folder_looks import FolderLooks
from ecmbraze.engine.scan.inventory import Inventory
from ecmbraze.engine.scan.screened import Screened
from ecmbraze.engine.setting import Systems
from ecmbraze.model import AddressList
from ecmbraze.needs import Needs, of_people
from ecmbraze.ports import Clock

# Before Braze existed: all bounces there are.
_ALL_BOUNCES = datetime(2010, 1, 1)  # noqa: DTZ001 the zone is the round's


def inventory(of: RoundContext, save: Callable[[], None]) -> Inventory:
    """Return the scan of the round; ``save`` keeps the details read so far."""
    looks = DocumentLooks(
        reader=of.systems.workspaces, mirror=of.ledger.mirror, plan=of.plan, zone=of.setting.zone, tick=of.tick
    )
    dated = Dated(
        reader=of.systems.workspaces,
        mirror=of.ledger.mirror,
        plan=of.plan,
        smallest=of.setting.date_query_from,
        every=of.setting.sweep_every,
    )
    details = WorkList(
        reader=of.systems.workspaces,
        mirror=of.ledger.mirror,
        plan=of.plan,
        now=of.clock.now(),
        connections=of.setting.connections,
        tick=of.tick,
        save=save,
        monotonic=of.clock.monotonic,
        fresh=of.shared.fresh,
        progress=of.systems.progress,
    )
    folders = FolderLooks(reader=of.systems.workspaces, mirror=of.ledger.mirror, plan=of.plan, tick=of.tick)
    return Inventory(
        reader=of.systems.workspaces,
        mirror=of.ledger.mirror,
        plan=of.plan,
        looks=looks,
        dated=dated,
        folders=folders,
        details=details,
        now=of.clock.now(),
        sweep_requests=of.setting.sweep_requests,
        sweep_every=of.setting.sweep_every,
        tick=of.tick,
    )


def screened(of: Systems, clock: Clock, reading: Sequence[Needs]) -> Screened | None:
    """Return the reader for the screens where what they read of people counts as a look, within the budget of looks."""
    needs = of_people(reading)
    if needs is None:
        return None
    from ecmbraze.engine.scan.people import TOGETHER  # where a flow keeps facts of people

    attributes = frozenset(fact.removeprefix("attribute:") for fact in needs.facts if fact.startswith("attribute:"))
    most = needs.requests * TOGETHER
    return Screened(reader=of.people, clock=clock, most=most, attributes=attributes)


def bounced(of: RoundContext) -> frozenset[str]:
    """Return the addresses that ever bounced: the list is read once a round, when somebody first asks."""
    if not of.shared.bounced:
        of.shared.bounced.append(of.systems.people.hard_bounces(_ALL_BOUNCES.replace(tzinfo=of.setting.zone)))
    return of.shared.bounced[0]


def invalid_phones(of: RoundContext) -> frozenset[str]:
    """Return the phone numbers that were ever found invalid, read once a round alike."""
    if not of.shared.invalid_phones:
        since = _ALL_BOUNCES.replace(tzinfo=of.setting.zone)
        listed = of.systems.people.address_list(AddressList.INVALID_PHONES, since)
        of.shared.invalid_phones.append(frozenset(listed))
    return of.shared.invalid_phones[0]
