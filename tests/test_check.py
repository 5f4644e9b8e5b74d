"""`check` as its users run it: before `init`, a wrong password, a poor key, sleeping campaigns; what leaves."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ecmbraze.cli.check import outbound
from ecmbraze.cli.check.command import lines
from ecmbraze.cli.check.findings import well
from ecmbraze.cli.clock import WallClock
from ecmbraze.config import load
from ecmbraze.flows import BY_NAME
from ecmbraze.planning.outbound import Outbound, Sort
from ecmbraze.sandbox.remote import RemoteSandbox
from tests.example_world import Desk
from tests.forking.sandboxes import sandbox
from tests.rehearsal import CAMPAIGN, CONTRACT, KYC, KYC_CAMPAIGN, START, Rehearsal

ROOT = Path(__file__).parents[1]
ALL_PERMISSIONS = [
    "users.track",
    "users.export.ids",
    "campaigns.trigger.send",
    "canvas.trigger.send",
    "subscription.status.get",
    "email.hard_bounces",
    "email.unsubscribe",
    "campaigns.details",
    "canvas.details",
    "campaigns.list",
    "canvas.list",
    "templates.email.list",
    "templates.email.info",
    "content_blocks.list",
    "content_blocks.info",
    "users.export.segment",
    "segments.list",
    "custom_attributes.get",
]

SILENT = "segment: 5e600000-0000-4000-8000-000000000001   # its members"


@pytest.fixture(scope="module")
def box() -> Iterator[RemoteSandbox]:
    """A sandbox with everything the example names."""
    with sandbox("--seed", "11", "--world", "example", now=START) as started:
        yield started


@pytest.fixture
def desk(box: RemoteSandbox, tmp_path: Path) -> Desk:
    """The example, unchanged, in a folder without a state file."""
    made = Desk(box, tmp_path)
    made.write()
    return made


@pytest.fixture
def desk_of_its_own(tmp_path: Path) -> Iterator[Desk]:
    """The same beside a sandbox that no other test uses: attributes that a profile had once stay known."""
    with sandbox("--seed", "11", "--world", "example", now=START) as started:
        made = Desk(started, tmp_path)
        made.write()
        yield made


def _found(desk: Desk, code: int, level: str = "FAIL") -> list[str]:
    done = desk.ecmbraze("check", "--json")
    assert done.code == code, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["exit_code"] == code
    return [f"{one['where']}: {one['said']}" for one in told["findings"] if one["level"] == level]


def test_check_works_before_init_and_says_what_comes_next(desk: Desk) -> None:
    before = desk.ecmbraze("check")
    assert desk.ecmbraze("init", "--non-interactive").code == 0
    made = desk.ecmbraze("check")
    assert desk.ecmbraze("run").code == 6  # the first plan of assets waits for a person
    ran = desk.ecmbraze("check")

    assert [done.code for done in (before, made, ran)] == [0, 0, 0], before.stdout
    assert f"all well; next: ecmbraze init --non-interactive -c {desk.path}\n" in before.stdout
    assert f"all well; next: ecmbraze run -c {desk.path}\n" in made.stdout
    assert f"all well; next: ecmbraze run --now --dry-run -c {desk.path}\n" in ran.stdout


def test_check_finds_every_mistake_in_one_go(desk: Desk) -> None:
    desk.write(
        ("[Customer Onboarding]", "[Custmer Onboarding]"),
        ("Onboarding.Contract Status: Approved", "Onboarding.Contract Status: Aproved"),
        ("Onboarding.KYC Status: Completed", "Onboarding.KYC Stauts: Completed"),
        ("Approval.Status: Approved", "Aproval.Status: Approved"),
        (f"campaign: {CAMPAIGN}", "campaign: KYC complete"),
        ("canvas: 91aa0000-0000-4000-8000-000000000002", "canvas: 3f0c0000-0000-4000-8000-000000000003"),
    )

    found = _found(desk, 15)

    assert len(found) == 6
    assert all(one.startswith("ecmbraze.yaml:") for one in found)


def test_check_finds_who_cannot_be_asked_and_by_what_silence_cannot_be_told(desk: Desk) -> None:
    desk.write(
        (SILENT, SILENT.replace("01 ", "07 ")),
        ("type: Follow-up ", "type: Folow-up "),
        ("assign: {role: Account Manager}", "assign: {role: Acount Manager}"),
        ("otherwise: {group: Retention}", "otherwise: {group: Retentoin}"),
        ("assign: {group: Team Leads}", "assign: {user: usr04}"),
    )

    found = _found(desk, 15)

    assert [one.partition("rules[0].")[2] for one in found] == [
        "follow_up.type: ECM has no reminder type 'Folow-up'; did you mean 'Follow-up'?",
        "follow_up.assign.role: workspaces of type 'Customer' have no role 'Acount Manager'; did you mean 'Account "
        "Manager'?",
        "follow_up.otherwise.group: ECM has no group 'Retentoin'; did you mean 'Retention'?",
        "escalate.assign.user: ECM has no user 'usr04'",
        "engagement.segment: Braze has no segment of this id, or has archived it; did you mean "
        "5e600000-0000-4000-8000-000000000001 ('Silent for 30 days')?",
    ]


def test_check_says_that_a_canvas_tells_no_engagement_and_where_currents_files_are_missing(desk: Desk) -> None:
    ids = "3f0c0000-0000-4000-8000-000000000003, 91aa0000-0000-4000-8000-000000000001, x"
    desk.write(
        (SILENT, f"campaigns: {{ids: [{ids}], silent: 30d}} # its members"),
        ("# currents_files: /srv/braze-currents", "currents_files: /no/such/folder"),
    )

    found = _found(desk, 15)

    canvas, unknown, folder = (one.partition("flows.success.")[2] for one in found)
    assert "campaigns.ids[1]: this is the Canvas 'Service activated', and Braze tells nobody's engagement" in canvas
    assert "campaigns.ids[2]: Braze has no campaign of this id" in unknown
    assert folder.startswith("currents_files: The Currents folder /no/such/folder cannot be listed")


def test_check_writes_nothing(desk: Desk) -> None:
    desk.box.clear_journal()
    before = desk.box.call("GET", "/braze/received")

    assert desk.ecmbraze("check").code == 0

    after = desk.box.call("GET", "/braze/received")
    books = [name for name, value in before.items() if isinstance(value, list) and name != "calls"]
    assert {name: after[name] for name in books} == {name: before[name] for name in books}
    sent = [entry for entry in desk.box.journal(system="braze") if entry["method"] == "POST"]
    assert {entry["status"] for entry in sent if not entry["path"].endswith("/users/export/ids")} == {400}
    assert not (desk.folder / "state.db").exists()


def test_a_wrong_password_is_told_once_with_its_place(desk: Desk) -> None:
    desk.secrets["ECM_PASSWORD"] = "wrong"
    desk.box.clear_journal()

    found = _found(desk, 7)

    assert len(found) == 1
    assert found[0].startswith("ecmbraze.yaml:7: ecm.password: ")
    assert "Nothing else of ECM was checked" in found[0]
    logins = [entry for entry in desk.box.journal(system="ecm") if entry["path"].endswith("/v1/auth")]
    assert len(logins) == 1


def test_a_wrong_key_is_told_once_with_its_place(desk: Desk) -> None:
    desk.secrets["BRAZE_API_KEY"] = "wrong"

    found = _found(desk, 7)

    assert len(found) == 1
    assert found[0].startswith("ecmbraze.yaml:19: braze.api_key: Braze refuses the API key.")


@pytest.mark.parametrize(
    "lacking",
    [
        "users.track",
        "users.export.ids",
        "campaigns.trigger.send",
        "canvas.trigger.send",
        "subscription.status.get",
        "email.hard_bounces",
    ],
)
def test_each_permission_that_a_run_needs_is_named_when_the_key_lacks_it(desk: Desk, lacking: str) -> None:
    poor = [name for name in ALL_PERMISSIONS if name != lacking]
    desk.box.call("POST", "/braze/keys", {"key": f"poor-{lacking}", "permissions": poor})
    desk.secrets["BRAZE_API_KEY"] = f"poor-{lacking}"

    found = _found(desk, 7)

    assert len([one for one in found if f"lacks the permission {lacking}" in one]) == 1
    assert "make a new one with all it needs" in found[0]


def test_a_permission_that_only_check_needs_leaves_a_doubt_and_no_failure(desk: Desk) -> None:
    poor = [name for name in ALL_PERMISSIONS if name not in ("campaigns.details", "campaigns.list")]
    desk.box.call("POST", "/braze/keys", {"key": "poor-reader", "permissions": poor})
    desk.secrets["BRAZE_API_KEY"] = "poor-reader"
    assert any("lacks the permission campaigns.list" in one for one in _found(desk, 7))  # the archive needs it
    desk.write(("kinds: [email_templates, content_blocks, campaigns, canvases]", "kinds: [email_templates]"))

    doubts = _found(desk, 0, level="?")

    assert any("without campaigns.details" in one for one in doubts)
    assert "all well" not in desk.ecmbraze("check").stdout


@pytest.mark.parametrize(
    ("flags", "said"),
    [({"draft": True}, "a draft: launch it"), ({"archived": True}, "archived"), ({"paused": True}, "stopped: resume")],
)
def test_a_campaign_that_sends_nothing_is_named(desk: Desk, flags: dict[str, bool], said: str) -> None:
    everything = {"draft": False, "archived": False, "paused": False}
    desk.box.call("PUT", f"/braze/campaigns/{KYC_CAMPAIGN}", {**everything, **flags})
    try:
        found = _found(desk, 15)
    finally:
        desk.box.call("PUT", f"/braze/campaigns/{KYC_CAMPAIGN}", everything)

    assert len(found) == 1
    assert "milestones[1].send.campaign: the campaign 'KYC completed' is" in found[0]
    assert said in found[0]


def test_an_attribute_that_a_survey_writes_is_looked_up_among_those_that_profiles_have(desk_of_its_own: Desk) -> None:
    desk = desk_of_its_own
    unwritten = [one for one in _found(desk, 0, level="ok") if "made by the first value" in one]
    many = {f"other_{number:02}": "x" for number in range(60)}
    desk.box.change({"external_id": "C-1", "custom_attributes": {**many, "survey_scores": 4, "survey_token": "x"}})
    doubts = _found(desk, 0, level="?")
    desk.box.call("POST", "/braze/switches", {"blocklist": ["survey_token"]})
    blocked = _found(desk, 15)

    near = "answer.score: Braze has no custom attribute 'survey_score' yet; did you mean 'survey_scores'?"
    assert [one for one in doubts if near in one]
    assert len(unwritten) == 4
    assert len(blocked) == 1
    assert "answer.workspace: Braze takes no values of the custom attribute 'survey_token'" in blocked[0]


def test_what_cannot_be_looked_up_is_a_doubt_and_never_well(desk: Desk) -> None:
    desk.write(('name: "Claim Form*"', 'name: "Police report*"'))

    doubts = _found(desk, 0, level="?")

    assert len(doubts) == 1
    assert "no document like 'Police report*'" in doubts[0]
    assert "nothing wrong found, but 1 could not be checked (?); next: " in desk.ecmbraze("check").stdout


def test_a_classification_that_no_document_carries_is_a_doubt_with_the_nearest_one(desk: Desk) -> None:
    case = desk.box.workspaces("Case")[0]["id"]
    claim = next(one for one in desk.box.call("GET", f"/ecm/documents?below={case}") if "Claim" in one["name"])
    desk.box.filed(do="classify", id=claim["id"], name="Insurance Claim")
    by_name = 'name: "Claim Form*"'
    desk.write((by_name, f"{by_name}\n          classification: Insurence Claim"))
    misspelt = _found(desk, 0, level="?")
    desk.write((by_name, f"{by_name}\n          classification: Insurance Claim"))

    assert len(misspelt) == 1
    assert "carries the classification 'Insurence Claim'" in misspelt[0]
    assert misspelt[0].endswith("; did you mean 'Insurance Claim'?")
    assert _found(desk, 0, level="?") == []


def test_a_file_that_does_not_load_says_that_neither_system_was_asked(desk: Desk) -> None:
    desk.write(("workspace_types: [Case]", "workspace_typs: [Case]"))

    done = desk.ecmbraze("check")

    assert done.code == 15
    assert "Neither Extended ECM nor Braze was asked" in done.stderr
    assert "flows.cases.workspace_typs: unknown key" in done.stderr


def test_a_type_without_workspaces_is_one_doubt_however_many_attributes_it_has(desk: Desk) -> None:
    desk.box.add_type("Empty", ["Contract"])
    desk.write(("workspace_types: [Case]", "workspace_types: [Empty]"))

    doubts = _found(desk, 0, level="?")

    assert [one for one in doubts if "no workspace of type 'Empty' was found" in one] == doubts[:1]
    assert re.match(r"ecmbraze\.yaml:\d+: flows\.cases\.workspace_types: ", doubts[0])


def test_a_system_that_is_down_is_told_once_and_the_other_is_still_checked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []  # nobody waits for real: what is waited passes at once
    monkeypatch.setattr(WallClock, "sleep", lambda clock, seconds: waits.append(seconds))
    monkeypatch.setattr(WallClock, "monotonic", lambda clock: sum(waits))
    desk.write(("https://ecm.example.com/otcs/cs.exe", "http://127.0.0.1:9/otcs/cs.exe"))

    done = json.loads(desk.ecmbraze("check", "--json").stdout)

    wrong = [finding for finding in done["findings"] if finding["level"] == "FAIL"]
    assert done["exit_code"] == 5
    assert len(wrong) == 1
    assert wrong[0]["where"] == "ecmbraze.yaml:5: ecm.url"
    assert done["findings"][-1]["where"].startswith("success: segment")
    assert waits


def test_on_a_narrow_terminal_a_finding_folds_under_itself() -> None:
    folded = lines([well("changes of 'Contract'", "found by modify dates, " * 8)], 80)

    assert all(len(line) <= 80 for line in folded[0].splitlines())
    assert folded[0].splitlines()[1].startswith("      ")


def test_outbound_lists_everything_that_reaches_braze(stage: Rehearsal) -> None:
    workspace = stage.open_workspaces()[0]
    stage.config["verify"] = {"canary": "ecmbraze-canary"}
    stage.box.advance(3600)
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved", KYC: "Completed", "Onboarding.Stage": "KYC"})
    stage.box.clear_journal()
    stage.flow["messages"] = "all"
    assert stage.run()["counts"]["sent"] > 4

    declared = {
        (row["sort"], row["name"]) for row in json.loads(stage.ecmbraze("check", "--outbound", "--json").stdout)
    }
    written = {entry for call in stage.box.journal(system="braze") for entry in _written(call)}

    assert ("attribute", "ecmbraze_onboarding") in written
    assert ("attribute", "ecmbraze_canary") in written
    assert ("event property", "contract_approved.ecm_time_source") in written
    assert ("campaign property", f"{CAMPAIGN}.workspace") in written
    assert written - declared == set()


def _written(call: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What one request brought to Braze, under the names of the declaration."""
    body = call["json"] if call["method"] == "POST" else {}
    if call["path"].endswith("/users/track"):
        for entry in body.get("attributes", ()):
            yield from (("attribute", name) for name in entry if name not in ("external_id", "_update_existing_only"))
        for event in body.get("events", ()):
            yield from (("event", event["name"]), ("event time", event["name"]))
            yield from (("event property", f"{event['name']}.{name}") for name in event["properties"])
    for kind, inner in (("campaign", "trigger_properties"), ("canvas", "context")):
        if f"{kind}_id" in body:
            yield kind, body[f"{kind}_id"]
            for entry in body["recipients"]:
                yield from ((f"{kind} property", f"{body[f'{kind}_id']}.{name}") for name in entry[inner])
                yield from (("attribute", name) for name in entry.get("attributes", ()))


