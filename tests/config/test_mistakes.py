"""Typical mistakes, each answered in one message with its place, its cause and what to type (mistakes.yaml)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ecmbraze.config import load
from ecmbraze.errors import ConfigurationError
from ecmbraze.flows import BY_NAME
from ecmbraze.sandbox.remote import RemoteSandbox
from tests.example_world import Desk
from tests.forking.sandboxes import sandbox
from tests.rehearsal import START

MISTAKES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "mistakes.yaml").read_text(encoding="utf-8"))
_EXAMPLE = (Path(__file__).parents[2] / "config.example.yaml").read_text(encoding="utf-8")


def _cases(by: str) -> Any:
    chosen = [mistake for mistake in MISTAKES if mistake.get("by", "load") == by]
    return pytest.mark.parametrize("mistake", chosen, ids=[mistake["wrong"].strip()[:60] for mistake in chosen])


def test_there_are_sixty_mistakes_at_least() -> None:
    assert len(MISTAKES) >= 60


@_cases("load")
def test_a_mistake_in_the_file_is_answered_with_place_cause_and_advice(mistake: dict[str, Any], tmp_path: Path) -> None:
    assert mistake["right"] in _EXAMPLE
    text = _EXAMPLE.replace(mistake["right"], mistake["wrong"], 1)
    path = tmp_path / "ecmbraze.yaml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigurationError) as refused:
        load(path, flows=BY_NAME, environ={"ECM_PASSWORD": "x", "BRAZE_API_KEY": "y"})

    assert refused.value.exit_code == 15
    assert len(refused.value.problems) == mistake.get("problems", 1), refused.value.problems
    _answered(mistake, text, refused.value.problems)


@pytest.fixture(scope="module")
def box() -> Iterator[RemoteSandbox]:
    """A sandbox with everything the example names."""
    with sandbox("--seed", "11", "--world", "example", now=START) as started:
        yield started


@_cases("check")
@pytest.mark.long
def test_a_name_the_systems_do_not_know_is_answered_by_check(
    mistake: dict[str, Any], box: RemoteSandbox, tmp_path: Path
) -> None:
    desk = Desk(box, tmp_path)
    desk.write((mistake["right"], mistake["wrong"]))
    done = desk.ecmbraze("check", "--json")

    assert done.code == 15
    findings = json.loads(done.stdout)["findings"]
    wrong = [f"{finding['where']}: {finding['said']}" for finding in findings if finding["level"] == "FAIL"]
    assert len(wrong) == 1, wrong
    _answered(mistake, desk.path.read_text(encoding="utf-8"), wrong)


def _answered(mistake: dict[str, Any], text: str, problems: Any) -> None:
    at = text.index(mistake.get("at", mistake["wrong"]))
    at += len(mistake["wrong"]) - len(mistake["wrong"].lstrip("\n")) if "at" not in mistake else 0
    line = text.count("\n", 0, at) + 1
    mine = [problem for problem in problems if problem.startswith(f"ecmbraze.yaml:{line}: ")]
    assert mine, (line, problems)
    assert any(
        mistake.get("place", "") in problem and all(said in problem for said in mistake["says"]) for problem in mine
    ), mine
