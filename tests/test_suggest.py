"""One function says "did you mean" everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecmbraze.suggest import did_you_mean, nearest

THERE = ["Onboarding.Contract Status", "Onboarding.Stage", "Contract.Status"]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Onboarding.Contract Stauts", "Onboarding.Contract Status"),
        ("onboarding.stage", "Onboarding.Stage"),
        ("Stage", "Onboarding.Stage"),
        ("Phase.Stage", "Onboarding.Stage"),
        ("Weather", None),
        ("", None),
    ],
)
def test_the_nearest_name_is_found_whatever_its_case_or_category(name: str, found: str | None) -> None:
    assert nearest(name, THERE) == found


def test_the_answer_does_not_depend_on_the_order_of_the_names() -> None:
    assert nearest("stage", ["Stage", "STAGE", "stag"]) == nearest("stage", ["stag", "STAGE", "Stage"])


def test_what_is_like_nothing_asks_nothing() -> None:
    assert did_you_mean("Weather", THERE) == ""
    assert did_you_mean("Aproved", ["Approved"]) == "; did you mean 'Approved'?"


def test_nobody_else_computes_likeness() -> None:
    package = Path(__file__).parents[1] / "ecmbraze"
    product = (path for path in package.rglob("*.py") if "sandbox" not in path.parts)  # which shares no code with us
    users = [path.name for path in product if "difflib" in path.read_text(encoding="utf-8")]

    assert users == ["suggest.py"]
