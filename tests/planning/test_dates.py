"""Dates as facts: whatever stands there is a date, none, or refused; the calendar has ends and zones cross them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecmbraze.errors import RecordUnreadable
from ecmbraze.planning import dates

BERLIN, LOS_ANGELES, APIA = ZoneInfo("Europe/Berlin"), ZoneInfo("America/Los_Angeles"), ZoneInfo("Pacific/Apia")
ZONES = st.sampled_from([UTC, BERLIN, LOS_ANGELES, APIA])
ODD = st.one_of(
    st.text(max_size=30),
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.tuples(st.text(max_size=12)),
    st.dates().map(date.isoformat),
    st.datetimes(timezones=st.timezones()).map(datetime.isoformat),
    st.datetimes().map(datetime.isoformat),
    st.sampled_from(["0001-01-01", "9999-12-31", "9999-12-31T23:59:59", "0001-01-01T00:00:00+14:00", "2027-02-30"]),
)


@given(value=ODD, zone=ZONES)
@pytest.mark.long
def test_whatever_a_fact_holds_it_is_a_date_or_none_or_refused(value: object, zone: ZoneInfo) -> None:
    try:
        moment, day = dates.instant(value, zone), dates.day(value, zone)
    except RecordUnreadable:
        return
    assert (moment is None) is (day is None)
    if moment is not None:
        assert moment.tzinfo is UTC
        assert isinstance(dates.local(moment, zone), date)
        assert dates.plus(moment, timedelta(days=3660)) >= moment


@pytest.mark.parametrize("zone", [UTC, BERLIN, LOS_ANGELES, APIA])
def test_the_ends_of_the_calendar_do_not_end_a_run(zone: ZoneInfo) -> None:
    assert dates.instant("9999-12-31", zone) >= datetime(9999, 12, 30, tzinfo=UTC)  # type: ignore[operator]
    assert dates.instant("9999-12-31T23:59:59", zone) >= datetime(9999, 12, 31, tzinfo=UTC)  # type: ignore[operator]


def test_the_null_date_of_ecm_is_no_date() -> None:
    assert dates.instant("0001-01-01", BERLIN) is None
    assert dates.day("0001-01-01T00:00:00", BERLIN) is None


def test_a_bare_day_begins_at_midnight_where_ecm_stands_and_an_instant_keeps_its_day() -> None:
    assert dates.instant("2027-05-01", BERLIN) == datetime(2027, 4, 30, 22, tzinfo=UTC)
    assert dates.day("2027-05-01T00:01:00+02:00", None) == date(2027, 5, 1)
    assert dates.day("2027-05-01T00:01:00+02:00", LOS_ANGELES) == date(2027, 4, 30)


@pytest.mark.parametrize("value", ["2027", "20270501", "soon", 20270501, True, "2027-02-30", "2027-05-01T25:00"])
def test_what_is_no_date_is_refused(value: object) -> None:
    with pytest.raises(RecordUnreadable, match="no date"):
        dates.instant(value, BERLIN)
