"""Success and what it says of customers: dates for Braze, and what stops the rules of other flows; what is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ecmbraze.errors import ConfigurationError
from tests.flows.test_success_rounds import CUSTOMER, RULE, SECTION, STATUS, Desk, with_rule
from tests.twins.house import settings


def test_what_is_overdue_is_found_the_day_after_and_told_to_braze(tmp_path: Path) -> None:
    rule = {name: value for name, value in RULE.items() if name != "unresolved"}
    desk = Desk(tmp_path, {**SECTION, "rules": [{**rule, "overdue": "1d"}]})
    ticket = desk.ticket("C-1", days=1, due=1)
    desk.round()
    assert "ecm_overdue_ticket" not in desk.braze.people["C-1"].attributes

    desk.round(48)
    assert str(desk.braze.people["C-1"].attributes["ecm_overdue_ticket"]).startswith("2026-11-22")
    assert desk.open == []
    desk.round(24)
    assert desk.open == [(ticket, "Retention")]
    desk.close(ticket)
    desk.round()
    assert not {"ecm_open_ticket", "ecm_overdue_ticket"} & desk.braze.people["C-1"].attributes.keys()


def test_a_rule_of_any_flow_may_be_stopped_by_what_is_open_of_a_person(tmp_path: Path) -> None:
    rule = {"name": "letter", "when": {"Ticket.Letter": "Yes"}, "send": {"event": "letter"}}
    stopped = {**rule, "suppress_when": {"customer.open_since": {"is": "set"}}}
    cases = {"workspace_types": ["Ticket"], "customer": CUSTOMER, "rules": [stopped]}
    desk = Desk(tmp_path, SECTION, {"cases": cases})
    desk.house.start()
    desk.house.clock.advance(timedelta(hours=1))
    desk.ticket("C-1", days=0)
    mine = {str(one.values[CUSTOMER]): one.id for one in desk.ecm.spaces.values() if one.values[STATUS] == "Closed"}
    for person in ("C-1", "C-3"):
        desk.ecm.edit(mine[person], {"Ticket.Letter": "Yes"})

    outcome = desk.house.start("cases")  # success does not run; its cases are of a type that `cases` lists

    assert [one.recipient for one in desk.braze.messages] == ["C-3"]
    [skip] = [one for one in outcome.report.skipped if one.rule == "letter"]
    assert skip.reason.startswith("suppressed: customer.open_since is is set")
    with pytest.raises(ConfigurationError, match="made by the flow `success`"):
        settings({"cases": cases})


def test_a_rule_is_loaded_only_where_it_says_what_is_known(tmp_path: Path) -> None:
    wrong: Sequence[tuple[dict[str, Any], str]] = (
        ({"engagement": {"segment": "a", "currents": {"silent": "3d"}}}, "exactly one of segment"),
        ({"overdue": "3d"}, "exactly one of unresolved and overdue"),
        ({"follow_up": {**RULE["follow_up"], "text": "${customer.open}"}}, "did you mean"),
        ({"follow_up": {**RULE["follow_up"], "assign": {"role": "a", "group": "b"}}}, "exactly one of role"),
        ({"engagement": {"currents": {"silent": "3d"}}}, "needs `currents_files`"),
    )
    for changes, said in wrong:
        with pytest.raises(ConfigurationError, match=said):
            settings({"success": with_rule(**changes)})


def test_who_is_named_no_more_loses_the_date_and_the_follow_up(tmp_path: Path) -> None:
    desk = Desk(tmp_path, SECTION)
    ticket = desk.ticket("C-1")
    desk.round()
    assert "ecm_open_ticket" in desk.braze.people["C-1"].attributes

    desk.ecm.edit(ticket, {CUSTOMER: None})

    assert desk.round().codes == (3,)
    assert "ecm_open_ticket" not in desk.braze.people["C-1"].attributes
    assert desk.standing == [(ticket, "Retention", False)]
