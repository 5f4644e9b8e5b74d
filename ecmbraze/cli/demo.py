"""The demo: the program as its users run it, against the sandbox, with what each customer received; no shortcuts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ecmbraze.cli import demo_assets, demo_consent, demo_documents, demo_feedback
from ecmbraze.sandbox.remote import RemoteSandbox

_START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
_TYPE = "Customer Onboarding"


class Stage:
    """The sandbox, the configuration and the program, run as a process of its own."""

    def __init__(self, box: RemoteSandbox, folder: Path, console: Console) -> None:
        self.box, self.folder, self.console = box, folder, console
        self.config = folder / "ecmbraze.yaml"
        text = (resources.files("ecmbraze.cli") / "demo.yaml").read_text(encoding="utf-8")
        for name in ("ecm", "braze", "username"):
            text = text.replace(f"@{name}@", getattr(box, name))
        self.config.write_text(text, encoding="utf-8")

    def ecmbraze(self, *arguments: str) -> int:
        """Run the program and let it print."""
        self.console.print(f"\n[bold]$ ecmbraze {' '.join(arguments)}[/bold]", highlight=False)
        self.console.file.flush()
        return subprocess.run(self._command(*arguments), env=self._environ(), check=False).returncode

    def report(self, *arguments: str) -> dict[str, Any]:
        """Run the program and return its run report."""
        done = subprocess.run(
            self._command(*arguments, "--json"), env=self._environ(), check=False, capture_output=True
        )
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    def received(self) -> dict[str, Any]:
        """Return what the sandbox's Braze says it received."""
        found: dict[str, Any] = self.box.call("GET", "/braze/received")
        return found

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "ecmbraze", "-c", str(self.config), *arguments]

    def _environ(self) -> dict[str, str]:
        return {
            **os.environ,
            "ECM_PASSWORD": self.box.password,
            "BRAZE_API_KEY": self.box.api_key,
            "ECMBRAZE_NOW": self.box.now().isoformat(),
            "COLUMNS": "150",
        }


def play(folder: Path) -> int:
    """Play the demo in ``folder``; return 0 when its numbers agree with what Braze received, else 1."""
    console = Console(width=150)
    with RemoteSandbox.start("--seed", "7", now=_START) as box:
        stage = Stage(box, folder, console)
        _say(console, "1. A new installation: the first run is a baseline and writes to neither system.")
        agreement = _contracts(box)
        demo_consent.prepare(box)
        demo_assets.prepare(box)
        stage.ecmbraze("init", "--non-interactive")
        stage.ecmbraze("run")
        _say(console, "2. Two days pass; people work in ECM: contracts are approved, KYC is completed, one complains.")
        _days_pass(box)
        _say(console, "3. What would be sent, to whom and why, and who is left out.")
        stage.ecmbraze("onboarding", "--dry-run")
        _say(console, "4. The live run, and what each customer received.")
        stage.ecmbraze("onboarding", "--report", str(folder / "report.html"))
        first = stage.received()
        _show(console, first)
        agreed = _agree(console, stage, first)
        _say(console, "6. One edit fires exactly one milestone.")
        box.advance(3600)
        box.edit_workspace(_standing(box, "Contract")[0], {"Onboarding.KYC Status": "Completed"})
        stage.ecmbraze("onboarding")
        events = len(stage.received()["events"]) - len(first["events"])
        messages = len(stage.received()["messages"]) - len(first["messages"])
        _say(console, f"Braze recorded {events} more event and {messages} more message.")
        reminded = _time_passes(console, stage)
        documents = demo_documents.play(stage, agreement, partial(_say, console))
        feedback = demo_feedback.play(stage, partial(_say, console))
        consent = demo_consent.play(stage, partial(_say, console))
        assets = demo_assets.play(stage, partial(_say, console))
        told = agreed and documents and feedback and consent and assets
        return 0 if told and (events, messages) == reminded == (1, 1) else 1


def _contracts(box: RemoteSandbox) -> int:
    """Add two contracts that nobody will touch again, one ends in 33 days, and what the documents need."""
    box.add_category(
        "Contract", [{"name": "Customer Number"}, {"name": "Status"}, {"name": "Contract End", "type": "Date"}]
    )
    box.add_type("Contract", ["Contract"])
    customers = [box.workspace(number)["values"]["Onboarding.Customer Number"] for number in _standing(box, "Service")]
    for customer, days in zip(customers, (33, 200), strict=False):
        values = {
            "Contract.Customer Number": customer,
            "Contract.Status": "Active",
            "Contract.Contract End": f"{_START + timedelta(days=days):%Y-%m-%d}",
        }
        box.create_workspace("Contract", name=f"Contract {customer}", values=values)
    return demo_documents.prepare(box, customers[0])


