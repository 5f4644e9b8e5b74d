"""Several attributes of one person are one row of the outbox, and mean what a row for each of them would."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ecmbraze.errors import StateUnusable, TemporaryError
from ecmbraze.ledger import attributerows
from ecmbraze.ledger.keeping import Keep
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.model import Action, Answer, Json, Kind, Phase, State, Verdict
from tests.channels.desk import Desk, action_of, attributes_of, profile
from tests.systems.rig import NOW

_ABC = ("ecm_a", "ecm_b", "ecm_c")


def _attribute(name: str, value: Json = "old", person: str = "C-1", **more: Any) -> Action:
    given = {"record": "ws:1", "rule": name, "occurrence": "0", "reason": "value changed", **more}
    return action_of(Kind.ATTRIBUTE, person, name, value, **given)


def _attributes(names: Iterable[str], value: Json = "old", person: str = "C-1", **more: Any) -> Iterator[Action]:
    """Yield what planning makes of several attributes of a person."""
    return attributes_of(person, dict.fromkeys(names, value), **more)


def _refusing(verdict: Verdict = Verdict.ACCEPTED) -> Answer:
    """Braze names the object as refused, or refuses the request as a whole."""
    refused = {("attributes", 0): "bad value"} if verdict is Verdict.ACCEPTED else {}
    return Answer(verdict=verdict, reason="bad value", refused=refused)


def _stand(desk: Desk) -> dict[str, str]:
    """Return attribute → its state, of those that are not over, else of the last."""
    return {name: row.state for row in desk.rows() for name in row.action.names}


def _kept(desk: Desk, *people: str) -> dict[str, dict[str, Json]]:
    """Return person → attribute → what Braze took last."""
    return attributerows.values_of(people, "attribute", (desk.ledger.database.conn, attributerows.ACCEPTED))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, "C-1")


def test_attributes_of_one_person_take_one_row_and_are_accepted_one_by_one(desk: Desk) -> None:
    values: dict[str, Json] = {"ecm_a": 'ä"\\\n', "ecm_b": 0.1 + 0.2, "ecm_c": ["x", 1, True], "ecm_größe": False}
    desk.stage(*attributes_of("C-1", values))
    assert desk.ledger.outbox.pending("f") == 4

    desk.send()

    assert len(desk.rows()) == 1
    assert {name: desk.ledger.outbox.accepted(f"C-1/attribute/{name}") for name in values} == values
    assert [dict(batch.attributes) for batch in desk.braze.tracked] == [{"C-1": values}]
    assert {type(value) for value in desk.braze.tracked[0].attributes[0][1].values()} == {str, float, list, bool}


def test_attributes_of_which_nobody_knows_whether_braze_took_them_end_the_run_with_5(desk: Desk) -> None:
    """Were it 0, nobody would hear of a Braze that answers nothing certain for days."""
    desk.stage(*_attributes(_ABC))
    desk.braze.answers = [Answer(verdict=Verdict.UNKNOWN, reason="the answer was cut off")]
    desk.send()

    with pytest.raises(TemporaryError, match=r"nobody knows \(3\): the answer was cut off"):
        desk.push.refuse_unwritten()

    assert _stand(desk) == dict.fromkeys(_ABC, State.READY)


def test_attributes_of_a_refused_object_are_in_the_report_where_the_run_ends_before_they_went_one_by_one(
    desk: Desk,
) -> None:
    desk.stage(*_attributes(_ABC))
    desk.braze.answers = [_refusing(), Answer(verdict=Verdict.UNKNOWN, reason="the answer was cut off")]

    desk.send()

    reported = {name: step.state for step in desk.push.touched.steps.values() for name in step.row.action.names}
    assert reported == dict.fromkeys(_ABC, State.READY)
    assert _stand(desk) == reported


@pytest.mark.parametrize("state", [State.READY, State.WAITING])
def test_a_newer_value_supersedes_one_attribute_and_its_neighbours_still_go(desk: Desk, state: State) -> None:
    if state is State.WAITING:
        desk.braze.known.clear()
    desk.stage(*_attributes(_ABC))
    if state is State.WAITING:
        desk.send()

    desk.stage(*_attributes(("ecm_a", "ecm_d"), "new"), _attribute("ecm_e", "new", person="C-2"))

    assert {row.state for row in desk.rows() if row.action.names == ("ecm_a",)} == {State.SUPERSEDED}
    desk.braze.known["C-1"] = [profile("C-1")]
    desk.new_run()
    desk.send()
    assert dict(desk.braze.tracked[-1].attributes) == {
        "C-1": {"ecm_a": "new", "ecm_b": "old", "ecm_c": "old", "ecm_d": "new"}
    }


def test_no_attribute_stands_open_in_two_rows_whoever_speaks_for_the_person(desk: Desk) -> None:
    desk.stage(*_attributes(_ABC))
    desk.stage(*_attributes(("ecm_b", "ecm_x"), "new", record="ws:2"))
    desk.stage(*_attributes(("ecm_c", "ecm_x"), "newest", record="ws:1", reason="another"))

    open_ones = [name for row in desk.rows() if row.state is State.READY for name in row.action.names]
    desk.send()

    assert sorted(open_ones) == ["ecm_a", "ecm_b", "ecm_c", "ecm_x"]
    (batch,) = desk.braze.tracked
    assert batch.attributes == (("C-1", {"ecm_a": "old", "ecm_b": "new", "ecm_c": "newest", "ecm_x": "newest"}),)


@pytest.mark.parametrize("verdict", [Verdict.ACCEPTED, Verdict.REFUSED])
def test_a_refused_object_is_sent_attribute_by_attribute_and_only_the_bad_one_stays(
    desk: Desk, verdict: Verdict
) -> None:
    desk.stage(*_attributes(_ABC))
    desk.braze.answers = [_refusing(verdict), _accepted(), _refusing(verdict), _accepted()]

    desk.send()

    assert [len(batch.attributes[0][1]) for batch in desk.braze.tracked] == [3, 1, 1, 1]
    assert _stand(desk) == {"ecm_a": "sent", "ecm_b": "refused", "ecm_c": "sent"}
    assert desk.ledger.outbox.accepted("C-1/attribute/ecm_b") is None
    assert sorted(name for step in desk.push.touched.steps.values() for name in step.row.action.names) == list(_ABC)
    desk.stage(*_attributes(("ecm_b", "ecm_c"), "good"))
    assert [row.state for row in desk.rows() if row.action.names == ("ecm_b",)] == [State.DROPPED]


def _accepted() -> Answer:
    return Answer(verdict=Verdict.ACCEPTED, reason="", refused={})


def test_the_neighbours_of_an_attribute_that_is_no_longer_configured_go(desk: Desk) -> None:
    desk.stage(*_attributes(_ABC))
    desk.push.screen.attributes = frozenset({"ecm_a", "ecm_c"})

    desk.send()

    assert _stand(desk) == {"ecm_a": "sent", "ecm_b": "superseded", "ecm_c": "sent"}


def test_what_clears_a_value_ends_by_itself_where_braze_does_not_know_the_person(desk: Desk) -> None:
    desk.stage(*attributes_of("C-2", {**dict.fromkeys(_ABC, "old"), "ecm_d": None}))

    desk.send()

    assert _stand(desk) == {**dict.fromkeys(_ABC, "waiting"), "ecm_d": "superseded"}


def test_an_unknown_outcome_leaves_all_of_them_ready_with_what_was_accepted_before(desk: Desk) -> None:
    desk.stage(*_attributes(_ABC))
    desk.send()
    desk.stage(*_attributes(_ABC, "new"))
    desk.braze.answers = [Answer(verdict=Verdict.UNKNOWN, reason="cut off", refused={})]

    desk.new_run().send(Phase.PROFILE)

    assert _stand(desk) == dict.fromkeys(_ABC, "ready")
    assert desk.ledger.outbox.accepted("C-1/attribute/ecm_a") == "old"
    assert list(desk.push.touched.before.values()) == [dict.fromkeys(_ABC, "old")]


def test_what_braze_took_of_a_person_is_one_row_and_means_what_a_row_each_did(desk: Desk) -> None:
    """The newest of each, emptied is not unknown, and what was refused leaves what stood there."""
    desk.stage(*_attributes(_ABC), *_attributes(("ecm_x", "ecm_y"), record="ws:2"))
    desk.send()
    desk.stage(*attributes_of("C-1", {"ecm_a": "new", "ecm_b": 'Größe "M"', "ecm_c": None}))
    desk.new_run()
    desk.send()
    desk.stage(*attributes_of("C-1", {"ecm_a": "bad", "ecm_x": [1, 0.1, True, {"n": None}]}))
    desk.braze.answers = [_refusing(Verdict.ACCEPTED), _refusing(Verdict.ACCEPTED), _accepted()]
    desk.new_run()
    desk.send()

    ((target, text),) = desk.ledger.database.execute("SELECT target, value FROM accepted").fetchall()
    values = {
        "ecm_a": "new",
        "ecm_b": 'Größe "M"',
        "ecm_c": None,
        "ecm_x": [1, 0.1, True, {"n": None}],
        "ecm_y": "old",
    }
    assert (target, json.loads(text)) == ("C-1/attribute/@", values)
    assert {name: desk.ledger.outbox.accepted(f"C-1/attribute/{name}") for name in (*values, "ecm_z")} == {
        **values,
        "ecm_z": None,
    }
    assert _stand(desk)["ecm_a"] == "refused"


def test_of_a_person_in_two_rows_of_one_request_both_are_kept(desk: Desk) -> None:
    desk.stage(*_attributes(_ABC), *_attributes(("ecm_x", "ecm_y"), record="ws:2"), *_attributes(_ABC, person="C-3"))
    desk.stage(*attributes_of("C-1", {"ecm_b": None}))
    desk.send()

    assert _kept(desk, "C-1") == {"C-1": {**dict.fromkeys((*_ABC, "ecm_x", "ecm_y"), "old"), "ecm_b": None}}


def test_what_a_profile_lost_is_sent_again_each_value_once(desk: Desk) -> None:
    desk.stage(*_attributes(_ABC))
    desk.send()
    desk.braze.known["C-1"] = [profile("C-1", custom_attributes=dict.fromkeys(_ABC[:1], "old"))]

    seen = desk.verify()

    assert (seen.seen["f"], seen.unseen["f"], seen.restated["f"]) == (1, 2, 3)
    assert sorted(row.action.names for row in desk.rows() if row.state is State.READY) == [(name,) for name in _ABC]
    assert desk.verify().restated == {}


def test_a_row_stays_in_the_state_file_as_long_as_one_of_its_values_stands_by_it(desk: Desk) -> None:
    desk.stage(*_attributes(_ABC))
    desk.send()
    desk.stage(*_attributes(_ABC[:2], "new"))
    desk.new_run()
    desk.send()

    late = NOW + timedelta(days=500)
    desk.ledger.tidy(late, Keep())
    assert [row.action.names for row in desk.rows()] == [_ABC, _ABC[:2]]
    desk.stage(_attribute("ecm_c", "new"))
    desk.new_run()
    desk.send()
    desk.ledger.tidy(late + timedelta(days=500), Keep())

    assert [row.action.names for row in desk.rows()] == [_ABC[:2], ("ecm_c",)]


def test_that_a_value_was_emptied_is_forgotten_like_old_rows_and_what_stands_beside_it_stays(desk: Desk) -> None:
    standing: dict[str, Json] = {"ecm_a": 0.1, "ecm_b": "it says: null"}
    desk.stage(*attributes_of("C-1", {**standing, "ecm_c": None}), _attribute("ecm_c", None, person="C-3"))
    desk.braze.known["C-3"] = [profile("C-3")]
    desk.send()

    desk.ledger.tidy(NOW + timedelta(days=399), Keep())
    assert _kept(desk, "C-1", "C-3") == {"C-1": {**standing, "ecm_c": None}, "C-3": {"ecm_c": None}}
    desk.ledger.tidy(NOW + timedelta(days=401), Keep())

    assert _kept(desk, "C-1", "C-3") == {"C-1": standing, "C-3": {}}
    assert [row.action.name for row in desk.rows()] == ['["ecm_a","ecm_b"]']
    assert desk.ledger.database.execute("SELECT count(*) FROM accepted").fetchone()[0] == 1


def test_s16_values_of_a_person_that_are_no_object_are_found_with_their_place(desk: Desk) -> None:
    desk.stage(*_attributes(_ABC))
    desk.send()
    desk.ledger.verify()
    with desk.ledger.database.atomic():
        desk.ledger.database.conn.execute("UPDATE accepted SET value = '[1]'")

    with pytest.raises(StateUnusable, match=r"unreadable value in accepted\.value, row 1"):
        desk.ledger.verify()


def test_a_row_of_several_has_the_key_and_the_target_of_none_of_them() -> None:
    parts = [_attribute(name) for name in _ABC]

    (whole,) = _attributes(_ABC)

    assert (list(whole.each), list(whole.keys)) == (parts, [part.key for part in parts])
    assert not {whole.key, whole.target} & {text for part in parts for text in (part.key, part.target)}


def test_a_plan_tells_single_attributes_and_of_two_records_of_a_person_the_newest(tmp_path: Path) -> None:
    with closing(PlanFile(tmp_path / "plan.db")) as plan:
        plan.put_actions([*_attributes(_ABC)])
        plan.put_actions([*_attributes(("ecm_b", "ecm_x"), "new", record="ws:2")])
        plan.put_action(_attribute("ecm_c", None, record="ws:3"))

        found = {(one.name, one.rule, one.record): one.payload for one in plan.actions("f")}
        count, rows = plan.planned("f"), list(plan.rows("SELECT name FROM action ORDER BY id"))

    assert found == {
        ("ecm_b", "ecm_b", "ws:2"): "new",
        ("ecm_x", "ecm_x", "ws:2"): "new",
        ("ecm_a", "ecm_a", "ws:1"): "old",
        ("ecm_c", "ecm_c", "ws:3"): None,
    }
    assert (count, rows) == (4, [('["ecm_b","ecm_x"]',), ("ecm_a",), ("ecm_c",)])
