"""The attributes of one category on a workspace: all that a flow keeps there, unless staff changed one meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ecmbraze.engine.deliver.channels import record
from ecmbraze.engine.deliver.channels.channel import Attempt, Batch, Channel
from ecmbraze.ledger.outbox import Row
from ecmbraze.model import Action, Json


def _build(rows: Sequence[Row], attempt: Attempt) -> Batch:
    """Return the request; what may be replaced is what the ledger holds as accepted, or as sent without an answer."""
    action = rows[0].action
    node, values, expected = record.node_id(action), _values(action.payload), _values(attempt.accepted(action.target))
    maybe = [_values(value) for value in attempt.attempted(action.target)]
    maybe += [_values(before) for before in [attempt.replaceable(action)] if before]
    return Batch(
        rows=tuple(rows), send=lambda systems: systems.records_sink.set_values(node, values, expected, maybe)
    )  # fmt: skip


def _values(payload: Json) -> Mapping[str, Json]:
    return payload if isinstance(payload, Mapping) else {}


def _advice(action: Action) -> str:
    return f"Look in Extended ECM at the category {action.name} of workspace {record.node_id(action)}"


CATEGORY = Channel(
    group="categories", packing=record.PACKING, build=_build, wait_for_turn=record.no_wait, has_turn=record.always,
    screening=None, doubt=None, shows=None, advice=_advice, alone=True, patience=record.PATIENCE,
)  # fmt: skip
