"""The crash harness over cases, lifecycle and approvals in one round: documents, reminders, gates."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.crashing.harness import OUTCOMES, Harness, Work, ground
from tests.crashing.warm import warm
from tests.rehearsal import CAMPAIGN, CANVAS, KYC_CAMPAIGN, SOAK, Rehearsal

# `make test` kills at some five points, evenly over the run, each outcome in turn; `make soak` at each point with
# each outcome.
_PEOPLE = 2800 if SOAK else 120
GROUND = "they wait for it"
FLOWS: dict[str, Any] = {
    "cases": {
        "every": "1s",
        "workspace_types": ["Case"],
        "customer": "Case.Customer Number",
        "status": "Case.Status",
        "rules": [
            {
                "name": "resolved",
                "when": {"Case.Status": "Resolved"},
                "send": {"event": "case_resolved", "canvas": CANVAS, "consent": {"transactional": GROUND}},
            },
            {"name": "form", "document": {"name": "Claim Form*"}, "send": {"event": "claim_form"}},
        ],
    },
    "lifecycle": {
        "every": "1s",
        "workspace_types": ["Contract"],
        "customer": "Contract.Customer Number",
        "rules": [
            {
                "name": "expiry",
                "before": {"date": "Contract.End", "days": [30]},
                "send": {"event": "expiry", "campaign": KYC_CAMPAIGN, "consent": {"transactional": GROUND}},
            },
        ],
    },
    "approvals": {
        "every": "1s",
        "workspace_types": ["Contract"],
        "customer": "Contract.Customer Number",
        "gates": [
            {
                "name": "financing",
                "all_of": [{"document": {"name": "Agreement*"}, "approved": {"Approval.Status": "Approved"}}],
                "send": {"event": "financing_open", "campaign": CAMPAIGN, "consent": {"transactional": GROUND}},
            },
        ],
    },
}


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    with ground(tmp_path_factory.mktemp("crash"), _PEOPLE) as stage:
        stage.config["flows"] = FLOWS
        for name in ("Case", "Contract"):
            stage.box.add_category(name, [{"name": "Customer Number"}, {"name": "Status"}, {"name": "End"}])
            stage.box.add_type(name, [name])
        stage.box.add_category("Approval", [{"name": "Status"}])
        people = iter([stage.customer(workspace) for workspace in stage.open_workspaces()])
        _work(stage, people)
        done = stage.ecmbraze("init", "--non-interactive")
        assert done.code == 0, done.stderr
        done = stage.ecmbraze("run")
        assert done.code == 0, done.stderr
        with warm(stage) as program:
            command = ("run", *FLOWS)
            yield Harness(
                stage, program, lambda: _work(stage, people), command=command, attribute="ecm_last_case_status"
            )


def _work(stage: Rehearsal, people: Iterator[str]) -> Work:
    """Make a case with a claim form, and a contract that has a reminder due and an approved agreement."""
    one, two = next(people), next(people)
    end = f"{stage.box.now() + timedelta(days=29):%Y-%m-%d}"
    case = stage.box.create_workspace("Case", values={"Case.Customer Number": one, "Case.Status": "Resolved"})
    contract = stage.box.create_workspace("Contract", values={"Contract.Customer Number": two, "Contract.End": end})
    stage.box.advance(120)  # what comes at once is a copy of the template
    stage.box.file(stage.box.folder(case, "Incoming"), "Claim Form.pdf")
    stage.box.file(contract, "Agreement.pdf", categories=["Approval"], values={"Approval.Status": "Approved"})
    due = {(one, name) for name in ("case_resolved", CANVAS, "claim_form")}
    due |= {(two, name) for name in ("expiry", KYC_CAMPAIGN, "financing_open", CAMPAIGN)}
    return Work(due, {one: "Resolved"})


@pytest.mark.soak
def test_o01_a_kill_in_a_round_of_three_flows_repeats_nothing_and_loses_nothing(harness: Harness) -> None:
    points, rng, names = len(harness.points()), random.Random(20261125), list(OUTCOMES)
    every = [(point, outcome) for point in range(1, points + 1) for outcome in names]
    if not SOAK:
        every = [(point, names[n % len(names)]) for n, point in enumerate(range(3, points + 1, max(points // 5, 1)))]
    for point, outcome in every:
        harness.scenario(point, outcome, rng.randrange(4))

    print(points, harness.figures)
    assert harness.figures.wrong == []
    assert harness.figures.kills > 0.6 * len(every)