def _time_passes(console: Console, stage: Stage) -> tuple[int, int]:
    """Let a reminder come due; return how many events and messages Braze recorded more."""
    _say(console, "7. Nobody touches a contract that ends in 30 days: time itself brings its reminder.")
    stage.ecmbraze("forecast", "--days", "7")
    stage.box.advance(timedelta(days=1, hours=3).total_seconds())
    before = stage.received()
    stage.ecmbraze("run")
    after = stage.received()
    events, messages = (len(after[name]) - len(before[name]) for name in ("events", "messages"))
    _say(console, f"Braze recorded {events} more event and {messages} more message.")
    return events, messages


def _days_pass(box: RemoteSandbox) -> None:
    box.advance(timedelta(days=2).total_seconds())
    started, contract, kyc = (_standing(box, stage) for stage in ("Started", "Contract", "KYC"))
    today = f"{box.now():%Y-%m-%d}"
    for number in started[:3]:
        box.edit_workspace(
            number,
            {
                "Onboarding.Contract Status": "Approved",
                "Onboarding.Contract Approved On": today,
                "Onboarding.Stage": "Contract",
            },
        )
    box.edit_workspace(started[2], {"Onboarding.Complaint": "Open"})
    box.edit_workspace(
        contract[1],
        {"Onboarding.KYC Status": "Completed", "Onboarding.KYC Completed On": today, "Onboarding.Stage": "KYC"},
    )
    box.edit_workspace(
        kyc[0],
        {
            "Onboarding.Service Status": "Active",
            "Onboarding.Service Activated On": today,
            "Onboarding.Stage": "Service",
        },
    )


def _standing(box: RemoteSandbox, stage: str) -> list[int]:
    """Return the workspaces at a stage whose customers may be written to, in id order."""
    users = {user["external_id"]: user for user in box.call("GET", "/braze/users")}
    found = []
    for workspace in box.workspaces(_TYPE):
        values = workspace["values"]
        user = users.get(values.get("Onboarding.Customer Number"), {})
        if values.get("Onboarding.Stage") == stage and user.get("email_subscribe") != "unsubscribed":
            found.append(int(workspace["id"]))
    return sorted(found)


def _show(console: Console, received: dict[str, Any]) -> None:
    table = Table(title="What Braze received", title_justify="left")
    for column in ("customer", "messages", "events", "attributes"):
        table.add_column(column, overflow="fold")
    people = dict.fromkeys(
        entry["recipient"] for name in ("messages", "events", "attributes") for entry in received[name]
    )
    for person in people:
        mine = {
            name: [e for e in received[name] if e["recipient"] == person]
            for name in ("messages", "events", "attributes")
        }
        values = [f"{e['name']}={e['value']}" for e in mine["attributes"] if not e["name"].startswith("ecmbraze_")]
        table.add_row(
            person, *("\n".join(e["name"] for e in mine[n]) for n in ("messages", "events")), "\n".join(values)
        )
    console.print(table)


def _agree(console: Console, stage: Stage, received: dict[str, Any]) -> bool:
    """Compare the stored report with Braze's own book, then run again."""
    told = stage.box, stage.report("runs", "--last", "1")["runs"][0]
    by_action = told[1]["by_action"]
    agreed = (by_action["events"], by_action["triggers"]) == (len(received["events"]), len(received["messages"]))
    console.print(
        f"The report says {by_action['events']} events and {by_action['triggers']} messages; "
        f"Braze received {len(received['events'])} and {len(received['messages'])}.",
        highlight=False,
    )
    _say(console, "5. A second run sends nothing.")
    second = stage.report("onboarding")
    console.print(f"sent {second['counts']['sent']}, planned {second['counts']['planned']}", highlight=False)
    return bool(agreed and second["counts"]["sent"] == 0 and stage.received()["requests"] >= received["requests"])


def _say(console: Console, text: str) -> None:
    console.print(f"\n[bold cyan]{text}[/bold cyan]", highlight=False)