def test_outbound_is_a_table_json_and_csv_of_the_same_rows(desk: Desk) -> None:
    told = json.loads(desk.ecmbraze("check", "--outbound", "--json").stdout)
    rows = list(csv.DictReader(io.StringIO(desk.ecmbraze("check", "--outbound", "--csv").stdout)))
    table = desk.ecmbraze("check", "--outbound").stdout

    assert rows == told
    assert all(row["name"] in table for row in told)
    assert {
        "flow": "approvals",
        "sort": "attribute",
        "name": "ecm_financing_document",
        "fact": "document.name",
        "rule": "financing",
    } in told
    assert any(row["name"] == "financing_revoked" for row in told)


def test_outbound_shows_what_goes_into_ecm_in_a_table_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = load(ROOT / "config.example.yaml", flows=BY_NAME, environ={"ECM_PASSWORD": "x", "BRAZE_API_KEY": "y"})
    rows = (
        Outbound(sort=Sort.SUBSCRIPTION, name="email", fact="Consent.Email Status", rule="email"),
        Outbound(sort=Sort.CATEGORY_ATTRIBUTE, name="Consent.Email Status", fact="email_subscribe", rule="email"),
    )
    monkeypatch.setitem(BY_NAME, "cases", replace(BY_NAME["cases"], outbound=lambda *_: rows))

    outbound.show(config)

    printed = " ".join(capsys.readouterr().out.split())
    to_braze, to_ecm = printed.index("cases: what leaves ECM"), printed.index("cases: what leaves Braze")
    assert "subscription email" in printed[to_braze:to_ecm]
    assert "of Braze ┃ to ECM" in printed[to_ecm:]
    assert "category attribute" in printed[to_ecm:]


