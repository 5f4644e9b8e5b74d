"""Write and read times and days as the simulated ECM does (api/ecm.md 1.4); knows no node."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from ecmbraze.sandbox.ecm.refusals import RefusalError

_NAIVE = "%Y-%m-%dT%H:%M:%S"


@lru_cache(maxsize=65_536)
def stamp(epoch: int, zulu: bool, zone: str) -> str:
    """Return whole seconds as UTC ending in Z, or as zone-less local time of ``zone``."""
    if zulu:
        return datetime.fromtimestamp(epoch, UTC).strftime(_NAIVE) + "Z"
    return datetime.fromtimestamp(epoch, ZoneInfo(zone)).strftime(_NAIVE)


def date_value(name: str, raw: object, zone: str, *, shift: bool, with_time: bool) -> str:
    """Read the value of a Date attribute and return it as it is echoed: at ``T00:00:00`` unless ``with_time``.

    With ``shift`` the day is taken from the UTC time of the local value, so that a midnight east of UTC comes back
    a day early and noon does not (5.3, F:308444). Raises RefusalError for anything that is not a date.
    """
    text = str(raw)
    try:
        moment = datetime.fromisoformat(text.removesuffix("Z")) if isinstance(raw, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is not None or len(text) not in (10, 19, 20):
        raise RefusalError(400, "datatype", name=name)
    if shift:
        offset = moment.replace(tzinfo=ZoneInfo(zone)).utcoffset() or timedelta()
        moment -= offset
    return moment.strftime(_NAIVE if with_time else "%Y-%m-%dT00:00:00")
