"""The part of the demo about content: a template is approved and archived, its text changes, the auditor asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ecmbraze.sandbox.remote import RemoteSandbox

if TYPE_CHECKING:
    from ecmbraze.cli.demo import Stage

_TEMPLATE, _NAME = "7e000000-0000-4000-8000-000000000001", "Contract approved"
_HOUR = 3600


def prepare(box: RemoteSandbox) -> None:
    """Make the workspace of the archive."""
    box.add_category("Content", [{"name": "Status"}, {"name": "SHA-256", "max_length": 64}])
    box.add_type("Marketing Governance", ["Content"])
    box.create_workspace("Marketing Governance", name="Braze Content", values={})


def play(stage: Stage, say: Callable[[str], None]) -> bool:
    """Archive a template and its next text; return whether the auditor gets the bytes of both days."""
    box = stage.box
    say("15. Marketing tags a template as approved; the first plan of the archive waits for a named person.")
    _write(box, "Your contract is approved.", tags=["approved"])
    box.advance(_HOUR)
    waits = stage.report("assets")
    stage.ecmbraze("assets", "--confirm", str(waits["plan_hash"])[:12])
    day = box.now()
    say("16. A week later its text is changed: a new version of the same document.")
    box.advance(7 * 24 * _HOUR)
    _write(box, "Your contract is approved. Have you seen our new app?")
    stage.ecmbraze("assets")
    say("17. The auditor: which text was it on the day it was approved, and is it still what is stored?")
    then, now = ("--at", day.isoformat(), "--verify"), ("--verify",)
    codes = [stage.ecmbraze("explain", _NAME, *asked) for asked in (then, now)]
    versions = _versions(box)
    say(f"ECM holds one document with {len(versions)} versions of different content.")
    return waits["exit_code"] == 6 and codes == [0, 0] and len(versions) == len(set(versions)) == 2


def _write(box: RemoteSandbox, body: str, **more: Any) -> None:
    box.call("PUT", f"/braze/templates/{_TEMPLATE}", {"name": _NAME, "subject": _NAME, "body": body, **more})


def _versions(box: RemoteSandbox) -> list[str]:
    """Return the sha256 of every version of the one JSON document of the template."""
    (found,) = (one for one in box.call("GET", "/ecm/documents") if one["name"].endswith(f"[{_TEMPLATE}].json"))
    return [version["sha256"] for version in found["versions"]]
