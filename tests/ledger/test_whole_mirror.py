"""What each round asks of all records walks through their table: so many look-ups would cost ten times as much."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.model import Record, WorkspaceKey, keys
from ecmbraze.needs import Needs
from ecmbraze.planning.customers import Customer

NOW = datetime(2026, 11, 29, 10, 0, tzinfo=UTC)
CUSTOMER = Customer.model_validate("Onboarding.Customer Number")
NEEDS = Needs(customers={"Loan": CUSTOMER}, facts=frozenset({"Onboarding.Stage"}))
STREAM = keys.workspaces("Loan")

Ask = Callable[[Ledger, PlanFile], object]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger.create(tmp_path / "state.db", {}, NOW)
    yield ledger
    ledger.close()


@pytest.fixture
def plan(ledger: Ledger) -> Iterator[PlanFile]:
    """The plan of a complete listing."""
    plan = ledger.new_plan("now")
    plan.begin_scan(STREAM, NOW)
    for number in range(1, 4):
        record = Record(
            key=WorkspaceKey(id=number),
            stream=STREAM,
            name=f"Loan {number}",
            created_at=NOW,
            modified_at=NOW,
            facts={CUSTOMER.fact: ("C-1",), "Onboarding.Stage": "Draft"},
            customers=("C-1",),
        )
        plan.put_record(record, {CUSTOMER.fact: ("C-1",)})
        plan.mark_seen(STREAM, [record.key.text])
    plan.end_scan(STREAM, NOW, complete=True)
    yield plan
    plan.discard()


def _ways(ledger: Ledger, plan: PlanFile, ask: Ask) -> list[str]:
    """Return how SQLite goes through `record` for each statement that asks who was missed."""
    statements: list[str] = []
    ledger.database.conn.set_trace_callback(statements.append)
    ask(ledger, plan)
    ledger.database.conn.set_trace_callback(None)
    ledger.database.conn.execute("ATTACH DATABASE ? AS plan", (str(plan.path),))
    asked = [one for one in statements if "missed > 0" in one or ("missed" in one and one.startswith("SELECT key"))]
    asked += [one for one in statements if one.startswith("SELECT count(*) FROM record")]
    explained = [ledger.database.conn.execute(f"EXPLAIN QUERY PLAN {one}").fetchall() for one in asked]
    return [row[3] for rows in explained for row in rows if " record" in row[3]]


@pytest.mark.parametrize(
    ("ask", "way"),
    [
        (lambda ledger, plan: ledger.mirror.known(STREAM), "SCAN record"),
        (lambda ledger, plan: ledger.view(plan, "onboarding", NEEDS).candidates(), "SCAN record"),
        (lambda ledger, plan: ledger.stage(plan).everything([], NOW), "SCAN record"),
        (
            lambda ledger, plan: ledger.mirror.unsettled(STREAM),
            "SEARCH record USING INDEX sqlite_autoindex_record_1 (key=?)",
        ),
    ],
    ids=["how many are known", "which are gone now", "which are back", "which were written to"],
)
def test_no_row_is_looked_up_by_the_index_over_streams(ledger: Ledger, plan: PlanFile, ask: Ask, way: str) -> None:
    assert _ways(ledger, plan, ask) == [way]


def test_a_listing_is_compared_with_what_needs_no_further_look(ledger: Ledger, plan: PlanFile) -> None:
    ledger.stage(plan).everything([], NOW)
    ledger.database.conn.execute("UPDATE record SET again = 1 WHERE key = 'ws:2'")
    ledger.database.conn.execute("UPDATE record SET missed = 2 WHERE key = 'ws:3'")

    (settled,) = ledger.mirror.settled([f"ws:{number}" for number in range(1, 5)])

    assert settled == ("ws:1", "Loan 1", NOW, {CUSTOMER.fact: ["C-1"], "Onboarding.Stage": "Draft"})


def test_what_one_listing_missed_and_the_next_shows_is_not_gone_while_that_is_planned(
    ledger: Ledger, plan: PlanFile
) -> None:
    ledger.stage(plan).everything([], NOW)
    ledger.database.conn.execute("UPDATE record SET missed = 1")
    later = ledger.new_plan("later")
    later.begin_scan(STREAM, NOW)
    later.mark_seen(STREAM, ["ws:1", "ws:2"])
    later.end_scan(STREAM, NOW, complete=True)

    view = ledger.view(later, "onboarding", NEEDS)

    gone = {key: record.gone for key in ("ws:1", "ws:2", "ws:3") if (record := view.record(key))}
    assert gone == {"ws:1": False, "ws:2": False, "ws:3": True}
    assert view.candidates() >= {"ws:3"}
    later.discard()
