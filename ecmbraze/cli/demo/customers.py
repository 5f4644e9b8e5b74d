"""The five customers of the demo, and what both systems hold of them on the first day; nothing happens here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ecmbraze.sandbox.remote import RemoteSandbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Somebody who does not exist: the number is the external id in Braze, and stands on every workspace."""

    number: str
    name: str
    about: str
    """Why the story needs them."""

    @property
    def first(self) -> str:
        return self.name.partition(" ")[0]

    @property
    def card(self) -> str:
        """The name of the customer's own workspace."""
        return f"{self.name} ({self.number})"

    def __str__(self) -> str:
        return f"{self.name} {self.number}"


AMARA = Customer(number="C-1001", name="Amara Okafor", about="opens an account and wants a car loan")
BRUNO = Customer(number="C-1002", name="Bruno Keller", about="files a claim")
CHIARA = Customer(number="C-1003", name="Chiara Moretti", about="has a contract that ends before Christmas")
DAVID = Customer(number="C-1004", name="David Lind", about="wants no more e-mails")
ELIF = Customer(number="C-1005", name="Elif Demir", about="no longer reads e-mails, and complains")
EVERYBODY = (AMARA, BRUNO, CHIARA, DAVID, ELIF)

CLAIM, OTHER_CLAIM, COMPLAINT = "Claim 4711", "Claim 4712", "Complaint 4713"
LOAN, INSURANCE = "Car Loan 0815", "Insurance 0042"
ARCHIVE = "Braze Content"
AGREEMENT = "Financing Agreement.pdf"
SILENT = "5e600000-0000-4000-8000-000000000001"
_STATES = ("Opted in", "Not objected", "Withdrawn", "Unknown")
_NUMBER = {"name": "Customer Number", "max_length": 32}
_CATEGORIES: Mapping[str, list[Mapping[str, Any]]] = {
    "Consent": [
        {"name": "Email Status", "valid_values": _STATES},
        {"name": "Email Since", "type": "Date", "time": True},
        {"name": "Email Source", "max_length": 254},
    ],
    "Case": [_NUMBER, {"name": "Status"}, {"name": "Opened On", "type": "Date"}],
    "Feedback": [
        {"name": "Score", "type": "Integer"},
        {"name": "Comment", "max_length": 254},
        {"name": "Answered On", "type": "Date", "time": True},
    ],
    "Contract": [_NUMBER, {"name": "Status"}, {"name": "Contract End", "type": "Date"}],
    "Approval": [{"name": "Status"}, {"name": "Version"}],
    "Content": [{"name": "Status"}, {"name": "SHA-256", "max_length": 64}],
}
_TYPES = {"Case": ("Case", "Feedback"), "Contract": ("Contract",), "Marketing Governance": ("Content",)}
_STAGES = ("Started", "Contract", "KYC", "Service")
_STAGE_OF = {AMARA: 0, BRUNO: 1, CHIARA: 1, DAVID: 2, ELIF: 3}
_LONG_AGO = "2026-06-01T08:00:00+00:00"


def prepare(box: RemoteSandbox) -> dict[str, int]:
    """Fill an empty sandbox; return its workspaces by name."""
    for name, attributes in _CATEGORIES.items():
        box.add_category(name, attributes)
    for name, categories in _TYPES.items():
        box.add_type(name, categories)
    made = {name: box.create_workspace(kind, name=name, values=values) for kind, name, values in _workspaces()}
    for customer in EVERYBODY:
        box.edit_workspace(made[customer.card], {"Consent.Email Status": None})  # an empty record
        mail = f"{customer.first.lower()}@example.com"
        profile = {"email": mail, "first_name": customer.first, "email_subscribe": "subscribed", "at": _LONG_AGO}
        box.call("PUT", f"/braze/users/{customer.number}", profile)
    signed = box.folder(made[LOAN], "Signed")
    made[AGREEMENT] = box.file(signed, AGREEMENT, categories=["Approval"])
    box.call("PUT", f"/braze/segments/{SILENT}", {"name": "Silent for 30 days", "members": [ELIF.number]})
    box.staff(do="user", name="mbrandt", first="Mara", last="Brandt")
    box.put_in_role(made[ELIF.card], "Account Manager", "mbrandt")
    return made


def _workspaces() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (type, name, values) of each workspace."""
    for customer in EVERYBODY:
        card = {"Customer.Customer Number": customer.number, "Customer.Name": customer.name}
        yield "Customer", customer.card, card
        yield "Customer Onboarding", f"Onboarding {customer.name}", _onboarding(customer)
    for customer, name, opened in ((BRUNO, CLAIM, "2026-11-18"), (CHIARA, OTHER_CLAIM, "2026-11-17")):
        case = {"Case.Customer Number": customer.number, "Case.Status": "Open", "Case.Opened On": opened}
        yield "Case", name, case
    for customer, name, end in ((AMARA, LOAN, "2030-11-30"), (CHIARA, INSURANCE, "2026-12-23")):
        contract = {"Contract.Customer Number": customer.number, "Contract.Status": "Active"}
        yield "Contract", name, {**contract, "Contract.Contract End": end}
    yield "Marketing Governance", ARCHIVE, {}


def _onboarding(customer: Customer) -> dict[str, Any]:
    progress = _STAGE_OF[customer]
    return {
        "Onboarding.Customer Number": customer.number,
        "Onboarding.Stage": _STAGES[progress],
        "Onboarding.Product": "Current account",
        "Onboarding.Contract Status": "Approved" if progress else "In Review",
        "Onboarding.Contract Approved On": "2026-06-01" if progress else None,
        "Onboarding.KYC Status": "Completed" if progress > 1 else "Open",
        "Onboarding.KYC Completed On": "2026-06-08" if progress > 1 else None,
        "Onboarding.Service Status": "Active" if progress > 2 else "Pending",
        "Onboarding.Service Activated On": "2026-06-15" if progress > 2 else None,
    }
