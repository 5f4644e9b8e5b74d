"""The command line answers like a person: what was meant, what goes together, what completes."""

from __future__ import annotations

import errno
import io
import json
import logging
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from ecmbraze.cli import logs
from ecmbraze.cli.app import app, run
from ecmbraze.cli.groups import SECTIONS
from ecmbraze.config import load
from ecmbraze.errors import ConfigurationError
from ecmbraze.flows import BY_NAME, FLOWS
from ecmbraze.model import State
from tests.offline import Offline
from tests.rehearsal import Result

NAMES = [flow.name for flow in FLOWS]


def started(*arguments: str) -> Result:
    """Run one command line in this process, as it is typed."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(list(arguments))
    return Result(code, out.getvalue(), err.getvalue())


@pytest.fixture
def office(tmp_path: Path) -> Offline:
    return Offline(tmp_path)


@pytest.mark.parametrize("command", [["run"], ["pause"], ["resume"], ["plan", "-o", "x"], ["plan", "--drop"]])
@pytest.mark.parametrize(
    ("name", "said"),
    [("onbording", "did you mean 'onboarding'?"), ("x", "The flows are")],
)
def test_a_flow_that_is_not_there_is_answered_alike_everywhere(
    office: Offline, command: list[str], name: str, said: str
) -> None:
    done = office.ecmbraze(*command, name)

    assert done.code == 2
    assert said in done.stderr
    assert ", ".join(NAMES) in done.stderr
    assert "Nothing was " in done.stderr


@pytest.mark.parametrize(("typed", "meant"), [("onbording", "onboarding"), ("chek", "check"), ("statsu", "status")])
def test_a_misspelt_command_gets_the_nearest_one(office: Offline, typed: str, meant: str) -> None:
    done = office.ecmbraze(typed)

    assert done.code == 2
    assert done.stderr.startswith(f"error: There is no command {typed!r}; did you mean {meant!r}? Nothing was done.")


@pytest.mark.parametrize("until", ["2026-01-01", "2025-06-01T00:00:00Z"])
def test_a_span_that_ends_before_it_begins_is_refused(office: Offline, until: str) -> None:
    done = office.ecmbraze("onboarding", "--since", "2026-01-01", "--until", until)

    assert done.code == 2
    assert f"--since 2026-01-01 does not lie before --until {until}. Nothing was done." in done.stderr
    assert "swap them" in done.stderr


def test_a_wrong_file_is_told_within_the_width_of_a_terminal_with_the_command_to_type(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("ecm: {}\nflows: {onbording: {}}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load(path, flows=BY_NAME, environ={})
    record = logging.LogRecord("ecmbraze", logging.ERROR, "", 0, str(caught.value), None, None)

    told = logs.Text(width=80).format(record)

    assert f"`ecmbraze check -c {path}`" in str(caught.value)
    assert all(len(line) <= 80 or str(path) in line for line in told.splitlines())
    assert "".join(told.split()) == "".join(logs.Text().format(record).split())
    assert all(line.startswith("    ") for line in told.splitlines()[1:])


@pytest.mark.parametrize("place", ["before", "after", "variable"])
def test_c01_a_configuration_that_we_may_not_read_is_told_like_any_other_mistake_in_it(
    office: Offline, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    office.ecmbraze("status")
    _lock_away(office.path, monkeypatch)
    monkeypatch.setenv("ECMBRAZE_CONFIG", str(office.path) if place == "variable" else "")
    named = {"before": ["-c", str(office.path), "status"], "after": ["status", "-c", str(office.path)]}

    done = started(*named.get(place, ["status"]))

    assert done.code == 15
    assert f"{office.path} cannot be read: Permission denied. Nothing was done." in done.stderr


def _lock_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody read a file: root reads every one, so it is told that it may not."""
    path.chmod(0)
    if os.geteuid() == 0:
        access, read = os.access, Path.read_text
        monkeypatch.setattr(os, "access", lambda at, *mode, **more: str(at) != str(path) and access(at, *mode, **more))

        def read_text(at: Path, *how: Any, **more: Any) -> str:
            if at == path:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return read(at, *how, **more)

        monkeypatch.setattr(Path, "read_text", read_text)


