"""Render nodes and workspaces as the properties objects of api/ecm.md 3.2, 3.3 and 4.1; selects nothing."""

from __future__ import annotations

from typing import Any

from ecmbraze.sandbox.ecm import permissions, tasks
from ecmbraze.sandbox.ecm.model import CONTAINERS, DOCUMENT, TYPE_NAMES, WORKSPACE, Node
from ecmbraze.sandbox.ecm.stamps import stamp
from ecmbraze.sandbox.ecm.store import API_USER, EcmStore

_COMMON: dict[str, Any] = {
    "volume_id": -2000,
    "owner_user_id": API_USER,
    "reserved": False,
    "reserved_user_id": 0,
    "reserved_date": None,
    "favorite": False,
    "order": None,
    "original_id": 0,
    "icon": "/cssupport/otsapxecm/wksp_contract.png",
    "perm_see": True,
}


EXTERNAL: dict[str, Any] = {
    "external_create_date": None,
    "external_identity": "",
    "external_identity_type": "",
    "external_modify_date": None,
    "external_source": "",
}


def workspace_row(store: EcmStore, node: Node) -> dict[str, Any]:
    """Return the properties of a workspace listing row: dates without zone, no categories."""
    switches = store.switches
    row = _basic(store, node, switches.z_suffix_bw)
    kind = store.type_of(node)
    row["wnf_wksp_type_id"] = node.type_id
    row["wnf_wksp_template_id"] = kind.template_id if kind else None
    return row


def workspace_properties(store: EcmStore, node: Node) -> dict[str, Any]:
    """Return the properties of one workspace from its own endpoint: dates without zone, plus the type's name."""
    return {**_whole(store, node, store.switches.z_suffix_bw), **_typed(store, node)}


def node_properties(store: EcmStore, node: Node) -> dict[str, Any]:
    """Return the properties of any node: dates end in Z."""
    found = _whole(store, node, store.switches.z_suffix_nodes)
    if node.subtype == tasks.TASK:
        return {**found, **tasks.shown(store, node)}
    return {**found, **_typed(store, node)} if node.subtype == WORKSPACE else found


def narrowed(properties: dict[str, Any], members: frozenset[str] | None) -> dict[str, Any]:
    """Return only the properties asked for."""
    return properties if members is None else {k: v for k, v in properties.items() if k in members}


def _basic(store: EcmStore, node: Node, zulu: bool) -> dict[str, Any]:
    zone = store.switches.server_tz
    size, formatted = _size(store, node)
    modified, reserved_at = stamp(node.modified, zulu, zone), node.get("reserved_at")
    return {
        "id": node.id,
        "name": node.name,
        "parent_id": node.parent_id,
        "type": node.subtype,
        "type_name": TYPE_NAMES.get(node.subtype, "Item"),
        "description": node.get("description", ""),
        "create_date": stamp(node.created, zulu, zone),
        "modify_date": node.get("raw_modified", modified),
        "container": node.subtype in CONTAINERS,
        "size": size,
        "size_formatted": formatted,
        "mime_type": node.get("mime_type"),
        **_COMMON,
        "create_user_id": node.get("created_by", API_USER),
        "modify_user_id": node.get("modified_by", API_USER),
        "hidden": bool(node.get("hidden")),
        "reserved": bool(node.get("reserved_by")),
        "reserved_user_id": node.get("reserved_by") or 0,
        "reserved_date": None if reserved_at is None else stamp(reserved_at, zulu, zone),
        **permissions.shown(node),
    }


def _whole(store: EcmStore, node: Node, zulu: bool) -> dict[str, Any]:
    name = {"en": node.name, "de": node.name}
    description = node.get("description", "")
    return {
        **_basic(store, node, zulu),
        "advanced_versioning": bool(node.get("advanced")) if node.subtype == DOCUMENT else None,
        "container_size": len(store.children.get(node.id, ())),
        "description_multilingual": {"en": description, "de": description},
        **EXTERNAL,
        **node.get("external", {}),
        "guid": None,
        "icon_large": "/cssupport/otsapxecm/wksp_contract_large.png",
        "name_multilingual": name,
        "owner": store.username,
        "owner_group_id": 1001,
        "permissions_model": "advanced",
        "reserved_shared_collaboration": False,
        "status": None,
        "versionable": node.subtype == DOCUMENT,
        "versions_control_advanced": bool(node.get("advanced")),
    }


def _typed(store: EcmStore, node: Node) -> dict[str, Any]:
    kind = store.type_of(node)
    return {
        "image_url": "",
        "classification_ids": [number for number, _ in node.get("classifications", ())],
        "rm_enabled": False,
        "wksp_type_name": kind.names.get(store.switches.user_language, kind.name) if kind else None,
    }


def _size(store: EcmStore, node: Node) -> tuple[int, str]:
    """Return bytes of documents, the number of children of containers, invisible ones included (4.2)."""
    if node.subtype in CONTAINERS:
        count = len(store.children.get(node.id, ()))
        return count, f"{count} Item{'' if count == 1 else 's'}"
    versions = node.get("versions", ())
    content = len(versions[-1].content) if versions else 0
    return content, f"{-(-content // 1024)} KB"
