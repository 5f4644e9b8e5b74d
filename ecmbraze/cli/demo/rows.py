"""Evidence of the demo: what one of the systems shows of a customer, beside what it has to show."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from ecmbraze.cli.demo.books import words
from ecmbraze.cli.demo.customers import Customer
from ecmbraze.cli.demo.stage import Stage

ECM, BRAZE, PROGRAM = "ECM", "Braze", "ecmbraze"
NONE = "none"
_IN_ECM = ("records", "documents", "versions", "follow_ups")
_TAG = re.compile("<[^>]+>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing a system shows: of what, under which name, what it is, and what it has to be."""

    system: str
    what: str
    name: str
    found: str
    wanted: str

    @property
    def holds(self) -> bool:
        return self.found == self.wanted


Look = Callable[[Stage], Row]
"""How to look for one row."""


# Extended ECM


def value(workspace: str, attribute: str, wanted: str) -> Look:
    """Look at a value of a workspace, as far as the wanted one goes: a date without its time."""

    def look(stage: Stage) -> Row:
        found = stage.value(workspace, attribute)[: len(wanted)]
        return Row(system=ECM, what=workspace, name=attribute.partition(".")[2], found=found, wanted=wanted)

    return look


def documents(workspace: str, *wanted: str) -> Look:
    """Look for the documents of a workspace with their folders, each as far as the wanted name goes."""

    def look(stage: Stage) -> Row:
        found = [_path(one, workspace) for one in stage.documents(workspace)]
        cut = [path[: len(name) or None] for path, name in zip_longest(found, wanted, fillvalue="") if path]
        return Row(system=ECM, what=workspace, name="document", found=_listed(cut), wanted=_listed(wanted))

    return look


def version(workspace: str, name: str, wanted: str) -> Look:
    """Look at how many versions a document has, and which of them is approved."""

    def look(stage: Stage) -> Row:
        found = [one for one in stage.documents(workspace) if one["name"] == name]
        shown = [f"{len(one['versions'])}, approved: {one['values']['Approval.Version'] or NONE}" for one in found]
        return Row(system=ECM, what=name, name="version", found=_listed(shown), wanted=wanted)

    return look


def archived(workspace: str, name: str, wanted: str) -> Look:
    """Look at how many versions the archive has of an asset, and whether the digest beside is that of the bytes."""

    def look(stage: Stage) -> Row:
        found = [one for one in stage.documents(workspace) if one["name"].startswith(f"{name} [")]
        stored = [one for one in found if one["versions"][-1]["mime"] == "application/json"]
        shown = [
            f"version {len(one['versions'])}, sha256 "
            + ("matches" if one["values"].get("Content.SHA-256") == one["versions"][-1]["sha256"] else "differs")
            for one in stored
        ]
        return Row(system=ECM, what=workspace, name=name, found=_listed(shown), wanted=wanted)

    return look


def follow_up(workspace: str, wanted: str) -> Look:
    """Look at the reminders of a workspace: for whom, until when."""

    def look(stage: Stage) -> Row:
        reminders = stage.box.follow_ups(stage.workspaces[workspace])
        shown = [f"{', '.join(one['assignees'])}, due {one['due']}" for one in reminders]
        return Row(system=ECM, what=workspace, name="reminder", found=_listed(shown), wanted=wanted)

    return look


def _path(file: dict[str, Any], workspace: str) -> str:
    folders = file["path"][file["path"].index(workspace) + 1 :]
    return "/".join((*folders, file["name"]))


# Braze


def events(customer: Customer, *wanted: str) -> Look:
    """Look for the events that Braze recorded for a customer in this step."""

    def look(stage: Stage) -> Row:
        found = [name for number, name in stage.seen().events if number == customer.number]
        return _profile(customer, "event", _listed(found), _listed(wanted))

    return look


def messages(customer: Customer, *wanted: str) -> Look:
    """Look for the campaigns and Canvases that Braze sent to a customer in this step."""

    def look(stage: Stage) -> Row:
        found = [name for number, name in stage.seen().messages if number == customer.number]
        return _profile(customer, "message", _listed(found), _listed(wanted))

    return look


def attribute(customer: Customer, name: str, wanted: str) -> Look:
    """Look at an attribute of a profile, as far as the wanted one goes."""

    def look(stage: Stage) -> Row:
        found = str(stage.profile(customer)["custom_attributes"].get(name, ""))
        return _profile(customer, name, found[: len(wanted)], wanted)

    return look


def subscription(customer: Customer, wanted: str) -> Look:
    """Look at the e-mail subscription of a profile."""

    def look(stage: Stage) -> Row:
        return _profile(customer, "email_subscribe", stage.profile(customer)["email_subscribe"], wanted)

    return look


def _profile(customer: Customer, name: str, found: str, wanted: str) -> Row:
    return Row(system=BRAZE, what=str(customer), name=name, found=found, wanted=wanted)


