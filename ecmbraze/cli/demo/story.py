"""The story of five customers through all flows, step by step: the words and the facts, not how they are shown."""

from __future__ import annotations

from collections.abc import Sequence

from ecmbraze.cli.demo.customers import (
    AGREEMENT,
    AMARA,
    ARCHIVE,
    BRUNO,
    CHIARA,
    CLAIM,
    COMPLAINT,
    DAVID,
    ELIF,
    INSURANCE,
    LOAN,
    OTHER_CLAIM,
)
from ecmbraze.cli.demo.rows import (
    BRAZE,
    ECM,
    archived,
    attribute,
    documents,
    events,
    exit_code,
    follow_up,
    messages,
    outlook,
    page,
    repeated,
    segment,
    subscription,
    template,
    untouched,
    value,
    version,
)
from ecmbraze.cli.demo.stage import Stage
from ecmbraze.cli.demo.step import Step

_ONBOARDING = f"Onboarding {AMARA.name}"
_PAGE = "report.html"
_SURVEY = "How was it?"
_APPROVED = "Contract approved"
_TEMPLATE = "7e000000-0000-4000-8000-000000000001"
_STATUS, _CASE = "Consent.Email Status", "Case.Status"
_SCORE, _COMMENT = "Feedback.Score", "Feedback.Comment"


def _first_day(stage: Stage) -> None:
    stage.ecmbraze("init", "--non-interactive")
    stage.run()
    stage.run()  # the first one learned whom the workspaces name, this one has read these people


def _contract_approved(stage: Stage) -> None:
    stage.at("2026-11-20 11:00")
    approved = {"Contract Status": "Approved", "Contract Approved On": "2026-11-20", "Stage": "Contract"}
    stage.edit(_ONBOARDING, {f"Onboarding.{name}": word for name, word in approved.items()})
    stage.run()


def _claim_form_filed(stage: Stage) -> None:
    stage.at("2026-11-20 15:00")
    folder = stage.workspaces[CLAIM]
    for name in ("In", "2026", "Nov"):
        folder = stage.box.folder(folder, name)
    stage.box.file(folder, "Claim Form.pdf")
    stage.run()


def _complains(stage: Stage) -> None:
    stage.at("2026-11-20 17:00")
    values = {"Case.Customer Number": ELIF.number, _CASE: "Open", "Case.Opened On": "2026-11-20"}
    stage.create("Case", COMPLAINT, values)
    stage.run()


def _three_days_pass(stage: Stage) -> None:
    stage.at("2026-11-23 09:00")
    stage.run()


def _agreement_approved(stage: Stage) -> None:
    stage.at("2026-11-23 14:00")
    approved = {"Approval.Status": "Approved", "Approval.Version": "1"}
    stage.box.filed(do="edit", id=stage.workspaces[AGREEMENT], values=approved)
    stage.run()


def _second_version_filed(stage: Stage) -> None:
    stage.at("2026-11-24 10:00")
    stage.box.filed(do="version", id=stage.workspaces[AGREEMENT])
    stage.run()


def _unsubscribes_on_the_web(stage: Stage) -> None:
    stage.at("2026-11-24 20:00")
    stage.box.change({"external_id": DAVID.number, "email_subscribe": "unsubscribed"})
    stage.run()


def _writes_a_letter(stage: Stage) -> None:
    stage.at("2026-11-25 09:00")
    stage.edit(CHIARA.card, {_STATUS: "Withdrawn"})
    stage.run()


def _legal_asks(stage: Stage) -> None:
    stage.at("2026-11-25 11:00")
    stage.ecmbraze("onboarding", "-n", "--as-if-new", "--report", _PAGE)


def _claims_closed(stage: Stage) -> None:
    stage.at("2026-11-27 10:00")
    for claim in (CLAIM, OTHER_CLAIM):
        stage.edit(claim, {_CASE: "Closed"})
    stage.run()
    stage.at("2026-11-30 10:00")
    stage.run()


def _survey_answered(stage: Stage) -> None:
    stage.at("2026-11-30 18:00")
    received = stage.box.call("GET", "/braze/received")["messages"]
    tokens = [one["properties"]["token"] for one in received if one["name"] == _SURVEY]
    answer = {"survey_score": 9, "survey_comment": "Quick and kind", "survey_token": tokens[0] if tokens else ""}
    stage.box.change({"external_id": BRUNO.number, "custom_attributes": answer})
    stage.run()


def _template_approved(stage: Stage) -> None:
    stage.at("2026-12-01 11:00")
    written = {"name": _APPROVED, "subject": "Your contract", "body": "<p>It is approved.</p>"}
    stage.box.call("PUT", f"/braze/templates/{_TEMPLATE}", {**written, "tags": ["approved"]})
    stage.run()
    waits = [report["plan_hash"] for report in stage.reports if report["exit_code"] == 6]
    stage.ecmbraze("assets", "--confirm", str(waits[0])[:8] if waits else "none")


def _two_weeks_are_over(stage: Stage) -> None:
    stage.at("2026-12-04 09:00")
    stage.run()


def _everything_again(stage: Stage) -> None:
    stage.at("2026-12-07 09:00")
    stage.ecmbraze("run", "--now")


