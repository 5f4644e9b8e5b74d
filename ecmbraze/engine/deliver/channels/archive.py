"""The document that an asset of Braze becomes: made once, versions in order, its name, its attributes.

An asset has one document. What is in doubt is looked for among its versions, newest first, by the sha256 of what is
read back, down to what stood there before: so no content is stored twice in a row, and none is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from ecmbraze.engine.deliver.channels import records
from ecmbraze.engine.deliver.channels.channel import Attempt, Batch, Doubt, Finding, Sight
from ecmbraze.engine.setting import Systems
from ecmbraze.errors import RecordUnreadable, TemporaryError
from ecmbraze.ledger.outbox import Row
from ecmbraze.model import Action, Json, State

# delivery.md, class U: by then a request that was cut off has either stored its document or never will.
_AFTER = timedelta(seconds=60)


def _told(action: Action) -> Mapping[str, Json]:
    return action.payload if isinstance(action.payload, Mapping) else {}


def _where(action: Action) -> tuple[int, str, str]:
    """Return workspace, folder, and how the name of the document ends."""
    told = _told(action)
    return int(str(told.get("workspace") or 0)), str(told.get("folder", "")), str(told.get("marker", ""))


def _put(rows: Sequence[Row], attempt: Attempt) -> Batch:
    action = rows[0].action
    where, content, mime = _where(action), attempt.content(_digest(action)), str(_told(action).get("mime", ""))
    return Batch(
        rows=tuple(rows), send=lambda systems: systems.records_sink.archive(*where, action.name, content, mime)
    )


def _digest(action: Action) -> str:
    return str(_told(action).get("document", ""))


def _look(rows: Sequence[Row], systems: Systems) -> Mapping[int, Sight]:
    return {row.id: _sight(row, systems) for row in rows}


def _sight(row: Row, systems: Systems) -> Sight:
    before = str(_told(row.action).get("before", ""))
    try:
        for digest in systems.records.archived(*_where(row.action)):
            if digest == _digest(row.action):
                return Sight(finding=Finding.PRESENT, why="found in Extended ECM with the same content")
            if digest == before:
                break
    except (TemporaryError, RecordUnreadable) as error:
        return Sight(finding=Finding.UNREADABLE, why=error.happened)
    return Sight(finding=Finding.ABSENT, why=f"{row.why}; looked for and not there")


def _advice(action: Action) -> str:
    workspace, folder, marker = _where(action)
    return (
        f"Look in Extended ECM for the document ending in {marker!r} in the folder {folder!r} of workspace "
        f"{workspace}; the next run does too"
    )


def _made(action: Action) -> str:
    return f"document {action.name} in {_where(action)[1]}"


def _version(action: Action) -> str:
    return f"version {action.occurrence.removeprefix('v')} of {action.name} in {_where(action)[1]}"


def _rename(rows: Sequence[Row], attempt: Attempt) -> Batch:
    action = rows[0].action
    where, name = _where(action), str(_told(action).get("name", ""))
    return Batch(rows=tuple(rows), send=lambda systems: systems.records_sink.rename_archived(*where, name))


def _describe(rows: Sequence[Row], attempt: Attempt) -> Batch:
    """Return the request; what may be replaced is what the ledger holds as accepted, or as sent without an answer."""
    action = rows[0].action
    where, values = _where(action), _values(action.payload)
    expected = _values(attempt.accepted(action.target))
    maybe = [_values(value) for value in attempt.attempted(action.target)]
    return Batch(
        rows=tuple(rows),
        send=lambda systems: systems.records_sink.describe_archived(*where, values, expected, maybe),
    )


def _values(payload: Json) -> Mapping[str, Json]:
    values = payload.get("values") if isinstance(payload, Mapping) else None
    return values if isinstance(values, Mapping) else {}


_DOUBT = Doubt(
    looks=(_AFTER,),
    look=_look,
    absent=State.READY,
    by_marker=False,
    found="documents in doubt were found in Extended ECM",
)
ARCHIVE = records.channel(
    group="documents",
    build=_put,
    advice=_advice,
    said=_made,
    doubt=_DOUBT,
)
VERSION = records.channel(
    group="versions",
    build=_put,
    advice=_advice,
    said=_version,
    doubt=_DOUBT,
)
RENAME = records.channel(
    group="documents",
    build=_rename,
    advice=_advice,
    doubt=None,
    said=lambda action: f"name {_told(action).get('name', '')}",
)
METADATA = records.channel(
    group="categories",
    build=_describe,
    advice=_advice,
    doubt=None,
    said=lambda action: f"category {action.name}",
)
