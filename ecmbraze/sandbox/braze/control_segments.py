"""Views of the control API on segments, and on the bucket that exports and Currents go to; makes no export itself."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from ecmbraze.sandbox.braze import streams
from ecmbraze.sandbox.braze.records import Segment
from ecmbraze.sandbox.braze.store import BrazeStore
from ecmbraze.sandbox.braze.tracking import flush
from ecmbraze.sandbox.fields import FLAG, NAME, NAMES, TEXT, Kind, body, checked, unknown

_FIELDS: Mapping[str, Kind] = {
    "name": NAME,
    "archived": FLAG,
    "tracked": FLAG,
    "description": TEXT,
    "text_description": TEXT,
    "tags": NAMES,
    "members": Kind(
        "a list of external ids, or null for everybody", lambda value: value is None or NAMES.fits(value), null=True
    ),
}


class SegmentViews:
    """Segments as somebody builds them in the dashboard."""

    def __init__(self, store: BrazeStore) -> None:
        self._store = store

    def listing(self) -> Any:
        """List the segments."""
        return [
            {name: value for name, value in asdict(segment).items() if name in ("id", *_FIELDS)}
            for segment in self._store.segments.values()
        ]

    def put(self, segment_id: str) -> Any:
        """Make or change a segment: "name", "members" (external ids, null: everybody), "description" and more."""
        given = checked(body(), _FIELDS, "a segment")
        lists = {name: tuple(value) for name, value in given.items() if isinstance(value, list)}
        now = self._store.clock.now()
        known = self._store.segments.get(segment_id) or Segment(id=segment_id, name=segment_id, created=now, edited=now)
        self._store.segments[segment_id] = replace(known, edited=now, **{**given, **lists})
        return {}

    def bucket(self) -> Any:
        """List the files in the customer's bucket: Currents, and exports by the switch "export_to_storage"."""
        flush(self._store)
        return sorted(self._store.bucket)

    def file(self, key: str) -> Any:
        """Show one file of the bucket as "base64"."""
        flush(self._store)
        if key not in self._store.bucket:
            raise unknown("no file", key, self._store.bucket)
        return {"base64": base64.b64encode(self._store.bucket[key]).decode()}

    def currents(self) -> Any:
        """Put Currents files into the bucket: {"events": [{"event": send|open|click, "external_id": "C-1", ...}]}."""
        return {"files": streams.write(self._store, body())}
