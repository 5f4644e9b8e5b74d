"""What people did in both systems while ecmbraze of state version 5 ran; its state file is state_v5.sql beside this.

The file was made once, at commit bf90ade, by ``play`` with a ``run`` that starts the program. It is never made again:
it stands for the state files that are out there.
"""

from __future__ import annotations

import copy
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.rehearsal import CANVAS, CONTRACT, KYC, START, Rehearsal

WORLD = ("--workspaces", "64", "--customers", "64")
DUMP = Path(__file__).parent / "state_v5.sql"
COLUMNS = [CONTRACT, KYC, "Onboarding.Customer Number", "Onboarding.Stage", "Onboarding.Contract Approved On"]
CASES: dict[str, Any] = {
    "workspace_types": ["Case"],
    "customer": "Case.Customer Number",
    "status": "Case.Status",
    "closed": {"Case.Status": ["Resolved", "Closed"]},
    "rules": [
        {
            "name": "resolved",
            "when": {"Case.Status": "Resolved"},
            "repeat": True,
            "send": {"event": "case_resolved", "canvas": CANVAS, "consent": {"transactional": "they wait for it"}},
        },
        {"name": "claim_form", "document": {"name": "Claim Form*"}, "send": {"event": "claim_form"}},
    ],
}
LIFECYCLE: dict[str, Any] = {
    "workspace_types": ["Contract"],
    "customer": "Contract.Customer Number",
    "rules": [
        {
            "name": "contract_expiry",
            "when": {"Contract.Status": "Active"},
            "before": {"date": "Contract.Contract End", "days": [30], "at": "10:00", "grace": "3d"},
            "send": {"event": "contract_expiry", "canvas": CANVAS, "consent": {"transactional": "the contract ends"}},
        },
    ],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Whom the story is about: by their number in Braze."""

    told: str
    """Got the contract campaign."""
    held: str
    """Their campaign was never seen in Braze, a person must decide."""
    doubted: str
    """Their campaign got no answer minutes ago."""
    due: str
    """Their contract ends."""
    unknown: str
    """Braze does not know them yet; something waits for them."""
    resolved: tuple[str, ...]
    """Their cases were resolved in such numbers that a guard stopped the plan."""


def prepare(stage: Rehearsal) -> None:
    """Make what the configuration of that time speaks of, and the configuration."""
    box = stage.box
    box.switch(columns=COLUMNS)
    box.add_category("Case", [{"name": "Customer Number"}, {"name": "Status"}])
    box.add_category(
        "Contract", [{"name": "Customer Number"}, {"name": "Status"}, {"name": "Contract End", "type": "Date"}]
    )
    for name in ("Case", "Contract"):
        box.add_type(name, [name])
    stage.config["flows"] |= {"cases": copy.deepcopy(CASES), "lifecycle": copy.deepcopy(LIFECYCLE)}
    stage.config["guards"] = {"max_messages": 5, "max_audience_share": 1.0}


def play(stage: Rehearsal, run: Callable[..., None]) -> People:
    """Do what people did; ``run`` is called where the program ran, with the fault that it met and its exit code."""
    box, free = stage.box, stage.open_workspaces()
    people = People(
        told=stage.customer(free[0]),
        held=stage.customer(free[1]),
        doubted=stage.customer(free[2]),
        due=stage.customer(free[3]),
        resolved=tuple(stage.customer(number) for number in free[4:8]),
        unknown=stage.customer(free[9]),
    )
    box.call("DELETE", f"/braze/users/{people.unknown}")
    early = _moment(-timedelta(days=2))
    box.create_workspace(
        "Contract",
        name="Vertrag",
        created=early,
        modified=early,
        values={
            "Contract.Customer Number": people.due,
            "Contract.Status": "Active",
            "Contract.Contract End": f"{START + timedelta(days=40):%Y-%m-%d}",
        },
    )
    cases = [
        box.create_workspace(
            "Case",
            name=f"Fall {person}",
            created=early,
            modified=early,
            values={"Case.Customer Number": person, "Case.Status": "Open"},
        )
        for person in people.resolved
    ]
    box.file(cases[0], "Claim Form 1.pdf", created=early)
    box.advance(600)
    run()
    box.file(cases[1], "Claim Form 2.pdf", created=_moment(timedelta(minutes=12)))
    _edit(box, free[0], {CONTRACT: "Approved", "Onboarding.Stage": "Contract"}, minutes=15)
    _edit(box, free[8], {CONTRACT: "Approved", "Onboarding.Customer Number": ""}, minutes=15)
    _edit(box, free[9], {KYC: "Completed"}, minutes=15)
    box.advance(900)
    run(code=3)
    _edit(box, free[1], {CONTRACT: "Approved"}, minutes=30)
    box.advance(900)
    run("reset_before", code=4)
    box.advance(7 * 3600)
    run(code=4)
    _edit(box, free[2], {CONTRACT: "Approved"}, hours=8)
    box.advance(3600)
    run("reset_after", code=4)
    for case in cases:
        _edit(box, case, {"Case.Status": "Resolved"}, hours=8, minutes=41)
    box.advance(60)
    run(code=6)
    return people


def _edit(box: Any, workspace: int, values: dict[str, str], **after: float) -> None:
    box.edit_workspace(workspace, values, modified=_moment(timedelta(**after)))


def _moment(after: timedelta) -> str:
    return (START + after).isoformat()


def restored(stage: Rehearsal) -> None:
    """Put the state file of that time where the program looks for it, and into Braze what it had taken by then."""
    stage.state.touch(0o600)
    with closing(sqlite3.connect(stage.state)) as file:
        file.executescript(DUMP.read_text(encoding="utf-8"))
        for name, url in (("ecm", stage.box.ecm), ("braze", stage.box.braze)):
            file.execute("UPDATE identity SET value = ? WHERE name = ?", (url, name))
        file.commit()
        taken = [(*target.split("/attribute/"), json.loads(value)) for target, value in file.execute(_ACCEPTED)]
        taken += [(person, f"ecmbraze_{flow}", attempt) for person, flow, attempt in file.execute(_DOUBTS)]
    for person, name, value in taken:
        stage.box.call("PUT", f"/braze/users/{person}", {"custom_attributes": {name: value}})


_ACCEPTED = "SELECT target, value FROM accepted"
_DOUBTS = "SELECT recipient, flow, attempt FROM outbox WHERE state = 'in doubt'"
