"""Read a sent reminder: the fields of ``data`` as the classic API names them (api/ecm.md 8.1); stores nothing."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from ecmbraze.sandbox.ecm.asking import as_whole, store
from ecmbraze.sandbox.ecm.directory import API_USER, GROUP, USER
from ecmbraze.sandbox.ecm.refusals import RefusalError

_DATE = re.compile(r"D/(\d{4})/(\d{1,2})/(\d{1,2}):\d{1,2}:\d{1,2}:\d{1,2}")
_TEXT_LIMIT = 250  # maxLength of the form of the Smart UI's mock
FIXED, DUE_IN, RECURRING = 0, 1, 2
_MONTHS = {3: 1, 4: 12}
_DAYS = {1: 1, 2: 7}


def read(data: Mapping[str, Any], *, partial: bool = False) -> dict[str, Any]:
    """Return what a new reminder is made of, or with ``partial`` what of one changes.

    Raises RefusalError for a missing or malformed field (400), and for a recipient who cannot be one (500).
    """
    found: dict[str, Any] = {}
    if not partial or "RSTYPE" in data:
        found["type_id"] = _type(data)
    if not partial or "RSRULE" in data:
        found |= _when(data)
    if not partial or "recipients" in data:
        found["assignees"] = _recipients(data.get("recipients"))
    if not partial or "RSDESCRIPTION" in data:
        found["text"] = _text(str(data.get("RSDESCRIPTION") or ""))
    if not partial or "PRIORITY" in data:
        found["priority"] = _one_of("PRIORITY", data.get("PRIORITY") or 0, (0, 50, 100))
    return found


def _type(data: Mapping[str, Any]) -> int:
    number = as_whole("RSTYPE", _given(data, "RSTYPE"))
    if store().reminders.type_of(number) is None:
        raise RefusalError(400, "datatype", name="RSTYPE")
    return number


def _when(data: Mapping[str, Any]) -> dict[str, Any]:
    rule = _one_of("RSRULE", _given(data, "RSRULE"), (FIXED, DUE_IN, RECURRING))
    if rule == FIXED:
        return {"rule": rule, "due": _day("RSDATE", data)}
    if rule == RECURRING:
        _given(data, "RSSEQUENCECODE")
        return {"rule": rule, "due": _day("RSSEQSTARTDATE", data), "ends": _day("RSSEQENDDATE", data)}
    unit = _one_of("RSRULEUNIT", _given(data, "RSRULEUNIT"), (1, 2, 3, 4))
    count = as_whole("RSRULEVALUE", _given(data, "RSRULEVALUE"))
    if not 1 <= count <= 999:  # api/ecm.md 11
        raise RefusalError(400, "datatype", name="RSRULEVALUE")
    return {"rule": rule, "due": _later(datetime.fromtimestamp(store().now(), UTC).date(), unit, count)}


def _later(day: date, unit: int, count: int) -> str:
    if unit in _DAYS:
        return (day + timedelta(days=_DAYS[unit] * count)).isoformat()
    years, month = divmod(day.month - 1 + _MONTHS[unit] * count, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1])).isoformat()


def _day(name: str, data: Mapping[str, Any]) -> str:
    match = _DATE.fullmatch(str(_given(data, name)))
    try:
        return date(*(int(part) for part in match.groups())).isoformat() if match else _bad(name)
    except ValueError:
        return _bad(name)


def _recipients(raw: Any) -> tuple[int, ...]:
    """Return users and groups who are there; roles of workspaces are none of them, nor are those who left."""
    ids = [as_whole("recipients", one) for one in (raw if isinstance(raw, list) else [raw] if raw else [])]
    if not ids:
        raise RefusalError(400, "argument", name="recipients")
    for number in ids:
        member = store().directory.get(number)
        theirs = number != API_USER and not store().switches.reminders_for_others
        if member is None or member.deleted or member.kind not in (USER, GROUP) or theirs:
            raise RefusalError(500, "assignee")
    return tuple(dict.fromkeys(ids))


def _text(text: str) -> str:
    if len(text) > _TEXT_LIMIT:
        raise RefusalError(400, "length", name="RSDESCRIPTION", max=_TEXT_LIMIT)
    return text


def _given(data: Mapping[str, Any], name: str) -> Any:
    if data.get(name) in (None, ""):
        raise RefusalError(400, "argument", name=name)
    return data[name]


def _one_of(name: str, raw: Any, choices: tuple[int, ...]) -> int:
    number = as_whole(name, raw)
    return number if number in choices else int(_bad(name))


def _bad(name: str) -> str:
    raise RefusalError(400, "datatype", name=name)
