"""Serve the versions of documents (api/ecm.md 7), in either shape; the bytes are ``documents``' work."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from ecmbraze.sandbox.ecm.answers import answer, collection, cut, self_link
from ecmbraze.sandbox.ecm.asking import form, paging, seen, store, writable
from ecmbraze.sandbox.ecm.model import DOCUMENT, Node, Version
from ecmbraze.sandbox.ecm.refusals import RefusalError
from ecmbraze.sandbox.ecm.stamps import stamp
from ecmbraze.sandbox.ecm.values import TRUE

versions = Blueprint("versions", __name__)
_ALL = "/v2/nodes/<int(signed=True):node_id>/versions"
_DESCRIPTION_LIMIT = 255  # api/ecm.md 7


def shown(node: Node, version: Version) -> dict[str, Any]:
    """Return one version as every answer prints it; no checksum anywhere."""
    made = stamp(version.created, True, store().switches.server_tz)
    advanced = bool(node.get("advanced"))
    return {
        "id": node.id,
        "version_id": version.id,
        "version_number": version.number,
        "version_number_major": version.major if advanced else 0,
        "version_number_minor": version.minor if advanced else version.number,
        "version_number_name": f"{version.major}.{version.minor}" if advanced else str(version.number),
        "name": node.name,
        "description": version.description,
        "file_name": version.file_name,
        "file_size": len(version.content),
        "file_type": version.file_name.rpartition(".")[2],
        "mime_type": version.mime_type,
        "file_create_date": made,
        "file_modify_date": made,
        "create_date": made,
        "modify_date": made,
        "owner_id": version.by,
        "provider_id": version.id,
        "locked": False,
        "locked_date": None,
        "locked_user_id": None,
        "has_generation": False,
        "external_create_date": None,
        "external_identity": "",
        "external_identity_type": "",
        "external_modify_date": None,
        "external_source": "",
    }


@versions.get(_ALL)
def listing(node_id: int) -> Response:
    """List the versions, oldest first unless ``order=desc``; what carries none has an empty list."""
    node = seen(node_id, 400, "sorry")
    found = list(node.get("versions", ()))
    if request.args.get("order") == "desc":
        found.reverse()
    page, limit = paging(100)
    part = cut(found, page, limit)
    rows = [shown(node, version) for version in part.rows]
    if store().switches.versions_as_object:
        return answer({**collection(part, [], "asc_version_number"), "results": {"data": {"versions": rows}}})
    return answer(collection(part, [{"data": {"versions": row}} for row in rows], "asc_version_number"))


@versions.get(f"{_ALL}/<int:number>")
def one(node_id: int, number: int) -> Response:
    """Return one version."""
    node = seen(node_id, 400, "sorry")
    version = next((v for v in node.get("versions", ()) if v.number == number), None)
    if version is None:
        raise RefusalError(400, "sorry")
    return answer({"links": self_link(), "results": {"data": {"versions": shown(node, version)}}})


@versions.get("/v1/nodes/<int(signed=True):node_id>/versions/latest")
def latest(node_id: int) -> Response:
    """Return the newest version in the shape of the older API."""
    found = newest(seen(node_id, 400, "sorry"))
    if not found:
        raise RefusalError(400, "sorry")
    return answer({"data": found, "definitions": {}, "definitions_map": {}, "definitions_order": []})


@versions.post(_ALL)
def add(node_id: int) -> Response:
    """Add a version from a multipart ``file``."""
    node = writable(seen(node_id, 400, "sorry"), "add_major_version")
    upload = request.files.get("file")
    if node.subtype != DOCUMENT:
        raise RefusalError(400, "action", name="addversion")
    if upload is None:
        raise RefusalError(400, "missing_file")
    fields = form()
    description = str(fields.get("description") or "")
    if len(description) > _DESCRIPTION_LIMIT:
        raise RefusalError(400, "length", name="description", max=_DESCRIPTION_LIMIT)
    version = store().shelf.add_version(
        node,
        upload.read(),
        mime_type=upload.mimetype or "application/octet-stream",
        file_name=upload.filename or node.name,
        major=str(fields.get("add_major_version", "")).lower() in TRUE,
        description=description,
    )
    return answer({"links": self_link(), "results": {"data": {"versions": shown(node, version)}}})


@versions.get("/v1/nodes/<int(signed=True):node_id>/classifications")
def classifications(node_id: int) -> Response:
    """Return the classifications of a node; the shape of a row is a choice (api/ecm.md 10 names the path only)."""
    node = seen(node_id, 400)
    rows = [{"id": number, "name": name, "type": 199} for number, name in node.get("classifications", ())]
    return answer({"data": rows, "definitions": {}, "definitions_map": {}, "definitions_order": []})


@versions.get("/v1/nodes/<int(signed=True):node_id>/ancestors")
def ancestors(node_id: int) -> Response:
    """Return the path to a node, outermost first, itself last."""
    node = seen(node_id, 400)
    rows = [
        {"id": one.id, "name": one.name, "type": one.subtype, "parent_id": one.parent_id}
        for one in store().tree.path(node)
    ]
    return answer({"ancestors": rows})


def newest(node: Node) -> dict[str, Any] | list[Any]:
    """Return what ``fields=versions.element(0)`` adds: the newest version, an empty list for what carries none."""
    found = node.get("versions", ())
    return shown(node, found[-1]) if found else []


def told(node: Node, number: int) -> dict[str, Any] | list[Any]:
    """Return the version a search hit is about, the newest where the index knows of none yet."""
    found = next((version for version in node.get("versions", ()) if version.number == number), None)
    return shown(node, found) if found else newest(node)
