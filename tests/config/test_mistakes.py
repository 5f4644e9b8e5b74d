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
_TYPE = "[Customer Onboarding]"
_EXAMPLE = (Path(__file__).parents[2] / "config.example.yaml").read_text(encoding="utf-8")


def _made(by: str) -> list[dict[str, Any]]:
    return [mistake for mistake in MISTAKES if mistake.get("by", "load") == by]


def _name(mistake: dict[str, Any]) -> str:
    return str(mistake["wrong"]).strip()[:60]


def _sheets() -> list[list[dict[str, Any]]]:
    """Return the mistakes that only `check` can tell, as many in one file as can be made in it at once.

    Two in one place need two files; a type that is not there hides what its workspaces carry.
    """
    sheets: list[list[dict[str, Any]]] = []
    for mistake in _made("check"):
        free = [sheet for sheet in sheets if not any(_in_the_way(mistake, other) for other in sheet)]
        if not free:
            sheets.append([])
        (free or sheets[-1:])[0].append(mistake)
    return sheets


def _in_the_way(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one["right"] == other["right"] or _TYPE in (one["right"], other["right"])


def test_there_are_sixty_mistakes_at_least() -> None:
    assert len(MISTAKES) >= 60


@pytest.mark.parametrize("mistake", _made("load"), ids=_name)
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


@pytest.mark.parametrize("sheet", _sheets(), ids=lambda sheet: _name(sheet[0]))
@pytest.mark.long
def test_names_that_the_systems_do_not_know_are_each_answered_by_check(
    sheet: list[dict[str, Any]], box: RemoteSandbox, tmp_path: Path
) -> None:
    desk = Desk(box, tmp_path)
    desk.write(*((mistake["right"], mistake["wrong"]) for mistake in sheet))
    done = desk.ecmbraze("check", "--json")

    assert done.code == 15
    findings = json.loads(done.stdout)["findings"]
    wrong = [f"{finding['where']}: {finding['said']}" for finding in findings if finding["level"] == "FAIL"]
    assert len(wrong) == len(sheet), wrong
    for mistake in sheet:
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
