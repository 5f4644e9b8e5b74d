"""When to wait and how long: rate-limit headers of both dialects, and back-off; sends nothing and never sleeps."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime

# The longest window of Braze is an hour (api/braze.md 9.4); a header that says more is unusable (fault B18).
LONGEST_WINDOW_S = 3700.0
# api/braze.md 9.4: an epoch second is larger than this, a number of seconds left is smaller.
_EPOCH = 1_000_000_000
# Of a 429 without a usable header (fault B18); of any other failure (api/ecm.md 11).
RATE_CAP_S, FAILURE_CAP_S = 60.0, 30.0


def asked(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds the headers ask to wait, or ``None`` when they say nothing usable (api/braze.md 9.4).

    Unusable are: empty, text, in the past, further away than any window.
    """
    for name in ("x-ratelimit-retry-after", "retry-after"):
        seconds = _number(headers.get(name, ""))
        if seconds is not None and 0 < seconds <= LONGEST_WINDOW_S:
            return seconds
    reset = _number(headers.get("x-ratelimit-reset", ""))
    if reset is None:
        return None
    seconds = reset - now.timestamp() if reset > _EPOCH else reset
    return seconds if 0 < seconds <= LONGEST_WINDOW_S else None


def exhausted(headers: Mapping[str, str], now: datetime) -> float:
    """Return how long to wait before the next request of this path because its window is used up; 0 if it is not."""
    if _number(headers.get("x-ratelimit-remaining", "")) != 0:
        return 0.0
    return asked(headers, now) or 0.0


def after_429(headers: Mapping[str, str], now: datetime, attempt: int, rng: random.Random) -> float:
    """Return the seconds to wait after a 429; a little more than asked: all clients wake at the same boundary."""
    seconds = asked(headers, now)
    return back_off(attempt, rng, RATE_CAP_S) if seconds is None else seconds + 2 * rng.random()


def back_off(attempt: int, rng: random.Random, cap: float = FAILURE_CAP_S) -> float:
    """Return 1, 2, 4 … ``cap`` seconds, between half and the whole of it, so that not all clients come back at once."""
    return float(min(cap, 2 ** min(attempt, 10))) * (0.5 + rng.random() / 2)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if value == value and abs(value) != float("inf") else None
