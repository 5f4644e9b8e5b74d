"""Write what happened to e-mails as Currents files into the customer's bucket (api/braze.md 6.3, 13.8); sends nothing.

Currents repeats events, queues them late, and counts what mail proxies and link scanners do: each is a field here.
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from ecmbraze.sandbox.braze.records import Message, User
from ecmbraze.sandbox.braze.store import BrazeStore
from ecmbraze.sandbox.clock import parse_instant
from ecmbraze.sandbox.fields import FLAG, INSTANT, NAME, OBJECTS, SECONDS, Kind, checked, one_of, unknown

_TYPES = {word.lower(): f"users.messages.email.{word}" for word in ("Send", "Delivery", "Open", "Click", "Bounce")}
_DAY_S = 86_400
_SPAN = Kind("a number of seconds, a day at most", lambda value: SECONDS.fits(value) and value <= _DAY_S)
_ORDER = {"events": OBJECTS, "half_for_s": _SPAN}
_EVENT = {
    "event": one_of(*_TYPES),
    "external_id": NAME,
    "message": NAME,
    "at": INSTANT,
    "id": NAME,
    "dispatch_id": NAME,
    "machine_open": FLAG,
    "suspected_bot_click": FLAG,
    "anonymous": FLAG,
}
# Some of the nullable fields; `novel` stands for the one that the next version brings.
_TEXTS = (
    *("dispatch_id", "external_user_id", "timezone", "campaign_id", "campaign_name", "canvas_id", "canvas_name"),
    *("canvas_step_id", "send_id", "user_agent", "mailbox_provider", "novel"),
)
_OWN: Mapping[str, tuple[tuple[str, str], ...]] = {
    "open": (("machine_open", "string"),),
    "click": (("url", "string"), ("is_suspected_bot_click", "boolean")),
}


def write(store: BrazeStore, raw: Any) -> list[str]:
    """Put events into the bucket, a file for each type; return the names.

    ``half_for_s`` leaves the files half written for so long, as a sync that is at work does. Raises ValueError.
    """
    given = checked(raw, _ORDER, "Currents", ("events",))
    rows: dict[str, list[dict[str, Any]]] = {}
    for one in given["events"]:
        event = checked(one, _EVENT, "an event", ("event", "external_id"))
        rows.setdefault(event["event"], []).append(_row(store, event))
    files = {_path(store, event): _avro(event, found) for event, found in rows.items()}
    for path, content in files.items():
        store.bucket[path] = content
        if given.get("half_for_s"):
            store.bucket[path] = content[: len(content) // 2]
            ready = store.clock.now() + timedelta(seconds=given["half_for_s"])
            store.planned.append((ready, _completion(store, path, content)))
    return sorted(files)


def _completion(store: BrazeStore, path: str, content: bytes) -> Callable[[], object]:
    return lambda: store.bucket.update({path: content})


def _row(store: BrazeStore, event: Mapping[str, Any]) -> dict[str, Any]:
    user = store.by_external.get(event["external_id"])
    if user is None:
        raise unknown("no user", event["external_id"], store.by_external)
    at = parse_instant(event["at"]) if "at" in event else store.clock.now()
    row = {
        "id": event.get("id") or str(uuid.uuid5(uuid.NAMESPACE_URL, f"currents-{store.next_serial()}")),
        "user_id": user.braze_id,
        "time": int(at.timestamp()),
        "email_address": str(user.fields.get("email") or ""),
        "external_user_id": None if event.get("anonymous") else user.external_id,
        "dispatch_id": event.get("dispatch_id"),
        "novel": "since the next version",
        **(_of_message(store, event["message"]) if "message" in event else {}),
    }
    return {**row, **_of_type(user, event)}


def _of_message(store: BrazeStore, message_id: str) -> dict[str, Any]:
    known: dict[str, Message] = {message.id: message for message in store.messages.values()}
    if message_id not in known:
        raise unknown("no campaign or Canvas", message_id, known)
    found = known[message_id]
    step = {"canvas_step_id": found.first_step} if found.kind == "canvas" else {}
    return {f"{found.kind}_id": found.id, f"{found.kind}_name": found.name, **step}


def _of_type(user: User, event: Mapping[str, Any]) -> dict[str, Any]:
    """Return what only opens or only clicks have: marks of what no person did, null where there is nothing to mark."""
    match event["event"]:
        case "open":
            return {"machine_open": "true" if event.get("machine_open") else None}
        case "click":
            return {"url": "https://example.com/", "is_suspected_bot_click": event.get("suspected_bot_click")}
    return {}


def _path(store: BrazeStore, event: str) -> str:
    """Return where Currents puts a file: under the hour in which it was queued, which is none of the events' own."""
    kind, hour, number = _TYPES[event], f"{store.clock.now():%Y-%m-%d-%H}", store.next_serial()
    folder = f"currents/dataexport.prod-04.S3.integration.5f0c/event_type={kind}/date={hour}/version=4/prod"
    return f"{folder}/dataexport.prod-04.S3.integration.5f0c+{kind}+1+{number}.avro"


def _avro(event: str, rows: Sequence[Mapping[str, Any]]) -> bytes:
    try:
        import fastavro
    except ImportError:
        raise ValueError("Currents files need the library fastavro: pip install 'ecmbraze[currents]'") from None
    required = [{"name": name, "type": "string"} for name in ("id", "user_id", "email_address")]
    nullable = [*((name, "string") for name in _TEXTS), *_OWN.get(event, ())]
    fields = [
        *required,
        {"name": "time", "type": "int"},
        *({"name": name, "type": ["null", kind], "default": None} for name, kind in nullable),
    ]
    schema = fastavro.parse_schema({"type": "record", "name": _TYPES[event].replace(".", "_"), "fields": fields})
    out = io.BytesIO()
    fastavro.writer(out, schema, rows, codec="deflate", sync_marker=uuid.UUID(int=len(rows)).bytes)
    return out.getvalue()
