"""The schedule, shipped and printed: understood by cron and systemd, hardened, a command line the program knows."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CRON = Path(__file__).parents[1] / "cron"
PROGRAM = Path(sys.executable).with_name("ecmbraze")


def _run(*command: str, environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environ)


def _commands() -> list[list[str]]:
    """Return the command line of the crontab and of the unit, each from the program's name on."""
    lines = (CRON / "ecmbraze.crontab").read_text().splitlines()
    cron = next(line for line in lines if line.startswith("*")).split(maxsplit=5)[5]
    units = (CRON / "ecmbraze.service").read_text().splitlines()
    unit = next(line for line in units if line.startswith("ExecStart=")).split("=", 1)[1]
    words = [shlex.split(text.split(">")[0]) for text in (cron, unit)]
    return [line[line.index("ecmbraze") :] for line in words]


def test_cron_accepts_the_shipped_crontab() -> None:
    done = _run("crontab", "-n", str(CRON / "ecmbraze.crontab"))

    assert done.returncode == 0, done.stderr


def test_systemd_accepts_the_shipped_units(tmp_path: Path) -> None:
    for unit in CRON.glob("ecmbraze.*"):
        shutil.copy(unit, tmp_path)

    done = _run("systemd-analyze", "verify", str(tmp_path / "ecmbraze.service"), str(tmp_path / "ecmbraze.timer"))

    assert done.returncode == 0, done.stderr
    assert "ecmbraze" not in done.stderr, done.stderr


def test_y1_the_unit_is_locked_down() -> None:
    unit = str(CRON / "ecmbraze.service")

    done = _run("systemd-analyze", "security", "--offline=yes", "--threshold=15", "--no-pager", unit)

    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.parametrize("secret", ["${BRAZE_API_KEY}", "credential:braze_api_key"])
@pytest.mark.parametrize("folder", ["plain", "with blanks; 100 %n & more"])
def test_cron_and_systemd_accept_what_is_printed(tmp_path: Path, folder: str, secret: str) -> None:
    place = tmp_path / folder
    config = place / "ecmbraze.yaml"
    place.mkdir()
    (place / "ecmbraze").symlink_to(PROGRAM)  # started by its own path, which is then the one printed
    example = (CRON.parent / "config.example.yaml").read_text(encoding="utf-8")
    assert "${BRAZE_API_KEY}" in example
    text = example.replace("${BRAZE_API_KEY}", secret).replace("/var/lib/ecmbraze/state.db", f'"{place}/state.db"')
    config.write_text(text, encoding="utf-8")

    crontab, units = (
        _run(str(place / "ecmbraze"), "-c", str(config), "schedule", kind) for kind in ("cron", "systemd")
    )

    assert (crontab.returncode, units.returncode) == (0, 0), crontab.stderr + units.stderr
    (tmp_path / "crontab").write_text(crontab.stdout)
    _, service, timer = units.stdout.split("# /etc/systemd/system/")
    for name, text in (part.split("\n", 1) for part in (service, timer)):
        (tmp_path / name).write_text(text)
    accepted = _run("crontab", "-n", str(tmp_path / "crontab"))
    assert accepted.returncode == 0, accepted.stderr
    verified = _run("systemd-analyze", "verify", *(str(tmp_path / f"ecmbraze.{kind}") for kind in ("service", "timer")))
    assert (verified.returncode, verified.stderr) == (0, "")
    security = ("systemd-analyze", "security", "--offline=yes", "--threshold=15", "--no-pager")
    locked = _run(*security, str(tmp_path / "ecmbraze.service"))
    assert locked.returncode == 0, locked.stdout[-2000:]


def test_the_program_knows_the_scheduled_command_line() -> None:
    for line in _commands():
        # What cron gives: no HOME to speak of, no locale, a short PATH (fault C19).
        environ = {"PATH": "/usr/bin:/bin", "LANG": "C"}

        done = _run(str(PROGRAM), *line[1:], environ=environ)

        assert done.returncode == 15, (line, done.stderr)
        assert "There is no configuration file /etc/ecmbraze/ecmbraze.yaml" in done.stderr


def test_c19_the_environment_of_cron_is_enough(tmp_path: Path) -> None:
    environ = {"PATH": "/usr/bin:/bin", "LANG": "C", "LOGNAME": "ecmbraze", "SHELL": "/bin/sh"}

    done = _run(str(PROGRAM), "onboarding", "--help", environ=environ)

    assert done.returncode == 0, done.stderr
    assert "→" in done.stdout
    assert os.listdir(tmp_path) == []  # noqa: PTH208 nothing is written where it is started
