"""What watching costs: the requests for many open gates, counted without a server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from ecmbraze.engine.scan.document_looks import DocumentLooks
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.model import Document, DocumentHit, DocumentRow, Record, Version, WorkspaceKey, keys
from ecmbraze.needs import TypeNeeds
from ecmbraze.planning.customers import Customer
from ecmbraze.planning.document_kinds import DocumentKind
from ecmbraze.ports import WorkspaceReader
from tests.rehearsal import SOAK

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
GATES = 20_000 if SOAK else 2_000
NEEDS = TypeNeeds(
    name="Contract",
    facts=frozenset(),
    customers=(Customer(attribute="C.N"),),
    documents=(DocumentKind(name="Agreement*"), DocumentKind(name="Proof*")),
    watched=(DocumentKind(name="Agreement*"), DocumentKind(name="Proof*")),
)


class Counting:
    """An ECM on which nothing happened but to a few documents; it counts what it is asked."""

    def __init__(self, changed: Mapping[int, DocumentRow | None]) -> None:
        self.changed, self.asked = changed, list[str]()

    def document_rows(self, ids: Sequence[int]) -> Mapping[int, DocumentRow]:
        self.asked.append("nodes/list")
        assert len(ids) <= 250
        rows = ((number, self.changed.get(number, _row(number))) for number in ids)
        return {number: row for number, row in rows if row is not None}

    def documents_changed_since(self, day: date) -> Iterator[DocumentHit]:
        self.asked.append("search")
        yield from ()


def _row(number: int, name: str = "") -> DocumentRow:
    told = name or ("Agreement" if number % 2 else "Proof")
    return DocumentRow(id=number, name=told, mime_type="x", created_at=NOW, modified_at=NOW)


def _document(number: int) -> Document:
    return Document(row=_row(number), version=Version(number=1, major=0, minor=0, created_at=NOW, told="1"))


def _mirrored(tmp_path: Path) -> Ledger:
    """A ledger with contracts of two documents each, which were looked for once."""
    ledger = Ledger.create(tmp_path / "state.db", {}, NOW)
    plan = PlanFile(ledger.plan_path("fill"))
    for number in range(1, GATES + 1):
        record = Record(
            key=WorkspaceKey(id=number),
            stream=keys.workspaces("Contract"),
            name="V",
            created_at=NOW,
            modified_at=NOW,
            facts={},
            customers=(),
            documents=(_document(10**6 + 2 * number), _document(10**6 + 2 * number + 1)),
        )
        plan.put_record(record, {})
    plan.put_looked("documents", "workspaces/Contract", NOW)
    ledger.stage(plan).everything([], NOW)
    plan.discard()
    return ledger


@pytest.mark.soak
def test_open_gates_of_two_documents_cost_a_request_for_125_and_what_moved_is_found(tmp_path: Path) -> None:
    ledger = _mirrored(tmp_path)
    gone, renamed = 10**6 + 2 * 77, 10**6 + 2 * (GATES - 1) + 1
    ecm = Counting({gone: None, renamed: _row(renamed, "Draft")})
    plan = PlanFile(ledger.plan_path("look"))
    looks = DocumentLooks(
        reader=cast(WorkspaceReader, ecm), mirror=ledger.mirror, plan=plan, zone=UTC, tick=lambda: None
    )

    looks.queue([NEEDS], {"Contract": NOW})

    todo: list[Any] = plan.todo("workspaces/Contract", 0, 10)
    plan.discard()
    assert ecm.asked == ["nodes/list"] * (GATES // 125) + ["search"]
    assert [record for _, record, _ in todo] == ["ws:77", f"ws:{GATES - 1}"]
    assert looks.notes == []
