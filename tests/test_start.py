"""The program started from nothing, as cron and people start it; every other test forks it from a warm process."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ecmbraze.flows import NAMES
from tests.rehearsal import CAMPAIGN, CONTRACT, Rehearsal, until

_NAME = "Škoda Würth 株式会社"
_SCRIPT = str(Path(sys.executable).with_name("ecmbraze"))


def _due(stage: Rehearsal) -> str:
    workspace = stage.open_workspaces()[0]
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"}, name=_NAME)
    return stage.customer(workspace)


def _started(stage: Rehearsal, *arguments: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
    options = {"env": stage.environ(), "capture_output": True, "check": False, **more}
    done: subprocess.CompletedProcess[bytes] = subprocess.run(stage.command(*arguments), **options)
    return done


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGQUIT, signal.SIGSEGV])
def test_s5_a_program_that_dies_leaves_no_memory_on_the_disk(stage: Rehearsal, number: signal.Signals) -> None:
    _due(stage)
    stage.box.fault("slow", system="braze", path="/users/track", seconds=240, times=1)
    unlimited = partial(resource.setrlimit, resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    process = subprocess.Popen(
        stage.command("onboarding"),
        env=stage.environ(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=stage.folder,
        preexec_fn=unlimited if resource.getrlimit(resource.RLIMIT_CORE)[1] == resource.RLIM_INFINITY else None,
    )
    until(lambda: stage.box.faults()[-1]["hits"] == 1)

    process.send_signal(number)
    _, status = os.waitpid(process.pid, 0)
    process.returncode = -os.WTERMSIG(status)

    assert os.WTERMSIG(status) == number
    assert not os.WCOREDUMP(status)


def test_from_the_first_start_to_a_message_that_arrives_once(fresh: Rehearsal, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    bare = {"PATH": "/usr/bin:/bin", "LANG": "C", **fresh.secrets}  # cron has no more

    def start(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        environ = bare | {"ECMBRAZE_NOW": fresh.environ()["ECMBRAZE_NOW"]}
        done = _started(fresh, *arguments, env=environ, cwd=elsewhere, umask=0)
        assert done.returncode == 0, done.stderr
        fresh.box.advance(60)
        return done

    start("init", "--non-interactive")
    start("onboarding")
    customer = _due(fresh)
    start("onboarding", "--report", str(tmp_path / "report.html"))
    again = start("onboarding", "--json")
    shown = start("onboarding", "--help")

    assert json.loads(again.stdout)["counts"]["sent"] == 0
    assert "→" in shown.stdout.decode("utf-8")
    assert [sent["properties"]["workspace"] for sent in fresh.received()["messages"]] == [_NAME]
    assert fresh.messages() == {(customer, "contract_approved"): 1, (customer, CAMPAIGN): 1}
    assert list(elsewhere.iterdir()) == []
    for path in (fresh.state, tmp_path / "report.html"):
        assert path.stat().st_mode & 0o777 == 0o600


def test_the_plan_does_not_depend_on_the_order_of_sets(stage: Rehearsal) -> None:
    for workspace in stage.open_workspaces()[:4]:
        stage.box.edit_workspace(workspace, {CONTRACT: "Approved", "Onboarding.Stage": "Contract"})

    plans = [
        json.loads(_started(stage, "onboarding", "--dry-run", "--json", env=stage.environ() | seed).stdout)
        for seed in ({"PYTHONHASHSEED": "1"}, {"PYTHONHASHSEED": "2"})
    ]

    assert plans[0]["plan_hash"] == plans[1]["plan_hash"]
    assert plans[0]["actions"] == plans[1]["actions"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_started_process_with_its_code(stage: Rehearsal, number: signal.Signals, code: int) -> None:
    customer = _due(stage)
    stage.box.fault("slow", system="ecm", path="/businessworkspaces", seconds=240)
    with subprocess.Popen(stage.command("onboarding"), env=stage.environ(), stderr=subprocess.PIPE) as process:
        until(lambda: stage.box.faults()[-1]["hits"] == 1)
        process.send_signal(number)
        stage.box.clear_faults()
        said = process.communicate(timeout=120)[1]

    assert process.returncode == code, said
    stage.run()
    assert stage.messages()[(customer, CAMPAIGN)] == 1


def test_the_installed_script_is_the_program(fresh: Rehearsal) -> None:
    arguments = fresh.command("onboarding")[3:]

    done = subprocess.run([_SCRIPT, *arguments], env=fresh.environ(), capture_output=True, check=False)

    assert done.returncode == fresh.ecmbraze("onboarding").code == 10
    assert b"ecmbraze init" in done.stderr


# Whoever types waits for these: what each of them must not import. Typer itself takes pydantic and rich to complete.
_SYSTEMS = {"requests", "urllib3", "ecmbraze.systems", "ecmbraze.engine", "ecmbraze.sandbox"}
_FILES = {"sqlite_utils", "yaml", "ecmbraze.config", "ecmbraze.ledger", "ecmbraze.flow"}
_TERMINAL = {"pydantic", "rich"}
_TABLES = {"rich", "jinja2", "ecmbraze.report.files", "ecmbraze.report.table"}
_OTHER_FLOWS = {f"ecmbraze.flows.{name}" for name in NAMES if name != "onboarding"}
_OTHER_OPTIONS = {
    f"ecmbraze.planning.{name}"
    for name in ("approval", "arrivals", "gates", "reminding", "assets.options", "feedback.options", "success.options")
}
_OTHER_SCANS = {"fastavro", "html.parser", "ecmbraze.engine.further_scans", "ecmbraze.engine.scan.people"}
_OTHER_COMMANDS = {
    "flask",
    "ecmbraze.sandbox",
    "ecmbraze.cli.demo",
    "ecmbraze.cli.check",
    "ecmbraze.cli.initial_load",
    "ecmbraze.ledger.erasing",
}


@pytest.mark.parametrize(
    ("typed", "unneeded"),
    [
        (["--version"], _SYSTEMS | _FILES | _TERMINAL),
        (["--help"], _SYSTEMS | _FILES | _TERMINAL | {"importlib.metadata"}),
        (["", "complete"], _SYSTEMS | _FILES),
        (["run", "", "complete"], _SYSTEMS | _FILES),
        (["onboarding", "--help"], _SYSTEMS - {"ecmbraze.engine"} | {"ecmbraze.engine.round", "rich"}),
        (["status"], _SYSTEMS | {"rich"}),
        (["onboarding"], _OTHER_COMMANDS | _OTHER_FLOWS | _OTHER_OPTIONS | _OTHER_SCANS | _TABLES),
    ],
    ids=["version", "help", "commands", "flows", "help of a flow", "status", "a quiet run"],
)
def test_what_people_wait_for_imports_only_what_it_needs(
    stage: Rehearsal, typed: list[str], unneeded: set[str]
) -> None:
    stage.command()
    look = "import atexit, sys; atexit.register(lambda: print(*sys.modules)); from ecmbraze.cli.app import main; main()"
    environ = {**stage.environ(), "ECMBRAZE_CONFIG": str(stage.path)}
    del environ["COLUMNS"]  # as cron starts it, and so without a terminal: else bars and tables are laid out
    if typed[-1] == "complete":
        words, typed = ["ecmbraze", *typed[:-1]], []
        environ |= {
            "_ECMBRAZE_COMPLETE": "complete_bash",
            "COMP_WORDS": " ".join(words),
            "COMP_CWORD": str(len(words) - 1),
        }
        typed = []

    done = subprocess.run(
        [sys.executable, "-c", look, *typed],
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

    said, _, imported = done.stdout.rstrip().rpartition("\n")
    assert said, done.stderr
    assert not unneeded & set(imported.split())


def test_what_is_imported_needs_no_package_of_the_tests(fresh: Rehearsal) -> None:
    look = (
        "import sys, typer; from ecmbraze.cli.app import app; commands = dict(typer.main.get_command(app).commands);"
        " print(len(commands), *sorted({name.split('.')[0] for name in sys.modules}))"
    )

    done = subprocess.run([sys.executable, "-c", look], env=os.environ, capture_output=True, check=True)

    assert int(done.stdout.split()[0]) > len(NAMES)
    assert b"requests" in done.stdout.split()
    assert not {b"tests", b"pytest", b"flask", b"responses", b"hypothesis"} & set(done.stdout.split())
