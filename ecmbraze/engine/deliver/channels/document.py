"""Text documents below a workspace: made once; one of unknown outcome is looked for directly, never by search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from ecmbraze.engine.deliver.channels import record
from ecmbraze.engine.deliver.channels.channel import Attempt, Batch, Channel, Doubt, Finding, Sight
from ecmbraze.engine.setting import Systems
from ecmbraze.errors import RecordUnreadable, TemporaryError
from ecmbraze.ledger.outbox import Row
from ecmbraze.model import Action, State

# delivery.md, class U: by then a request that was cut off has either stored its document or never will.
_AFTER = timedelta(seconds=60)
_MIME = "text/plain"


def _build(rows: Sequence[Row], attempt: Attempt) -> Batch:
    action = rows[0].action
    node, folder, content = record.node_id(action), *_content(action)
    return Batch(
        rows=tuple(rows),
        send=lambda systems: systems.records_sink.put_document(node, folder, action.name, content, _MIME),
    )


def _content(action: Action) -> tuple[str, bytes]:
    """Return folder and content."""
    payload = action.payload if isinstance(action.payload, Mapping) else {}
    return str(payload.get("folder", "")), str(payload.get("content", "")).encode()


def _look(rows: Sequence[Row], systems: Systems) -> Mapping[int, Sight]:
    return {row.id: _sight(row, systems) for row in rows}


def _sight(row: Row, systems: Systems) -> Sight:
    action = row.action
    folder, content = _content(action)
    try:
        stored = systems.records.document_content(record.node_id(action), folder, action.name)
    except (TemporaryError, RecordUnreadable) as error:
        return Sight(finding=Finding.UNREADABLE, why=error.happened)
    if stored is None:
        return Sight(finding=Finding.ABSENT, why=f"{row.why}; looked for and not there")
    if stored == content:
        return Sight(finding=Finding.PRESENT, why="found in Extended ECM with the same content")
    why = f"a document {action.name!r} with other content is in its place"
    return Sight(finding=Finding.OTHER, why=why)


def _advice(action: Action) -> str:
    folder, _ = _content(action)
    below = f"in the folder {folder!r} of" if folder else "directly below"
    return f"Look in Extended ECM for {action.name!r} {below} workspace {record.node_id(action)}; the next run does too"


def _said(action: Action) -> str:
    folder, _ = _content(action)
    return f"document {action.name}" + (f" in {folder}" if folder else "")


DOCUMENT = Channel(
    group="documents", packing=record.PACKING, build=_build, wait_for_turn=record.no_wait, has_turn=record.always,
    screening=None, shows=None, advice=_advice, alone=True, patience=record.PATIENCE, said=_said,
    doubt=Doubt(
        looks=(_AFTER,), look=_look, absent=State.READY, by_marker=False,
        found="documents in doubt were found in Extended ECM",
    ),
)  # fmt: skip