def test_outbound_needs_no_system(desk: Desk) -> None:
    desk.box.clear_journal()

    assert desk.ecmbraze("check", "--outbound").code == 0

    assert desk.box.journal() == []


def test_csv_without_outbound_is_a_wrong_command_line(desk: Desk) -> None:
    done = desk.ecmbraze("check", "--csv")

    assert done.code == 2
    assert "Add --outbound" in done.stderr


def test_what_consent_cannot_write_is_told_by_the_attributes_own_name_all_at_once(desk: Desk) -> None:
    box = desk.box
    box.add_category(
        "Strict",
        [
            {"name": "Status", "valid_values": ["Opted in", "Withdrawn", "Not objected"]},
            {"name": "Since", "type": "Date"},
            {"name": "Source", "max_length": 20},
            {"name": "Owner", "required": True},
        ],
    )
    box.add_type("Strict", ["Strict", "Customer"])
    workspace = box.create_workspace("Strict", values={"Customer.Customer Number": "C-1"})
    box.act(workspace, "deny", rights=["edit_attributes", "create"])
    desk.write(
        ("workspace_types: [Customer]", "workspace_types: [Strict]"),
        ("Consent.Email Status", "Strict.Status"),
        ("Consent.Email Since", "Strict.Since"),
        ("Consent.Email Source", "Strict.Source"),
        ("Consent.Newsletter Status", "Strict.Owner"),
    )

    found = [one.partition(" (looked at")[0] for one in _found(desk, 7)]

    line = next(n for n, text in enumerate(desk.path.read_text().splitlines(), 1) if "status: Strict.Status" in text)
    told = [
        f":{line}: flows.consent.channels[0].status: Extended ECM: Strict.Status does not offer 'Unknown'.",
        "ECM does not let this account edit the attributes of it",
        "ECM does not let this account add anything to it",
        "Strict.Since keeps no time of day: a time that is written there becomes a day",
    ]
    assert [said for said in told if not any(one.endswith(said) for one in found)] == []
    assert any("Strict.Source takes 20 characters" in one for one in found)
