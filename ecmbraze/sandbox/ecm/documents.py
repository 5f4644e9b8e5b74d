"""Serve the content of documents (api/ecm.md 7); uploading is part of creating a node."""

from __future__ import annotations

from urllib.parse import quote

from flask import Blueprint, Response

from ecmbraze.sandbox.ecm.asking import seen
from ecmbraze.sandbox.ecm.model import DOCUMENT
from ecmbraze.sandbox.ecm.refusals import RefusalError

documents = Blueprint("documents", __name__)


@documents.get("/v1/nodes/<int(signed=True):node_id>/content")
@documents.get("/v2/nodes/<int(signed=True):node_id>/content")
def content(node_id: int) -> Response:
    """Return the bytes that were uploaded; there is no checksum anywhere."""
    node = seen(node_id, 500, "sorry")
    if node.subtype != DOCUMENT:
        raise RefusalError(500, "sorry")
    response = Response(node.get("content", b""), mimetype=node.get("mime_type"))
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(node.get('file_name'))}"
    return response
