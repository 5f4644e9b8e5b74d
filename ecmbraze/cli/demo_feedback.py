"""The part of the demo about feedback: a case is closed, its customer is asked and answers; decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ecmbraze.sandbox.remote import RemoteSandbox

if TYPE_CHECKING:
    from ecmbraze.cli.demo import Stage

SURVEY = "3f0c0000-0000-4000-8000-000000000005"
_QUARTER = 900
_SCORE, _COMMENT = "Feedback.Score", "Feedback.Comment"


def prepare(box: RemoteSandbox) -> None:
    """Define where answers stand; the type of the cases carries it."""
    at = {"name": "Answered On", "type": "Date", "time": True}
    box.add_category("Feedback", [{"name": "Score", "type": "Integer"}, {"name": "Comment", "max_length": 254}, at])


def play(stage: Stage, say: Callable[[str], None]) -> bool:
    """Close a case and let its customer answer; return whether both systems hold exactly what they should."""
    box = stage.box
    case = box.workspaces("Case")[0]
    customer = str(case["values"]["Case.Customer Number"])
    say("10. A case is closed. Its customer will be asked in two days, at office hours: the forecast says when.")
    box.edit_workspace(case["id"], {"Case.Status": "Closed"})
    box.advance(_QUARTER)
    stage.report("feedback")
    stage.ecmbraze("forecast", "--days", "5")
    box.set_clock(_office_hours(box.now() + timedelta(days=2)))
    before = _asked(stage)
    stage.ecmbraze("feedback")
    asked = [one for one in _asked(stage) if one not in before]
    say("11. The customer fills in the survey, which knows the token of the request: the answer stands on the case.")
    token = asked[0]["properties"]["token"] if asked else None
    answer = {"survey_score": 9, "survey_comment": "Quick and kind", "survey_token": token}
    box.change({"external_id": customer, "custom_attributes": answer})
    box.advance(_QUARTER)
    stage.ecmbraze("feedback")
    values = box.workspace(case["id"])["values"]
    say(f"{case['name']}: score {values[_SCORE]}, {values[_COMMENT]!r}, answered {values['Feedback.Answered On']}")
    quiet = stage.report("feedback")["counts"]["planned"] == 0
    told = [one["recipient"] for one in asked] == [customer]
    return told and quiet and (values[_SCORE], values[_COMMENT]) == (9, "Quick and kind")


def _office_hours(moment: datetime) -> datetime:
    """Return ten o'clock of that day, or of the next where that is past."""
    ten = moment.replace(hour=10, minute=0, second=0, microsecond=0)
    return ten if ten >= moment else ten + timedelta(days=1)


def _asked(stage: Stage) -> list[dict[str, Any]]:
    return [one for one in stage.received()["messages"] if one["id"] == SURVEY]
