"""E-mail templates and Content Blocks: listings and what is in them (api/braze.md 7.1, 7.2, 13.7); writes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from ecmbraze.sandbox.braze import moments, parts
from ecmbraze.sandbox.braze.answers import Refused, whole
from ecmbraze.sandbox.braze.records import Block, Template
from ecmbraze.sandbox.braze.store import BrazeStore

_MOST = 1_000
_DEFAULT = 100
_Asset = TypeVar("_Asset", Template, Block)
_Uses = dict[str, list[dict[str, str]]]
_USED = re.compile(r"content_blocks\.\$\{\s*([A-Za-z0-9_-]+)\s*\}")


def templates(store: BrazeStore, query: Mapping[str, str]) -> dict[str, Any]:
    """Answer `/templates/email/list`, where drag-and-drop templates never appear. Raises Refused."""
    page = _page(store, [one for one in store.templates.values() if not one.drag_and_drop], query)
    return {"count": len(page), "templates": [_template_row(one) for one in page], "message": "success"}


def template(store: BrazeStore, query: Mapping[str, str]) -> dict[str, Any]:
    """Answer `/templates/email/info`. Raises Refused: an unknown id is a 400, a drag-and-drop template too."""
    found = store.templates.get(query.get("email_template_id", ""))
    if found is None:
        raise Refused(400, "Invalid value for 'email_template_id'")
    if found.drag_and_drop:
        raise Refused(400, "Drag-and-drop email templates are not supported by this endpoint")
    written = ("description", "subject", "preheader", "body", "plaintext_body", "should_inline_css")
    return {**_template_row(found), **{name: getattr(found, name) for name in written}, "message": "success"}


def blocks(store: BrazeStore, query: Mapping[str, str]) -> dict[str, Any]:
    """Answer `/content_blocks/list`; its page says that an offset must be greater than 0. Raises Refused."""
    if query.get("offset") == "0" and store.switches.block_offset_zero == "error400":
        raise Refused(400, "offset must be greater than 0")
    uses = _uses(store)
    page = _page(store, [one for one in store.blocks.values() if one.state == "active"], query)
    rows = [_block_row(one, uses) for one in page]
    return {"count": len(rows), "content_blocks": rows, "message": "success"}


def block(store: BrazeStore, query: Mapping[str, str]) -> dict[str, Any]:
    """Answer `/content_blocks/info`. Raises Refused: an unknown id is a 400."""
    found = store.blocks.get(query.get("content_block_id", ""))
    if found is None or found.state != "active":
        raise Refused(400, "Content Block cannot be found")
    uses = _uses(store)
    more = {"inclusion_data": uses.get(found.name, [])} if query.get("include_inclusion_data") == "true" else {}
    written = {"content": found.content, "description": found.description}
    return {**_block_row(found, uses), **written, **more, "message": "success"}


def _page(store: BrazeStore, assets: Iterable[_Asset], query: Mapping[str, str]) -> list[_Asset]:
    """Return one page of what was edited in a span, both ends included, the oldest edit first."""
    after, before = (_moment(query, name) for name in ("modified_after", "modified_before"))
    limit, offset = whole(query, "limit", _DEFAULT), whole(query, "offset", 0)
    if not 0 < limit <= _MOST and store.switches.limit_too_high == "error400":
        raise Refused(400, f"limit must be between 1 and {_MOST}")
    found = [one for one in assets if (not after or one.edited >= after) and (not before or one.edited <= before)]
    return sorted(found, key=lambda one: (one.edited, one.id))[offset : offset + min(limit, _MOST)]


def _moment(query: Mapping[str, str], name: str) -> datetime | None:
    text = query.get(name)
    moment = moments.parse(text)
    if text and moment is None:
        raise Refused(400, f"{name} must be a datetime in ISO 8601 format")
    return moment


def _template_row(found: Template) -> dict[str, Any]:
    return {
        "email_template_id": found.id,
        "template_name": found.name,
        "created_at": moments.offset_stamp(found.created),
        "updated_at": moments.offset_stamp(found.edited),
        "tags": list(found.tags),
    }


def _block_row(found: Block, uses: _Uses) -> dict[str, Any]:
    return {
        "content_block_id": found.id,
        "name": found.name,
        "content_type": found.content_type,
        "liquid_tag": f"{{{{content_blocks.${{{found.name}}}}}}}",
        "inclusion_count": len(uses.get(found.name, [])),
        "created_at": moments.offset_stamp(found.created),
        "last_edited": moments.offset_stamp(found.edited),
        "tags": list(found.tags),
    }


def _uses(store: BrazeStore) -> _Uses:
    """Return block name → the message variations that name it, archived campaigns and Canvases left aside."""
    uses: _Uses = {}
    for message in store.messages.values():
        if message.archived:
            continue
        held = [({"campaign_id": message.id}, message.messages)]
        held += [({"canvas_step_id": step["id"]}, step["messages"]) for step in message.steps]
        for where, written in held:
            for variation, text in parts.texts(written):
                for name in set(_USED.findall(text)):
                    uses.setdefault(name, []).append({**where, "message_variation_id": variation})
    return uses
