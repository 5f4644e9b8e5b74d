"""Exports of segments: taken at once, readable later, gone after hours (api/braze.md 4.4, 13.5); calls nobody back."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from ecmbraze.sandbox.braze import reads, segments
from ecmbraze.sandbox.braze.answers import Refused, listed
from ecmbraze.sandbox.braze.records import Export, User
from ecmbraze.sandbox.braze.store import BrazeStore

PREFIX = "/segment-export/"
_PER_FILE = 5_000
_MOST_ATTRIBUTES = 500
_READABLE = timedelta(hours=4)
_TYPES = {200: "application/zip", 400: "application/xml", 403: "application/xml"}
Answer = tuple[int, bytes, str]


def start(store: BrazeStore, body: Mapping[str, Any], host: str) -> dict[str, Any]:
    """Answer `/users/export/segment`. Raises Refused: 429 while one of the same segment runs."""
    segment = segments.known(store, body.get("segment_id"))
    fields, attributes = _asked(body)
    now = store.clock.now()
    if any(export.segment == segment.id and now < export.ready for export in store.exports.values()):
        raise Refused(429, "An export of this segment is already running")
    if body.get("output_format", "zip") != "zip" and not store.switches.export_to_storage:
        raise Refused(400, "output_format can only be gzip where a bucket of your own is set up")
    prefix = f"{uuid.uuid5(uuid.NAMESPACE_URL, f'export-{store.next_serial()}')}-{int(now.timestamp())}"
    rows = [_row(store, user, fields, attributes) for user in segments.members(store, segment)]
    files = list(_files(_spoiled(store, rows), prefix))
    ready, signature = (
        now + timedelta(seconds=store.switches.export_ready_s),
        uuid.uuid5(uuid.NAMESPACE_URL, prefix).hex,
    )
    kept = not store.switches.export_to_storage
    _forget_old(store, now)
    store.exports[prefix] = Export(segment.id, ready, ready + _READABLE, signature, _zipped(files) if kept else b"")
    answer = {"object_prefix": prefix, "message": "success"}
    if kept:
        return {**answer, "url": f"{host}{PREFIX}{segment.id}/{prefix}.zip?X-Amz-Signature={signature}"}
    folder = f"segment-export/{segment.id}/{now:%Y-%m-%d}/{prefix}"
    objects = {f"{folder}/{name.removesuffix('.json')}.zip": _zipped([(name, text)]) for name, text in files}
    store.planned.append((ready, lambda: store.bucket.update(objects)))
    return answer


def download(store: BrazeStore, path: str, signature: str, *, authorized: bool) -> Answer:
    """Answer the URL of an export as a bucket does: no key of Braze, nothing before it is ready, an end."""
    export = store.exports.get(path.rsplit("/", 1)[-1].removesuffix(".zip"))
    now = store.clock.now()
    if authorized:  # a signed URL beside a key is refused; it would also hand the key to somebody else
        return _xml(400, "InvalidArgument", "Only one auth mechanism allowed")
    if export is None or signature != export.signature or now < export.ready or not export.content:
        return _xml(403, "AccessDenied", "Access Denied")
    if now >= export.ends:
        return _xml(403, "AccessDenied", "Request has expired")
    return 200, export.content, _TYPES[200]


def _asked(body: Mapping[str, Any]) -> tuple[frozenset[str], list[str] | None]:
    fields = listed(body, "fields_to_export")
    if not fields:
        raise Refused(400, "fields_to_export is required")
    if "custom_attributes_to_export" not in body:
        return frozenset(map(str, fields)), None
    attributes = listed(body, "custom_attributes_to_export")
    if "custom_attributes" in fields:
        raise Refused(400, "custom_attributes and custom_attributes_to_export cannot be used together")
    if len(attributes) > _MOST_ATTRIBUTES:
        raise Refused(400, f"custom_attributes_to_export must not have more than {_MOST_ATTRIBUTES} names")
    return frozenset((*map(str, fields), "custom_attributes")), [str(name) for name in attributes]


def _row(store: BrazeStore, user: User, fields: frozenset[str], attributes: list[str] | None) -> dict[str, Any]:
    row = reads.exported(store, user, fields, recent_only=True)
    if attributes is None or "custom_attributes" not in row:
        return row
    chosen = {name: value for name, value in row.pop("custom_attributes").items() if name in attributes}
    return {**row, "custom_attributes": chosen} if chosen else row


def _spoiled(store: BrazeStore, rows: list[dict[str, Any]]) -> list[str]:
    """Return the lines of an export, or what is left of them where a test spoils it."""
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    match store.switches.export_spoiled:
        case "half":
            return lines[: len(lines) // 2]
        case "line" if lines:
            return [*lines[:-1], lines[-1][:-1]]
    return lines


def _files(lines: list[str], prefix: str) -> Iterable[tuple[str, str]]:
    """Yield the files: 5,000 people in each at most, and several even for a few people."""
    size = min(_PER_FILE, max(1, (len(lines) + 1) // 2))
    for begin in range(0, len(lines), size):
        name = uuid.uuid5(uuid.NAMESPACE_URL, f"{prefix}-{begin}")
        yield f"{name}.json", "".join(f"{line}\n" for line in lines[begin : begin + size])


def _zipped(files: Iterable[tuple[str, str]]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files:
            archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def _forget_old(store: BrazeStore, now: datetime) -> None:
    """Keep of an ended export that it was there, not what was in it."""
    store.exports = {key: export for key, export in store.exports.items() if now < export.ends + _READABLE}


def _xml(status: int, code: str, message: str) -> Answer:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return status, text.encode(), _TYPES[status]
