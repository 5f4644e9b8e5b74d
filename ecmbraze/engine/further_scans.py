"""Build the scans of people and of content, imported once a flow of the round asks for one; reads nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial

from ecmbraze.engine import scans
from ecmbraze.engine.context import RoundContext
from ecmbraze.engine.scan.address_lists import AddressLists
from ecmbraze.engine.scan.content import ContentScan
from ecmbraze.engine.scan.currents import Currents
from ecmbraze.engine.scan.engagement import FlagLooks, MailLooks
from ecmbraze.engine.scan.people import PeopleScan
from ecmbraze.engine.scan.segment_look import SegmentLook
from ecmbraze.engine.scan.silences import Silences
from ecmbraze.needs import ContentNeeds, Needs


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
        clock=of.clock,
        new_id=of.new_id,
        currents=Currents(reader=of.systems.currents, mirror=of.ledger.mirror, plan=of.plan, now=now, tick=of.tick),
        tick=of.tick,
        bounced=partial(scans.bounced, of),
        invalid_phones=partial(scans.invalid_phones, of),
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
        clock=of.clock,
        new_id=of.new_id,
        tick=of.tick,
        save=save,
        needs=needs,
    )


def segment_look(of: RoundContext, scan: PeopleScan) -> SegmentLook:
    """Return the look through a segment, within the looks of the round."""
    return SegmentLook(reader=of.systems.segments, scan=scan, max_shrink=of.setting.guards.max_shrink)
