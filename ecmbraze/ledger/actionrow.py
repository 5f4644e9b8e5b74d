"""One action as a row, in the plan file and in the outbox alike; holds no query of its own."""

from __future__ import annotations

from ecmbraze.ledger.codec import dump, instant, load_json, moment
from ecmbraze.model import Action, Kind

ACTION_COLUMNS = (
    "flow, record, rule, occurrence, kind, recipient, name, payload, expires_at, reason, consent, create_profile"
)


def read_action(row: tuple[object, ...]) -> Action:
    """Return the action of one row selected with ``ACTION_COLUMNS``."""
    flow, record, rule, occurrence, kind, recipient, name, payload, expires, reason, consent, create = row
    facts = load_json(None if consent is None else str(consent))
    return Action(
        flow=str(flow),
        record=str(record),
        rule=str(rule),
        occurrence=str(occurrence),
        kind=Kind(str(kind)),
        recipient=str(recipient),
        name=str(name),
        payload=load_json(None if payload is None else str(payload)),
        expires_at=moment(str(expires)),
        reason=str(reason),
        consent=facts if isinstance(facts, dict) else None,
        create_profile=bool(create),
    )


def write_action(action: Action) -> tuple[object, ...]:
    """Return the values of the action columns in the order of the schema, without the number."""
    return (
        action.key,
        action.flow,
        action.record,
        action.rule,
        action.occurrence,
        action.kind,
        action.kind.delivery,
        action.kind.phase,
        action.recipient,
        action.name,
        action.target,
        dump(action.payload),
        None if action.consent is None else dump(action.consent),
        action.create_profile,
        instant(action.expires_at),
        action.reason,
        action.series,
    )
