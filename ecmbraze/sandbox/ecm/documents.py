"""Serve the content of documents (api/ecm.md 7); uploading is part of creating a node or a version."""

from __future__ import annotations

import gzip
from urllib.parse import quote

from flask import Blueprint, Response, request

from ecmbraze.sandbox.ecm.asking import allowed, seen, store
from ecmbraze.sandbox.ecm.model import Node, Version
from ecmbraze.sandbox.ecm.refusals import RefusalError

documents = Blueprint("documents", __name__)


@documents.get("/v1/nodes/<int(signed=True):node_id>/content")
def content(node_id: int) -> Response:
    """Return the bytes of the newest version; there is no checksum anywhere."""
    _, found = _readable(node_id)
    return _download(found[-1])


@documents.get("/v2/nodes/<int(signed=True):node_id>/content")
def published_content(node_id: int) -> Response:
    """Return the bytes of the newest *published* version: the newest major one, where there is any (7.1, 3)."""
    node, found = _readable(node_id)
    major = [one for one in found if node.get("advanced") and one.major and not one.minor]
    return _download((major or found)[-1])


@documents.get("/v1/nodes/<int(signed=True):node_id>/versions/<int:number>/content")
@documents.get("/v2/nodes/<int(signed=True):node_id>/versions/<int:number>/content")
def content_of_version(node_id: int, number: int) -> Response:
    """Return the bytes of one version."""
    _, found = _readable(node_id)
    chosen = [one for one in found if one.number == number]
    if not chosen:
        raise RefusalError(500, "sorry")
    return _download(chosen[0])


def _readable(node_id: int) -> tuple[Node, tuple[Version, ...]]:
    node = allowed(seen(node_id, 500, "sorry"), "see_contents")
    found: tuple[Version, ...] = node.get("versions", ())
    if not found:
        raise RefusalError(500, "sorry")
    return node, found


def _download(version: Version) -> Response:
    response = Response(version.content, mimetype=version.mime_type)
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(version.file_name)}"
    if store().switches.gzip_content and "gzip" in request.headers.get("Accept-Encoding", ""):
        response.set_data(gzip.compress(version.content, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
    return response