def segment(customer: Customer, wanted: str) -> Look:
    """Look at the segments that a customer is a member of."""

    def look(stage: Stage) -> Row:
        segments = stage.box.call("GET", "/braze/segments")
        found = [one["name"] for one in segments if customer.number in (one["members"] or ())]
        return _profile(customer, "segment", _listed(found), wanted)

    return look


def template(name: str, wanted: str) -> Look:
    """Look at the tags of an e-mail template."""

    def look(stage: Stage) -> Row:
        found = [", ".join(one["tags"]) for one in stage.box.call("GET", "/braze/templates") if one["name"] == name]
        return Row(system=BRAZE, what=f"{name} (template)", name="tags", found=_listed(found), wanted=wanted)

    return look


def template_text(name: str, wanted: str) -> Look:
    """Look at the text of an e-mail template, without its markup."""

    def look(stage: Stage) -> Row:
        found = [one["body"] for one in stage.box.call("GET", "/braze/templates") if one["name"] == name]
        return Row(
            system=BRAZE, what=f"{name} (template)", name="text", found=_TAG.sub("", _listed(found)), wanted=wanted
        )

    return look


# The program, and both systems all in all


def explained(day: str, wanted: str) -> Look:
    """Look at which version of an asset the last command of the step names, and whether ECM has its bytes."""

    def look(stage: Stage) -> Row:
        told = stage.done[-1].told if stage.done else {}
        there = "sha256 read back" if told.get("verified") else "not there"
        found = f"version {told.get('version')} of {told.get('versions')}, {there}"
        typed = stage.done[-1].typed if stage.done else NONE
        return Row(system=PROGRAM, what=f"$ {typed}", name=day, found=found, wanted=wanted)

    return look


def exit_code(wanted: int) -> Look:
    """Look at the exit code of the first command of the step."""

    def look(stage: Stage) -> Row:
        typed, code = (stage.done[0].typed, stage.done[0].code) if stage.done else (NONE, NONE)
        return Row(system=PROGRAM, what=f"$ {typed}", name="waits with exit", found=str(code), wanted=str(wanted))

    return look


def outlook(customer: Customer, message: str, wanted: str) -> Look:
    """Look at what the dry run of the step says would become of a message to a customer."""

    def look(stage: Stage) -> Row:
        lines = [line for report in stage.reports if report["dry_run"] for line in report["actions"]]
        mine = [line for line in lines if (line["customer"], line["title"]) == (customer.number, message)]
        shown = [line["state"] for line in mine if line["kind"] in ("campaign", "canvas")]
        return Row(system=PROGRAM, what=str(customer), name=message, found=_listed(shown), wanted=wanted)

    return look


def page(name: str) -> Look:
    """Look for the report page of the step."""

    def look(stage: Stage) -> Row:
        found = "written" if (stage.folder / name).is_file() else NONE
        return Row(system=PROGRAM, what=name, name="page", found=found, wanted="written")

    return look


def repeated() -> Look:
    """Look at what a run over all configured flows planned and sent."""

    def look(stage: Stage) -> Row:
        planned, sent = (sum(report["counts"][name] for report in stage.reports) for name in ("planned", "sent"))
        what = f"{len(stage.reports)} flows"
        found, wanted = f"{what}: {planned}, {sent}", f"{len(stage.flows)} flows: 0, 0"
        return Row(system=PROGRAM, what=_typed(stage), name="planned, sent", found=found, wanted=wanted)

    return look


def untouched(system: str) -> Look:
    """Look whether the program wrote anything to a system in this step."""

    def look(stage: Stage) -> Row:
        counted = stage.seen().counted()
        found = words({name: n for name, n in counted.items() if (name in _IN_ECM) == (system == ECM)})
        return Row(system=system, what="all five customers", name="written", found=found, wanted="nothing")

    return look


def sent(stage: Stage, wanted: str) -> Row:
    """Show the last command of the step, how often it was given, and what its run reports say was sent."""
    return Row(system=PROGRAM, what=_typed(stage), name="sent", found=stage.sent(), wanted=wanted)


def failed(stage: Stage, codes: Sequence[int]) -> list[Row]:
    """Show the commands that ended with another exit code than those of the step, and why."""
    wanted = " or ".join(map(str, codes))
    wrong = [(done, f"{done.code}: {done.reason}") for done in stage.done if done.code not in codes]
    return [
        Row(system=PROGRAM, what=f"$ {done.typed}", name="exit code", found=found, wanted=wanted)
        for done, found in wrong
    ]


def books(stage: Stage, wanted: str) -> Row:
    """Show what both systems took of the program in this step, all in all."""
    found = words(stage.seen().counted())
    return Row(system="both", what="all five customers", name="received", found=found, wanted=wanted)


def _typed(stage: Stage) -> str:
    """Return the last run of the step, else its last command, and that it was given twice."""
    if not stage.done:
        return NONE
    last = next((done for done in reversed(stage.done) if done.reports), stage.done[-1]).typed
    twice = ", twice" if sum(done.typed == last for done in stage.done) == 2 else ""
    return f"$ {last}{twice}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or NONE
