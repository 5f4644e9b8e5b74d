"""Rows that are done with are in the report page by page, each once and with what was there before it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ecmbraze.engine.deliver.touched import _PAGE
from ecmbraze.ledger.outbox import Step
from ecmbraze.model import Answer, Json, Phase, State, Verdict
from tests.channels.desk import Desk, attributes_of

_MANY = 2 * _PAGE + 10


class Report:
    """Takes steps as a report does, and notes how many rows a run keeps meanwhile."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.most = desk, 0
        self.steps: list[tuple[Step, Json]] = []
        desk.push.touched.report = self.take

    def take(self, steps: Sequence[tuple[Step, Json]]) -> None:
        self.steps += steps
        kept = self.desk.push.touched
        self.most = max(self.most, len(kept.steps) + len(steps), len(kept.before))


def _desk(folder: Path) -> Desk:
    people = [f"C-{number}" for number in range(_MANY)]
    desk = Desk(folder, *people)
    desk.stage(*(one for person in people for one in attributes_of(person, {"ecm_a": "old", "ecm_b": "old"})))
    return desk


def test_a_run_over_many_people_keeps_a_few_of_their_rows(tmp_path: Path) -> None:
    desk = _desk(tmp_path)
    desk.send()
    desk.stage(*(one for n in range(_MANY) for one in attributes_of(f"C-{n}", {"ecm_a": "new", "ecm_b": "new"})))
    desk.new_run()
    report = Report(desk)

    desk.send()
    left = len(desk.push.touched.steps)
    desk.push.touched.let_all_go()

    assert left < _PAGE
    assert report.most < _MANY
    assert sorted(step.row.action.recipient for step, _ in report.steps) == sorted(f"C-{n}" for n in range(_MANY))
    assert {step.state for step, _ in report.steps} == {State.SENT}
    assert all(before == {"ecm_a": "old", "ecm_b": "old"} for _, before in report.steps)


def test_rows_of_a_small_run_are_reported_in_the_order_in_which_they_were_touched(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "C-1", "C-2", "C-3")
    for person in ("C-2", "C-3", "C-1"):
        desk.stage(*attributes_of(person, {"ecm_a": 1, "ecm_b": 2}))
    report = Report(desk)

    desk.send()
    assert report.steps == []
    desk.push.touched.let_all_go()

    assert [step.row.action.recipient for step, _ in report.steps] == ["C-2", "C-3", "C-1"]


def test_what_is_not_done_with_stays_until_it_is(tmp_path: Path) -> None:
    """Its last step is the one that is reported."""
    desk = _desk(tmp_path)
    report = Report(desk)
    desk.braze.answers = [Answer(verdict=Verdict.UNKNOWN, reason="cut off")]

    desk.push.send(Phase.PROFILE)
    desk.push.touched.let_all_go()

    assert {step.state for step, _ in report.steps} <= {State.READY, State.SENT}
    assert State.READY in {step.state for step, _ in report.steps}
    assert len({step.row.id for step, _ in report.steps}) == len(report.steps)
