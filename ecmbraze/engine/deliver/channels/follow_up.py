"""Follow-ups for people in ECM: made once, completed once; looked for in the list of their workspace."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ecmbraze.engine.deliver.channels import records
from ecmbraze.engine.deliver.channels.channel import Attempt, Batch, Doubt, Finding, Sight
from ecmbraze.engine.setting import Systems
from ecmbraze.errors import RecordUnreadable, TemporaryError
from ecmbraze.ledger.outbox import Row
from ecmbraze.model import Action, FollowUp, FollowUpState, Kind, State, mark_of

Judge = Callable[[Action, Sequence[FollowUpState]], Sight]


def _build(rows: Sequence[Row], attempt: Attempt) -> Batch:
    action = rows[0].action
    node, follow_up = records.node_id(action), FollowUp.of(action.payload, action.key)
    return Batch(rows=tuple(rows), send=lambda systems: systems.records_sink.add_follow_up(node, follow_up))


def _build_completion(rows: Sequence[Row], attempt: Attempt) -> Batch:
    action = rows[0].action
    node = records.node_id(action)
    where = _task_list(action)
    return Batch(
        rows=tuple(rows), send=lambda systems: systems.records_sink.complete_follow_up(node, action.name, where)
    )


def _task_list(action: Action) -> str:
    """Return the list below which it stands as a task; empty for a reminder."""
    return str(action.payload.get("list", "")) if isinstance(action.payload, Mapping) else ""


def _made(action: Action, there: Sequence[FollowUpState]) -> Sight:
    if any(one.bears(mark_of(action.key)) for one in there):
        return Sight(finding=Finding.PRESENT, why="found on its workspace in Extended ECM")
    return Sight(finding=Finding.ABSENT, why="looked for and not there")


def _completed(action: Action, there: Sequence[FollowUpState]) -> Sight:
    if all(one.completed for one in there if one.bears(action.name)):
        return Sight(finding=Finding.PRESENT, why="found completed, or gone, in Extended ECM")
    return Sight(finding=Finding.ABSENT, why="looked for and still open")


def _looking(judge: Judge) -> Callable[[Sequence[Row], Systems], Mapping[int, Sight]]:
    def look(rows: Sequence[Row], systems: Systems) -> Mapping[int, Sight]:
        return {row.id: sight(row.action, systems) for row in rows}

    def sight(action: Action, systems: Systems) -> Sight:
        try:
            return judge(action, systems.records.follow_ups(records.node_id(action), _task_list(action)))
        except (TemporaryError, RecordUnreadable) as error:
            return Sight(finding=Finding.UNREADABLE, why=error.happened)

    return look


def _doubt(judge: Judge, found: str) -> Doubt:
    return Doubt(looks=(records.AFTER,), look=_looking(judge), absent=State.READY, by_marker=False, found=found)


def _advice(action: Action) -> str:
    mark = mark_of(action.key)
    return f"Look in Extended ECM for the {_what(action)} {_place(mark, action)}; the next run does too"


def _completion_advice(action: Action) -> str:
    place = _place(action.name, action)
    return f"Look in Extended ECM whether the {_what(action)} {place} is completed; the next run does too"


def _said(action: Action) -> str:
    """Return what is asked of whom, and until when; of one whose payload is gone, what it was."""
    if action.payload is None:
        return "follow-up"
    made = FollowUp.of(action.payload, action.key)
    others = f", else {made.otherwise}" if made.otherwise else ""
    return f"{'escalation, a ' if made.escalates else ''}{_what(action)} for {made.assign}{others}, due {made.due}"


def _what(action: Action) -> str:
    return "task" if _task_list(action) else "reminder"


def _place(mark: str, action: Action) -> str:
    return f"[{mark}] of workspace {records.node_id(action)}"


def _end(action: Action) -> str:
    return replace(action, kind=Kind.COMPLETION).key


def _is_done(action: Action, systems: Systems) -> str:
    """Return why an escalation is not wanted: the follow-up that was late is done, or gone."""
    first = FollowUp.of(action.payload, action.key).escalates
    if not first:
        return ""
    there = systems.records.follow_ups(records.node_id(action), _task_list(action))
    return "" if any(one.bears(first) and not one.completed for one in there) else "somebody completed the first one"


FOLLOW_UP = records.channel(
    group="tasks",
    build=_build,
    doubt=_doubt(_made, "follow-ups in doubt were found in Extended ECM"),
    advice=_advice,
    said=_said,
    taken_back_by=_end,
    needless=_is_done,
)
COMPLETION = records.channel(
    group="tasks",
    build=_build_completion,
    advice=_completion_advice,
    doubt=_doubt(_completed, "completions in doubt were found in Extended ECM"),
    said=lambda action: f"{_what(action)} completed",
)
