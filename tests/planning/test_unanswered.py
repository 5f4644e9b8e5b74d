"""Which of several writes may stand in a category, by what a look shows beside what staff type."""

from __future__ import annotations

import pytest

from ecmbraze.model import Fact, Json
from ecmbraze.planning.unanswered import may_stand

_OLD, _NEW = {"C.Status": "In", "C.At": "2026-11-24T09:00:00"}, {"C.Status": "Out", "C.At": "2026-11-25T00:00:00"}


@pytest.mark.parametrize(
    ("shown", "standing"),
    [
        ("2026-11-24T09:00:00+01:00", [_OLD]),  # as a look gives a time
        ("2026-11-25", [_NEW]),  # and a midnight
        ("2026-11-24T00:00:00", [_OLD]),  # of a time what an attribute without time of day keeps
        ("2026-11-26T09:00:00+01:00", [_OLD, _NEW]),  # a person set it, which speaks for neither
        (None, [_OLD, _NEW]),
    ],
)
def test_the_date_that_was_written_with_a_state_tells_which_write_stands(shown: Fact, standing: list[object]) -> None:
    for word in ("In", "Out", "Maybe"):
        assert may_stand([_OLD, _NEW], {"C.Status": word, "C.At": shown}, {"C.Status"}) == standing


def test_a_write_of_which_a_value_was_emptied_is_told_from_one_that_never_had_it() -> None:
    bare: dict[str, Json] = {"C.Status": "Out", "C.At": None}

    assert may_stand([_OLD, bare], {"C.Status": "Out", "C.At": None}, {"C.Status"}) == [bare]
    assert may_stand([{}, _OLD], {"C.Status": "Out", "C.At": None}, {"C.Status"}) == [{}, _OLD]


def test_what_staff_type_tells_nothing() -> None:
    typed = {"C.Status", "C.News"}
    old, new = {"C.Status": "In", "C.News": "In"}, {"C.Status": "Out", "C.News": "Out"}

    assert may_stand([old, new], {"C.Status": "In", "C.News": "Out"}, typed) == [old, new]
