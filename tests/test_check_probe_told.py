"""What a probe says of tenants that the simulated ECM cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecmbraze.cli.check.findings import Level
from ecmbraze.cli.check.probe import told
from ecmbraze.cli.check.probe.clearing import Cleared
from ecmbraze.cli.check.probe.place import Place
from ecmbraze.cli.check.probe.steps import Effect, Seen, Step
from ecmbraze.config import Settings, load
from ecmbraze.flows import BY_NAME
from ecmbraze.model import Answer, Verdict
from ecmbraze.systems.ecm.probing import Trial
from tests.rehearsal import START

PLACE = Place(id=4711, name="Probe", type_id=3, type_name="Case")
TRIAL = Trial(name="Trial.Note", former="before", value="ecmbraze probe 0a1b2c3d")
EDITED = Effect(answer=Answer(verdict=Verdict.ACCEPTED, reason="accepted"), moved=True, at=START, asked=START)


@pytest.fixture(scope="module")
def config() -> Settings:
    example = Path(__file__).parents[1] / "config.example.yaml"
    return load(example, flows=BY_NAME, environ={"ECM_PASSWORD": "x", "BRAZE_API_KEY": "y"})


def said(config: Settings, seen: Seen) -> dict[str, tuple[Level, str, int]]:
    found = told.findings(config, PLACE, TRIAL, seen, None, {})
    return {one.where.removeprefix("probe: "): (one.level, one.said, one.code) for one in found}


def test_a_name_that_comes_back_otherwise_is_told(config: Settings) -> None:
    level, text, _ = said(config, Seen(name_shown="Gro?e.txt"))["names"]

    assert level is Level.NOTE
    assert "'Gro?e.txt'" in text
    assert "names" not in said(config, Seen())


def test_a_value_that_ecm_takes_and_does_not_show_says_nothing_of_dates(config: Settings) -> None:
    level, text, _ = said(config, Seen(effects={Step.EDIT: EDITED}, value_kept=False))["edit of an attribute"]

    assert level is Level.DOUBT
    assert "does not show it" in text


def test_a_listing_behind_the_workspace_itself_is_told(config: Settings) -> None:
    level, text, _ = said(config, Seen(effects={Step.EDIT: EDITED}, value_kept=True, listing=(False, None)))["listing"]

    assert level is Level.NOTE
    assert "another modify date than the workspace itself" in text


def test_a_value_that_could_not_be_put_back_fails_with_what_it_was(config: Settings) -> None:
    level, text, code = said(config, Seen(stands="cut off"))["put back"]

    assert (level, code) == (Level.WRONG, 3)
    assert text.endswith("may still hold 'ecmbraze probe 0a1b2c3d' (cut off): in ECM, see to it that it is 'before'")


def test_where_nobody_can_say_whether_anything_is_left_it_fails(config: Settings) -> None:
    level, text, code = said(config, Seen(cleared=Cleared(unlisted="ECM is down")))["left behind"]

    assert (level, code) == (Level.WRONG, 3)
    assert text.endswith("cannot be told: ECM is down")


def test_what_the_probe_did_not_come_to_is_a_doubt(config: Settings) -> None:
    found = [one.said for one in told.findings(config, PLACE, None, Seen(effects={Step.DOCUMENT: EDITED}), None, {})]

    assert "not come to: new document in a folder, new version, moved document" in found
