"""Serve reminders of nodes: types, create, list, status (api/ecm.md 8.1); what is sent is read by ``remindersent``."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from ecmbraze.sandbox.ecm.answers import answer, self_link
from ecmbraze.sandbox.ecm.asking import as_whole, form, seen, store, whole
from ecmbraze.sandbox.ecm.directory import API_USER
from ecmbraze.sandbox.ecm.model import Node
from ecmbraze.sandbox.ecm.refusals import RefusalError
from ecmbraze.sandbox.ecm.reminders import ACTIVE, COMPLETED, IN_PROGRESS, Reminder
from ecmbraze.sandbox.ecm.remindersent import read
from ecmbraze.sandbox.ecm.stamps import stamp

followups = Blueprint("followups", __name__)
_ALL = "/v2/nodes/<int(signed=True):node_id>/followups"
_ID_SINCE = (26, 2)  # before, the answer to a create says nothing (8.1)


@followups.get("/v1/forms/nodes/followup/getClientTypes")
@followups.get("/v1/forms/nodes/reminder/create")
def types() -> Response:
    """Return the reminder clients and the types of one of them, the first unless ``client_id`` names another."""
    return _form({})


@followups.get("/v1/forms/nodes/<int(signed=True):node_id>/reminder/view")
def view(node_id: int) -> Response:
    """Return one reminder as its form shows it."""
    reminder = _reminder(_node(node_id), whole("id", 0))
    data = {"due_on": f"{reminder.due}T00:00:00", "description": reminder.text, "assignees": list(reminder.assignees)}
    return _form({**data, "followup_type_name": reminder.type_id})


def _form(data: dict[str, Any]) -> Response:
    clients = store().reminders.clients
    chosen = clients.get(whole("client_id", next(iter(clients), 0)))
    names = {} if chosen is None else chosen.types
    fields = {
        "followup_client_name": ("Reminder client", {one.id: one.name for one in clients.values()}),
        "followup_type_name": ("Reminder type", names),
    }
    options = {
        name: {"label": label, "optionLabels": list(found.values()), "type": "select"}
        for name, (label, found) in fields.items()
    }
    properties: dict[str, Any] = {
        name: {"enum": list(found), "title": label, "type": "select"} for name, (label, found) in fields.items()
    }
    properties["description"] = {"maxLength": 250, "title": "Description", "type": "textarea"}
    properties["due_on"] = {"required": True, "title": "Due on", "type": "date"}
    shown = {
        "followup_type_name": next(iter(names), None),
        "followup_client_name": chosen.id if chosen else None,
        "due_on": None,
        "description": None,
        "assignees": [API_USER],
        **data,
    }
    schema = {"properties": properties, "type": "object"}
    return answer({"forms": [{"data": shown, "options": {"fields": options}, "schema": schema}]})


@followups.post("/v2/resubmission/<int(signed=True):node_id>/addreminder")
def add(node_id: int) -> Response:
    """Make a reminder; its id is told from version 26.2 on only. Nothing prevents a second one that says the same."""
    node = _node(node_id)
    made = store().reminders.add(node.id, **read(_data()))
    if _version() < _ID_SINCE:
        return answer({"links": self_link(), "results": {}})
    told = {"data": {"id": made.id}} if store().switches.reminder_id_in_data else {"id": made.id}
    return answer({"links": self_link(), "results": told})


@followups.get(_ALL)
def listing(node_id: int) -> Response:
    """List the reminders of a node, all of them at once: there is no page, no filter and no order to ask for."""
    node = _node(node_id)
    rows = [{"data": {"followup": _shown(one)}} for one in store().reminders.of(node.id) if _visible(one)]
    return answer({"links": self_link(), "results": {"followups": rows}})


@followups.get(f"{_ALL}/<int:number>")
def one(node_id: int, number: int) -> Response:
    """Return one reminder (the shape is a choice)."""
    return answer({"links": self_link(), "results": {"data": {"followup": _shown(_reminder(_node(node_id), number))}}})


@followups.put(f"{_ALL}/<int:number>")
def move_on(node_id: int, number: int) -> Response:
    """Change the status, forward only; the answer is the same whatever the status was."""
    reminder = _reminder(_node(node_id), number)
    status = as_whole("status", form().get("status"))
    if status not in (ACTIVE, IN_PROGRESS, COMPLETED) or not store().reminders.move_on(reminder, status):
        raise RefusalError(400, "status", value=status)
    return answer({"links": self_link(), "results": {}})


@followups.put("/v2/nodes/<int(signed=True):node_id>/updatereminder")
def change(node_id: int) -> Response:
    """Change what a reminder says; never its status."""
    data = _data()
    reminder = _reminder(_node(node_id), as_whole("RSID", data.get("RSID")))
    if as_whole("RSPARENTID", data.get("RSPARENTID")) != reminder.node_id:
        raise RefusalError(400, "datatype", name="RSPARENTID")
    for name, value in read(data, partial=True).items():
        setattr(reminder, name, value)
    return answer({"links": self_link(), "results": {}})


def _shown(reminder: Reminder) -> dict[str, Any]:
    zone, members = store().switches.server_tz, store().directory
    known = store().reminders.type_of(reminder.type_id)
    found = [member for number in reminder.assignees if (member := members.get(number)) is not None]
    return {
        "followup_id": reminder.id,
        "data_id": reminder.node_id,
        "description": reminder.text,
        "due_date": f"{reminder.due}T00:00:00Z",
        "create_date": stamp(reminder.created, True, zone),
        "create_user_id": reminder.by,
        "status": reminder.status,
        "status_by": reminder.status_by,
        "assignees": [{"id": member.id, "name": member.name} for member in found],
        "followup_type": reminder.type_id,
        "followup_type_name": known[1] if known else None,
        "followup_client": known[0].id if known else None,
        "rule": reminder.rule,
        "priority": reminder.priority,
        "sequence_end_date": None if reminder.ends is None else f"{reminder.ends}T00:00:00Z",
        "activation_date": None,
        "activation_unit": None,
        "activation_value": None,
    }


def _visible(reminder: Reminder) -> bool:
    """Say whether the account sees a reminder; those of others are a switch (8.1: UNCONFIRMED)."""
    return store().switches.reminders_of_others or API_USER in (reminder.by, *reminder.assignees)


def _reminder(node: Node, number: int) -> Reminder:
    found = store().reminders.all.get(number)
    if found is None or found.node_id != node.id or not _visible(found):
        raise RefusalError(500, "sorry")
    return found


def _node(node_id: int) -> Node:
    return seen(node_id, 500, "sorry")


def _data() -> dict[str, Any]:
    """Return the JSON of the form field ``data``, in which alone a reminder travels."""
    if "data" not in request.form:
        raise RefusalError(400, "parameters")
    return form()


def _version() -> tuple[int, ...]:
    return tuple(int(part) for part in store().switches.version.split(".") if part.isdecimal())
