"""The planner keeps one record's trouble to that record."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ecmbraze.engine.plan.planner import Planner
from ecmbraze.engine.scan.details import as_record
from ecmbraze.flow import Context
from ecmbraze.flows import onboarding
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.model import Change, Decision, WorkspaceDetail, WorkspaceRow
from ecmbraze.needs import of_type

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
OPTIONS = onboarding.Options.model_validate(
    {
        "workspace_types": ["T"],
        "customer": "O.Number",
        "milestones": [{"name": "signed", "when": {"O.Status": "Signed"}, "send": {"event": "signed"}}],
    }
)


@pytest.mark.parametrize("thrown", [OverflowError("C-2 is secret"), TypeError(), AttributeError(), RecursionError()])
def test_whatever_one_record_throws_is_its_quarantine_and_its_neighbours_go_on(
    tmp_path: Path, thrown: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def plan(options: Any, change: Change, *more: Any) -> Decision:
        if change.record.number == 2:
            raise thrown
        return onboarding.FLOW.plan(options, change, *more)

    ledger = Ledger.create(tmp_path / "state.db", {}, NOW)
    scratch = PlanFile(ledger.plan_path("t"))
    needs = onboarding.needs(OPTIONS)
    for number in (1, 2, 3):
        row = WorkspaceRow(id=number, type_id=1, name=f"W{number}", created_at=NOW, modified_at=NOW)
        detail = WorkspaceDetail(row=row, facts={"O.Number": f"C-{number}", "O.Status": "Signed"})
        scratch.put_record(*as_record(detail, of_type("T", [needs])))
    context = Context(now=NOW, zone=UTC, prefix="ecm_", backfill=True, include_messages=True)
    planner = Planner(
        flow=replace(onboarding.FLOW, plan=plan),
        options=OPTIONS,
        needs=needs,
        view=ledger.view(scratch, "onboarding", needs),
        plan=scratch,
        context=context,
        tick=lambda: None,
    )

    with caplog.at_level(logging.ERROR, "ecmbraze"):
        planner.plan_span(NOW - timedelta(days=1), NOW + timedelta(days=1), None)

    assert [action.record for action in scratch.actions("onboarding")] == ["ws:1", "ws:3"]
    assert [
        (record, reason.split(";")[0]) for record, _, _, reason in scratch.skips("onboarding", ["workspaces/T"])
    ] == [("ws:2", f"cannot be planned ({type(thrown).__name__})")]
    assert scratch.counts()["onboarding", "quarantined"] == 1
    fields = caplog.records[0].__dict__["fields"]
    assert "plan" in fields["traceback"]
    assert "C-2" not in str(fields)
    scratch.discard()
    ledger.close()
