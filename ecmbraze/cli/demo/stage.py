"""The sandbox with five customers and the program beside it; decides nothing about the story."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from ecmbraze.cli.demo import customers
from ecmbraze.cli.demo.books import Books, reported, words
from ecmbraze.cli.demo.customers import Customer
from ecmbraze.cli.demo.program import Done, ecmbraze
from ecmbraze.sandbox.remote import RemoteSandbox

START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Berlin")
_PAUSE = timedelta(minutes=15)


class Stage:
    """One sandbox, one configuration, one state file, and what was seen since a step of the story began."""

    def __init__(self, box: RemoteSandbox, folder: Path) -> None:
        self.box, self.folder = box, folder.absolute()  # the program has a working folder of its own
        text = (resources.files("ecmbraze.cli.demo") / "demo.yaml").read_text(encoding="utf-8")
        for name in ("ecm", "braze", "username"):
            text = text.replace(f"@{name}@", getattr(box, name))
        (folder / "ecmbraze.yaml").write_text(text, encoding="utf-8")
        self.flows: tuple[str, ...] = tuple(yaml.safe_load(text)["flows"])
        """The configured flows."""
        self.workspaces = customers.prepare(box)
        """Workspaces by name."""
        self._read: Books | None = None
        self.begin()

    def begin(self) -> None:
        """Begin a step: what is seen from here on is of this step."""
        self._before = self._books()
        self.done: list[Done] = []
        """The commands of the step."""

    # time, and the program

    def at(self, local: str) -> None:
        """Set the clock of all three to a time of Berlin."""
        self.box.set_clock(datetime.fromisoformat(local).replace(tzinfo=ZONE))

    def run(self) -> None:
        """Let a quarter of an hour pass and cron call the program."""
        self.box.advance(_PAUSE.total_seconds())
        self.ecmbraze("run")

    def ecmbraze(self, *arguments: str) -> Done:
        """Run one command line; what it left behind is kept for the step."""
        secrets = {"ECM_PASSWORD": self.box.password, "BRAZE_API_KEY": self.box.api_key}
        # Named, since the environment of whoever plays the demo may name the configuration of real systems.
        config = {"ECMBRAZE_CONFIG": str(self.folder / "ecmbraze.yaml")}
        environ = {**secrets, **config, "ECMBRAZE_NOW": self.box.now().isoformat()}
        self._read = None
        self.done.append(done := ecmbraze(arguments, folder=self.folder, environ=environ))
        return done

    # what both systems and the program say

    def seen(self) -> Books:
        """Return what both systems show of what the program did in this step."""
        return self._books().since(self._before)

    def _books(self) -> Books:
        """Return both books, read once after each command: nobody else writes in them."""
        self._read = self._read or Books.of(self.box)
        return self._read

    @property
    def reports(self) -> list[dict[str, Any]]:
        """The run reports of this step."""
        return [report for done in self.done for report in done.reports]

    def sent(self) -> str:
        """Return what the reports of the live runs of this step say was sent, in words."""
        live = [report for report in self.reports if not report["dry_run"]]
        return words(reported(live)) if self.reports else "no run"

    def create(self, kind: str, name: str, values: Mapping[str, Any]) -> None:
        """Make a workspace as a colleague would."""
        self.workspaces[name] = self.box.create_workspace(kind, name=name, values=dict(values))

    def edit(self, workspace: str, values: Mapping[str, Any]) -> None:
        """Edit values of a workspace as a colleague would."""
        self.box.edit_workspace(self.workspaces[workspace], values)

    def value(self, workspace: str, attribute: str) -> str:
        """Return what a workspace says under ``Category.Attribute``."""
        there = self.workspaces.get(workspace)
        found = None if there is None else self.box.workspace(there)["values"].get(attribute)
        return "" if found is None else str(found)

    def profile(self, customer: Customer) -> dict[str, Any]:
        """Return a profile in Braze."""
        found: dict[str, Any] = self.box.call("GET", f"/braze/users/{customer.number}")
        return found

    def documents(self, workspace: str) -> list[dict[str, Any]]:
        """Return the documents of a workspace, in all its folders."""
        found: list[dict[str, Any]] = self.box.call("GET", "/ecm/documents", below=self.workspaces[workspace])
        return found
