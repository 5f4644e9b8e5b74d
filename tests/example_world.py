"""The tenant that config.example.yaml speaks of, in a sandbox: types, categories, documents, campaigns, groups."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ecmbraze.cli.app import run
from ecmbraze.sandbox.remote import ControlError, RemoteSandbox
from tests.rehearsal import Result

EXAMPLE = (Path(__file__).parents[1] / "config.example.yaml").read_text(encoding="utf-8")
_APPROVAL = ("Draft", "Approved", "Revoked")
_CATEGORIES: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "Case": [
        {"name": "Customer Number"}, {"name": "Status", "valid_values": ["Open", "Resolved", "Closed"]},
        {"name": "Opened On", "type": "Date"},
    ],
    "Contract": [
        {"name": "Customer Number"}, {"name": "Status", "valid_values": ["Active", "Completed"]},
        {"name": "Contract End", "type": "Date"}, {"name": "Last Contact", "type": "Date"},
    ],
    "Document": [{"name": "Category", "valid_values": ["Claim", "Invoice"]}],
    "Approval": [
        {"name": "Status", "valid_values": list(_APPROVAL)}, {"name": "Version"}, {"name": "Date", "type": "Date"},
        {"name": "Valid Until", "type": "Date"},
    ],
}  # fmt: skip
_CAMPAIGNS = {
    f"3f0c0000-0000-4000-8000-{number:012d}": name
    for number, name in enumerate(
        ("Contract approved", "KYC completed", "Case resolved", "Financing approved"), start=1
    )
}
_CANVASES = {
    "91aa0000-0000-4000-8000-000000000001": "Service activated",
    "91aa0000-0000-4000-8000-000000000002": "Contract expiry",
}
_GROUP = "ed060000-0000-4000-8000-00000000000a"


def furnish(box: RemoteSandbox) -> None:
    """Make whatever of the example the sandbox's own world lacks."""
    for name, attributes in _CATEGORIES.items():
        with suppress(ControlError):
            box.add_category(name, attributes)
    for name in ("Case", "Contract"):
        with suppress(ControlError):
            box.add_type(name, [name])
    case = box.create_workspace("Case", values={"Case.Customer Number": "C-1", "Case.Status": "Open"})
    box.file(case, "Claim Form 1.pdf", mime="application/pdf", values={"Document.Category": "Claim"})
    contract = box.create_workspace("Contract", values={"Contract.Customer Number": "C-1", "Contract.Status": "Active"})
    box.file(contract, "Financing Agreement.pdf", values={"Approval.Status": "Draft"})
    for kind, messages in (("campaigns", _CAMPAIGNS), ("canvases", _CANVASES)):
        for number, name in messages.items():
            box.call("PUT", f"/braze/{kind}/{number}", {"name": name})
    box.call("PUT", f"/braze/groups/{_GROUP}", {"name": "Reminders"})


class Desk:
    """The example as a user of this sandbox writes it, in a folder of their own."""

    def __init__(self, box: RemoteSandbox, folder: Path) -> None:
        self.box, self.folder, self.path = box, folder, folder / "ecmbraze.yaml"
        self.secrets = {"ECM_PASSWORD": box.password, "BRAZE_API_KEY": box.api_key}
        self.columns = "200"

    def text(self, *changes: tuple[str, str]) -> str:
        """Return the example on this sandbox, with some of its text replaced; raises where the text is not there."""
        text = EXAMPLE
        for old, new in changes:
            assert old in text, f"config.example.yaml has no {old!r} any more"
            text = text.replace(old, new, 1)
        for old, new in (
            ("https://ecm.example.com/otcs/cs.exe", self.box.ecm), ("svc-ecmbraze ", f"{self.box.username} "),
            ("https://rest.fra-01.braze.eu", self.box.braze), ("/var/lib/ecmbraze/state.db", "state.db"),
        ):  # fmt: skip
            text = text.replace(old, new, 1)
        return text

    def write(self, *changes: tuple[str, str]) -> None:
        self.path.write_text(self.text(*changes), encoding="utf-8")

    def ecmbraze(self, *arguments: str) -> Result:
        """Run one command to its end, in this process."""
        out, err = io.StringIO(), io.StringIO()
        with patch.dict(os.environ, self.environ()), redirect_stdout(out), redirect_stderr(err):
            code = run(["-c", str(self.path), *arguments])
        return Result(code, out.getvalue(), err.getvalue())

    def environ(self) -> dict[str, str]:
        return {**self.secrets, "ECMBRAZE_NOW": self.box.now().isoformat(), "COLUMNS": self.columns}
