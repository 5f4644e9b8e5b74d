"""CONTRIBUTING.md is true: its ninth flow, added step by step in a copy, is one file, one line and one test file."""

from __future__ import annotations

import filecmp
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
REGISTER = "ecmbraze/flows/__init__.py"
MADE_BY_HAND = {"ecmbraze/flows/terminations.py", REGISTER, "tests/flows/test_terminations.py"}
MADE_BY_DOCS = {
    "config.example.yaml",
    "ecmbraze/cli/commands.json",
    "ecmbraze/config/config.schema.json",
    "README.md",
    "docs/flows.svg",
}


def _step(number: int) -> tuple[str, str]:
    """Return the file that a step of the page names, and the code below it."""
    found = re.search(rf"\*\*{number}\..*?`(\S+?)`.*?```(?:python|text)\n(.*?)```\n", PAGE, re.DOTALL)
    assert found, number
    return found[1], found[2]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the project; what is compiled of a file that a step changes is older than that, and compiled anew."""
    there = tmp_path / "ecmbraze"
    for name in ("ecmbraze", "tests", "docs", "cron", ".ci"):
        shutil.copytree(ROOT / name, there / name)
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, there)
    return there


def _run(copy: Path, *arguments: str) -> str:
    environ = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=copy, env=environ, capture_output=True, check=False, text=True, timeout=600)
    assert done.returncode == 0, (arguments, done.stdout[-4000:], done.stderr[-2000:])
    return done.stdout


def _test(copy: Path, *arguments: str) -> None:
    _run(copy, "-m", "pytest", "-p", "no:xdist", *arguments)


def _add_flow(copy: Path) -> None:
    """Do the steps of the page by which a flow is added."""
    for number in (1, 3):
        name, text = _step(number)
        assert not (copy / name).exists()
        (copy / name).write_text(text, encoding="utf-8")
    name, line = _step(2)
    register = (copy / name).read_text(encoding="utf-8")
    (copy / name).write_text(register.replace('    "approvals",\n', f'    "approvals",\n{line}'), encoding="utf-8")


def _changed(copy: Path) -> set[str]:
    names = {str(path.relative_to(copy)) for path in copy.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    return {name for name in names if not (ROOT / name).exists() or not filecmp.cmp(ROOT / name, copy / name, False)}


@pytest.mark.long
@pytest.mark.timeout(1200)  # it starts pytest
def test_a_ninth_flow_is_one_file_one_line_and_one_test_file(copy: Path) -> None:
    _add_flow(copy)
    assert _changed(copy) == MADE_BY_HAND
    assert len((copy / REGISTER).read_text().splitlines()) == len((ROOT / REGISTER).read_text().splitlines()) + 1

    _run(copy, "-m", "tests.derived")

    assert _changed(copy) == MADE_BY_HAND | MADE_BY_DOCS
    assert "  terminations:  " in (copy / "config.example.yaml").read_text(encoding="utf-8")
    assert "Contracts that are terminated" in _run(copy, "-m", "ecmbraze", "--help")
    _run(copy, "-m", "ruff", "check", *MADE_BY_HAND)
    flows = ("tests/flows/test_terminations.py", "tests/test_flow_contract.py", "tests/test_flow_in_a_round.py")
    derived = ("tests/test_docs.py", "tests/config/test_schema.py", "tests/test_example_rehearsal.py")
    of_both = "terminations or readme or register or setting or schema or world_carries_every_name"
    _test(copy, "-x", "-k", of_both, *flows, "tests/config/test_names.py", *derived)


def test_the_tests_that_the_page_runs_are_there() -> None:
    lines = re.findall(r"^\.venv/bin/pytest (.*)$", PAGE, re.MULTILINE)

    assert lines
    asked = [["-p", "no:xdist", "--collect-only", *line.split()] for line in lines]
    _run(ROOT, "-c", f"import pytest; raise SystemExit(any([pytest.main(one) for one in {asked}]))")


def test_every_target_and_file_that_the_page_names_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    outside = re.sub(r"```python.*?```", "", PAGE, flags=re.DOTALL)

    for target in set(re.findall(r"`make (\w+)`", outside)):
        assert f"\n{target}:" in makefile, target
    for name in set(re.findall(r"`((?:ecmbraze|tests)/[\w/.]+)`", outside)) - MADE_BY_HAND:
        assert (ROOT / name).exists(), name
