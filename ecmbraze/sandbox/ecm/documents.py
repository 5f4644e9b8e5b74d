"""Serve the content of documents (api/ecm.md 7); uploading is part of creating a node."""

from __future__ import annotations

from urllib.parse import quote

from flask import Blueprint, Response

from ecmbraze.sandbox.ecm.asking import allowed, seen
from ecmbraze.sandbox.ecm.refusals import RefusalError

documents = Blueprint("documents", __name__)


@documents.get("/v1/nodes/<int(signed=True):node_id>/content")
@documents.get("/v2/nodes/<int(signed=True):node_id>/content")
def content(node_id: int) -> Response:
    """Return the bytes that were uploaded; there is no checksum anywhere."""
    return _download(node_id, None)


@documents.get("/v1/nodes/<int(signed=True):node_id>/versions/<int:number>/content")
@documents.get("/v2/nodes/<int(signed=True):node_id>/versions/<int:number>/content")
def content_of_version(node_id: int, number: int) -> Response:
    """Return the bytes of one version."""
    return _download(node_id, number)


def _download(node_id: int, number: int | None) -> Response:
    node = allowed(seen(node_id, 500, "sorry"), "see_contents")
    found = [one for one in node.get("versions", ()) if number in (None, one.number)]
    if not found:
        raise RefusalError(500, "sorry")
    response = Response(found[-1].content, mimetype=found[-1].mime_type)
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(found[-1].file_name)}"
    return response
