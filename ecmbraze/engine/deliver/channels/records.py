"""What is written to the records in Extended ECM: the attributes of one category of a workspace, and text documents.

Each is a request of its own, of one workspace, and no rate limit tells its turn. The attributes are all that a flow
keeps in a category, unless staff changed one meanwhile. A document is made once; one of unknown outcome is looked for
directly, never by search.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from ecmbraze.engine.deliver.channels.channel import (
    Attempt,
    Batch,
    Channel,
    Doubt,
    Finding,
    Packing,
    Sight,
    first_only,
    one_object,
)
from ecmbraze.engine.setting import Systems
from ecmbraze.errors import RecordUnreadable, TemporaryError
from ecmbraze.ledger.outbox import Row
from ecmbraze.model import Action, Answer, Json, State, Verdict, keys
from ecmbraze.planning import unanswered

# A server that answers nothing certain three times in one run fails at more than a poisoned record: the rest waits.
# What was certainly not written (reserved, no connection) makes no doubt and counts for nothing.
_PATIENCE = 3

_PACKING = Packing(together=lambda action: "record", most=lambda limits: 1, fitting=first_only, objects=one_object)

# delivery.md, class U: by then a request that was cut off has either stored what it carries or never will.
AFTER = timedelta(seconds=60)
_MIME = "text/plain"
_UNREAD = Answer(
    verdict=Verdict.NOT_PROCESSED,
    reason="an earlier write there had no answer, and the workspace could not be read since",
)


def channel(
    *,
    group: str,
    build: Callable[[Sequence[Row], Attempt], Batch],
    doubt: Doubt | None,
    advice: Callable[[Action], str],
    said: Callable[[Action], str] = lambda action: "",
    taken_back_by: Callable[[Action], str] = lambda action: "",
    needless: Callable[[Action, Systems], str] | None = None,
    outlasts: bool = False,
) -> Channel:
    """Return the channel of one kind of write to Extended ECM: each a request of its own, which asks Braze nothing."""
    return Channel(
        group=group,
        packing=_PACKING,
        build=build,
        wait_for_turn=_no_wait,
        screening=None,
        doubt=doubt,
        shows=None,
        advice=advice,
        said=said,
        taken_back_by=taken_back_by,
        needless=needless,
        outlasts=outlasts,
        alone=True,
        patience=_PATIENCE,
    )


def _no_wait(systems: Systems) -> None:
    """Extended ECM tells no rate limit: the client keeps to the configured connections."""


def node_id(action: Action) -> int:
    """Return the id of the workspace that is written to."""
    return keys.number_of(action.recipient)


def _category_request(rows: Sequence[Row], attempt: Attempt) -> Batch:
    """Return the request; what may be replaced is what the ledger holds as accepted, or as sent without an answer.

    Of several such values the one that this round has read there is the only one: what stands there instead by now, a
    person wrote, and so is an older one of ours where what stands beside it shows that the newer one arrived. Where it
    could not be read nobody can tell, and the write waits.
    """
    action = rows[0].action
    node, values, expected = node_id(action), _values(action.payload), _values(attempt.accepted(action.target))
    maybe = [_values(value) for value in attempt.attempted(action.target)]
    if maybe:
        shown = attempt.place.shown(action)
        if shown is None:
            return Batch(rows=tuple(rows), send=lambda systems: _UNREAD)
        written = [expected, *maybe]
        standing = unanswered.may_stand(written, shown, attempt.place.typed) or written
        proven = {n: shown[n] for n in values if n in shown and any(shown[n] == one.get(n) for one in standing)}
        expected, maybe = {**standing[0], **proven}, [{**one, **proven} for one in standing[1:]]
    maybe += [_values(before) for before in [attempt.place.replaceable(action)] if before]
    return Batch(rows=tuple(rows), send=lambda systems: systems.records_sink.set_values(node, values, expected, maybe))


def _values(payload: Json) -> Mapping[str, Json]:
    return payload if isinstance(payload, Mapping) else {}


def _category_advice(action: Action) -> str:
    return f"Look in Extended ECM at the category {action.name} of workspace {node_id(action)}"


CATEGORY = channel(
    group="categories",
    build=_category_request,
    doubt=None,
    advice=_category_advice,
)


def _document_request(rows: Sequence[Row], attempt: Attempt) -> Batch:
    action = rows[0].action
    node, folder, content = node_id(action), *_content(action)
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
        stored = systems.records.document_content(node_id(action), folder, action.name)
    except (TemporaryError, RecordUnreadable) as error:
        return Sight(finding=Finding.UNREADABLE, why=error.happened)
    if stored is None:
        return Sight(finding=Finding.ABSENT, why=f"{row.why}; looked for and not there")
    if stored == content:
        return Sight(finding=Finding.PRESENT, why="found in Extended ECM with the same content")
    why = f"a document {action.name!r} with other content is in its place"
    return Sight(finding=Finding.OTHER, why=why)


def _document_advice(action: Action) -> str:
    folder, _ = _content(action)
    below = f"in the folder {folder!r} of" if folder else "directly below"
    return f"Look in Extended ECM for {action.name!r} {below} workspace {node_id(action)}; the next run does too"


def _said(action: Action) -> str:
    folder, _ = _content(action)
    return f"document {action.name}" + (f" in {folder}" if folder else "")


DOCUMENT = channel(
    group="documents",
    outlasts=True,
    build=_document_request,
    advice=_document_advice,
    said=_said,
    doubt=Doubt(
        looks=(AFTER,),
        look=_look,
        absent=State.READY,
        by_marker=False,
        found="documents in doubt were found in Extended ECM",
    ),
)
