"""The ``where_column_query`` language (api/ecm.md 3.2)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.sandbox.desk import Desk, names


def ask(desk: Desk, query: str) -> list[str]:
    return names(desk.page(f"where_column_query={quote(query)}"))


@pytest.fixture
def alphas(desk: Desk) -> Desk:
    desk.store.switches.change({"columns": ["Onboarding.Contract Value", "Onboarding.VIP"]})
    desk.make("Alpha (C-1)", {"Onboarding.Contract Value": 10, "Onboarding.VIP": True}, created="2026-03-01T09:00:00Z")
    desk.make("Alpha * star", {"Onboarding.Contract Value": 20}, created="2026-03-02T09:00:00Z")
    desk.make("alpha lower's", {"Onboarding.Contract Value": 30}, created="2026-03-03T09:00:00Z")
    return desk


def column(desk: Desk, attribute: str) -> str:
    shown: dict[str, Any] = desk.page("metadata")["meta_data"]["properties"]
    return next(name for name, c in shown.items() if c["name"] == attribute and name.startswith("wnf_att_"))


def test_like_knows_star_question_mark_and_an_escape(alphas: Desk) -> None:
    assert ask(alphas, "name LIKE 'Alpha*'") == ["Alpha (C-1)", "Alpha * star"]
    assert ask(alphas, "name LIKE 'Alpha ?C-?)'") == ["Alpha (C-1)"]
    assert ask(alphas, r"name LIKE 'Alpha \* *'") == ["Alpha * star"]
    assert ask(alphas, "name = 'alpha lower''s'") == ["alpha lower's"]


def test_case_matters_unless_switched(alphas: Desk) -> None:
    assert len(ask(alphas, "name LIKE 'ALPHA*'")) == 0
    alphas.store.switches.change({"column_query_ignores_case": True})
    assert len(ask(alphas, "name LIKE 'ALPHA*'")) == 3


def test_conditions_join_with_and_or_not_and_parentheses(alphas: Desk) -> None:
    value = column(alphas, "Contract Value")
    assert ask(alphas, f"name LIKE '?lpha*' AND ({value} = 10 OR {value} >= 30)") == ["Alpha (C-1)", "alpha lower's"]
    assert ask(alphas, f"name LIKE '?lpha*' AND NOT {value} < 30") == ["alpha lower's"]
    assert ask(alphas, f"name LIKE '?lpha*' AND {value} <> 10 {value} DESC") == ["alpha lower's", "Alpha * star"]


def test_booleans_and_dates_compare_unquoted(alphas: Desk) -> None:
    vip = column(alphas, "VIP")
    assert ask(alphas, f"name LIKE '?lpha*' AND {vip} = TRUE") == ["Alpha (C-1)"]
    assert ask(alphas, "name LIKE '?lpha*' AND create_date >= 2026-03-02") == ["Alpha * star", "alpha lower's"]
    assert ask(alphas, "name LIKE '?lpha*' AND create_date > 2026-03-02T10:00:00") == ["alpha lower's"]


@pytest.mark.parametrize(
    "query", ["name LIKE", "name ~ 'x'", "name = 'x' AND", "(name = 'x'", "nonsense = 'x'", "name = 'x' name UP", "%"]
)
def test_a_query_that_cannot_be_read_is_a_400(alphas: Desk, query: str) -> None:
    status, _ = alphas.refused("GET", f"/v2/businessworkspaces?expanded_view=true&where_column_query={quote(query)}")
    assert status == 400


def test_modify_date_is_refused_unless_the_tenant_allows_it(alphas: Desk) -> None:
    query = "name LIKE '?lpha*' AND modify_date >= 2026-03-02T00:00:00"
    path = f"/v2/businessworkspaces?expanded_view=true&where_column_query={quote(query)}"
    assert alphas.refused("GET", path)[0] == 400
    alphas.store.switches.change({"column_query_modify_date": True})
    assert ask(alphas, query) == ["Alpha * star", "alpha lower's"]


def test_the_query_looks_at_values_as_they_are_now(alphas: Desk) -> None:
    value = column(alphas, "Contract Value")
    assert ask(alphas, f"{value} = 77") == []
    made = alphas.make("Later", {"Onboarding.Contract Value": 1})
    alphas.person.edit(made, {"values": {"Onboarding.Contract Value": 77}})
    assert ask(alphas, f"{value} = 77") == ["Later"]
