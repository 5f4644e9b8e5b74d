"""What a run plans comes in order and from the disk: a first run plans every record there is."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.pending import Pending
from ecmbraze.ledger.view import View
from ecmbraze.model import Facts, Record, WorkspaceKey, keys
from ecmbraze.needs import Needs
from ecmbraze.planning.customers import Customer

NOW = datetime(2026, 11, 29, 10, 0, tzinfo=UTC)
CUSTOMER = Customer.model_validate("Onboarding.Customer Number")
NEEDS = Needs(customers={"Loan": CUSTOMER}, facts=frozenset({"Onboarding.Stage"}))
STREAM = keys.workspaces("Loan")
KEYS = st.one_of(
    st.integers(1, 10**12).map(keys.workspace),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).map("person:{}".format),
    st.from_regex(r"content:campaigns:[0-9a-f]{1,8}", fullmatch=True),
)


def _record(number: int) -> Record:
    facts: Facts = {CUSTOMER.fact: (f"C-{number}",), "Onboarding.Stage": "Draft"}
    return Record(
        key=WorkspaceKey(id=number),
        stream=STREAM,
        name=f"Loan {number}",
        created_at=NOW,
        modified_at=NOW,
        facts=facts,
        customers=(f"C-{number}",),
    )


@contextmanager
def _view(tmp_path: Path, read: int) -> Iterator[View]:
    """Yield the view of a first run that read so many workspaces."""
    ledger = Ledger.create(tmp_path / "state.db", {"ecm": "e", "braze": "b"}, NOW)
    plan = ledger.new_plan("run")
    for first in range(0, read, 500):
        records = [_record(number) for number in range(first, min(first + 500, read))]
        plan.put_records([(record, {CUSTOMER.fact: record.customers}) for record in records])
    try:
        yield ledger.view(plan, "onboarding", NEEDS)
    finally:
        plan.discard()
        ledger.close()


@given(st.lists(KEYS), st.lists(KEYS))
def test_keys_come_once_and_in_the_order_of_planning(some: list[str], others: list[str]) -> None:
    with Pending() as pending:
        pending.add(some)
        pending.add(others)
        assert list(pending) == sorted({*some, *others}, key=keys.order)


def test_of_more_than_the_limit_the_first_come() -> None:
    with Pending(2) as pending:
        pending.add(["ws:10", "ws:9", "ws:100"])
        assert list(pending) == ["ws:9", "ws:10"]


def test_what_is_to_be_planned_is_not_held_in_memory(tmp_path: Path) -> None:
    """In a set and a sorted list 20,000 keys take 4 MB."""
    with _view(tmp_path, 20_000) as view:
        tracemalloc.start()
        try:
            with view.to_plan() as pending:
                planned = sum(1 for _ in view.changes(pending))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert planned == 20_000
        assert peak < 2_000_000
