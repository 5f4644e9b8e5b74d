"""`discover` as who writes a configuration uses it: what there is in both systems, how it is written, what it lacks."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from ecmbraze.cli.discover.listing import Listing, Row, lines, show
from ecmbraze.sandbox.remote import RemoteSandbox
from tests.example_world import Desk
from tests.forking.sandboxes import sandbox
from tests.rehearsal import CAMPAIGN, CANVAS, GROUP, KYC_CAMPAIGN, START, TYPE

WORDS = (("types",), ("attributes", TYPE), ("campaigns",), ("canvases",), ("groups",), ("segments",))
OF_BRAZE = ("campaigns", "canvases", "groups", "segments")
CASE_CAMPAIGN = "3f0c0000-0000-4000-8000-000000000003"
SILENT = "5e600000-0000-4000-8000-000000000001"
CROWD = 230


@pytest.fixture(scope="module")
def running() -> Iterator[RemoteSandbox]:
    with sandbox("--seed", "11", "--world", "example", now=START) as started:
        yield started


@pytest.fixture
def box(running: RemoteSandbox) -> Iterator[RemoteSandbox]:
    """A sandbox with everything the example names, as it begins."""
    yield running
    running.reset()


@pytest.fixture
def desk(box: RemoteSandbox, tmp_path: Path) -> Desk:
    made = Desk(box, tmp_path)
    made.write()
    return made


def _rows(desk: Desk, *words: str) -> list[dict[str, Any]]:
    done = desk.ecmbraze("discover", *words, "--json")
    assert done.code == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def _by_name(desk: Desk, *words: str) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in _rows(desk, *words)}


def _poor(desk: Desk, *permissions: str) -> None:
    """Let the key have these permissions alone."""
    desk.box.call("POST", "/braze/keys", {"key": "poor", "permissions": list(permissions)})
    desk.secrets["BRAZE_API_KEY"] = "poor"


@pytest.mark.parametrize("words", WORDS)
def test_nothing_is_written_and_neither_a_secret_nor_a_customer_is_shown(desk: Desk, words: tuple[str, ...]) -> None:
    customers = desk.box.workspaces(TYPE)
    users = desk.box.call("GET", "/braze/users")
    values = {str(one["values"]["Onboarding.Customer Number"]) for one in customers} | {
        one["name"] for one in customers
    }
    values |= {str(user[name]) for user in users for name in ("email", "external_id") if user.get(name)}
    desk.box.call("DELETE", "/journal")

    shown = [desk.ecmbraze("discover", *words, *more) for more in ((), ("--json",))]

    said = "".join(done.stdout + done.stderr for done in shown)
    assert [done.code for done in shown] == [0, 0], said
    assert [value for value in (*values, *desk.secrets.values()) if value in said] == []
    asked = desk.box.call("GET", "/journal")["entries"]
    assert {entry["method"] for entry in asked if "/auth" not in entry["path"]} == {"GET"}
    assert not (desk.folder / "state.db").exists()


@pytest.mark.parametrize("words", WORDS)
def test_every_word_prints_a_line_for_each_row_of_its_json(desk: Desk, words: tuple[str, ...]) -> None:
    rows = _rows(desk, *words)
    printed = desk.ecmbraze("discover", *words).stdout.splitlines()

    assert rows
    assert len(printed) == len(rows) + 1
    assert all(row["name"] in line for row, line in zip(rows, printed[1:], strict=True))


def test_types_are_listed_with_their_ids(desk: Desk) -> None:
    found = _by_name(desk, "types")

    assert {TYPE, "Case", "Contract"} <= set(found)
    assert all(isinstance(row["id"], int) for row in found.values())
    assert list(found) == sorted(found, key=str.casefold)


def test_the_name_is_matched_whatever_its_case(desk: Desk) -> None:
    assert list(_by_name(desk, "types", "--match", "oNBOARD")) == [TYPE, f"{TYPE} Archive"]
    assert list(_by_name(desk, "attributes", TYPE, "--match", "kyc s")) == ["Onboarding.KYC Status"]
    assert [row["id"] for row in _rows(desk, "campaigns", "--match", "KYC")] == [KYC_CAMPAIGN]

    none = desk.ecmbraze("discover", "canvases", "--match", "Straße")

    assert (none.code, len(none.stdout.splitlines())) == (0, 1)
    assert "None of 2 Canvases has 'Straße' in its name." in none.stderr


def test_attributes_are_written_as_rules_write_them(desk: Desk) -> None:
    desk.box.call(
        "POST", "/ecm/attributes", {"category": "Onboarding", "name": "Region", "valid_values": ["NO", "1.10"]}
    )

    found = _by_name(desk, "attributes", TYPE)

    written = {name: row["examples"] for name, row in found.items()}
    kinds = {name: row["kind"] for name, row in found.items()}
    assert found["Onboarding.Contract Status"]["values"] == ["Draft", "In Review", "Approved"]
    assert written["Onboarding.Contract Status"] == ["when: {Onboarding.Contract Status: Draft}"]
    assert written["Onboarding.Region"] == ["when: {Onboarding.Region: 'NO'}"]
    assert written["Onboarding.Contract Approved On"] == ["date: Onboarding.Contract Approved On"]
    assert written["Onboarding.Contract Value"] == ["when: {Onboarding.Contract Value: {at_least: 1}}"]
    assert written["Onboarding.VIP"] == ["when: {Onboarding.VIP: true}"]
    assert written["Onboarding.Contacts.Customer Number"] == [
        "when: {Onboarding.Contacts.Customer Number: {is: set}}",
        "customer: 'Onboarding.Contacts[COLUMN=VALUE].Customer Number'",
    ]
    assert found["Onboarding.Contacts.Role"]["set"] == "Onboarding.Contacts"
    assert kinds["Onboarding.Tags"] == kinds["Onboarding.Contacts.Role"] == "text, several"
    assert [kinds[f"Onboarding.{name}"] for name in ("Stage", "Contract Value", "Contract Approved On", "VIP")] == [
        "text",
        "integer",
        "date",
        "checkbox",
    ]


@pytest.mark.parametrize("value", ["1.2.3", "22:00", "NO", "1_000"])
def test_a_value_that_the_configuration_refuses_without_quotes_has_them(desk: Desk, value: str) -> None:
    desk.box.call("POST", "/ecm/attributes", {"category": "Onboarding", "name": "Odd", "valid_values": [value]})

    found = _by_name(desk, "attributes", TYPE, "--match", "odd")

    assert found["Onboarding.Odd"]["examples"] == [f"when: {{Onboarding.Odd: '{value}'}}"]


def test_a_popup_of_a_set_picks_the_row_of_the_customer(desk: Desk) -> None:
    rows = [{"name": "Role", "valid_values": ["Borrower", "Guarantor"]}, {"name": "Number"}]
    desk.box.call("POST", "/ecm/attributes", {"category": "Case", "name": "Parties", "rows": rows})

    found = _by_name(desk, "attributes", "Case", "--match", "parties")

    assert found["Case.Parties.Role"]["examples"] == ["when: {Case.Parties.Role: Borrower}"]
    assert found["Case.Parties.Number"]["examples"][1] == "customer: 'Case.Parties[Role=Borrower].Number'"


@pytest.mark.parametrize("type_name", [TYPE, "Case", "Contract", "Customer", "Marketing Governance"])
def test_what_is_shown_can_be_copied_into_a_configuration_that_check_calls_well(desk: Desk, type_name: str) -> None:
    sets = {"category": "Case", "name": "Parties", "rows": [{"name": "Role", "valid_values": ["A: b"]}, {"name": "No"}]}
    desk.box.call("POST", "/ecm/attributes", sets)
    desk.box.call(
        "POST", "/ecm/attributes", {"category": "Case", "name": "Odd: name", "valid_values": ["yes", "22:00"]}
    )
    shown = [example for row in _rows(desk, "attributes", type_name) for example in row["examples"]]
    copied = [yaml.safe_load(example) for example in shown if "COLUMN=VALUE" not in example]
    customer = next((one["customer"] for one in copied if "customer" in one), "business_object")
    milestones = [
        {
            "name": f"m{number}",
            "when": one.get("when", {"workspace.name": {"is": "set"}}),
            "send": {"event": f"e{number}"},
        }
        | ({"date": one["date"]} if "date" in one else {})
        for number, one in enumerate(copied)
        if "customer" not in one
    ]
    section = {"workspace_types": [type_name], "customer": customer, "milestones": milestones}
    flows = yaml.safe_dump({"flows": {"onboarding": section}}, allow_unicode=True, sort_keys=False)
    desk.path.write_text(desk.text().partition("\nflows:")[0] + "\n" + flows, encoding="utf-8")

    done = desk.ecmbraze("check", "--json")

    findings = json.loads(done.stdout)["findings"]
    assert [one for one in findings if one["level"] == "FAIL"] == []
    assert milestones


def test_an_unknown_type_is_15_with_the_nearest_one(desk: Desk) -> None:
    done = desk.ecmbraze("discover", "attributes", "Custmer Onboarding")

    assert (done.code, done.stdout) == (15, "")
    assert f"There is no workspace type 'Custmer Onboarding'; did you mean '{TYPE}'?" in done.stderr
    assert "`ecmbraze discover types`" in done.stderr


def test_a_type_without_workspaces_has_no_attributes_to_show_and_says_why(desk: Desk) -> None:
    desk.box.call("POST", "/ecm/types", {"name": "Claim", "categories": ["Case"]})

    done = desk.ecmbraze("discover", "attributes", "Claim")

    assert (done.code, len(done.stdout.splitlines())) == (0, 1)
    assert "The account sees no workspace of type 'Claim'" in done.stderr


def test_workspaces_that_cannot_be_read_are_7_only_where_none_can(desk: Desk) -> None:
    refusal = {"status": 500, "json": {"error": "Could not get a node"}, "path": r"/nodes/\d+/categories"}
    desk.box.fault("status", system="ecm", times=2, **refusal)
    some = desk.ecmbraze("discover", "attributes", TYPE)
    desk.box.fault("status", system="ecm", times=50, **refusal)
    none = desk.ecmbraze("discover", "attributes", TYPE)

    assert some.code == 0
    assert "Read from 3 workspaces; 2 could not be read." in some.stderr
    assert "Onboarding.Stage" in some.stdout
    assert (none.code, none.stdout) == (7, "")
    assert "read the categories of none of 5" in none.stderr
    assert "See Contents" in none.stderr


def test_campaigns_and_canvases_say_whether_they_send(desk: Desk) -> None:
    change = desk.box.call
    change("PUT", f"/braze/campaigns/{CAMPAIGN}", {"archived": True, "tags": ["old", "mail"]})
    change("PUT", f"/braze/campaigns/{KYC_CAMPAIGN}", {"draft": True})
    change("PUT", f"/braze/campaigns/{CASE_CAMPAIGN}", {"paused": True, "is_api_campaign": True})
    change("PUT", f"/braze/canvases/{CANVAS}", {"paused": True, "schedule_type": "time_based"})

    campaigns = {row["id"]: row for row in _rows(desk, "campaigns")}
    canvases = {row["id"]: row for row in _rows(desk, "canvases")}

    assert [campaigns[one]["state"] for one in (CAMPAIGN, KYC_CAMPAIGN, CASE_CAMPAIGN)] == [
        "archived",
        "draft",
        "stopped",
    ]
    assert campaigns[CAMPAIGN]["tags"] == ["old", "mail"]
    assert [campaigns[one]["is_api_campaign"] for one in (KYC_CAMPAIGN, CASE_CAMPAIGN)] == [False, True]
    assert campaigns[KYC_CAMPAIGN]["schedule_type"] == "api_triggered"
    assert {row["state"] for row in campaigns.values()} == {"archived", "draft", "stopped", "active"}
    assert (canvases[CANVAS]["state"], canvases[CANVAS]["schedule_type"]) == ("stopped", "time_based")
    assert "is_api_campaign" not in canvases[CANVAS]


def test_lists_are_read_to_their_end_and_only_what_matches_is_asked_for_its_state(desk: Desk) -> None:
    for number in range(CROWD):
        desk.box.call(
            "PUT", f"/braze/campaigns/c{number:03}", {"name": f"Crowd {number:03}", "archived": number % 2 == 0}
        )
        desk.box.call("PUT", f"/braze/segments/s{number:03}", {"name": f"Crowd {number:03}", "archived": number == 0})
    desk.box.call("DELETE", "/journal")

    campaigns = _rows(desk, "campaigns", "--match", "crowd")
    asked = desk.box.call("GET", "/journal")["entries"]
    segments = _rows(desk, "segments", "--match", "crowd")

    assert [row["name"] for row in campaigns] == [f"Crowd {number:03}" for number in range(CROWD)]
    assert [row["state"] for row in campaigns] == ["archived", "active"] * (CROWD // 2)
    assert sum(entry["path"].endswith("/campaigns/details") for entry in asked) == CROWD // 2
    assert len(segments) == CROWD - 1
    assert all(one["name"] < other["name"] for one, other in pairwise(segments))


def test_a_campaign_that_goes_while_it_is_listed_is_said_to_be_deleted(desk: Desk) -> None:
    gone = {"status": 400, "json": {"message": "campaign_id must be a string"}, "path": "/campaigns/details"}
    desk.box.fault("status", system="braze", times=1, **gone)

    states = [row["state"] for row in _rows(desk, "campaigns")]

    assert sorted(states) == ["active"] * (len(states) - 1) + ["deleted"]


def test_groups_are_those_that_the_configuration_names_since_braze_lists_none(desk: Desk) -> None:
    desk.write(("group: ed060000-0000-4000-8000-00000000000a", "group: ed060000-0000-4000-8000-0000000000ff"))

    done = desk.ecmbraze("discover", "groups", "--json")

    rows = {row["id"]: row for row in json.loads(done.stdout)}
    assert done.code == 0
    assert rows[GROUP]["state"] == "there"
    assert rows["ed060000-0000-4000-8000-0000000000ff"]["state"] == "not in Braze"
    assert all("ecmbraze.yaml:" in place for row in rows.values() for place in row["used"])
    assert "Braze has no list of subscription groups" in done.stderr


def test_the_canary_profile_names_its_groups_and_its_own_state_stays_unsaid(desk: Desk) -> None:
    other = "ed060000-0000-4000-8000-0000000000bb"
    desk.box.call("PUT", f"/braze/groups/{other}", {"name": "Product tips", "channel": "sms"})
    desk.box.change({"external_id": "C-10005", "groups": {GROUP: "unsubscribed", other: "subscribed"}})
    desk.write(("  # canary: ecmbraze-canary", "  canary: C-10005"))

    done = desk.ecmbraze("discover", "groups", "--json")
    matched = _rows(desk, "groups", "--match", "TIPS")
    _poor(desk, "subscription.status.get")
    without = desk.ecmbraze("discover", "groups", "--json")

    rows = {row["id"]: row for row in json.loads(done.stdout)}
    assert (rows[other]["name"], rows[other]["channel"], rows[other]["used"]) == ("Product tips", "sms", [])
    assert (rows[GROUP]["name"], rows[GROUP]["state"]) == ("Onboarding news", "there")
    assert "subscribed" not in done.stdout
    assert [row["id"] for row in matched] == [other]
    assert [(row["id"], row["name"]) for row in json.loads(without.stdout)] == [(GROUP, "")]
    assert without.code == 0
    assert "subscription.groups.get" in without.stderr


def test_a_half_written_flow_keeps_nobody_from_looking_names_up(desk: Desk) -> None:
    head = desk.text().partition("\nflows:")[0]
    desk.path.write_text(
        f"{head}\nflows:\n  onboarding:\n    workspace_types: [{TYPE}]\n    milestones:\n  lifecicle: {{}}\n"
    )

    codes = {words[0]: desk.ecmbraze("discover", *words).code for words in WORDS}
    groups = desk.ecmbraze("discover", "groups")
    checked = desk.ecmbraze("check", "--offline")

    assert set(codes.values()) == {0}, codes
    assert "flows.onboarding does not load yet, so that its groups are missing here" in groups.stderr
    assert checked.code == 15


def test_a_file_without_any_flow_will_do(desk: Desk) -> None:
    desk.path.write_text(desk.text().partition("\nflows:")[0] + "\n")

    assert {words[0]: desk.ecmbraze("discover", *words).code for words in WORDS} == {words[0]: 0 for words in WORDS}


def test_the_rest_of_the_configuration_must_be_right(desk: Desk) -> None:
    desk.path.write_text(desk.text().replace("timezone:", "timezoen:", 1))

    done = desk.ecmbraze("discover", "types")

    assert (done.code, done.stdout) == (15, "")
    assert "timezone" in done.stderr


@pytest.mark.parametrize(
    ("word", "permission"),
    [
        ("campaigns", "campaigns.list"),
        ("canvases", "canvas.list"),
        ("groups", "subscription.status.get"),
        ("segments", "segments.list"),
    ],
)
def test_a_missing_permission_is_7_and_named(desk: Desk, word: str, permission: str) -> None:
    _poor(desk, "users.track")

    done = desk.ecmbraze("discover", word)

    assert done.code == 7
    assert permission in done.stderr


@pytest.mark.parametrize(("word", "kind"), [("campaigns", "campaigns"), ("canvases", "canvas")])
def test_without_the_details_the_rest_is_shown_and_the_permission_named(desk: Desk, word: str, kind: str) -> None:
    desk.box.call("PUT", f"/braze/canvases/{CANVAS}", {"archived": True})
    desk.box.call("PUT", f"/braze/campaigns/{CAMPAIGN}", {"archived": True})
    _poor(desk, f"{kind}.list")

    done = desk.ecmbraze("discover", word, "--json")

    assert done.code == 7
    assert f"{kind}.details" in done.stderr
    assert "drafts or stopped was not read" in done.stderr
    states = {row["id"]: row["state"] for row in json.loads(done.stdout)}
    assert {state for one, state in states.items() if one not in (CAMPAIGN, CANVAS)} == {"unknown"}
    assert "archived" in states.values()


@pytest.mark.parametrize("words", WORDS)
def test_a_refused_login_is_7_and_shows_no_secret(desk: Desk, words: tuple[str, ...]) -> None:
    desk.secrets = {"ECM_PASSWORD": "wrong-pass-word", "BRAZE_API_KEY": "wrong-api-key"}

    done = desk.ecmbraze("discover", *words)

    assert (done.code, done.stdout) == (7, "")
    assert "wrong-" not in done.stderr


@pytest.mark.parametrize("words", WORDS)
def test_a_system_that_is_down_is_5(desk: Desk, words: tuple[str, ...]) -> None:
    system = "braze" if words[0] in OF_BRAZE else "ecm"
    desk.box.fault("html500", system=system, times=99)

    done = desk.ecmbraze("discover", *words)

    assert (done.code, done.stdout) == (5, "")


def test_an_unknown_word_is_2_with_the_nearest_one(desk: Desk) -> None:
    done = desk.ecmbraze("discover", "campagns")

    assert done.code == 2
    assert "campaigns" in done.stderr


def test_a_name_that_would_steer_the_terminal_is_shown_as_its_letters(desk: Desk) -> None:
    desk.box.call("PUT", f"/braze/segments/{SILENT}", {"name": "Silent\u202e \u001b[2J[red]"})

    done = desk.ecmbraze("discover", "segments")

    assert "Silent\\u202e \\u001b[2J[red]" in done.stdout


def test_lines_stand_in_columns_and_none_is_cut() -> None:
    rows: list[Row] = [{"name": "x" * 300, "tags": ["a", "b"], "api": None}, {"name": "y", "tags": [], "api": True}]
    columns = {"name": "name", "tags": "tags", "API": "api"}

    printed = lines(Listing(what="things", columns=columns, rows=rows))

    assert [line.split() for line in printed] == [["name", "tags", "API"], ["x" * 300, "a,", "b"], ["y", "yes"]]
    assert printed[2].index("yes") == printed[0].index("API")


def test_a_table_breaks_no_id_and_has_no_empty_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    rows: list[Row] = [
        {"id": CAMPAIGN, "name": "A name of\u001b many words " * 3, "used": ["x" * 20, "y" * 20], "tags": []}
    ]
    columns = {"id": "id", "name": "name", "tags": "tags", "used at": "used"}

    with redirect_stdout(_Terminal()) as screen:
        show(Listing(what="things", columns=columns, rows=rows), "", as_json=False)

    printed = screen.getvalue()
    assert "things: 1" in printed
    assert f" {CAMPAIGN} " in printed
    assert "tags" not in printed
    assert "of\\u001b many" in printed
    assert all(len(line) == 80 for line in printed.splitlines() if line.startswith("│"))


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True
