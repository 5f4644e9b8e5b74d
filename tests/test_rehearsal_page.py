"""docs/rehearsal.md as an operator follows it: every command of the page, literally, in one shell."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.forking.shell import write_command

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/rehearsal.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
MARK = "=== block"


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What each block of the page printed."""
    folder = tmp_path_factory.mktemp("rehearsal")
    shutil.copy(ROOT / "config.example.yaml", folder)
    script = "\n".join(f"echo '{MARK}'\n{block}" for block in BLOCKS)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("ECM")}
    commands = tmp_path_factory.mktemp("commands")
    warm = write_command(commands)
    environ["PATH"] = f"{commands}:{Path(sys.executable).parent}:{environ['PATH']}"
    environ["COLUMNS"] = "200"
    # However the script ends, the sandbox ends with it: the last job that was started in the background.
    typed = ["bash", "-e", "-c", f"trap 'kill $! 2>/dev/null; wait' EXIT\n{script}"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        typed, cwd=folder, env=environ, start_new_session=True, stdout=pipe, stderr=pipe, pass_fds=[warm]
    ) as shell:
        try:
            stdout, stderr = (said.decode() for said in shell.communicate(timeout=280))
        except subprocess.TimeoutExpired:
            os.killpg(shell.pid, signal.SIGKILL)
            raise
    assert shell.returncode == 0, stdout[-2000:] + stderr[-2000:]
    assert not (folder / "sandbox.env").exists()
    return stdout.split(f"{MARK}\n")[1:]


def block(printed: list[str], words: str) -> str:
    """Return what the block printed that contains some words."""
    return next(said for said, typed in zip(printed, BLOCKS, strict=True) if words in typed)


def test_a_misspelt_field_is_answered_with_the_right_one(printed: list[str]) -> None:
    said = block(printed, 'advance": 60')
    assert "GET    /clock" in said
    assert "unknown field 'advance'; did you mean 'advance_s'?" in said
    assert "unknown field 'advance'; did you mean 'advance_s'?" in PAGE


def test_the_case_that_was_resolved_and_the_form_that_came_were_sent_once(printed: list[str]) -> None:
    said = block(printed, "ecmbraze run --now --dry-run")
    received = json.loads(said[said.rindex('{"attributes"') :])
    assert sorted(event["name"] for event in received["events"]) == ["case_resolved", "claim_form_received"]
    assert [message["name"] for message in received["messages"]] == ["Case resolved"]
    assert received["duplicate_events"] == 0


def test_what_people_choose_in_braze_is_made_in_order_and_dated_back(printed: list[str]) -> None:
    said = block(printed, "braze/changes")
    assert '"changed":4,"planned":1' in said
    assert '"unsubscribed_at": "2026-11-23 21:30:00 +0000"' in said
    assert '"ed060000-0000-4000-8000-00000000000a":"unsubscribed"' in said


def test_the_export_of_a_segment_is_a_sound_zip(printed: list[str]) -> None:
    assert "Done testing" in block(printed, "braze/segments")


def test_a_follow_up_is_completed_by_a_colleague_and_a_task_waits_for_its_group(printed: list[str]) -> None:
    said = block(printed, "reminder-types")
    reminder, task = json.loads(said.splitlines()[-1])
    assert (reminder["status"], reminder["assignees"], task["status"], task["assignees"]) == (
        "completed",
        ["jdoe"],
        "open",
        ["Retention"],
    )


def test_a_block_is_listed_with_the_campaign_that_includes_it(printed: list[str]) -> None:
    assert '"name": "footer"' in block(printed, "content_blocks/list")
    assert '"inclusion_count": 1' in block(printed, "content_blocks/list")


def test_what_comes_due_while_days_pass_is_sent_and_no_clock_is_wrong(printed: list[str]) -> None:
    said = block(printed, "ecmbraze forecast")
    assert "exit" not in said  # a wrong clock would be exit 5
    assert "contract_" in said


def test_a_busy_server_is_asked_again_and_a_lost_answer_is_no_second_message(printed: list[str]) -> None:
    busy, lost = block(printed, '"busy"'), block(printed, '"reset_after"')
    assert ('"hits":2' in busy, "exit" in busy) == (True, False)
    assert "exit 4" in lost
    assert "found in Braze by their marker" in lost
