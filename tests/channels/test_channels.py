"""Every kind has a channel, and beside the channels nothing that delivers, recovers or reports knows a kind."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import ecmbraze
from ecmbraze.engine.deliver.channels import channel_of
from ecmbraze.engine.run_report import BY_ACTION
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.model import Delivery, Kind, Phase, State, System
from tests.channels.desk import category, document, withdrawal

ROOT = Path(ecmbraze.__file__).parent
CHANNELS = ROOT / "engine" / "deliver" / "channels"
NAMELESS = [
    file
    for folder in ("engine", "report", "ledger", "cli")
    for file in sorted((ROOT / folder).rglob("*.py"))
    if not file.is_relative_to(CHANNELS)
]


@pytest.mark.parametrize("file", NAMELESS, ids=lambda file: str(file.relative_to(ROOT)))
def test_nothing_but_a_channel_names_a_kind(file: Path) -> None:
    named = [
        f"line {node.lineno}: Kind.{node.attr}"
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "Kind"
        and node.attr in Kind.__members__
    ]

    assert named == []


@pytest.mark.parametrize("kind", Kind)
def test_a_channel_says_of_doubt_and_screen_what_its_class_and_its_system_demand(kind: Kind) -> None:
    channel = channel_of(kind)

    assert channel.group in BY_ACTION
    assert (channel.screening is not None) == (kind.system is System.BRAZE)
    match kind.delivery:
        case Delivery.LATEST:
            assert channel.doubt is None
        case Delivery.UNIQUE:
            assert channel.doubt is not None
            assert (channel.doubt.by_marker, channel.doubt.absent) == (False, State.READY)
        case Delivery.ONCE:
            assert channel.doubt is not None
            assert (channel.doubt.by_marker, channel.doubt.absent) == (True, State.HELD)


def test_what_goes_to_ecm_is_no_message_and_goes_after_the_profiles() -> None:
    kinds = [kind for kind in Kind if kind.system is System.ECM]

    assert {kind.phase for kind in kinds} == {Phase.RECORDS}
    assert not any(kind.is_message for kind in [*kinds, Kind.WITHDRAWAL])


def test_a_person_is_told_where_to_look_for_what_is_in_doubt() -> None:
    said = channel_of(Kind.DOCUMENT).advice(document(4711))

    assert "Extended ECM" in said
    assert "'day email.txt' in the folder 'Consent History' of workspace 4711" in said


def test_a_plan_counts_no_message_in_what_goes_to_ecm_or_withdraws(tmp_path: Path) -> None:
    plan = PlanFile(tmp_path / "plan")
    for action in (document(), category(), withdrawal()):
        plan.put_action(action)

    assert (plan.planned("f"), plan.messages("f"), list(plan.messages_of("f"))) == (3, (0, 0), [])
    plan.discard()


def test_of_several_values_of_one_category_a_plan_keeps_the_newest(tmp_path: Path) -> None:
    plan = PlanFile(tmp_path / "plan")
    for status in ("Withdrawn", "Opted in"):
        plan.put_action(category(status=status))

    assert [action.payload for action in plan.actions("f")] == [{"Consent.Email Status": "Opted in"}]
    plan.discard()
