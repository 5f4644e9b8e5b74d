"""What an asset becomes before anybody sends it: its canonical bytes, and the blocks that its text includes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from ecmbraze.model import Asset, ContentKind, ContentRow
from ecmbraze.planning.assets import document, references
from ecmbraze.planning.assets.document import Seen, canonical

_SEEN = Seen(at="2026-11-20T08:00:00+00:00", request="1")
_TEXTS = {"a": "größer {{content_blocks.${b}}}", "b": "😀"}
_ROW = ContentRow(
    kind=ContentKind.EMAIL_TEMPLATES,
    id="t1",
    name="Ümlaut",
    tags=("approved",),
    edited=datetime(2026, 11, 20, tzinfo=UTC),
)


@pytest.mark.parametrize("body", ["Hi {{content_blocks.${a}}} {{content_blocks.${gone}}}", "alone"])
def test_a_document_that_is_made_piece_by_piece_is_canonical_json_as_a_whole(body: str) -> None:
    asset = Asset(row=_ROW, parts={"subject": "s", "body": body})
    follows = references.follow(asset.parts, lambda name: _block(name) if name in _TEXTS else None)

    made = document.draft(asset, follows, lambda name: _TEXTS[name], _SEEN, "approved")
    whole = b"".join(made.pieces())

    assert whole == canonical(json.loads(whole))
    assert (made.sha256, made.size) == (sha256(whole).hexdigest(), len(whole))
    assert [one["content"] for one in json.loads(whole)["references"]] == [_TEXTS[one.name] for one in follows.blocks]


def _block(name: str) -> references.Block:
    return references.block(_TEXTS[name], f"id-{name}", name)


@pytest.mark.parametrize(
    ("text", "names", "odd"),
    [
        ("{{content_blocks.${a}}}", ("a",), ()),
        ("{{ content_blocks . ${ a } | id: 'cb1' }} {{content_blocks.${b}}}", ("a", "b"), ()),
        ("{{content_blocks.${promo_{{x}}}}}", (), ("content_blocks.${promo_{{x}}}",)),
        ("{{content_blocks.${{{a}}{{b}}}}}", (), ("content_blocks.${{{a}}{{b}}}",)),
        ("{{content_blocks.${open", (), ("content_blocks.${open",)),
        ("content_blocks[name]", (), ("content_blocks[name]",)),
        ("{{content_blocks.${" + "{{a}}" * 200 + "{", (), (("content_blocks.${" + "{{a}}" * 200)[:60],)),
    ],
)
def test_a_name_is_followed_or_told_as_one_that_nobody_can_follow(
    text: str, names: tuple[str, ...], odd: tuple[str, ...]
) -> None:
    """The last is one that was looked at in two to the two-hundredth ways."""
    assert references.included({"body": [text]}) == (names, odd)
