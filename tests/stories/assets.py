"""Assets in short: what carries the tag is archived, another content of it is a version, another name renames it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ecmbraze.model import ContentKind
from tests.stories.story import SHORTLY, Story
from tests.twins.ecm import TwinEcm
from tests.twins.house import House, Outcome

_TYPE, _PLACE, _TAG = "Governance", "Archive", "approved"
_TEMPLATES, _BLOCKS = ContentKind.EMAIL_TEMPLATES, ContentKind.CONTENT_BLOCKS
_CAMPAIGNS, _CANVASES = ContentKind.CAMPAIGNS, ContentKind.CANVASES


@dataclass(frozen=True, slots=True, kw_only=True)
class OfAssets(Story):
    """Its numbers are those of templates, each with a block, a campaign and a Canvas beside it.

    The first template is approved from the beginning, or there would be no first plan to confirm.
    """

    def create(self, house: House, person: str) -> int:
        number = sum(kind is _TEMPLATES for kind, _ in house.content.assets)
        includes = f"{{{{content_blocks.${{b{number}}}}}}}"
        mail = {"channel": "email", "subject": "s", "body": f"Hi {person} {includes}"}
        _put(house, _BLOCKS, number, content="one")
        _put(house, _TEMPLATES, number, body=f"Hi {person} {includes}", tags=() if number else (_TAG,))
        _put(house, _CAMPAIGNS, number, messages={"v": mail})
        _put(house, _CANVASES, number, steps=[{"id": "s", "name": "s", "messages": {"v": mail}}])
        return number

    def about(self, person: str, number: int) -> set[str]:
        return {f"[{_id(kind, number)}].json" for kind in ContentKind}

    def begin(self, house: House) -> Iterator[Outcome]:
        """Yield the plan that waits for a person, and the round in which they confirmed it."""
        waits = house.start()
        yield waits
        yield house.start(confirm=waits.report.plan_hash)
        house.clock.advance(SHORTLY)


def _id(kind: ContentKind, number: int) -> str:
    return f"{kind[:2]}{number}"


def _put(house: House, kind: ContentKind, number: int, **fields: Any) -> None:
    name = f"b{number}" if kind is _BLOCKS else f"{kind} of {number}"
    house.content.put(kind, _id(kind, number), **{"name": name, **fields})


def _furnish(ecm: TwinEcm) -> None:
    ecm.add_category("Content", ["Braze ID", "Name", "Status"])
    ecm.add_type(_TYPE, ["Content"])
    ecm.create(_TYPE, {}, name=_PLACE)


def _approve_the_block(house: House, number: int) -> None:
    _put(house, _BLOCKS, number, tags=(_TAG,))


def _rewrite_and_rename(house: House, number: int) -> None:
    _put(house, _TEMPLATES, number, body="Bye", name="Farewell")


def _rewrite_again(house: House, number: int) -> None:
    _put(house, _TEMPLATES, number, body="Bye bye", name="Farewell")


def _approve_the_rest(house: House, number: int) -> None:
    for kind in (_CAMPAIGNS, _CANVASES):
        _put(house, kind, number, tags=(_TAG,))


STORY = OfAssets(
    section={
        "tag": _TAG,
        "workspace": {"type": _TYPE, "name": _PLACE},
        "rendering": False,
        "metadata": {"Content.Braze ID": "id", "Content.Name": "name", "Content.Status": "status"},
    },
    category="",
    furnish=_furnish,
    make=lambda ecm, person: 0,
    acts=(_approve_the_block, _rewrite_and_rename, _rewrite_again, _approve_the_rest),
    killed=(0, 1),
)
