"""What people do in the story of the demo, and the runs after it; one function for each step, in its order."""

from __future__ import annotations

from ecmbraze.cli.demo.customers import AGREEMENT, AMARA, BRUNO, CHIARA, CLAIM, COMPLAINT, DAVID, ELIF, OTHER_CLAIM
from ecmbraze.cli.demo.stage import Stage

ONBOARDING = f"Onboarding {AMARA.name}"
PAGE = "report.html"
SURVEY = "How was it?"
APPROVED = "Contract approved"
STATUS, CASE = "Consent.Email Status", "Case.Status"
_TEMPLATE = "7e000000-0000-4000-8000-000000000001"


def first_day(stage: Stage) -> None:
    stage.ecmbraze("init", "--non-interactive")
    stage.run()
    stage.run()  # the first one learned whom the workspaces name, this one has read these people


def contract_approved(stage: Stage) -> None:
    stage.at("2026-11-20 11:00")
    approved = {"Contract Status": "Approved", "Contract Approved On": "2026-11-20", "Stage": "Contract"}
    stage.edit(ONBOARDING, {f"Onboarding.{name}": word for name, word in approved.items()})
    stage.run()


def claim_form_filed(stage: Stage) -> None:
    stage.at("2026-11-20 15:00")
    folder = stage.workspaces[CLAIM]
    for name in ("In", "2026", "Nov"):
        folder = stage.box.folder(folder, name)
    stage.box.file(folder, "Claim Form.pdf")
    stage.run()


def complains(stage: Stage) -> None:
    stage.at("2026-11-20 17:00")
    values = {"Case.Customer Number": ELIF.number, CASE: "Open", "Case.Opened On": "2026-11-20"}
    stage.create("Case", COMPLAINT, values)
    stage.run()


def three_days_pass(stage: Stage) -> None:
    stage.at("2026-11-23 09:00")
    stage.run()


def agreement_approved(stage: Stage) -> None:
    stage.at("2026-11-23 14:00")
    approved = {"Approval.Status": "Approved", "Approval.Version": "1"}
    stage.box.filed(do="edit", id=stage.workspaces[AGREEMENT], values=approved)
    stage.run()


def second_version_filed(stage: Stage) -> None:
    stage.at("2026-11-24 10:00")
    stage.box.filed(do="version", id=stage.workspaces[AGREEMENT])
    stage.run()


def unsubscribes_on_the_web(stage: Stage) -> None:
    stage.at("2026-11-24 20:00")
    stage.box.change({"external_id": DAVID.number, "email_subscribe": "unsubscribed"})
    stage.run()


def writes_a_letter(stage: Stage) -> None:
    stage.at("2026-11-25 09:00")
    stage.edit(CHIARA.card, {STATUS: "Withdrawn"})
    stage.run()


def legal_asks(stage: Stage) -> None:
    stage.at("2026-11-25 11:00")
    stage.ecmbraze("onboarding", "-n", "--as-if-new", "--report", PAGE)


def claims_closed(stage: Stage) -> None:
    stage.at("2026-11-27 10:00")
    for claim in (CLAIM, OTHER_CLAIM):
        stage.edit(claim, {CASE: "Closed"})
    stage.run()
    stage.at("2026-11-30 10:00")
    stage.run()


def survey_answered(stage: Stage) -> None:
    stage.at("2026-11-30 18:00")
    received = stage.box.call("GET", "/braze/received")["messages"]
    tokens = [one["properties"]["token"] for one in received if one["name"] == SURVEY]
    answer = {"survey_score": 9, "survey_comment": "Quick and kind", "survey_token": tokens[0] if tokens else ""}
    stage.box.change({"external_id": BRUNO.number, "custom_attributes": answer})
    stage.run()


def template_approved(stage: Stage) -> None:
    stage.at("2026-12-01 11:00")
    written = {"name": APPROVED, "subject": "Your contract", "body": "<p>It is approved.</p>"}
    stage.box.call("PUT", f"/braze/templates/{_TEMPLATE}", {**written, "tags": ["approved"]})
    stage.run()
    waits = [report["plan_hash"] for report in stage.reports if report["exit_code"] == 6]
    stage.ecmbraze("assets", "--confirm", str(waits[0])[:8] if waits else "none")


def text_changed(stage: Stage) -> None:
    stage.at("2026-12-03 10:00")
    stage.box.call("PUT", f"/braze/templates/{_TEMPLATE}", {"body": "<p>It is approved. Welcome!</p>"})
    stage.run()
    stage.ecmbraze("explain", APPROVED, "--at", "2026-12-02", "--verify")


def two_weeks_are_over(stage: Stage) -> None:
    stage.at("2026-12-04 09:00")
    stage.run()


def everything_again(stage: Stage) -> None:
    stage.at("2026-12-07 09:00")
    stage.ecmbraze("run", "--now")
