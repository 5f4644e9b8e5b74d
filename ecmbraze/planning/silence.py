"""Tell from flags and from events of e-mails whether somebody is silent; what is not certain is not told; pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from ecmbraze.model import Fact, MailAct, MailEvent, Received
from ecmbraze.planning.engagement import Engagement

FLAGS = "flags seen"
"""The fact of a person that keeps when the flag of a campaign was seen first: the export gives it no time."""
# An event whose time lies further ahead is a test event, or of a clock that is wrong.
_AHEAD = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """What looks at one person saw of the flag of one campaign."""

    off: date | None
    """The day of the last look that did not show it; ``None`` when the first one did."""
    on: datetime | None
    """When it was seen first; ``None`` while it was not."""


def looked(past: Fact, campaigns: Iterable[str], shown: Sequence[Received], now: datetime) -> dict[str, Flag]:
    """Return campaign → its flag after a look; one that was seen stays, though its campaign be told no more.

    Of a look that shows none the day is kept and no moment, so that looking alone changes a record once a day.
    """
    flags = _read(past)
    engaged = {one.campaign for one in shown if one.engaged}
    for campaign in campaigns:
        flag = flags.get(campaign, Flag(off=None, on=None))
        if flag.on is None:
            flags[campaign] = Flag(off=flag.off, on=now) if campaign in engaged else Flag(off=now.date(), on=None)
    return flags


def kept(flags: Mapping[str, Flag]) -> str:
    """Return flags as a fact keeps them."""
    rows = {
        campaign: [flag.off and flag.off.isoformat(), flag.on and flag.on.isoformat()]
        for campaign, flag in sorted(flags.items())
    }
    return json.dumps(rows, separators=(",", ":"))


def _read(fact: Fact) -> dict[str, Flag]:
    return {
        campaign: Flag(off=date.fromisoformat(off) if off else None, on=datetime.fromisoformat(on) if on else None)
        for campaign, (off, on) in (json.loads(str(fact)) if fact else {}).items()
    }


def by_flags(
    way: Engagement, flags: Mapping[str, Flag], shown: Sequence[Received], *, armed: bool, now: datetime
) -> bool | None:
    """Say whether somebody is silent by the campaigns of a way; ``None`` where that cannot be told.

    A flag that came up within the span is engagement. One that was up at the first look may be older: whether it is
    stays open until a span has passed since. A campaign whose flag is up would show no later engagement, so it is none
    of those that were received and left alone.
    """
    begin = now - way.silent
    recent = [flags[campaign] for campaign in way.campaigns if _is_since(flags[campaign].on, begin)]
    if any(flag.off and datetime.combine(flag.off, time(), UTC) >= begin for flag in recent):
        return False
    if recent or not armed:
        return None
    left_alone = {one.campaign for one in shown if one.campaign in way.campaigns and flags[one.campaign].on is None}
    return True if len(left_alone) >= max(1, way.received) else None


def by_mails(way: Engagement, events: Iterable[MailEvent], *, complete: bool, now: datetime) -> bool | None:
    """Say whether somebody is silent by what Currents tells of their e-mails; ``None`` where that cannot be told.

    ``complete`` says that everything that was written within the span was read. An event may come more than once and
    in any order. A mail counts by its sending or by its delivery, whichever the files have more of.
    """
    begin, received = now - way.silent, {act: set[str]() for act in MailAct}
    for event in events:
        if begin < event.at <= now + _AHEAD:
            received[event.act].add(event.message)
    if received[MailAct.ENGAGED]:
        return False
    most = max(len(received[act]) for act in (MailAct.SENT, MailAct.DELIVERED))
    return True if complete and most >= max(1, way.received) else None


def _is_since(at: datetime | None, begin: datetime) -> bool:
    return at is not None and at > begin
