"""Success and what it says of customers: dates for Braze, and what stops the rules of other flows; what is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ecmbraze.errors import ConfigurationError
from tests.flows.test_success_rounds import CUSTOMER, OPENED, RULE, SECTION, STATUS, Desk, with_rule
from tests.twins.house import settings
from tests.twins.wire import Fault, Trouble

HOME_BY_EMAIL = {"workspace_type": "Home", "customer": {"attribute": "Home.Mail", "as": "email"}}
OPEN = {"customer.open_since": {"is": "set"}}


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
    stopped = {**rule, "suppress_when": OPEN}
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
    assert skip.reason.startswith("suppressed: customer.open_since is set")
    by_email: dict[str, Any] = {**cases, "customer": {"attribute": CUSTOMER, "as": "email"}}
    two = {**SECTION, "also": [{"workspace_types": ["Home"], "customer": {"attribute": "Home.Mail", "as": "email"}}]}
    for sections, said in (
        ({"cases": cases}, "made by the flow `success`"),
        ({"cases": by_email, "success": SECTION}, "by external_id .* knows them by email: what is open of them"),
        ({"cases": cases, "success": two}, "by email .* knows them by external_id"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            settings(sections)


def letters(tmp_path: Path, **guards: Any) -> tuple[Desk, int]:
    """Return a desk with a marketing letter of `cases` about homes, and the home of C-3: no type of `success`."""
    rule = {"name": "letter", "when": {"Home.Letter": "Yes"}, "send": {"event": "letter"}, "suppress_when": OPEN}
    cases = {"workspace_types": ["Home"], "customer": "Home.Customer Number", "rules": [rule]}
    desk = Desk(tmp_path, SECTION, {"cases": cases})
    desk.house.config = settings({"cases": cases, "success": SECTION}, guards=guards)
    desk.ecm.add_category("Home", ["Customer Number", "Letter"])
    home = desk.ecm.create("Home", {"Home.Customer Number": "C-3", "Home.Letter": "No"})
    for _ in range(2):
        desk.house.start()
        desk.house.clock.advance(timedelta(hours=1))
    return desk, home


def test_a_flow_that_is_started_alone_knows_what_was_opened_a_minute_ago(tmp_path: Path) -> None:
    desk, home = letters(tmp_path)
    ticket = desk.ticket("C-3", days=0)
    desk.ecm.edit(home, {"Home.Letter": "Yes"})

    [skip] = desk.house.start("cases").report.skipped

    assert skip.reason == "suppressed: customer.open_since is set"
    assert not desk.braze.messages
    desk.close(ticket)
    desk.ecm.edit(home, {"Home.Letter": "No"})
    desk.house.start("cases")
    desk.ecm.edit(home, {"Home.Letter": "Yes"})
    desk.house.start("cases")
    assert not desk.braze.messages  # it happens once, and was suppressed


def test_no_message_leaves_while_the_cases_it_is_stopped_by_cannot_be_listed(tmp_path: Path) -> None:
    desk, home = letters(tmp_path)
    desk.ecm.edit(home, {"Home.Letter": "Yes"})
    desk.house.wire.faults.append(Fault(call="ecm listing", trouble=Trouble.FAILED, skip=1))  # homes come first

    assert desk.house.start("cases").codes == (5,)
    assert not desk.braze.messages
    assert desk.house.start("cases").codes == (0,)
    assert [one.recipient for one in desk.braze.messages] == ["C-3"]


def test_what_is_left_of_an_earlier_plan_is_held_against_what_is_open_now_while_a_newer_plan_waits(
    tmp_path: Path,
) -> None:
    desk, home = letters(tmp_path, max_messages=2)
    crowd = [desk.ecm.create("Home", {"Home.Customer Number": "C-4", "Home.Letter": "No"}) for _ in range(3)]
    desk.house.start()
    for homes, code in (([home], 5), (crowd, 6), ([], 6)):
        for one in homes:
            desk.ecm.edit(one, {"Home.Letter": "Yes"})
            desk.house.wire.faults.append(Fault(call="braze track", trouble=Trouble.NOT_SENT))
        if not homes:
            desk.ticket("C-3", days=0)
        assert desk.house.start("cases").codes == (code,)
        desk.house.wire.faults.clear()

    assert not desk.braze.messages
    assert [one.state for one in desk.house.fates() if one.rule == "letter"] == ["superseded"]


def test_a_message_waits_while_a_date_of_an_open_case_is_none_and_goes_once_the_case_is_closed(
    tmp_path: Path,
) -> None:
    desk, home = letters(tmp_path)
    ticket = desk.ticket("C-3", days=0)
    desk.ecm.edit(home, {"Home.Letter": "Yes"})
    for changes, reason, messages in (
        ({OPENED: "soon"}, "what is open of this person cannot be told", 0),
        ({}, "what is open of this person cannot be told", 0),
        ({STATUS: "Closed"}, "", 1),
        ({}, "", 1),
    ):
        if changes:
            desk.ecm.edit(ticket, changes)
        desk.house.clock.advance(timedelta(hours=1))
        skipped = [one.reason for one in desk.house.start("cases").report.skipped if one.rule == "letter"]
        assert len(desk.braze.messages) == messages
        assert [one for one in skipped if reason in one] == skipped
        assert bool(skipped) is bool(reason)


def test_a_rule_is_loaded_only_where_it_says_what_is_known(tmp_path: Path) -> None:
    wrong: Sequence[tuple[dict[str, Any], str]] = (
        ({"engagement": {"segment": "a", "currents": {"silent": "3d"}}}, "exactly one of segment"),
        ({"overdue": "3d"}, "exactly one of unresolved and overdue"),
        ({"follow_up": {**RULE["follow_up"], "text": "${customer.open}"}}, "did you mean"),
        ({"follow_up": {**RULE["follow_up"], "assign": {"role": "a", "group": "b"}}}, "exactly one of role"),
        ({"engagement": {"currents": {"silent": "3d"}}}, "needs `currents_files`"),
        ({"follow_up": {**RULE["follow_up"], "in": HOME_BY_EMAIL}}, "by email, their cases by external_id"),
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
