"""Serve the workspace types (api/ecm.md 3.1); changes none."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from ecmbraze.sandbox.ecm.answers import answer, self_link
from ecmbraze.sandbox.ecm.asking import flag, store
from ecmbraze.sandbox.ecm.model import WorkspaceType
from ecmbraze.sandbox.ecm.refusals import RefusalError

types = Blueprint("types", __name__)


@types.get("/v2/businessworkspacetypes")
def list_types() -> Response:
    """Return all types at once: this list is not paged. Without any type it answers 500."""
    kinds = list(store().definitions.types.values())
    if not kinds:
        raise RefusalError(500, "no_types")
    kinds.sort(key=lambda kind: _name(kind).casefold(), reverse=request.args.get("sort") == "desc_name")
    return answer({"links": self_link(), "results": [_shown(kind) for kind in kinds]})


@types.get("/v2/businessworkspacetypes/<int:type_id>")
def one_type(type_id: int) -> Response:
    """Return one type."""
    return answer({"links": self_link(), "results": _shown(_found(type_id))})


@types.get("/v1/businessworkspacetypes/<int:type_id>")
def one_type_v1(type_id: int) -> Response:
    """Return one type in the older shape."""
    return answer({"icon_url": "", "is_policies_enabled": False, "workspace_type": _found(type_id).id})


def _found(type_id: int) -> WorkspaceType:
    kind = store().definitions.types.get(type_id)
    if kind is None:
        raise RefusalError(400, "no_type", id=type_id)
    return kind


def _name(kind: WorkspaceType) -> str:
    """Return the name in the caller's language (3.1)."""
    return kind.names.get(store().switches.user_language, kind.name)


def _shown(kind: WorkspaceType) -> dict[str, Any]:
    shown: dict[str, Any] = {"data": {"properties": _properties(kind)}}
    if flag("expand_wksp_info", default=True):
        shown["data"]["wksp_info"] = {
            "in_use": bool(store().of_type.get(kind.id)),
            "indexing_status": "UpToDate",
            "modified": False,
            "perspective_folder_id": None,
            "wksp_type_icon": None,
        }
    return shown


def _properties(kind: WorkspaceType) -> dict[str, Any]:
    template: dict[str, Any] = {"id": kind.template_id, "name": f"{kind.name} Template"}
    if flag("expand_templates"):
        template["subType"] = 848
    return {
        "wksp_type_id": kind.id,
        "wksp_type_name": _name(kind),
        "wksp_type_names": dict(kind.names),
        "config_node_id": kind.config_node_id,
        "rm_enabled": False,
        "aviator_enabled": False,
        "templates": [template],
        "wksp_creation": {"location": kind.folder_id, "location_value": kind.folder_id, "sub_location_path": []},
        "wksp_creation_enabled": True,
        "wksp_policies_enabled": False,
        "wksp_copy_enabled": False,
        "classification": {},
        "indexing": {"enabled": True, "sub_types": []},
        "search": {},
        "widget_icon": None,
    }
