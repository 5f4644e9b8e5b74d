"""How long to wait: both dialects of the rate-limit headers, and the back-off."""

from __future__ import annotations

import random

import pytest

from ecmbraze.systems import pacing
from tests.systems.rig import NOW

EPOCH = str(int(NOW.timestamp()) + 20)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-retry-after": "7", "retry-after": "9", "x-ratelimit-reset": "11"}, 7),
        ({"retry-after": "9", "x-ratelimit-reset": "11"}, 9),
        ({"x-ratelimit-reset": "11"}, 11),
        ({"x-ratelimit-reset": EPOCH}, 20),
        ({"x-ratelimit-retry-after": "", "x-ratelimit-reset": EPOCH}, 20),
    ],
)
def test_the_headers_are_read_in_order_of_trust_and_in_both_dialects(headers: dict[str, str], seconds: float) -> None:
    assert pacing.asked(headers, NOW) == seconds


@pytest.mark.parametrize(
    "value", ["", "abc", "nan", "inf", "-5", "0", "9999999999", str(int(NOW.timestamp()) - 1), "86400"]
)
def test_b18_an_unusable_reset_asks_for_nothing(value: str) -> None:
    assert pacing.asked({"x-ratelimit-reset": value}, NOW) is None


def test_b18_without_a_usable_header_the_wait_grows_and_stays_below_a_minute() -> None:
    waits = [pacing.after_429({}, NOW, attempt, random.Random(attempt)) for attempt in range(20)]
    assert waits[0] <= 1 < waits[4]
    assert max(waits) <= 60
    assert min(waits[8:]) >= 30


def test_b17_a_429_waits_as_long_as_asked_and_at_most_two_seconds_more() -> None:
    waits = [pacing.after_429({"x-ratelimit-reset": EPOCH}, NOW, 0, random.Random(seed)) for seed in range(50)]
    assert 20 <= min(waits) < max(waits) <= 22


def test_a_failed_read_backs_off_up_to_thirty_seconds() -> None:
    waits = [pacing.back_off(attempt, random.Random(1)) for attempt in range(12)]
    assert waits[0] <= 1
    assert 15 <= waits[-1] <= 30


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": EPOCH}, 20),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "4"}, 4),
        ({"x-ratelimit-remaining": "1", "x-ratelimit-reset": EPOCH}, 0),
        ({"x-ratelimit-remaining": "0"}, 0),
        ({"x-ratelimit-remaining": "", "x-ratelimit-reset": ""}, 0),
        ({}, 0),
    ],
)
def test_a_used_up_window_is_waited_for_before_the_429(headers: dict[str, str], seconds: float) -> None:
    assert pacing.exhausted(headers, NOW) == seconds
