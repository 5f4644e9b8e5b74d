"""Rows of the fault matrix where two things meet: a signal, a flip of consent, a burst, a late answer."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.checker import check
from tests.rehearsal import CAMPAIGN, CONTRACT, Rehearsal, rehearsal, until


def _due(stage: Rehearsal) -> str:
    workspace = stage.open_workspaces()[0]
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    return stage.customer(workspace)


def test_o03_a_second_sigterm_leaves_at_once_and_the_doubt_is_settled_next_time(stage: Rehearsal) -> None:
    customer = _due(stage)
    with stage.held_at("braze", "/users/track", "onboarding") as process:
        while process.poll() is None:  # two that come too close together are one
            process.send_signal(signal.SIGTERM)
            time.sleep(0.05)

    assert process.wait() == 143
    until(lambda: stage.messages()[(customer, "contract_approved")] == 1)
    for seconds, code in ((60, 4), (6 * 60, 0)):  # found in flight; looked for five minutes later
        stage.box.advance(seconds)
        stage.run(code=code)
    assert check(stage, [(customer, "contract_approved"), (customer, CAMPAIGN)]).lost == ()
    assert set(stage.messages().values()) == {1}


def test_o01_the_run_after_a_kill_says_what_was_on_its_way(stage: Rehearsal) -> None:
    customer = _due(stage)
    with stage.held_at("braze", "/campaigns/trigger/send", "onboarding") as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    stage.box.advance(60)

    report = stage.run(code=4)

    assert report["counts"]["held"] == 1
    [line] = [line for line in report["actions"] if line["state"] == "in doubt"]
    assert (line["customer"], line["kind"]) == (customer, "campaign")
    assert [note for note in report["notes"] if "was interrupted while 1 writes were on their way" in note]
    stage.box.advance(6 * 60)
    stage.run()
    assert set(stage.messages().values()) == {1}


def test_o01_without_a_marker_the_run_after_a_kill_says_that_what_was_on_its_way_waits_for_a_person(
    stage: Rehearsal,
) -> None:
    stage.config["braze"]["marker"] = False
    _due(stage)
    with stage.held_at("braze", "/campaigns/trigger/send", "onboarding") as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    stage.box.advance(60)

    report = stage.run(code=4)

    assert {line["state"] for line in report["actions"] if line["kind"] == "campaign"} == {"held"}
    [note] = [note for note in report["notes"] if "was interrupted while 1 writes were on their way" in note]
    assert note.endswith("so they are held: `ecmbraze holds list`")


def test_o12_o19_a_stopped_owner_keeps_its_lock_and_later_starts_leave_at_once(stage: Rehearsal) -> None:
    _due(stage)
    with stage.held_at("braze", "/users/export", "onboarding") as owner:
        owner.send_signal(signal.SIGSTOP)
        later = [stage.ecmbraze("onboarding") for _ in range(2)]
        owner.send_signal(signal.SIGCONT)

    assert [done.code for done in later] == [11, 11]
    assert f"held by pid {owner.pid}" in later[0].stderr
    assert owner.wait(timeout=120) == 0
    assert set(stage.messages().values()) == {1}


def test_o12_two_starts_at_once_send_everything_once(stage: Rehearsal) -> None:
    _due(stage)
    started = [stage.start("onboarding") for _ in range(3)]

    codes = sorted(one.wait(timeout=120) for one in started)

    assert codes[0] == 0
    assert set(codes) <= {0, 11}
    assert set(stage.messages().values()) == {1}


def test_b29_who_unsubscribes_between_the_look_and_the_send_is_left_out_by_braze(stage: Rehearsal) -> None:
    customer = _due(stage)
    with stage.held_at("braze", "/campaigns/trigger", "onboarding") as process:
        stage.box.call("PUT", f"/braze/users/{customer}", {"email_subscribe": "unsubscribed"})

    assert process.wait(timeout=120) == 0
    assert stage.messages()[(customer, CAMPAIGN)] == 0
    assert stage.run()["counts"]["planned"] == 0


def test_b25_a_profile_that_lags_keeps_the_doubt_open_until_the_marker_shows(stage: Rehearsal) -> None:
    customer = _due(stage)
    stage.box.call("POST", "/braze/switches", {"lag_s": 20 * 60})
    stage.box.fault("reset_after", system="braze", path="/users/track", times=1)
    assert stage.ecmbraze("onboarding").code == 4
    stage.box.advance(6 * 60)
    stage.run()
    assert check(stage, []).held == ((customer, "contract_approved"),)  # shown, not yet given up

    stage.box.advance(25 * 60)
    stage.run()

    assert check(stage, []).held == ()
    assert stage.messages()[(customer, "contract_approved")] == 1


def test_k06_the_hour_that_comes_twice_in_autumn_runs_twice(tmp_path: Path) -> None:
    with rehearsal(tmp_path) as stage:
        stage.box.set_clock(datetime(2026, 10, 25, 0, 0, tzinfo=UTC))  # 02:00 in Berlin, for the first time
        stage.set_up()
        runs = []
        for moment in ("00:30", "01:30"):  # 02:30 in Berlin, twice
            stage.box.set_clock(datetime.fromisoformat(f"2026-10-25T{moment}:00+00:00"))
            runs.append(stage.ecmbraze("run", "--json").report["runs"])

    assert [len(told) for told in runs] == [1, 1]


def test_k10_a_burst_in_one_second_goes_out_once_each(tmp_path: Path) -> None:
    with rehearsal(tmp_path, "--workspaces", "250", "--customers", "250") as stage:
        stage.config["ecm"]["page_size"] = 500
        stage.config["braze"] |= {"track_batch": 15, "trigger_batch": 10}  # several requests and waves of each
        stage.config["guards"] = {"max_audience_share": 1.0}
        stage.set_up()
        chosen = stage.open_workspaces()
        stage.box.freeze()
        half = len(chosen) // 2
        edit = {"values": {CONTRACT: "Approved"}}
        stage.box.bulk({"do": "edit", "id": workspace, **edit} for workspace in chosen[:half])
        stage.run()
        stage.box.bulk({"do": "edit", "id": workspace, **edit} for workspace in chosen[half:])
        stage.run()
        stage.run()
        due = {(stage.customer(w), name) for w in chosen for name in ("contract_approved", CAMPAIGN)}

        books = check(stage, due)

    assert len(chosen) > 50
    assert (books.repeated, books.lost, books.unexpected, books.held) == ((), (), (), ())


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_o10_a_run_whose_output_nobody_reads_keeps_its_code(stage: Rehearsal, form: tuple[str, ...]) -> None:
    customer = _due(stage)
    reader, writer = os.pipe()
    os.close(reader)

    done = subprocess.run(
        stage.command("onboarding", *form), env=stage.environ(), stdout=writer, stderr=subprocess.PIPE, check=False
    )

    os.close(writer)
    assert (done.returncode, stage.messages()[(customer, CAMPAIGN)]) == (0, 1)
    assert b"run.end" in done.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_o10_a_run_without_streams_sends_and_keeps_its_code(stage: Rehearsal, closed: str) -> None:
    customer = _due(stage)
    typed = shlex.join(stage.command("onboarding"))

    done = subprocess.run(f"{typed} {closed}", shell=True, env=stage.environ(), stderr=subprocess.PIPE, check=False)

    assert (done.returncode, stage.messages()[(customer, CAMPAIGN)]) == (0, 1)
    assert stage.ecmbraze("state", "verify").code == 0


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_o10_a_run_whose_output_the_disk_does_not_take_has_sent_and_says_so(
    stage: Rehearsal, form: tuple[str, ...]
) -> None:
    customer = _due(stage)
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            stage.command("onboarding", *form), env=stage.environ(), stdout=full, stderr=subprocess.PIPE, check=False
        )

    assert (done.returncode, stage.messages()[(customer, CAMPAIGN)]) == (16, 1)
    assert b"The command is done, but what it printed was not taken: No space left on device." in done.stderr
    assert b"run.end" in done.stderr


@pytest.mark.parametrize("files", range(7, 12))
def test_o09_too_few_open_files_are_told_as_what_they_are(stage: Rehearsal, files: int) -> None:
    customer = _due(stage)
    typed = f"ulimit -n {files}; {shlex.join(stage.command('onboarding'))}"

    done = subprocess.run(typed, shell=True, env=stage.environ(), capture_output=True, check=False)

    assert done.returncode in (0, 16), done.stderr
    stage.box.advance(600)
    stage.run()
    assert stage.messages() == {(customer, "contract_approved"): 1, (customer, CAMPAIGN): 1}


@pytest.mark.parametrize("command", [["status"], ["runs", "--json"], ["holds", "list"], ["check", "--schema"]])
def test_o10_a_command_whose_output_nobody_reads_keeps_its_code(stage: Rehearsal, command: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)

    done = subprocess.run(
        stage.command(*command), env=stage.environ(), stdout=writer, stderr=subprocess.PIPE, check=False
    )

    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")
