"""Files of Braze Currents as they stand in a synced bucket (api/braze.md 6.3), written with a real Avro library."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import fastavro

GLOBAL, GROUP = "users.behaviors.subscription.GlobalStateChange", "users.behaviors.subscriptiongroup.StateChange"
SPAM, BOUNCE, OPEN, CLICK, SEND, DELIVERY = (
    f"users.messages.email.{name}" for name in ("MarkAsSpam", "Bounce", "Open", "Click", "Send", "Delivery")
)
_OPTIONAL = (
    "external_user_id",
    "email_address",
    "phone_number",
    "state_change_source",
    "subscription_status",
    "channel",
    "subscription_group_id",
    "esp",
    "dispatch_id",
    "machine_open",
)


def avro(kind: str, rows: Sequence[Mapping[str, Any]], codec: str = "null", more: Sequence[str] = ()) -> bytes:
    """Return a file with these events; ``more`` are fields that came with a newer version of the schema."""
    kinds = {**dict.fromkeys((*_OPTIONAL, *more), "string"), "is_suspected_bot_click": "boolean"}
    optional = [{"name": name, "type": ["null", one], "default": None} for name, one in kinds.items()]
    required = [
        {"name": "id", "type": "string"},
        {"name": "user_id", "type": "string"},
        {"name": "time", "type": "long"},
    ]
    schema = fastavro.parse_schema({"type": "record", "name": kind, "fields": [*required, *optional]})
    out = io.BytesIO()
    fastavro.writer(out, schema, [{"user_id": "b", **row} for row in rows], codec=codec, sync_interval=64)
    return out.getvalue()


@dataclass(kw_only=True)
class Bucket:
    """A folder that is synced with the bucket."""

    folder: Path
    written: int = 0

    def put(self, content: bytes, kind: str, at: datetime, name: str = "") -> Path:
        """Write one file as the sync does; its modify date is ``at``."""
        self.written += 1
        below = self.folder / "p/dataexport.eu.S3.integration.1" / f"event_type={kind}" / f"date={at:%Y-%m-%d-%H}"
        path = below / "version=1/prod" / (name or f"dataexport+1+{self.written}.avro")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (at.timestamp(), at.timestamp()))
        return path

    def tells(self, kind: str, at: datetime, *, seen: datetime | None = None, **row: Any) -> Path:
        """Write a file with one event of a moment; it comes at ``seen``."""
        event = {"id": f"e{self.written}", "time": int(at.timestamp()), **row}
        return self.put(avro(kind, [event]), kind, seen or at)
