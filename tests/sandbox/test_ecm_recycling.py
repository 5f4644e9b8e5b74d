"""The recycle bin: same answer as forbidden, same id when it comes back (section 13, 18)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sandbox.desk import Desk, ids, names

BIN = "/v2/volumes/recyclebin/nodes"


@pytest.fixture
def alpha(desk: Desk) -> int:
    return desk.make("Alpha", {"Onboarding.Stage": "KYC"})


def restored(desk: Desk, *numbers: int) -> Any:
    return desk.post(f"{BIN}/restore", {"body": json.dumps({"ids": numbers})})["results"]["data"]


def test_a_deleted_document_answers_like_a_forbidden_one_everywhere(desk: Desk, alpha: int) -> None:
    gone, hidden = desk.file(alpha, "a.pdf"), desk.file(alpha, "b.pdf")
    desk.office("delete", gone)
    desk.office("hide", hidden)
    for path in ("", "/nodes", "/categories", "/versions"):
        answers = [desk.refused("GET", f"/v2/nodes/{number}{path}") for number in (gone, hidden)]
        assert len({(status, text.rsplit(" ", 1)[0]) for status, text in answers}) == 1
    assert ids(desk.get(f"/v2/nodes/{alpha}/nodes")) == []


def test_a_restored_workspace_has_its_id_its_content_and_its_dates(desk: Desk, alpha: int) -> None:
    inner = desk.office("folder", parent=alpha, name="Papers")
    made = desk.file(inner, "a.pdf")
    before = desk.get(f"/v2/nodes/{alpha}?fields=properties&fields=categories")["results"]
    desk.ask("DELETE", f"/v2/nodes/{alpha}")
    assert {alpha, inner, made} <= set(ids(desk.get(f"{BIN}?limit=100")))
    desk.later(60)
    assert restored(desk, alpha)["success"]["ids"] == [alpha]
    assert desk.get(f"/v2/nodes/{alpha}?fields=properties&fields=categories")["results"] == before
    assert ids(desk.get(f"/v2/nodes/{inner}/nodes")) == [made]


def test_what_was_deleted_before_its_workspace_does_not_come_back_with_it(desk: Desk, alpha: int) -> None:
    early, late = desk.file(alpha, "early.pdf"), desk.file(alpha, "late.pdf")
    desk.office("delete", early)
    desk.ask("DELETE", f"/v2/nodes/{alpha}")
    restored(desk, alpha)
    assert ids(desk.get(f"/v2/nodes/{alpha}/nodes")) == [late]
    assert restored(desk, early)["success"]["ids"] == [early]
    assert names(desk.get(f"/v2/nodes/{alpha}/nodes")) == ["early.pdf", "late.pdf"]


def test_a_restore_answers_200_and_tells_per_id_what_failed(desk: Desk, alpha: int) -> None:
    taken, inside = desk.file(alpha, "a.pdf"), desk.file(desk.make("Beta"), "b.pdf")
    beta = desk.store.nodes[inside].parent_id
    desk.office("delete", taken)
    desk.file(alpha, "A.PDF")
    desk.person.perform([{"do": "delete", "id": beta}])
    outcome = restored(desk, taken, inside, beta, 1)
    assert outcome["success"]["ids"] == [beta]
    assert outcome["failure"]["ids"] == [taken, inside, 1]
    assert outcome["failure"]["errors"][str(taken)] == {"message": "An item with the name 'a.pdf' already exists."}


def test_a_new_document_under_the_name_of_a_deleted_one_has_another_id(desk: Desk, alpha: int) -> None:
    first = desk.file(alpha, "a.pdf")
    desk.office("delete", first)
    assert desk.file(alpha, "a.pdf") != first
