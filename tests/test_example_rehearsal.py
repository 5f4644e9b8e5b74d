"""The example configuration against the sandbox's world: nothing is missing, and every one of its rules fires."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest
import yaml

from ecmbraze.flows import BY_NAME
from ecmbraze.sandbox.remote import RemoteSandbox
from tests.forking.client import fork, piped, read_all
from tests.forking.programs import run_program
from tests.forking.sandboxes import sandbox
from tests.rehearsal import START

ROOT = Path(__file__).parents[1]
EXAMPLE = (ROOT / "config.example.yaml").read_text(encoding="utf-8")
# The flows rehearsed together here; what others do is rehearsed where they are tested.
TOGETHER = ("onboarding", "cases", "lifecycle", "approvals")
SECTIONS = "".join(indent(BY_NAME[name].example, "  ") for name in TOGETHER)
_DOTTED = re.compile(r"([A-Z][\w ]*)\.([A-Z][\w -]*)")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture
def box() -> Iterator[RemoteSandbox]:
    with sandbox("--world", "example", now=START) as running:
        yield running


def texts(value: Any) -> Iterator[str]:
    """Yield every text and every key of a piece of YAML."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield str(name)
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


def conditions(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield (attribute, wanted values) of everything that looks like a condition."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if _DOTTED.fullmatch(str(name)):
                yield str(name), inner if isinstance(inner, list) else [inner]
            yield from conditions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from conditions(inner)


def test_the_world_carries_every_name_of_the_example(box: RemoteSandbox) -> None:
    flows = yaml.safe_load(EXAMPLE)["flows"]
    attributes = {
        f"{category['name']}.{attribute['name']}": attribute
        for category in box.call("GET", "/ecm/categories")
        for attribute in category["attributes"]
    }
    named = {".".join(found.groups()) for text in texts(flows) for found in _DOTTED.finditer(text)}
    types = {name for flow in flows.values() for name in flow.get("workspace_types", ())}
    ids = {found[0] for text in texts(flows) for found in _ID.finditer(text)}
    lists = ("campaigns", "canvases", "groups", "segments")
    known = {one["id"] for what in lists for one in box.call("GET", f"/braze/{what}")}

    assert named - attributes.keys() == set()
    assert types - {kind["name"] for kind in box.call("GET", "/ecm/types")} == set()
    assert ids - known == set()
    flows["assets"].pop("metadata")  # says what stands in an attribute, not which value is wanted
    popups = {name: set(attributes[name].get("valid_values", ())) for name, _ in conditions(flows)}
    wrong = {
        (name, value)
        for name, wanted in conditions(flows)
        for value in wanted
        if popups[name] and value not in popups[name]
    }
    assert wrong == set()
    assert all(box.workspaces(name) for name in types)
    documents = [one["name"] for one in box.call("GET", "/ecm/documents")]
    assert any(name.startswith("Claim Form") for name in documents)
    assert any(name.startswith("Financing Agreement") for name in documents)


class Office:
    """The program with the example configuration, unchanged but for addresses, credentials and the state file."""

    def __init__(self, box: RemoteSandbox, folder: Path) -> None:
        self.box, self.config = box, folder / "ecmbraze.yaml"
        places = {
            "https://ecm.example.com/otcs/cs.exe": box.ecm,
            "https://rest.fra-01.braze.eu": box.braze,
            "/var/lib/ecmbraze/state.db": str(folder / "state.db"),
        }
        text = EXAMPLE.partition("\nflows:\n")[0] + "\nflows:\n" + SECTIONS
        for example, ours in places.items():
            assert text.count(example) == 1
            text = text.replace(example, ours)
        self.config.write_text(text, encoding="utf-8")

    def ecmbraze(self, *arguments: str) -> str:
        """Run one command that must end well; return what it printed."""
        environ = {name: value for name, value in os.environ.items() if name != "ECMBRAZE_NOW"}
        environ |= {"ECM_PASSWORD": self.box.password, "BRAZE_API_KEY": self.box.api_key}
        run = partial(run_program, ["-c", str(self.config), *arguments], time=None, ahead=timedelta())
        with piped() as (out, out_end), piped() as (err, err_end):
            with out_end, err_end:
                child = fork(run, environ=environ, stdout=out_end.fileno(), stderr=err_end.fileno())
            stdout, stderr = (text.decode() for text in read_all(out, err, timeout=240))
        assert child.wait(timeout=240) == 0, (arguments, stdout[-3000:], stderr[-3000:])
        return stdout

    def reports(self, *arguments: str) -> dict[str, Any]:
        """Run all flows; return their reports by name."""
        printed = json.loads(self.ecmbraze("run", "--now", "--json", *arguments))
        return {report["flow"]: report for report in printed["runs"]}

    def willing(self) -> list[str]:
        """Customers who opted in and take the group's messages, those with the fewest workspaces first."""
        group = self.box.call("GET", "/braze/groups")[0]["id"]
        people = self.box.call("GET", "/braze/users")
        return [
            str(one["external_id"])
            for one in people
            if one["email_subscribe"] == "opted_in" and one["groups"].get(group) == "subscribed"
        ]

    def day(self, days: int) -> str:
        return f"{self.box.now() + timedelta(days=days):%Y-%m-%d}"


def prepare(office: Office) -> dict[str, int]:
    """Make one record for each rule, before the baseline; two rules to a customer at most."""
    box, people = office.box, office.willing()

    def contract(name: str, who: int, end: int, **more: Any) -> int:
        values = {
            "Contract.Customer Number": people[who % len(people)],
            "Contract.Status": "Active",
            "Contract.Contract End": office.day(end),
        }
        return box.create_workspace("Contract", name=name, values=values, **more)

    def onboarding(name: str, who: int) -> int:
        values = {"Onboarding.Customer Number": people[who % len(people)]}
        return box.create_workspace("Customer Onboarding", name=name, values=values)

    silent = {"created": office.day(-179), "modified": office.day(-179)}
    values = {"Approval.Status": "Draft", "Approval.Version": "1", "Approval.Valid Until": office.day(90)}
    gate = contract("gate", 0, 400)
    case = box.create_workspace("Case", name="C", values={"Case.Customer Number": people[0], "Case.Status": "Open"})
    return {
        "contract": onboarding("contract", 0),
        "kyc": onboarding("kyc", 1),
        "service": onboarding("service", 2),
        "case": case,
        "incoming": box.folder(case, "Incoming"),
        "ends": contract("ends", 1, 31),
        "review": contract("review", 2, -13),
        "silent": contract("silent", 3, 500, **silent),
        "completes": contract("completes", 3, 450),
        "agreement": box.file(gate, "Financing Agreement.pdf", categories=["Approval"], values=values),
    }


def edit(office: Office, made: dict[str, int]) -> None:
    """Let people work, and two days pass."""
    box = office.box
    box.advance(timedelta(minutes=30).total_seconds())
    today = office.day(0)
    for name, values in {
        "contract": {"Onboarding.Contract Status": "Approved", "Onboarding.Contract Approved On": today},
        "kyc": {"Onboarding.KYC Status": "Completed", "Onboarding.KYC Completed On": today},
        "service": {"Onboarding.Service Status": "Active", "Onboarding.Service Activated On": today},
        "case": {"Case.Status": "Resolved"},
        "completes": {"Contract.Status": "Completed"},
    }.items():
        box.edit_workspace(made[name], values)
    claim = {"categories": ["Document"], "values": {"Document.Category": "Claim"}}
    box.file(made["incoming"], "Claim Form 0815.pdf", **claim)
    box.filed(do="edit", id=made["agreement"], values={"Approval.Status": "Approved"})
    box.advance(timedelta(days=2).total_seconds())


CLOSING = "financing_revoked"
EVENTS = {
    "contract_approved",
    "kyc_completed",
    "service_active",
    "case_resolved",
    "claim_form_received",
    "contract_expiry",
    "contract_review",
    "contract_silent",
    "contract_completed",
    "financing_approved",
}


def test_every_rule_of_the_example_fires_in_a_rehearsal(box: RemoteSandbox, tmp_path: Path) -> None:
    office = Office(box, tmp_path)
    made = prepare(office)
    office.ecmbraze("init", "--non-interactive")
    office.ecmbraze("check")
    assert {report["mode"] for report in office.reports().values()} == {"baseline"}
    assert box.call("GET", "/braze/received")["attributes"] == []
    edit(office, made)

    dry = office.reports("--dry-run")
    before = box.call("GET", "/braze/received")
    live = office.reports()
    received = box.call("GET", "/braze/received")

    assert (before["events"], before["messages"]) == ([], [])
    assert {event["name"] for event in received["events"]} == EVENTS == named_events() - {CLOSING}
    sent = {message["id"] for message in received["messages"]}
    assert sent == {found[0] for found in _ID.finditer(SECTIONS) if not found[0].startswith("ed06")}
    for flow, report in live.items():
        assert report["counts"]["sent"] == report["counts"]["planned"] == dry[flow]["counts"]["planned"] > 0, flow
        assert dry[flow]["by_action"] == report["by_action"], flow

    # A gate closes for who heard that it is open.
    box.filed(do="version", id=made["agreement"])
    box.advance(3600)
    office.reports()
    assert [event["name"] for event in box.call("GET", "/braze/received")["events"][len(EVENTS) :]] == [CLOSING]
    assert {report["counts"]["sent"] for report in office.reports().values()} == {0}


def named_events() -> set[str]:
    """Return every event that the sections name."""
    return set(re.findall(r"\bevent: (\w+)", SECTIONS))