STORY: Sequence[Step] = (
    Step(
        flow="all flows",
        sentence="The first day: ecmbraze learns what is there, and writes to neither system.",
        act=_first_day,
        effect=(untouched(ECM), untouched(BRAZE)),
    ),
    Step(
        flow="onboarding",
        sentence="Amara's contract is approved: her profile moves on, and she gets one e-mail.",
        act=_contract_approved,
        cause=(value(_ONBOARDING, "Onboarding.Contract Status", "Approved"),),
        sent="1 event, 1 message, 2 attributes",
        effect=(
            attribute(AMARA, "ecm_stage", "Contract"),
            events(AMARA, "contract_approved"),
            messages(AMARA, "Contract approved"),
        ),
    ),
    Step(
        flow="cases",
        sentence="Bruno's claim form is filed three folders deep in his claim: he hears of it.",
        act=_claim_form_filed,
        cause=(documents(CLAIM, "In/2026/Nov/Claim Form.pdf"),),
        sent="1 event",
        effect=(events(BRUNO, "claim_form_received"),),
    ),
    Step(
        flow="success",
        sentence="Elif complains: marketing sees in her profile that a complaint is open.",
        act=_complains,
        cause=(value(COMPLAINT, _CASE, "Open"),),
        sent="3 attributes",
        effect=(attribute(ELIF, "ecm_open_since", "2026-11-20"),),
    ),
    Step(
        flow="lifecycle",
        sentence="Nobody touches Chiara's insurance: 30 days before it ends, she is reminded.",
        act=_three_days_pass,
        cause=(value(INSURANCE, "Contract.Contract End", "2026-12-23"),),
        sent="1 event, 1 message",
        effect=(events(CHIARA, "contract_expiry"), messages(CHIARA, "Contract ends soon")),
    ),
    Step(
        flow="approvals",
        sentence="Amara's car loan is approved: she becomes eligible, and is told.",
        act=_agreement_approved,
        cause=(version(LOAN, AGREEMENT, "1, approved: 1"),),
        sent="1 event, 1 message, 4 attributes",
        effect=(
            attribute(AMARA, "ecm_loan_eligible", "True"),
            events(AMARA, "loan_approved"),
            messages(AMARA, "Financing approved"),
        ),
    ),
    Step(
        flow="approvals",
        sentence="A colleague files version 2, which nobody approved: Amara is no longer eligible.",
        act=_second_version_filed,
        cause=(version(LOAN, AGREEMENT, "2, approved: 1"),),
        sent="1 event, 4 attributes",
        effect=(attribute(AMARA, "ecm_loan_eligible", "False"), events(AMARA, "loan_revoked"), messages(AMARA)),
    ),
    Step(
        flow="consent",
        sentence="David unsubscribes on the web: the record and its history stand in ECM.",
        act=_unsubscribes_on_the_web,
        cause=(subscription(DAVID, "unsubscribed"),),
        sent="1 record, 1 document",
        effect=(
            value(DAVID.card, _STATUS, "Withdrawn"),
            value(DAVID.card, "Consent.Email Since", "2026-11-24"),
            documents(DAVID.card, "Consent History/2026-11-24 email unsubscribed"),
        ),
    ),
    Step(
        flow="consent",
        sentence="Chiara withdraws by letter: a colleague notes it, and it reaches Braze.",
        act=_writes_a_letter,
        cause=(value(CHIARA.card, _STATUS, "Withdrawn"),),
        sent="1 withdrawal, 1 record, 1 document",
        effect=(
            subscription(CHIARA, "unsubscribed"),
            documents(CHIARA.card, "Consent History/2026-11-25 email unsubscribed"),
        ),
    ),
    Step(
        flow="onboarding",
        sentence="Legal asks who would get the e-mails of onboarding: not those who withdrew.",
        act=_legal_asks,
        effect=(
            outlook(BRUNO, _APPROVED, "planned"),
            outlook(CHIARA, _APPROVED, "suppressed"),
            outlook(DAVID, "KYC completed", "suppressed"),
            page(_PAGE),
            untouched(BRAZE),
        ),
    ),
    Step(
        flow="feedback",
        sentence="Two claims are closed: Bruno is asked how it was; Chiara, who withdrew, is not.",
        act=_claims_closed,
        cause=(value(CLAIM, _CASE, "Closed"), value(OTHER_CLAIM, _CASE, "Closed")),
        sent="1 message, 6 attributes",
        effect=(messages(BRUNO, _SURVEY), messages(CHIARA)),
    ),
    Step(
        flow="feedback",
        sentence="Bruno answers, and his answer stands on the claim that it is about.",
        act=_survey_answered,
        cause=(attribute(BRUNO, "survey_score", "9"),),
        sent="1 record",
        effect=(value(CLAIM, _SCORE, "9"), value(CLAIM, _COMMENT, "Quick and kind")),
    ),
    Step(
        flow="assets",
        sentence="Marketing approves a template; a person confirms the plan, and it is archived.",
        act=_template_approved,
        cause=(template(_APPROVED, "approved"), exit_code(6)),
        sent="1 record, 2 documents",
        effect=(archived(ARCHIVE, _APPROVED, "version 1, sha256 matches"),),
        codes=(0, 6),
    ),
    Step(
        flow="success",
        sentence="Two weeks on, Elif's complaint is open and she reads nothing: Mara has to call.",
        act=_two_weeks_are_over,
        cause=(value(COMPLAINT, _CASE, "Open"), segment(ELIF, "Silent for 30 days")),
        sent="1 follow-up",
        effect=(follow_up(ELIF.card, "mbrandt, due 2026-12-07"),),
    ),
    Step(
        flow="all flows",
        sentence="Everything once more: there is nothing left to do.",
        act=_everything_again,
        effect=(repeated(), untouched(ECM), untouched(BRAZE)),
    ),
)
