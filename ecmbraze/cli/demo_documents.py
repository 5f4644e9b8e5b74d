"""The part of the demo about documents: a claim form deep in folders, a gate that opens and closes; decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ecmbraze.cli import demo_feedback
from ecmbraze.sandbox.remote import RemoteSandbox

if TYPE_CHECKING:
    from ecmbraze.cli.demo import Stage

_QUARTER = 900
_FORM, _OPEN, _SHUT = "claim_form_received", "financing_approved", "financing_revoked"


def prepare(box: RemoteSandbox, customer: str) -> int:
    """Add one open case and one contract with an agreement nobody approved yet; return the agreement."""
    box.add_category("Case", [{"name": "Customer Number"}, {"name": "Status"}])
    box.add_category("Approval", [{"name": "Status"}, {"name": "Version"}])
    demo_feedback.prepare(box)
    box.add_type("Case", ["Case", "Feedback"])
    box.create_workspace("Case", name="Case 4711", values={"Case.Customer Number": customer, "Case.Status": "Open"})
    contract = box.create_workspace(
        "Contract", name="Financing 1", values={"Contract.Customer Number": customer, "Contract.Status": "Active"}
    )
    return box.file(box.folder(contract, "Signed"), "Financing Agreement.pdf", categories=["Approval"])


def play(stage: Stage, agreement: int, say: Callable[[str], None]) -> bool:
    """File, approve and version documents; return whether Braze recorded exactly what it should."""
    box = stage.box
    say("8. A claim form is filed three folders deep in a case: search says where to look, and it is told once.")
    folder = next(int(one["id"]) for one in box.workspaces("Case"))
    for name in ("Incoming", "2026", "November"):
        folder = box.folder(folder, name)
    box.file(folder, "Claim Form 0815.pdf")
    box.advance(_QUARTER)
    stage.ecmbraze("cases")
    box.advance(_QUARTER)
    stage.report("cases")
    say("9. A financing agreement is approved: the gate opens. Then somebody uploads version 2: it closes at once.")
    box.filed(do="edit", id=agreement, values={"Approval.Status": "Approved", "Approval.Version": "1"})
    box.advance(_QUARTER)
    stage.ecmbraze("approvals")
    box.filed(do="version", id=agreement)
    box.advance(_QUARTER)
    stage.ecmbraze("approvals")
    told = [event["name"] for event in stage.received()["events"]]
    counted = {name: told.count(name) for name in (_FORM, _OPEN, _SHUT)}
    say(", ".join(f"{name}: {n}" for name, n in counted.items()))
    return set(counted.values()) == {1}
