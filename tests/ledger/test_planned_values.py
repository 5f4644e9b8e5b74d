"""What a plan file holds is what was written last under each name, whatever was written, asked and left out between."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.outbox import Step
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.ledger.stage import Part
from ecmbraze.model import WENT, Action, Delivery, DocumentBytes, Json, Kind, State
from ecmbraze.needs import Needs
from tests.channels.desk import action_of, attributes_of
from tests.systems.rig import NOW

_PEOPLE = ("C-1", "C-1/attribute/x", "C-2")
_NAMES = ("ecm_a", "ecm_b", "ecm_c")
# Neither what divides a target nor what a row of several begins with is kept out of the names of categories.
_CATEGORIES = ("Consent", "Marketing/Consent", "@Consent")

_values = st.dictionaries(st.sampled_from(_NAMES), st.sampled_from([None, "x", 1, True, ["x"]]))
_Step = tuple[Literal["write", "leave out", "ask", "commit"], str, str, str, dict[str, Json], str]
_steps: st.SearchStrategy[list[_Step]] = st.lists(
    st.tuples(
        st.sampled_from(["write", "write", "write", "leave out", "ask", "commit"]),
        st.sampled_from(["f", "g"]),
        st.sampled_from(["ws:1", "ws:2"]),
        st.sampled_from(_PEOPLE),
        _values,
        st.sampled_from(["", *_CATEGORIES]),
    ),
    max_size=12,
)


def _category(name: str, values: Json, **more: Any) -> Action:
    return action_of(Kind.CATEGORY, "ws:9", name, values, occurrence="0", **more)


def _written(flow: str, record: str, person: str, values: dict[str, Json], category: str) -> Sequence[Action]:
    """Return attributes of a person, an event beside them, perhaps a withdrawal and a category."""
    shared = {"flow": flow, "record": record}
    found = [*attributes_of(person, values, **shared), action_of(Kind.EVENT, person, "went", len(values), **shared)]
    if category:
        found += [_category(category, dict(values), **shared)]
        found += [action_of(Kind.WITHDRAWAL, person, "email", len(values), occurrence="0", **shared)]
    return found


def _take(model: dict[tuple[str, ...], Action], actions: Sequence[Action]) -> None:
    """Let a model of the plan take actions: place → what was written there last, and messages by their key."""
    for one in (part for action in actions for part in action.each):
        if one.kind.delivery is Delivery.LATEST:
            model[one.recipient, one.kind, one.name] = one
        else:
            model.setdefault((one.key,), one)


@settings(max_examples=60)
@given(_steps)
@example(  # who has the other's name in theirs
    [
        ("write", "f", "ws:1", "C-1", {"ecm_a": 1}, ""),
        ("write", "f", "ws:1", "C-1/attribute/x", {"ecm_a": 1}, ""),
        ("write", "f", "ws:1", "C-1", {"ecm_a": 2}, ""),
    ]
)
@example(  # what is known of a category is asked anew
    [
        ("write", "f", "ws:1", "C-1", {}, "@Consent"),
        ("leave out", "f", "ws:2", "C-1", {}, ""),
        ("write", "g", "ws:2", "C-1", {"ecm_a": 1}, "@Consent"),
    ]
)
def test_a_plan_holds_what_was_written_last_under_each_name(steps: list[_Step]) -> None:
    model: dict[tuple[str, ...], Action] = {}
    places = [(one, Kind.ATTRIBUTE, _NAMES) for one in _PEOPLE] + [("ws:9", Kind.CATEGORY, _CATEGORIES)]
    with TemporaryDirectory() as folder, closing(PlanFile(Path(folder) / "plan.db")) as plan:
        for what, flow, record, person, values, category in steps:
            match what:
                case "write":
                    actions = _written(flow, record, person, values, category)
                    plan.put_actions(actions)
                    _take(model, actions)
                case "leave out":
                    plan.leave_out([record])
                    gone = [at for at, one in model.items() if one.record == record and one.kind != Kind.WITHDRAWAL]
                    for at in gone:
                        del model[at]
                case "ask":
                    for recipient, kind, names in places:
                        found = plan.values_planned(recipient, kind, [person])
                        assert {name: found[name] for name in names if name in found} == {
                            name: model[recipient, kind, name].payload
                            for name in names
                            if (recipient, kind, name) in model
                        }
                case "commit":
                    plan.commit()
                    with closing(sqlite3.connect(plan.path)) as elsewhere:
                        ours = plan.rows("SELECT key, name FROM action ORDER BY id")
                        assert elsewhere.execute("SELECT key, name FROM action ORDER BY id").fetchall() == [*ours]

        held = [one for flow in ("f", "g") for one in plan.actions(flow)]

    assert sorted(held, key=lambda one: (one.key, one.name)) == sorted(
        model.values(), key=lambda one: (one.key, one.name)
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger.create(tmp_path / "state.db", {}, NOW)) as ledger:
        yield ledger


@pytest.mark.parametrize("name", _CATEGORIES)
def test_a_category_is_known_by_any_name_until_its_workspace_is_gone(ledger: Ledger, name: str) -> None:
    write = _category(name, {f"{name}.Status": "In"})
    for number in range(2):
        with closing(ledger.new_plan(f"{number}")) as plan:
            view = ledger.view(plan, "f", Needs())
            assert view.values_of("ws:9", Kind.CATEGORY) == ({name: write.payload} if number else {})
            plan.put_action(write)
            assert view.values_of("ws:9", Kind.CATEGORY) == {name: write.payload}
            ledger.stage(plan).everything([Part(flow="f", facts=True, move=False)], NOW)

    ledger.outbox.move([Step(row=ledger.outbox.rows("state = 'ready'")[0], state=State.SUPERSEDED, why=WENT)], NOW)
    assert view.lapsed("ws:9", write.target)


def test_what_no_column_takes_is_told_by_whoever_reads_next_and_at_the_latest_when_the_plan_is_hashed(
    tmp_path: Path,
) -> None:
    plan = PlanFile(tmp_path / "plan.db")
    plan.put_actions([_category("Consent", "In"), _category("Other", "half of an emoji: \ud83d")])

    for _ in range(2):  # planning passes over the error of a value that only one record has
        with pytest.raises(UnicodeEncodeError):
            list(plan.actions("f"))
    with pytest.raises(UnicodeEncodeError):
        plan.hash("f")

    plan.discard()


def test_a_large_content_is_taken_while_rows_wait_to_be_written(tmp_path: Path) -> None:
    large = b"x" * 1_100_000
    document = DocumentBytes(sha256=hashlib.sha256(large).hexdigest(), size=len(large), pieces=lambda: [large])
    with closing(PlanFile(tmp_path / "plan.db")) as plan:
        plan.put_action(_category("Consent", "In"))
        plan.put_content(document)

        assert (plan.planned("f"), [*plan.rows("SELECT length(bytes) FROM content")]) == (1, [(len(large),)])
