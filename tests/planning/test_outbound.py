"""The declaration of what a flow writes: who writes the same thing, which way it goes, what an action is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ecmbraze.config import load
from ecmbraze.errors import ConfigurationError
from ecmbraze.flow import Flow
from ecmbraze.flows import BY_NAME
from ecmbraze.model import Action, Json, Kind
from ecmbraze.planning.outbound import Direction, Outbound, Sort, directions, written

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"
ENVIRON = {"ECM_PASSWORD": "x", "BRAZE_API_KEY": "y"}
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def _row(sort: Sort, name: str = "n", rule: str = "r") -> Outbound:
    return Outbound(sort=sort, name=name, fact="f", rule=rule)


def _writing(flow: str, *rows: Outbound) -> Flow[Any]:
    return replace(BY_NAME[flow], outbound=lambda *_: rows)


def _problems(*flows: Flow[Any]) -> list[str]:
    """Return what the loader says of the example when these of its flows write something else."""
    try:
        load(EXAMPLE, flows=BY_NAME | {flow.name: flow for flow in flows}, environ=ENVIRON)
    except ConfigurationError as refused:
        return list(refused.problems)
    return []


@pytest.mark.parametrize("sort", [Sort.ATTRIBUTE, Sort.CATEGORY_ATTRIBUTE, Sort.SUBSCRIPTION])
def test_two_flows_that_write_one_thing_are_refused(sort: Sort) -> None:
    row = _row(sort, "Consent.Mood")

    (said,) = _problems(_writing("onboarding", row), _writing("cases", row))

    assert f": onboarding writes the {sort} Consent.Mood as well (by r): rename it in one of the two" in said


@pytest.mark.parametrize("sort", [Sort.EVENT, Sort.CAMPAIGN, Sort.DOCUMENT, Sort.IDENTIFIER])
def test_two_flows_may_send_the_same_message_and_file_into_the_same_folder(sort: Sort) -> None:
    assert _problems(_writing("onboarding", _row(sort)), _writing("cases", _row(sort))) == []


def test_an_attribute_and_a_category_attribute_of_one_name_are_two_things() -> None:
    mine, other = _row(Sort.ATTRIBUTE), _row(Sort.CATEGORY_ATTRIBUTE)

    assert _problems(_writing("onboarding", mine), _writing("cases", other)) == []


def test_a_clash_is_placed_where_the_second_flow_names_the_attribute() -> None:
    row = _row(Sort.CATEGORY_ATTRIBUTE, "Contract.Last Contact")

    (problem,) = _problems(_writing("onboarding", row), _writing("lifecycle", row))

    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    line = 1 + next(number for number, text in enumerate(lines) if "Contract.Last Contact" in text)
    assert problem.startswith(f"config.example.yaml:{line}: flows.lifecycle.rules[2].inactive.activity: onboarding ")


@pytest.mark.parametrize(
    ("sorts", "way"),
    [
        ([], None),
        ([Sort.IDENTIFIER], None),
        ([Sort.IDENTIFIER, Sort.ATTRIBUTE, Sort.EVENT_TIME], Direction.TO_BRAZE),
        ([Sort.IDENTIFIER, Sort.CATEGORY_ATTRIBUTE, Sort.DOCUMENT], Direction.TO_ECM),
        ([Sort.CATEGORY_ATTRIBUTE, Sort.SUBSCRIPTION], Direction.BOTH),
    ],
)
def test_the_way_of_a_flow_is_that_of_what_it_writes(sorts: list[Sort], way: Direction | None) -> None:
    assert directions(_row(sort) for sort in sorts) is way


@pytest.mark.parametrize(
    ("kind", "payload", "names"),
    [
        (Kind.ATTRIBUTE, "v", {(Sort.ATTRIBUTE, "n")}),
        (
            Kind.EVENT,
            {"name": "n", "time": "t", "properties": {"p": 1}},
            {(Sort.EVENT, "n"), (Sort.EVENT_TIME, "n"), (Sort.EVENT_PROPERTY, "n.p")},
        ),
        (
            Kind.CAMPAIGN,
            {"properties": {"p": 1}, "attributes": {"ecm_a": 2}},
            {(Sort.CAMPAIGN, "n"), (Sort.CAMPAIGN_PROPERTY, "n.p"), (Sort.ATTRIBUTE, "ecm_a")},
        ),
        (
            Kind.CANVAS,
            {"properties": {"p": 1}, "attributes": {"ecm_a": 2}},
            {(Sort.CANVAS, "n"), (Sort.CANVAS_PROPERTY, "n.p"), (Sort.ATTRIBUTE, "ecm_a")},
        ),
        (Kind.WITHDRAWAL, "unsubscribed", {(Sort.SUBSCRIPTION, "n")}),
        (Kind.CATEGORY, {"C.A": 1, "C.B": 2}, {(Sort.CATEGORY_ATTRIBUTE, "C.A"), (Sort.CATEGORY_ATTRIBUTE, "C.B")}),
        (Kind.DOCUMENT, {"folder": "History", "content": "x"}, {(Sort.DOCUMENT, "History")}),
    ],
)
def test_an_action_is_declared_with_everything_in_it(kind: Kind, payload: Json, names: set[tuple[Sort, str]]) -> None:
    action = Action(
        flow="f",
        record="ws:1",
        rule="r",
        occurrence="1",
        kind=kind,
        recipient="C",
        name="n",
        payload=payload,
        expires_at=NOW,
        reason="",
    )

    assert set(written(action)) == names
