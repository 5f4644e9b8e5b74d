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

from tests.forking.shell import write_command

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/rehearsal.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
MARK = "=== block"


def test_every_command_of_the_page_does_what_the_page_says(tmp_path: Path) -> None:
    """One test, so that one worker plays the page, once."""
    printed = _typed(tmp_path)

    def block(words: str) -> str:
        return next(said for said, typed in zip(printed, BLOCKS, strict=True) if words in typed)

    # A misspelt field is answered with the right one.
    said = block('advance": 60')
    assert "GET    /clock" in said
    assert "unknown field 'advance'; did you mean 'advance_s'?" in said
    assert "unknown field 'advance'; did you mean 'advance_s'?" in PAGE

    # The case that was resolved and the form that came were sent once.
    said = block("ecmbraze run --now --dry-run")
    received = json.loads(said[said.rindex('{"attributes"') :])
    assert sorted(event["name"] for event in received["events"]) == ["case_resolved", "claim_form_received"]
    assert [message["name"] for message in received["messages"]] == ["Case resolved"]
    assert received["duplicate_events"] == 0

    # What people choose in Braze is made in order, and dated back.
    said = block("braze/changes")
    assert '"changed":4,"planned":1' in said
    assert '"unsubscribed_at": "2026-11-23 21:30:00 +0000"' in said
    assert '"ed060000-0000-4000-8000-00000000000a":"unsubscribed"' in said

    # The export of a segment is a sound zip.
    assert "Done testing" in block("braze/segments")

    # A follow-up is completed by a colleague, and a task waits for its group.
    reminder, task = json.loads(block("reminder-types").splitlines()[-1])
    assert (reminder["status"], reminder["assignees"]) == ("completed", ["jdoe"])
    assert (task["status"], task["assignees"]) == ("open", ["Retention"])

    # A block is listed with the campaign that includes it.
    assert '"name": "footer"' in block("content_blocks/list")
    assert '"inclusion_count": 1' in block("content_blocks/list")

    # What comes due while days pass is sent, and no clock is wrong: that would be exit 5.
    said = block("ecmbraze forecast")
    assert "exit" not in said
    assert "contract_" in said

    # A busy server is asked again (3: reminders of the months before were missed), a lost answer is no second message.
    busy, lost = block('"busy"'), block('"reset_after"')
    assert ('"hits":2' in busy, "exit 3" in busy, "no run came in time" in busy) == (True, True, True)
    assert "exit 4" in lost
    assert "found in Braze by their marker" in lost


def _typed(tmp_path: Path) -> list[str]:
    """Return what each block of the page printed."""
    folder, commands = tmp_path / "rehearsal", tmp_path / "commands"
    folder.mkdir()
    commands.mkdir()
    shutil.copy(ROOT / "config.example.yaml", folder)
    script = "\n".join(f"echo '{MARK}'\n{block}" for block in BLOCKS)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("ECM")}
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
