"""The same world over the sandbox: the installed program over HTTP, killed for real; the twins are its mirror.

What people do is done to the twins, and here to the sandbox too; what a run did there is read back into the twins, so
that the oracle, which knows nothing of either, judges it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import requests

from ecmbraze.model import Fact, Kind
from tests.rehearsal import Rehearsal, rehearsal, until
from tests.simulate.consent.world import FOLDER, PROJECT
from tests.stories.story import GROUP
from tests.twins.braze import Entry, Person
from tests.twins.ecm_world import Paper
from tests.twins.house import Fate, House, Outcome, settings
from tests.twins.wire import Fault, Trouble

_RECORD = "Choice."
# Braze knows its groups by ids of this shape, and refuses a withdrawal from any other.
_GROUP = "ed060000-0000-4000-8000-0000000000f5"
# The calls of the twins as requests: (system, method, path).
_CALLS: Mapping[str, tuple[str, str | None, str]] = {
    "ecm ": ("ecm", "GET", ""),
    "ecm listing": ("ecm", "GET", "/api/v2/businessworkspaces$"),
    "ecm workspace": ("ecm", "GET", r"/api/v2/businessworkspaces/\d+$"),
    "ecm content": ("ecm", "GET", "/content$"),
    "braze profiles": ("braze", "POST", "/users/export/ids"),
    "braze groups": ("braze", "GET", "/subscription/status/get"),
    "braze unsubscribes": ("braze", "GET", "/email/unsubscribes"),
    "braze hard bounces": ("braze", "GET", "/email/hard_bounces"),
    "braze bounces": ("braze", "GET", "/email/hard_bounces"),
    "braze withdraw": ("braze", "POST", "/users/track|/subscription/status/set"),
    "ecm values": ("ecm", "PUT", r"/categories/\d+$"),
    "ecm file": ("ecm", "POST", "/api/v2/nodes$"),
    "braze campaign": ("braze", "POST", "/campaigns/trigger/send"),
}
_KINDS: Mapping[Trouble, Mapping[str, Any]] = {
    Trouble.LOST_BEFORE: {"kind": "reset_before"},
    Trouble.LOST_AFTER: {"kind": "reset_after"},
    Trouble.FAILED: {"kind": "html500"},
    Trouble.FAILED_AFTER: {"kind": "html500", "process": True},
    Trouble.CUT: {"kind": "cut_answer", "bytes": 40, "process": True},
    Trouble.NOT_SENT: {"kind": "html200"},
    Trouble.LIMITED: {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}, "json": {"message": "slow"}},
    Trouble.REFUSED: {"kind": "status", "status": 409, "json": {"error": "The node was changed by another user."}},
    Trouble.KEY_REFUSED: {"kind": "status", "status": 503, "text": "<html>maintenance</html>"},
}


class HttpHouse(House):
    """An installation over the sandbox of a rehearsal; Braze shows the time of every choice there."""

    dates_all_choices = True

    def __init__(self, folder: Path, flows: Mapping[str, Any], more: Mapping[str, Any], *, stage: Rehearsal) -> None:
        super().__init__(folder, settings(flows, **more))
        self.stage, self.box = stage, stage.box
        self.box.call("POST", "/braze/switches", {"state_times": "all"})
        stage.config["flows"] = json.loads(json.dumps(flows).replace(GROUP, _GROUP))
        for name, section in more.items():
            stage.config[name] = {**stage.config.get(name, {}), **section}
        stage.config["ecm"]["page_size"] = 500
        assert stage.ecmbraze("init", "--non-interactive").code == 0
        self.requests = 0
        """How many requests both systems got."""
        self._numbers: dict[int, int] = {}
        self._values: dict[int, dict[str, Fact]] = {}
        self._edited: dict[int, datetime] = {}
        self._held: set[int] = set()
        self._gone: set[int] = set()
        self._hidden: set[int] = set()
        self._people: dict[str, tuple[Any, ...]] = {}
        self._filed: set[int] = set()
        self._seen = 0
        self._ticket = ""

    @property
    def state(self) -> Path:
        """The state file of the program; before it is made that of the twins."""
        return self.stage.state if hasattr(self, "stage") else super().state

    def fates(self) -> list[Fate]:
        """Return every row of the outbox, its workspaces by the numbers that the twins have for them."""
        ours = {f"ws:{theirs}": f"ws:{number}" for number, theirs in self._numbers.items()}
        return [
            replace(one, record=ours.get(one.record, one.record), recipient=ours.get(one.recipient, one.recipient))
            for one in super().fates()
        ]

    # what people do

    def push(self) -> None:
        """Do to the sandbox what was done to the twins since."""
        self.box.set_clock(self.clock.true())
        if not self._numbers and not self._people:
            self._furnish()
        for name, person in self.braze.people.items():
            bounced = person.email in self.braze.bounced
            now = (person.email, person.email_subscribe, dict(person.groups), bounced, dict(person.chosen))
            before = self._people.get(name, (None, None, None, False, {}))
            if now == before:
                continue
            told: dict[str, Any] = {"external_id": name}
            if person.email != before[0]:
                told |= {"email": person.email}
            if (person.email, person.email_subscribe) != before[:2]:
                told |= {"email_subscribe": person.email_subscribe}
            told |= {"groups": {_GROUP: person.groups[GROUP]}} if now[2] != before[2] else {}
            told |= {"hard_bounced": bounced} if bounced != before[3] else {}
            self.box.change(told, *_dated(name, person, before[4]))
            self._people[name] = now
        for number in self._numbers.keys() - self.ecm.spaces.keys() - self._gone:
            self.box.delete_workspace(self._numbers[number])
            self._gone.add(number)
        for number in self._gone & self.ecm.spaces.keys():
            self.box.act(self._numbers[number], "restore")
            self._gone.discard(number)
        for number, space in self.ecm.spaces.items():
            self._push_space(number, space)

    def _push_space(self, number: int, space: Any) -> None:
        wanted = {name: value for name, value in space.values.items() if "." in name}
        if number not in self._numbers:
            self._numbers[number] = self.box.create_workspace(space.type, name=space.name, values=wanted)
        elif changed := {n: v for n, v in wanted.items() if self._values[number].get(n) != v}:
            self.box.edit_workspace(self._numbers[number], changed)
        elif space.modified > self._edited.get(number, space.created):
            self.box.edit_workspace(self._numbers[number], {})
        self._values[number], self._edited[number] = dict(wanted), space.modified
        if bool(space.held) != (number in self._held):
            self.box.act(self._numbers[number], "reserve" if space.held else "unreserve")
            (self._held.add if space.held else self._held.discard)(number)
        if space.hidden != (number in self._hidden):
            self.box.act(self._numbers[number], "hide" if space.hidden else "show")
            (self._hidden.add if space.hidden else self._hidden.discard)(number)

    def _furnish(self) -> None:
        self.box.rename_type(PROJECT, "Other Onboarding")
        known = {one["name"]: one for one in self.box.call("GET", "/ecm/categories")}
        for name, attributes in self.ecm.categories.items():
            wanted = [{"name": one.name, "type": one.type_name} for one in attributes]
            if name in known:
                for one in known[name]["attributes"]:
                    self.box.drop_attribute(f"{name}.{one['name']}")
                for one in wanted:
                    self.box.add_attribute(name, **one)
            else:
                self.box.add_category(name, wanted)
        for name, (_, categories) in self.ecm.types.items():
            self.box.add_type(f"Our {name}", categories)  # a folder of the bare name is there
            self.box.rename_type(f"Our {name}", name)
        for kind, message_id in self.braze.campaigns:
            plural = "campaigns" if kind is Kind.CAMPAIGN else "canvases"
            self.box.call("PUT", f"/braze/{plural}/{message_id}", {"name": message_id})
        self.box.call("PUT", f"/braze/groups/{_GROUP}", {"name": GROUP, "channel": "email"})

    # rounds

    def start(self, *flows: str, die_at: int | None = None, **options: Any) -> Outcome:
        """Run the program once over what the flows have due; it is killed at its request number ``die_at``."""
        self.push()
        self.box.clear_journal()
        ordered = [_as_http(fault) for fault in self.wire.faults]
        for told in ordered:
            self.box.fault(**told)
        confirm = ["--confirm", options["confirm"]] if options.get("confirm") else []
        try:
            if die_at is not None and self._killed(die_at, ordered=len(ordered)):
                return Outcome(reports=(), crossings=(), killed=True)
            done = self.stage.ecmbraze(*(flows or ("run", "--now")), *confirm, "--json")
            assert done.stdout.strip(), (done.code, done.stderr[-2000:])
            report = done.report
            reports = [_Report(one) for one in report.get("runs", [report])]
            return Outcome(reports=tuple(reports), crossings=())  # type: ignore[arg-type]  # what of reports is used
        finally:
            hits = sum(one["hits"] for one in self.box.faults()[: len(ordered)])
            self.wire.troubled += hits
            self.wire.faults.clear()
            self.box.clear_faults()
            self.pull()
            self.ecm.shown |= self.ecm.spaces.keys()  # nobody counts what is read over HTTP

    def _killed(self, number: int, *, ordered: int) -> bool:
        """Start the program and kill it while it waits for an answer; say whether it came so far."""
        self.box.fault("slow", skip=number, times=1, seconds=200, process=True)
        child = self.stage.start("run", "--now")
        until(lambda: self.box.faults()[ordered]["hits"] == 1 or child.poll() is not None)
        code = child.kill()
        self.box.clear_faults()
        return code < 0

    def pull(self) -> None:
        """Take into the twins what the program did."""
        entries = self.box.journal()
        self.requests += len(entries)
        self.clock.advance(max((self.box.now() - self.clock.true()).total_seconds(), 0.0))
        by_number = {theirs: ours for ours, theirs in self._numbers.items()}
        for found in self.box.workspaces():
            number = by_number.get(found["id"])
            if number in self.ecm.spaces:
                record = {name: value for name, value in found["values"].items() if name.startswith(_RECORD)}
                self.ecm.spaces[number].values |= record
                self._values[number] |= record
        self._pull_papers({found["name"]: by_number.get(found["id"]) for found in self.box.workspaces()})
        self._pull_braze(entries)

    def _pull_papers(self, named: Mapping[str, int | None]) -> None:
        for found in self.box.call("GET", "/ecm/documents"):
            if found["id"] in self._filed:
                continue
            (place,) = [one for one in found["path"] if one in named] or [None]
            at = datetime.fromisoformat(found["created"])
            parent = named.get(place) if place else None
            assert parent is not None, found
            self._filed.add(found["id"])
            versions = [(one["number"], at, self._content(found["id"])) for one in found["versions"]]
            self.ecm.papers[found["id"]] = Paper(
                id=found["id"],
                name=found["name"],
                parent=parent,
                folder=found["path"][-1],
                mime="text/plain",
                created=at,
                modified=at,
                values={},
                categories=(),
                classifications=(),
                versions=versions,
            )
            assert found["path"][-1] == FOLDER, found

    def _content(self, node: int) -> bytes:
        def get() -> requests.Response:
            url = f"{self.box.ecm}/api/v2/nodes/{node}/content"
            return requests.get(url, headers={"OTCSTicket": self._ticket}, timeout=60)

        answer = get()
        if answer.status_code == 401:
            told = {"username": self.box.username, "password": self.box.password}
            self._ticket = requests.post(f"{self.box.ecm}/api/v1/auth", data=told, timeout=60).json()["ticket"]
            answer = get()
        answer.raise_for_status()
        return answer.content

    def _pull_braze(self, entries: list[dict[str, Any]]) -> None:
        book: list[Entry] = []
        told = self.box.call("GET", "/braze/received")
        for one in told["events"] + told["messages"]:
            if one["seq"] > self._seen:
                kind, name = (one["kind"], one["id"]) if "kind" in one else ("event", one["name"])
                at = datetime.fromisoformat(one["at"])
                book.append(
                    Entry(kind=kind, recipient=one["recipient"], name=name, properties=one["properties"], at=at)
                )
        self._seen = max([self._seen, *(one["seq"] for one in told["events"] + told["messages"])])
        for entry in entries:
            if entry["system"] == "braze" and entry["processed"] and entry["json"] and not _is_refused(entry):
                for who, channel in _withdrawals(entry["path"], entry["json"]):
                    at = datetime.fromisoformat(entry["at"])
                    book.append(Entry(kind="withdrawal", recipient=who, name=channel, value="unsubscribed", at=at))
        self.braze._book += sorted(book, key=lambda one: one.at)
        for user in self.box.call("GET", "/braze/users"):
            if (person := self.braze.people.get(user["external_id"])) is None:
                continue
            person.email_subscribe = user["email_subscribe"]
            person.groups = {GROUP: user["groups"][_GROUP]} if _GROUP in user["groups"] else {}
            person.chosen = {
                name: datetime.fromisoformat(user[name]).replace(microsecond=0)
                for name in ("email_opted_in_at", "email_unsubscribed_at")
                if user.get(name)
            }
            self._people[person.external_id] = (
                person.email,
                person.email_subscribe,
                dict(person.groups),
                person.email in self.braze.bounced,
                dict(person.chosen),
            )


def _dated(name: str, person: Person, before: Mapping[str, datetime]) -> Iterator[dict[str, Any]]:
    """Yield the choices of e-mail since, each with its time, and the state that has none last."""
    new = sorted((at, what) for what, at in person.chosen.items() if before.get(what) != at)
    for at, what in new:
        state = what.removeprefix("email_").removesuffix("_at")
        yield {"external_id": name, "email_subscribe": state, "at": at.isoformat()}
    if new:
        yield {"external_id": name, "email_subscribe": person.email_subscribe, "at": new[-1][0].isoformat()}


class _Report(SimpleNamespace):
    """A run report as the command printed it; counts by name."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        super().__init__(**told)


def _as_http(fault: Fault) -> dict[str, Any]:
    system, method, path = _CALLS[fault.call]
    told = {"system": system, "method": method, "path": path, "skip": fault.skip, "times": fault.times}
    return {**_KINDS[fault.trouble], **{name: value for name, value in told.items() if value is not None}}


def _is_refused(entry: Mapping[str, Any]) -> bool:
    """Say whether Braze itself refused a request, rather than a fault on the way."""
    return entry["fault"] is None and (entry["status"] or 200) >= 400


def _withdrawals(path: str, body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (person, channel) of every withdrawal in a request."""
    for one in body.get("attributes") or () if path.endswith("/users/track") else ():
        for channel in ("email", "push"):
            if one.get(f"{channel}_subscribe") == "unsubscribed":
                yield one["external_id"], channel
        for group in one.get("subscription_groups", ()):
            assert group["subscription_group_id"] == _GROUP
            yield one["external_id"], f"group:{GROUP}"


@contextmanager
def over_http(folder: Path) -> Iterator[Any]:
    """Yield what makes a house over a sandbox of its own."""
    with rehearsal(folder, "--world", "empty") as stage:
        yield lambda base, flows, more: HttpHouse(base, flows, more, stage=stage)
