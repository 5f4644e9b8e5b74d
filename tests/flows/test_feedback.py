"""Feedback as its users run it: a case is closed, its customer is asked and answers, the answer is on the case."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ecmbraze.flows import BY_NAME
from tests.rehearsal import Rehearsal, rehearsal

SURVEY = "3f0c0000-0000-4000-8000-000000000005"
STATUS, CUSTOMER = "Case.Status", "Case.Customer Number"
DAY, HOUR = 86_400, 3600


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Rehearsal]:
    """The world and the section of the example, after its baseline."""
    with rehearsal(tmp_path, "--world", "example") as stage:
        stage.config["flows"] = yaml.safe_load(BY_NAME["feedback"].example)
        stage.config["flows"]["feedback"]["rules"][0]["hours"] = {"from": "10:00", "to": "18:00"}
        made = stage.ecmbraze("init", "--non-interactive")
        assert made.code == 0, made.stderr
        assert _feedback(stage)["mode"] == "baseline"
        stage.box.advance(HOUR)
        yield stage


def _feedback(stage: Rehearsal, *arguments: str, code: int = 0) -> dict[str, Any]:
    done = stage.ecmbraze("feedback", "--json", *arguments)
    assert done.code == code, (done.code, done.stderr[-1500:], done.stdout[-1500:])
    return done.report


def _open_case(stage: Rehearsal) -> tuple[int, str]:
    """Return an open case and its customer, who opts in."""
    case = next(one for one in stage.box.workspaces("Case") if one["values"][STATUS] == "Open")
    person = str(case["values"][CUSTOMER])
    stage.box.change({"external_id": person, "email_subscribe": "opted_in"})
    return int(case["id"]), person


def _answer(stage: Rehearsal, person: str, **attributes: Any) -> None:
    stage.box.change({"external_id": person, "custom_attributes": attributes})


def test_a_closed_case_is_asked_about_and_the_answer_stands_on_it(desk: Rehearsal, tmp_path: Path) -> None:
    file = str(tmp_path / "reviewed.plan")
    case, person = _open_case(desk)
    desk.box.edit_workspace(case, {STATUS: "Closed"})
    assert _feedback(desk)["counts"]["planned"] == 0
    [row] = json.loads(desk.ecmbraze("forecast", "--json").stdout)
    assert (row["flow"], row["rule"], row["people"]) == ("feedback", "case_survey", 1)
    desk.config["flows"]["feedback"]["enabled"] = False
    assert json.loads(desk.ecmbraze("forecast", "--json").stdout) == []
    desk.config["flows"]["feedback"]["enabled"] = True
    desk.box.advance(2 * DAY + HOUR)

    dry = _feedback(desk, "--dry-run")
    assert desk.ecmbraze("plan", "feedback", "-o", file).code == 0
    live = _feedback(desk)

    assert dry["plan_hash"] == live["plan_hash"]
    assert desk.messages() == {(person, SURVEY): 1}
    properties = desk.received()["messages"][0]["properties"]
    token = properties["token"]
    assert len(token) == 32
    shown = [desk.ecmbraze("plan", "show", file, *how).stdout for how in ((), ("--json",))]
    assert token not in json.dumps(dry) + json.dumps(live) + "".join(" ".join(shown).split())
    assert all("***" in one for one in shown)
    late = desk.ecmbraze("apply", file, "--confirm", json.loads(shown[1])["hash"], "--json").report
    assert late["notes"] == [f"ws:{case} was planned before: not sent again"]

    desk.box.advance(3 * DAY)
    answered = desk.box.now().isoformat()
    _answer(
        desk, person, survey_score=9, survey_comment="Quick and kind", survey_answered_at=answered, survey_token=token
    )
    report = _feedback(desk)
    again = _feedback(desk)

    values = desk.box.workspace(case)["values"]
    assert (values["Feedback.Score"], values["Feedback.Comment"]) == (9, "Quick and kind")
    assert str(values["Feedback.Answered On"]).startswith(answered[:10])
    assert report["counts"]["sent"] == 1
    assert "answer to case_survey" in report["actions"][0]["reason"]
    assert again["counts"]["planned"] == 0
    assert desk.messages() == {(person, SURVEY): 1}


def test_explain_says_why_somebody_is_not_asked_and_when_that_is_looked_at_again(desk: Rehearsal) -> None:
    case, person = _open_case(desk)
    desk.box.edit_workspace(case, {STATUS: "Closed"})
    _feedback(desk)
    desk.box.advance(2 * DAY + HOUR)
    _feedback(desk)
    for status in ("Open", "Closed"):
        desk.box.advance(HOUR)
        desk.box.edit_workspace(case, {STATUS: status})
        _feedback(desk)
    desk.box.advance(2 * DAY)
    _feedback(desk)

    of_case, of_person = (json.loads(desk.ecmbraze("explain", one, "--json").stdout) for one in (str(case), person))

    asked = next(one for one in of_person["writes"] if "sent: campaign" in one)[:10]
    why = f"feedback/case_survey: waits: this person was asked on {asked}"
    for told in (of_case, of_person):
        assert [why in one for one in told["left_out"]] == [True]
    assert list(of_case["planned_again"]) == ["feedback"]
    assert not [name for name in of_person.get("in_braze", ()) if "survey" in name]
