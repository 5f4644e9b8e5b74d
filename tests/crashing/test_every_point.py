"""SIGKILL at every crossing of a run, while the servers misbehave in every way: nothing twice, nothing lost."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crashing.harness import OUTCOMES, Harness, Work, in_small_requests, people_of
from tests.crashing.warm import warm
from tests.rehearsal import CAMPAIGN, CANVAS, CONTRACT, KYC, SOAK, TYPE, Rehearsal, rehearsal_after

SERVICE, STAGE = "Onboarding.Service Status", "Onboarding.Stage"


# `make test` kills at every fourth point once: with each outcome at every 32nd, another one four points on; without a
# kill each outcome befalls one write. In memory it kills at each point (``tests/channels``, ``TestEveryFlowInARound``).
# `make soak` kills here at each point with each outcome, and lets each befall each write.
_NAMES = list(OUTCOMES)
_PEOPLE = 420 if SOAK else 60


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    with rehearsal_after(_set_up, tmp_path, *people_of(_PEOPLE)) as stage:
        free = iter(stage.open_workspaces())
        with warm(stage) as program:
            yield Harness(stage, program, lambda: _edit(stage, free), command=("onboarding",), attribute="ecm_stage")


def _set_up(stage: Rehearsal) -> None:
    in_small_requests(stage)
    stage.flow["milestones"].append(
        {
            "name": "service_active",
            "when": {SERVICE: "Active"},
            "send": {"event": "service_active", "canvas": CANVAS, "consent": {"transactional": "the service"}},
        }
    )
    _all_at_the_start(stage)
    stage.set_up()


def _edit(stage: Rehearsal, free: Iterator[int]) -> Work:
    """Make work for each kind of action."""
    campaign, canvas, attribute = (next(free) for _ in range(3))
    people = [stage.customer(workspace) for workspace in (campaign, canvas, attribute)]
    stage.box.edit_workspace(campaign, {CONTRACT: "Approved", STAGE: "Contract"})
    stage.box.edit_workspace(canvas, {SERVICE: "Active", STAGE: "Service"})
    stage.box.edit_workspace(attribute, {STAGE: "KYC"})
    due = {(people[0], name) for name in ("contract_approved", CAMPAIGN)}
    due |= {(people[1], name) for name in ("service_active", CANVAS)}
    return Work(due, dict(zip(people, ("Contract", "Service", "KYC"), strict=True)))


def _all_at_the_start(stage: Rehearsal) -> None:
    """Take every workspace back to the first stage, so that each can be worked on once."""
    start = {CONTRACT: "Draft", KYC: "Open", SERVICE: "Pending", STAGE: "Started"}
    stage.box.bulk({"do": "edit", "id": workspace["id"], "values": start} for workspace in stage.box.workspaces(TYPE))


def test_every_write_lies_between_commits(harness: Harness) -> None:
    harness.stage.config["braze"]["connections"] = 1  # else one is settled while the next is on its way
    names = harness.points()

    posts = [number for number, name in enumerate(names) if name.endswith("before") and _is_write(name)]
    assert len(posts) >= 4
    for number in posts:  # what is on its way was marked in flight, and nothing is left open meanwhile
        assert "COMMIT:after" in names[:number]
        ended = [name for name in names[:number] if name in ("COMMIT:after", "ROLLBACK:before")]
        assert names[:number].count("BEGIN:after") == len(ended)
    assert names.count("COMMIT:before") == names.count("COMMIT:after") >= 8


@pytest.mark.soak
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_o01_a_kill_at_every_point_repeats_nothing_and_loses_nothing(harness: Harness, outcome: str) -> None:
    rng, last = random.Random(f"20261124 {outcome}"), len(harness.points())
    first, step = (1, 1) if SOAK else (4 * _NAMES.index(outcome) + 1, 4 * len(_NAMES))
    points = range(first, last + 1, step)
    for point in points:
        harness.scenario(point, outcome, rng.randrange(4))

    print(outcome, harness.figures)
    assert harness.figures.wrong == []
    assert harness.figures.kills >= len(points) // 2  # a fault may end a run before its point


@pytest.mark.soak
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_without_a_kill_only_what_is_unknown_is_held(harness: Harness, outcome: str) -> None:
    for skip in range(3) if SOAK else (_NAMES.index(outcome) % 3,):
        harness.scenario(None, outcome, skip)

    assert harness.figures.wrong == []


def _is_write(name: str) -> bool:
    return name.startswith("POST") and any(path in name for path in ("/users/track", "/trigger/send"))
