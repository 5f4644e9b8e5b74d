"""Time zones and times of day as people write them in the configuration; reads no clock."""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BeforeValidator, WithJsonSchema

from ecmbraze.suggest import did_you_mean

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_TEXT = WithJsonSchema({"type": "string"})


def _zone(raw: object) -> ZoneInfo:
    if isinstance(raw, ZoneInfo):
        return raw
    if not isinstance(raw, str) or raw not in available_timezones():
        raise ValueError(f"zone {str(raw)!r} unknown{did_you_mean(str(raw), available_timezones())}")
    return ZoneInfo(raw)


def _time_of_day(raw: object) -> time:
    if isinstance(raw, time):
        return raw
    match = _CLOCK.fullmatch(raw) if isinstance(raw, str) else None
    if not match:
        raise ValueError(f'{raw!r} is no time of day: write it as "09:00"')
    return time(int(match[1]), int(match[2]))


Zone = Annotated[ZoneInfo, BeforeValidator(_zone), _TEXT]
TimeOfDay = Annotated[time, BeforeValidator(_time_of_day), _TEXT]
