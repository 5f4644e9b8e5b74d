"""What an initial load would take, and what a person confirms of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ecmbraze.planning.estimate import Estimate, Volume

# flows.md, "Load": 1,000,000 people x 1.5 workspaces x 4 requests at 200 ms over 3 connections is 4.6 days.
LARGE = Estimate(
    flow="consent",
    volume=Volume(people=1_000_000, workspaces=1_500_000),
    per_workspace=4,
    slice=1000,
    per_minute=100_000,
    connections=3,
    request_s=0.2,
    measured=False,
    meaning="m",
)


def test_the_example_of_the_contract_takes_4_6_days() -> None:
    assert LARGE.ecm_requests == 6_000_000
    assert LARGE.time.total_seconds() == 400_000
    assert "time: about 4.6 days, at 200 ms a request (assumed, none was measured)" in LARGE.lines()[2]
    assert "slices of 1000 people; each holds the lock for about 6.7 min" in LARGE.lines()[3]


@pytest.mark.parametrize(("per_minute", "days", "what"), [(300, 13.9, "throttle of 300"), (900, 4.6, "3 connections")])
def test_the_slower_of_throttle_and_connections_decides(per_minute: int, days: float, what: str) -> None:
    estimate = replace(LARGE, per_minute=per_minute)

    assert round(estimate.time.total_seconds() / 86_400, 1) == days
    assert what in estimate.lines()[2]


def test_what_is_confirmed_is_how_much_is_written_and_by_which_configuration_not_how_long_it_takes() -> None:
    slower = replace(LARGE, request_s=2.0, measured=True, per_minute=60, slice=10)
    assert slower.hash == LARGE.hash
    for other in (replace(LARGE, meaning="n"), replace(LARGE, volume=Volume(people=999_999, workspaces=1_500_000))):
        assert other.hash != LARGE.hash


@pytest.mark.parametrize(("now", "exceeds"), [(100, False), (130, False), (131, True), (50, False)])
def test_a_few_new_workspaces_need_no_new_confirmation(now: int, exceeds: bool) -> None:
    assert Volume(people=100, workspaces=now).exceeds(Volume(people=100, workspaces=100)) is exceeds


def test_nobody_takes_no_time() -> None:
    nobody = replace(LARGE, volume=Volume(people=0, workspaces=0))
    assert (nobody.time.total_seconds(), nobody.slice_time.total_seconds()) == (0, 0)
