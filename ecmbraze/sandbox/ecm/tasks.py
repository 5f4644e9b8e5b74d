"""Read and show what a task has and other nodes have not (api/ecm.md 8.2); stores nothing by itself.

The facts name the fields of a create; that they come back under the same names, and how a task is completed, is a
choice: a ``status`` that is the switch's sets the completion date, any other one takes it away.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecmbraze.sandbox.ecm.directory import GROUP, USER
from ecmbraze.sandbox.ecm.model import Node
from ecmbraze.sandbox.ecm.refusals import RefusalError
from ecmbraze.sandbox.ecm.stamps import date_value, stamp
from ecmbraze.sandbox.ecm.store import EcmStore

TASK = 206
_DATES = ("due_date", "start_date")
_NUMBERS = ("assigned_member_id", "priority", "status", "milestone_id")
FIELDS = (*_DATES, *_NUMBERS, "instructions")
_TEXT_LIMIT = 255


def read(store: EcmStore, sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a task among what was sent. Raises RefusalError for one that makes no sense."""
    found: dict[str, Any] = {}
    for name in FIELDS:
        if name not in sent:
            continue
        raw = sent[name]
        found[name] = None if raw in (None, "") else _value(store, name, raw)
    return found


def put(store: EcmStore, node: Node, fields: Mapping[str, Any]) -> None:
    """Give a task checked fields; the completion date follows the status."""
    if not fields:
        return
    task = {**node.get("task", {}), **fields}
    if "status" in fields:
        done = fields["status"] == store.switches.task_completed_status
        task["completed"] = (task.get("completed") or store.now()) if done else None
        task["completed_by"] = store.actor if done else None
    node.put("task", task)


def shown(store: EcmStore, node: Node) -> dict[str, Any]:
    """Return the properties of a task that other nodes have not."""
    task, zone = node.get("task", {}), store.switches.server_tz
    done = task.get("completed")
    return {
        **{name: task.get(name) for name in FIELDS},
        "status": task.get("status") or 0,
        "completion_date": None if done is None else stamp(done, store.switches.z_suffix_nodes, zone),
        "completed_by": task.get("completed_by"),
    }


def _value(store: EcmStore, name: str, raw: Any) -> Any:
    if name in _DATES:
        return date_value(name, raw, store.switches.server_tz, shift=False, with_time=False)
    if name == "instructions":
        if len(str(raw)) > _TEXT_LIMIT:
            raise RefusalError(400, "length", name=name, max=_TEXT_LIMIT)
        return str(raw)
    try:
        number = int(raw)
    except (TypeError, ValueError) as error:
        raise RefusalError(400, "datatype", name=name) from error
    if name == "assigned_member_id":
        member = store.directory.get(number)
        if member is None or member.deleted or member.kind not in (USER, GROUP):
            raise RefusalError(500, "member", id=number)
    return number
