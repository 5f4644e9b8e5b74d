"""Both systems twice: a sandbox behind the product's clients, and twins. What is done to one is done to the other."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ecmbraze.errors import EcmbrazeError
from ecmbraze.model import Answer, Kind
from ecmbraze.systems.braze.client import BrazeClient
from ecmbraze.systems.ecm.client import EcmClient
from tests.rehearsal import START, Rehearsal, rehearsal
from tests.systems.rig import http
from tests.twins.braze import TwinBraze
from tests.twins.braze_content import TwinContent
from tests.twins.clock import TwinClock
from tests.twins.ecm import TwinEcm
from tests.twins.ecm_world import Attribute
from tests.twins.wire import Wire

ZONE = ZoneInfo("Europe/Berlin")
CAMPAIGN, CANVAS, PAUSED, DRAFT = (f"3f0c0000-0000-4000-8000-00000000010{n}" for n in range(4))
GROUP = "ed060000-0000-4000-8000-0000000000aa"
SCRATCH = "Twin"
ATTRIBUTES = (
    Attribute(name="Number"),
    Attribute(name="Day", type_name="Date"),
    Attribute(name="Count", type_name="Integer"),
    Attribute(name="Flag", type_name="Boolean"),
    Attribute(name="Tags", multi_value=True),
    Attribute(name="Word", valid_values=("Open", "Closed")),
    Attribute(name="Since", type_name="Date"),
    Attribute(name="Contacts", inner=(Attribute(name="Role"), Attribute(name="Number"))),
)


@dataclass(slots=True)
class Pair:
    """A sandbox behind the clients, and the twins; what is done to one is done to the other, under the same ids."""

    stage: Rehearsal
    ecm: EcmClient
    braze: BrazeClient
    clock: TwinClock
    twin_ecm: TwinEcm
    twin_braze: TwinBraze
    twin_content: TwinContent

    def make(self, values: dict[str, Any], name: str, rows: list[dict[str, Any]] | None = None) -> int:
        more = {f"{SCRATCH}.Contacts": rows} if rows else {}
        number = self.stage.box.create_workspace(SCRATCH, name=name, values={**values, **more})
        self.twin_ecm.create(SCRATCH, values, name=name, number=number, rows=more)
        return number

    def edit(self, number: int, values: dict[str, Any]) -> None:
        self.stage.box.edit_workspace(number, values)
        self.twin_ecm.edit(number, values)

    def file(self, parent: int, name: str, folder: str = "", **more: Any) -> int:
        inside = self.stage.box.folder(parent, folder) if folder else parent
        number = self.stage.box.file(inside, name, **more)
        self.twin_ecm.file(parent, name, folder=folder, number=number, **more)
        return number

    def advance(self, seconds: float) -> None:
        self.stage.box.advance(seconds)
        self.clock.advance(seconds)

    def person(self, name: str, **fields: Any) -> None:
        self.stage.box.call("PUT", f"/braze/users/{name}", fields)
        self.twin_braze.add(name, **fields)

    def same(self, ask: Any) -> Any:
        """Ask both and return the answer, which must be the same; of an error its class is the answer."""
        return self._same(ask, (self.twin_ecm, self.twin_braze), (self.ecm, self.braze))

    def same_content(self, ask: Any) -> Any:
        """Ask both for content of Braze, as :meth:`same`."""
        return self._same(ask, (self.twin_content,), (self.braze,))

    def _same(self, ask: Any, twins: tuple[Any, ...], clients: tuple[Any, ...]) -> Any:
        mine, theirs = (_answer(ask, *those) for those in (twins, clients))
        assert mine == theirs, f"{mine} of the twin, {theirs} of the sandbox: {inspect.getsource(ask)}"
        return mine


def _answer(ask: Any, *systems: Any) -> Any:
    try:
        found = ask(*systems)
    except EcmbrazeError as error:
        return type(error)
    if isinstance(found, Answer):
        told = found.reason.partition(":")[0] if found.reason.startswith(("edited_in_ecm", "locked_in_ecm")) else ""
        return found.verdict, set(found.refused), found.limited, type(found.stop), told
    return found


@contextmanager
def both(folder: Path) -> Iterator[Pair]:
    """Start a small sandbox, and make twins beside it."""
    with rehearsal(folder, "--workspaces", "5", "--customers", "5") as stage:
        box, clock = stage.box, TwinClock(START)
        wire = Wire(clock=clock)
        timed: dict[str, Any] = {"clock": clock}
        ecm = EcmClient(
            http(box.ecm, "ecm", **timed), username=box.username, password=box.password, zone=ZONE, page_size=3
        )
        braze = BrazeClient(http(box.braze, **timed), api_key=box.api_key)
        pair = Pair(stage, ecm, braze, clock, TwinEcm(wire, zone=ZONE, page=3), TwinBraze(wire), TwinContent(wire))
        clock.advance((box.now() - clock.now()).total_seconds())
        box.add_category(SCRATCH, [_defined(one) for one in ATTRIBUTES])
        box.add_type(SCRATCH, [SCRATCH])
        pair.twin_ecm.add_category(SCRATCH, ATTRIBUTES)
        pair.twin_ecm.add_type(SCRATCH, [SCRATCH])
        pair.twin_ecm.types[SCRATCH] = (ecm.workspace_types()[SCRATCH], (SCRATCH,))
        for kind, path in ((Kind.CAMPAIGN, "campaigns"), (Kind.CANVAS, "canvases")):
            for number, state in ((CAMPAIGN, ""), (CANVAS, ""), (PAUSED, "paused"), (DRAFT, "draft")):
                flags = {state: True} if state else {}
                box.call("PUT", f"/braze/{path}/{number}", {"name": f"{kind} {state}", **flags})
                pair.twin_braze.launch(kind, number, f"{kind} {state}", state)
        box.call("PUT", f"/braze/groups/{GROUP}", {"name": "News"})
        pair.twin_braze.groups.add(GROUP)
        yield pair


def _defined(one: Attribute) -> dict[str, Any]:
    if one.inner:
        return {"name": one.name, "rows": [_defined(inner) for inner in one.inner]}
    shown: dict[str, Any] = {"name": one.name, "type": one.type_name, "multi_value": one.multi_value}
    shown |= {"time": True} if one.name == "Since" else {}
    return shown | ({"valid_values": list(one.valid_values)} if one.valid_values else {})
