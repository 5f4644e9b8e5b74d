"""Build the scans of one round from what it was given; reads nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial

from ecmbraze.engine.context import RoundContext
from ecmbraze.engine.scan import people
from ecmbraze.engine.scan.address_lists import AddressLists
from ecmbraze.engine.scan.content import ContentScan
from ecmbraze.engine.scan.currents import Currents
from ecmbraze.engine.scan.dated import Dated
from ecmbraze.engine.scan.details import WorkList
from ecmbraze.engine.scan.document_looks import DocumentLooks
from ecmbraze.engine.scan.engagement import FlagLooks, MailLooks
from ecmbraze.engine.scan.folder_looks import FolderLooks
from ecmbraze.engine.scan.inventory import Inventory
from ecmbraze.engine.scan.people import PeopleScan
from ecmbraze.engine.scan.screened import Screened
from ecmbraze.engine.scan.segment_look import SegmentLook
from ecmbraze.engine.scan.silences import Silences
from ecmbraze.engine.setting import Systems
from ecmbraze.model import AddressList
from ecmbraze.needs import ContentNeeds, Needs, of_people
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
    attributes = frozenset(fact.removeprefix("attribute:") for fact in needs.facts if fact.startswith("attribute:"))
    most = needs.requests * people.TOGETHER
    return Screened(reader=of.people, clock=clock, most=most, attributes=attributes)


def people_scan(of: RoundContext, now: datetime | None = None, silences: Silences | None = None) -> PeopleScan:
    """Return the looks at people that the flows of the round share, as of a moment."""
    now = now or of.clock.now()
    lists = AddressLists(reader=of.systems.people, mirror=of.ledger.mirror, plan=of.plan, now=now)
    return PeopleScan(
        reader=of.systems.people,
        mirror=of.ledger.mirror,
        plan=of.plan,
        lists=lists,
        now=now,
        new_id=of.new_id,
        currents=Currents(reader=of.systems.currents, mirror=of.ledger.mirror, plan=of.plan, now=now, tick=of.tick),
        tick=of.tick,
        bounced=partial(bounced, of),
        invalid_phones=partial(invalid_phones, of),
        silences=silences or Silences(),
    )


def silences(of: RoundContext, asked: Mapping[str, frozenset[str]], needs: Sequence[Needs]) -> Silences:
    """Return what is told in this round of the silence of some people, read as far as it is asked of somebody."""
    found = Silences(asked=asked, needs=[one.silence for one in needs if one.silence])
    mirror, now = of.ledger.mirror, of.clock.now()
    found.read(of.systems.segments, mirror, of.plan, now, of.setting.guards.max_shrink)
    flags = FlagLooks(reader=of.systems.engagement, now=now)
    mails = MailLooks(reader=of.systems.currents, mirror=mirror, now=now, tick=of.tick)
    found.follow(flags, mails, mirror, of.plan, now)
    return found


def content_scan(of: RoundContext, needs: ContentNeeds, save: Callable[[], None]) -> ContentScan:
    """Return the look at the content of Braze that a flow archives; ``save`` keeps what was read so far."""
    return ContentScan(
        reader=of.systems.content,
        workspaces=of.systems.workspaces,
        mirror=of.ledger.mirror,
        plan=of.plan,
        now=of.clock.now(),
        new_id=of.new_id,
        tick=of.tick,
        save=save,
        needs=needs,
    )


def segment_look(of: RoundContext, scan: PeopleScan) -> SegmentLook:
    """Return the look through a segment, within the looks of the round."""
    return SegmentLook(reader=of.systems.segments, scan=scan, max_shrink=of.setting.guards.max_shrink)


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