@pytest.mark.parametrize("command", [["run"], ["status"], ["check", "--offline"]])
def test_c17_an_empty_variable_for_the_configuration_takes_no_other_file(
    office: Offline, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    office.ecmbraze("status")
    monkeypatch.chdir(office.path.parent)
    monkeypatch.setenv("ECMBRAZE_CONFIG", "")

    done = started(*command)

    assert done.code == 15
    assert "The environment variable ECMBRAZE_CONFIG is empty. Nothing was done." in done.stderr
    for name, value in office.secrets.items():
        monkeypatch.setenv(name, value)
    assert started(*command, "-c", str(office.path)).code != 15


def test_init_beside_an_existing_state_file_is_a_wrong_command_and_not_a_broken_file(office: Offline) -> None:
    before = office.state.read_bytes()

    done = office.ecmbraze("init", "--non-interactive")

    assert done.code == 2
    assert "there is a state file already" in done.stderr
    assert "`ecmbraze status`" in done.stderr
    assert office.state.read_bytes() == before


def test_a_typo_in_the_state_path_makes_no_folder(office: Offline, tmp_path: Path) -> None:
    (tmp_path / "ecmbraze").mkdir()
    office.config["state"] = "ecmbrze/deeper/state.db"

    done = office.ecmbraze("init", "--non-interactive")

    assert done.code == 15
    assert f"did you mean {tmp_path / 'ecmbraze'}?" in done.stderr
    assert "mkdir -p -m 700" in done.stderr
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [
        "ecmbraze",
        "ecmbraze.yaml",
        "state.db",
        "state.db.key",
        "state.db.seal",
    ]


@pytest.mark.parametrize("command", [[], ["holds"], ["quarantine"]])
def test_help_says_whole_sentences(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ecmbraze", *command, "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": "80", "TERMINAL_WIDTH": "80"},
    )

    assert "..." not in done.stdout.partition("Options:")[2]
    assert all(len(line) <= 80 for line in done.stdout.splitlines())


def test_every_command_stands_in_one_section_of_the_help() -> None:
    root: Any = get_command(app)

    assert sorted(name for names in SECTIONS.values() for name in names) == sorted(root.commands)


@pytest.mark.parametrize("command", ["run", "pause", "resume", "plan", "plan --drop"])
def test_flow_names_complete(command: str) -> None:
    words = f"ecmbraze {command} "
    done = subprocess.run(
        [sys.executable, "-c", "from ecmbraze.cli.app import main; import sys; sys.argv[0] = 'ecmbraze'; main()"],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "_ECMBRAZE_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split())),
        },
    )

    assert done.stdout.split() == NAMES


def test_an_error_is_told_in_the_form_that_was_asked_for(office: Offline) -> None:
    done = office.ecmbraze("--log-format", "json", "run", "nothing")

    assert json.loads(done.stderr)["exit_code"] == 2


@pytest.mark.parametrize("command", [["explain"], ["pause", "--reason"], ["erase", "--reason"], ["-c"]])
def test_an_argument_that_is_no_utf_8_is_a_wrong_command_line(command: list[str]) -> None:
    done = started(*command, os.fsdecode(b"gr\xfcn"))

    assert done.code == 2
    assert r"'gr\udcfcn' is not UTF-8 text. Nothing was done." in done.stderr


def test_a_state_file_whose_path_is_no_utf_8_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"gr\xfcn")
    folder.mkdir(mode=0o700)
    office = Offline(tmp_path)
    office.path = folder / "ecmbraze.yaml"
    office.config["state"] = "state.db"
    office.path.write_text(yaml.safe_dump(office.config), encoding="utf-8")

    with pytest.raises(ConfigurationError, match="The path of the state file is not UTF-8"):
        load(office.path, flows=BY_NAME, environ=office.secrets)


@pytest.mark.parametrize("command", [["quarantine", "list"], ["holds", "list"], ["runs"]])
@pytest.mark.parametrize("written", ["[/b]", "[i]x[/i]", ":x:", "a\\[b"])
def test_i7_what_a_stranger_writes_in_brackets_is_shown_as_it_is(
    office: Offline, command: list[str], written: str
) -> None:
    office.messages((State.IN_FLIGHT, State.REFUSED), (State.IN_FLIGHT, State.IN_DOUBT, State.HELD), rule=written)
    office.ran(code=5, reason=f"Braze says {written}\x1b[31m")

    done = office.ecmbraze(*command)

    assert done.code == 0, done.stderr
    assert written in "".join(line.replace("│", "").replace("|", "").strip() for line in done.stdout.splitlines())
    assert "\x1b" not in done.stdout
