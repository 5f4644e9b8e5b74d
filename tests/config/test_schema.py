"""The JSON Schema for editors: what is published is what the models say, and it takes what the loader takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from ecmbraze.config import schema as schemas
from ecmbraze.flows import BY_NAME

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "ecmbraze/config/config.schema.json"
EXAMPLE = (ROOT / "config.example.yaml").read_text(encoding="utf-8")


def _errors(text: str) -> list[str]:
    schema = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    return [error.json_path for error in Draft202012Validator(schema).iter_errors(yaml.safe_load(text))]


def test_the_published_schema_is_what_the_models_say() -> None:
    made: Any = schemas.schema(BY_NAME)

    assert json.loads(PUBLISHED.read_text(encoding="utf-8")) == made, "run `make docs`"
    Draft202012Validator.check_schema(made)


def test_the_first_line_of_the_example_names_it() -> None:
    assert EXAMPLE.splitlines()[0] == f"# yaml-language-server: $schema={PUBLISHED.relative_to(ROOT)}"


def test_it_takes_the_example() -> None:
    assert _errors(EXAMPLE) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{email: subscribed} ", "{email: {state: subscribed, group: g}} "),
        ("suppress_when: {Onboarding.Complaint: Open}", "suppress_when: [{A.B: Open}, {A.C: {is: empty}}]"),
        ("customer: Onboarding.Customer Number", "customer: {attribute: A.B, as: {alias: crm}}"),
        ("password: ${ECM_PASSWORD}", "password: {command: [pass, ecm]}"),
        ("{Onboarding.KYC Status: Completed}", "{A.B: {not: [x, y]}, A.C: {at_least: 3}, A.D: true}"),
    ],
)
def test_it_takes_every_form_that_the_loader_takes(old: str, new: str) -> None:
    assert old in EXAMPLE
    assert _errors(EXAMPLE.replace(old, new, 1)) == []


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("campaign: 3f0c", "campain: 3f0c", "milestones[0].send"),
        ("every: 15m", "every: 15min", "onboarding.every"),
        ("{email: subscribed} ", "{email: opted-in} ", "consent"),
        ("Onboarding.KYC Status: Completed", "Onboarding.KYC Status: {is: filled}", "when"),
        ("  onboarding:", "  onbording:", "$.flows"),
    ],
)
def test_it_shows_a_mistake_in_the_editor(old: str, new: str, where: str) -> None:
    assert old in EXAMPLE
    assert any(where in path for path in _errors(EXAMPLE.replace(old, new, 1)))


def test_defaults_are_shown_as_people_write_them() -> None:
    assert '"default": "15m"' in PUBLISHED.read_text(encoding="utf-8")
    assert '"PT' not in PUBLISHED.read_text(encoding="utf-8")
