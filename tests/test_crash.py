"""`kill -9` of the real process at random moments, answers dropped after processing: nothing twice, nothing lost."""

from __future__ import annotations

import math
import random
import signal
from functools import partial
from pathlib import Path

import pytest

from tests.checker import check
from tests.rehearsal import CAMPAIGN, CONTRACT, SOAK, Rehearsal, rehearsal

KILLS = 200 if SOAK else 10
# Processor time; a small run takes 0.05 to 0.2 s, and one that ends before its kill is none.
_FIRST_S, _LAST_S = 0.01, 0.3
_LOST_ANSWERS = ("reset_after", "cut_answer", "html500")


@pytest.mark.soak
def test_o01_kills_at_random_moments_repeat_nothing_and_lose_nothing(tmp_path: Path) -> None:
    rng = random.Random(4711)
    with rehearsal(tmp_path, "--workspaces", "120", "--customers", "120") as stage:
        stage.config["braze"] |= {"track_batch": 4, "trigger_batch": 2}
        stage.config["guards"] = {"max_audience_share": 1.0}
        stage.set_up()
        chosen = iter(stage.open_workspaces())
        due, kills = set(), 0
        for _ in range(KILLS):
            workspace = next(chosen, None)
            if workspace is not None:
                stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
                due |= {(stage.customer(workspace), name) for name in ("contract_approved", CAMPAIGN)}
            if rng.random() < 0.4:
                kind = rng.choice(_LOST_ANSWERS)
                path = rng.choice(("/users/track", "/campaigns/trigger"))
                stage.box.fault(kind, system="braze", path=path, bytes=rng.randrange(1, 60), process=True, times=1)
            kills += _killed_run(stage, _FIRST_S * math.exp(rng.random() * math.log(_LAST_S / _FIRST_S)))
            stage.box.advance(5)
        _until_quiet(stage)

        books = check(stage, due)

    assert (books.repeated, books.lost, books.unexpected) == ((), (), ())
    assert len(books.held) <= KILLS  # a hold needs a kill or a lost answer
    assert kills >= KILLS // 4


def _killed_run(stage: Rehearsal, seconds: float) -> bool:
    """Say whether a run was killed, once it had used so much processor time: a busy machine moves no kill."""
    code = stage.ecmbraze("onboarding", before=partial(_die_after, seconds)).code
    assert code in (0, 4, -signal.SIGPROF)
    return code < 0


def _die_after(seconds: float) -> None:
    """Order a signal that nobody handles: it ends the process wherever it is, as SIGKILL does."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


def _until_quiet(stage: Rehearsal) -> None:
    stage.box.clear_faults()
    for _ in range(8):
        stage.box.advance(4 * 3600)
        report = stage.ecmbraze("onboarding", "--json").report
        if not report["counts"]["sent"] and not report["counts"]["pending"]:
            return
    pytest.fail("the runs do not come to rest")


@pytest.mark.parametrize("kind", ["reset_after", "cut_answer", "html200", "empty200", "html500"])
@pytest.mark.parametrize("path", ["/users/track", "/campaigns/trigger"])
def test_b03_b05_b06_b21_an_answer_that_is_lost_is_never_sent_again_and_is_found_by_its_marker(
    stage: Rehearsal, kind: str, path: str
) -> None:
    workspace = stage.open_workspaces()[0]
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    stage.box.fault(kind, system="braze", path=path, bytes=20, process=True, times=1)

    first = stage.ecmbraze("onboarding", "--json")
    assert first.code == 4
    stage.box.advance(6 * 60)
    stage.run()
    stage.run()

    customer = stage.customer(workspace)
    assert check(stage, [(customer, "contract_approved"), (customer, CAMPAIGN)]).lost == ()
    assert set(stage.messages().values()) == {1}
    assert "[]" in stage.ecmbraze("holds", "list", "--json").stdout


@pytest.mark.parametrize("kind", ["reset_before"])
def test_an_attempt_that_never_arrived_is_held_at_last_and_sent_again_only_by_a_person(
    stage: Rehearsal, kind: str
) -> None:
    workspace = stage.open_workspaces()[0]
    customer = stage.customer(workspace)
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    stage.box.fault(kind, system="braze", path="/users/track", times=1)
    assert stage.ecmbraze("onboarding").code == 4
    for seconds in (6 * 60, 31 * 60, 7 * 3600):
        stage.box.advance(seconds)
        stage.run()
    assert check(stage, []).held == ((customer, "contract_approved"),)

    number = stage.ecmbraze("holds", "list", "--json").stdout.split('"id": ')[1].split(",")[0]
    shown = stage.ecmbraze("holds", "show", number)
    assert shown.code == 0
    assert customer in shown.stdout
    assert f"holds resolve {number} send-again" in shown.stdout
    assert stage.ecmbraze("holds", "resolve", number, "send-again", "--reason", "Braze has no such event").code == 0
    stage.run()

    assert stage.messages()[(customer, "contract_approved")] == 1
    again = stage.ecmbraze("holds", "resolve", number, "send-again", "--reason", "twice")
    assert again.code == 2
