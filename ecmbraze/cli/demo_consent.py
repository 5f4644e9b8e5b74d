"""The part of the demo about consent: a customer leaves on the web, another by letter; decides nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.table import Table

from ecmbraze.sandbox.remote import RemoteSandbox

if TYPE_CHECKING:
    from ecmbraze.cli.demo import Stage

_QUARTER = 900
_STATES = ("Opted in", "Not objected", "Withdrawn", "Unknown")
_STATUS, _SINCE, _SOURCE = "Consent.Email Status", "Consent.Email Since", "Consent.Email Source"
_OUT = "unsubscribed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What both systems hold of one customer: the record and its history in ECM, the state in Braze."""

    customer: str
    workspace: str
    record: tuple[str, str, str]
    history: tuple[str, ...]
    in_braze: str

    @property
    def is_withdrawn(self) -> bool:
        """Whether both systems say that the customer withdrew, and the history says it once."""
        return (self.record[0], len(self.history), self.in_braze) == ("Withdrawn", 1, _OUT)


def prepare(box: RemoteSandbox) -> None:
    """Put an empty consent record on the workspace of each customer."""
    box.add_category(
        "Consent",
        [
            {"name": "Email Status", "valid_values": _STATES},
            {"name": "Email Since", "type": "Date", "time": True},
            {"name": "Email Source", "max_length": 254},
        ],
    )
    for workspace in box.workspaces("Customer"):
        box.edit_workspace(workspace["id"], {_STATUS: None})


def play(stage: Stage, say: Callable[[str], None]) -> bool:
    """Let two customers withdraw; return whether both systems and the run reports say the same of it."""
    box = stage.box
    web, letter = _subscribed(box)[:2]
    say("12. A customer unsubscribes on the web: legal finds it in the customer's workspace, with a history document.")
    box.change({"external_id": web["number"], "email_subscribe": _OUT})
    first = _run(stage, say, [web])
    say("13. A letter of withdrawal: a colleague sets the status to Withdrawn, and it reaches Braze.")
    box.edit_workspace(letter["id"], {_STATUS: "Withdrawn"})
    second = _run(stage, say, [web, letter])
    say("14. A second run writes nothing: Braze now shows the letter's withdrawal, and it is not recorded twice.")
    before, edits, tracked = _count(box), len(box.edits()), _tracked(box)
    box.advance(_QUARTER)
    counts = stage.report("consent")["counts"]
    edits, tracked = len(box.edits()) - edits, _tracked(box) - tracked
    say(f"planned {counts['planned']}, sent {counts['sent']}; ECM shows {edits} edits and Braze {tracked} writes more.")
    quiet = counts["planned"] == counts["sent"] == edits == tracked == 0 and _count(box) == before
    wanted = [{"records": 1, "documents": 1}, {"records": 1, "documents": 1, "withdrawals": 1}]
    recorded = all(_found(box, one).is_withdrawn for one in (web, letter))
    return quiet and recorded and [first, second] == wanted


def _run(stage: Stage, say: Callable[[str], None], shown: list[dict[str, Any]]) -> Counter[str] | None:
    """Run the flow; return what came of it in both systems, ``None`` when the run report says otherwise."""
    stage.box.advance(_QUARTER)
    before = _count(stage.box)
    stage.ecmbraze("consent")
    _show(stage, [_found(stage.box, one) for one in shown])
    came = _count(stage.box) - before
    told = stage.report("runs", "--last", "1")["runs"][0]["by_action"]
    says = Counter(records=told["categories"], documents=told["documents"], withdrawals=told["withdrawals"])
    say(f"The report says {_words(says)}; the two systems show {_words(came)}.")
    return came if says == came else None


def _count(box: RemoteSandbox) -> Counter[str]:
    """Return the records and documents that programs wrote in ECM so far, and how many people Braze has as out."""
    records = [edit for edit in box.edits() if edit["by"] != "person" and edit["what"] == _SINCE]  # one per write
    documents = [one for place in box.workspaces("Customer") for one in _documents(box, place["id"])]
    out = [user for user in box.call("GET", "/braze/users") if user["email_subscribe"] == _OUT]
    return Counter(records=len(records), documents=len(documents), withdrawals=len(out))


def _tracked(box: RemoteSandbox) -> int:
    """Return how many requests Braze was sent so far that are no reads."""
    posted = [entry["path"] for entry in box.journal(system="braze") if entry["method"] == "POST"]
    return sum(not path.startswith("/users/export") for path in posted)


def _words(counted: Counter[str]) -> str:
    names = ("records", "documents", "withdrawals")
    return ", ".join(f"{counted[name]} {name if counted[name] != 1 else name[:-1]}" for name in names)


def _subscribed(box: RemoteSandbox) -> list[dict[str, Any]]:
    """Return the customers' workspaces whose person may be written to, in id order, each with its ``number``."""
    users = {user["external_id"]: user for user in box.call("GET", "/braze/users")}
    found = [{**one, "number": one["values"]["Customer.Customer Number"]} for one in box.workspaces("Customer")]
    allowed = [one for one in found if users.get(one["number"], {}).get("email_subscribe") == "subscribed"]
    return sorted(allowed, key=lambda one: int(one["id"]))


def _found(box: RemoteSandbox, workspace: dict[str, Any]) -> Found:
    values = box.workspace(workspace["id"])["values"]
    user = box.call("GET", f"/braze/users/{workspace['number']}")
    return Found(
        customer=workspace["number"],
        workspace=workspace["name"],
        record=(values[_STATUS] or "", values[_SINCE] or "", values[_SOURCE] or ""),
        history=tuple(one["name"] for one in _documents(box, workspace["id"])),
        in_braze=user["email_subscribe"],
    )


def _documents(box: RemoteSandbox, workspace: int) -> list[dict[str, Any]]:
    documents: list[dict[str, Any]] = box.call("GET", "/ecm/documents", below=workspace)
    return documents


def _show(stage: Stage, found: list[Found]) -> None:
    table = Table(title="What both systems hold", title_justify="left")
    for column in ("workspace in ECM", "status", "since", "source", "history document", "Braze"):
        table.add_column(column, overflow="fold")
    for one in found:
        table.add_row(one.workspace, *one.record, "\n".join(one.history), one.in_braze)
    stage.console.print(table)
