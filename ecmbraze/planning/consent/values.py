"""Say which values the record of consent may ever hold, so that `check` can hold them against ECM; writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ecmbraze.model import SPAM
from ecmbraze.planning.consent.options import Channel, Options
from ecmbraze.planning.consent.record import IN_BRAZE, IN_ECM, STATES, UNKNOWN, Since
from ecmbraze.planning.outbound import Outbound, Sort

# Any moment: what matters is that it has a time of day, and how long a text about it is.
_THEN, _LATER = "2026-11-28T23:45:59+00:00", "2026-11-29T23:45:59+00:00"
_WHY: Mapping[str, tuple[str | None, ...]] = {
    "email.undeliverable": ("hard_bounce", SPAM, None),
    "phone.undeliverable": ("invalid_number", None),
    "": (None,),
}


def possible(options: Options, channel: Channel) -> Mapping[str, tuple[str | None, ...]]:
    """Return attribute → what may be written there, ``None`` where it may be emptied; of a preference not its own."""
    states = (*STATES, UNKNOWN) if channel.withdraws else (UNKNOWN,)
    interval = Since(after=_THEN, until=_LATER)
    found: dict[str, tuple[str | None, ...]] = {channel.status: tuple(options.word(channel, one) for one in states)}
    if channel.since:
        found[channel.since] = (_THEN, None)
    if channel.source:
        found[channel.source] = tuple(f"{where}, {interval}" for where in (IN_BRAZE, IN_ECM))
    if channel.undeliverable:
        why = _WHY[channel.undeliverable_fact]
        found[channel.undeliverable] = tuple(one for one in why if one != SPAM or options.currents)
    return found


def attributes(options: Options, channel: Channel) -> list[Outbound]:
    """Return what a channel writes to categories, as `check` and the loader read it."""
    return [
        Outbound(sort=Sort.CATEGORY_ATTRIBUTE, name=name, fact=channel.fact, rule=channel.name, values=values)
        for name, values in possible(options, channel).items()
    ]


def outbound(options: Options, _prefix: str) -> Sequence[Outbound]:
    """Return everything the flow may write."""
    rows = list(options.identifiers())
    for channel in options.channels:
        rows += attributes(options, channel)
        rows.append(Outbound(sort=Sort.SUBSCRIPTION, name=channel.fact, fact=channel.status, rule=channel.name))
        if options.history.kept:
            rows.append(Outbound(sort=Sort.DOCUMENT, name=options.history.folder, fact=channel.fact, rule=channel.name))
    return rows
