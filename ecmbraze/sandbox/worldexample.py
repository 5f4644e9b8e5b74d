"""Add to the onboarding world what the other flows of config.example.yaml speak of; serves nothing.

Every name stands here as it stands in that file: who adds a flow there adds its types, categories and documents here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Protocol

from ecmbraze.sandbox.ecm.directory import GROUP, USER
from ecmbraze.sandbox.ecm.filing import Filing
from ecmbraze.sandbox.ecm.person import Person
from ecmbraze.sandbox.ecm.store import EcmStore
from ecmbraze.sandbox.worldfill import Customer

_DAY = 86_400
_MOST = 200  # customers with a contract, however large the world
_NUMBER = {"name": "Customer Number", "max_length": 32, "empty": ""}
CATEGORIES: Mapping[str, list[Mapping[str, Any]]] = {
    "Case": [
        _NUMBER,
        {"name": "Status", "valid_values": ("Open", "In Progress", "Resolved", "Closed")},
        {"name": "Opened On", "type": "Date"},
        {"name": "Due On", "type": "Date"},
        {"name": "Last Contact", "type": "Date"},
    ],
    "Contract": [
        _NUMBER,
        {"name": "Status", "valid_values": ("Draft", "Active", "Completed", "Terminated")},
        {"name": "Contract End", "type": "Date"},
        {"name": "Last Contact", "type": "Date"},
    ],
    "Document": [{"name": "Category", "valid_values": ("Claim", "Letter", "Proof")}],
    "Content": [
        {"name": "Braze ID", "max_length": 64},
        {"name": "Status", "valid_values": ("approved", "tag_removed", "archived", "deleted")},
        {"name": "SHA-256", "max_length": 64},
    ],
    "Approval": [
        {"name": "Status", "valid_values": ("Draft", "Approved", "Revoked")},
        {"name": "Version", "max_length": 16},
        {"name": "Date", "type": "Date"},
        {"name": "Valid Until", "type": "Date"},
    ],
}
_STATES = ("Opted in", "Not objected", "Withdrawn", "Unknown")
CONSENT: list[Mapping[str, Any]] = [
    {"name": "Email Status", "valid_values": _STATES},
    {"name": "Email Since", "type": "Date", "time": True},
    {"name": "Email Source", "max_length": 254},
    {"name": "Newsletter Status", "valid_values": (*_STATES, "Subscribed")},
]
FEEDBACK: list[Mapping[str, Any]] = [
    {"name": "Score", "type": "Integer"},
    {"name": "Comment", "max_length": 254},
    {"name": "Answered On", "type": "Date", "time": True},
]
TYPES = (
    ("Case", "Fall", ("Case",)),
    ("Contract", "Vertrag", ("Contract",)),
    ("Marketing Governance", "Marketing-Freigaben", ("Content",)),
)


TEAMS: Mapping[str, tuple[int, ...]] = {"Retention": (2, 3), "Team Leads": (4,)}
"""Groups → which of the users is in them."""
MANAGER = "Account Manager"
SILENT = "5e600000-0000-4000-8000-000000000001"


def define(store: EcmStore) -> None:
    """Define the categories and types, and the groups that follow up."""
    person = Person(store)
    for name, attributes in CATEGORIES.items():
        store.definitions.add_category(name, attributes, person.gap)
    for name, german, categories in TYPES:
        person.add_type(name, categories, german)
    for name, attributes, type_name in (("Consent", CONSENT, "Customer"), ("Feedback", FEEDBACK, "Case")):
        category = store.definitions.add_category(name, attributes, person.gap)
        kind = store.definitions.type_named(type_name)
        store.definitions.types[kind.id] = replace(kind, category_ids=(*kind.category_ids, category.id))
    for name, users in TEAMS.items():
        group = store.directory.add(name, GROUP)
        group.members = dict.fromkeys(store.directory.named(f"user{i:02d}", USER).id for i in users)


def fill(store: EcmStore, customers: Sequence[Customer]) -> None:
    """Give each customer a contract with its agreement, every second one a case, and each an empty consent record."""
    contracts, cases = _Contracts(store), _Cases(store)
    for i, customer in enumerate(customers[:_MOST]):
        contracts.add(i, customer)
        if i % 2 == 0:
            cases.add(i, customer)
    person = Person(store)
    person.create({"type": "Marketing Governance", "name": "Braze Content", "values": {}})
    for number in store.of_type[store.definitions.type_named("Customer").id]:
        node = store.nodes[number]
        modified = node.modified
        person.put_on(node, "Consent")
        node.modified = modified
    manager = store.directory.named("user01", USER).id
    for number in islice(store.of_type[store.definitions.type_named("Customer").id], _MOST):
        store.teams.named(store.nodes[number], MANAGER).members = {manager: None}


def segment(content: Content, customers: Sequence[Customer]) -> None:
    """Build the segment of the silent ones: at rest those are people without a case."""
    content.put_segment(SILENT, "Silent for 30 days", members=tuple(one.number for one in customers[1:_MOST:6]))


def write(content: Content) -> None:
    """Write what Braze sends: templates, of which one is approved, blocks, and the text of two messages."""
    content.put_block("b10c0000-0000-4000-8000-000000000001", "footer", content=_FOOTER, tags=("approved",))
    content.put_block("b10c0000-0000-4000-8000-000000000002", "imprint", content="Example Bank AG, Berlin")
    for number, (name, subject, tags) in enumerate(_TEMPLATES, start=1):
        body = f"<p>Dear {{{{${{first_name}}}}}},</p><p>{subject}.</p>{{{{content_blocks.${{footer}}}}}}"
        mail = {"subject": subject, "body": body, "tags": tags}
        content.put_template(f"7e000000-0000-4000-8000-{number:012d}", name, **mail)


_FOOTER = "<p>You can unsubscribe at any time. {{content_blocks.${imprint}}}</p>"
_TEMPLATES = (
    ("Contract approved", "Your contract is approved", ("approved",)),
    ("Contract ends: 30 days", "Your contract ends soon", ("approved", "lifecycle")),
    ("Summer campaign", "Something for the summer", ("draft",)),
)


class Content(Protocol):
    """What the world asks of the simulated Braze beside people and messages."""

    def put_template(self, template_id: str, name: str, /, **written: Any) -> object: ...
    def put_block(self, block_id: str, name: str, /, **written: Any) -> object: ...
    def put_segment(self, segment_id: str, name: str, /, **built: Any) -> object: ...


class _Contracts:
    """Contracts that end one after the other, most of them with a financing agreement."""

    def __init__(self, store: EcmStore) -> None:
        self._person, self._filing, self._now = Person(store), Filing(store), store.now()

    def add(self, i: int, customer: Customer) -> None:
        """Add the contract of one customer: touched within the last half year, ending within the next five."""
        born, touched = self._now - (200 + 11 * i % 900) * _DAY, self._now - (3 + 7 * i % 150) * _DAY
        values = {
            "Contract.Customer Number": customer.number,
            "Contract.Status": "Completed" if i % 7 == 6 else "Draft" if i % 7 == 5 else "Active",
            "Contract.Contract End": _day(self._now + (20 + 13 * i % 1700) * _DAY),
            "Contract.Last Contact": _day(touched) if i % 3 else None,
        }
        made = {"type": "Contract", "name": f"Contract {customer.name} {i + 1:04d}", "values": values}
        number = self._person.create({**made, "created": _moment(born), "modified": _moment(touched)})
        if i % 5 != 4:
            self._agreement(number, born + _DAY, approved=i % 2 == 0)

    def _agreement(self, contract: int, born: int, *, approved: bool) -> None:
        values: dict[str, Any] = {"Approval.Status": "Draft"}
        if approved:
            ends = _day(self._now + 400 * _DAY)
            dates = {"Approval.Date": _day(born + _DAY), "Approval.Valid Until": ends}
            values = {"Approval.Status": "Approved", "Approval.Version": "1", **dates}
        folder = self._filing.perform([{"do": "folder", "parent": contract, "name": "Signed"}])[0]["id"]
        filed = {"do": "document", "parent": folder, "name": "Financing Agreement.pdf", "values": values}
        self._filing.perform([{**filed, "created": _moment(born), "categories": ["Approval"]}])


class _Cases:
    """Cases in every status, some with what the customer sent."""

    def __init__(self, store: EcmStore) -> None:
        self._person, self._filing, self._now = Person(store), Filing(store), store.now()

    def add(self, i: int, customer: Customer) -> None:
        """Add a case of one customer with its folder for what comes in."""
        born = self._now - (2 + 5 * i % 120) * _DAY
        values = {
            "Case.Customer Number": customer.number,
            "Case.Status": ("Open", "In Progress", "Resolved", "Closed")[i // 2 % 4],
            "Case.Opened On": _day(born),
            "Case.Due On": _day(born + (10 + i % 30) * _DAY),
            "Case.Last Contact": _day(born + _DAY) if i % 4 == 0 else None,
        }
        made = {"type": "Case", "name": f"Case {4700 + i} {customer.name}", "values": values}
        number = self._person.create({**made, "created": _moment(born), "modified": _moment(born + _DAY)})
        folder = self._filing.perform([{"do": "folder", "parent": number, "name": "Incoming"}])[0]["id"]
        if i % 6 == 0:
            filed = {"do": "document", "parent": folder, "name": f"Claim Form {i:04d}.pdf"}
            claim = {"values": {"Document.Category": "Claim"}, "categories": ["Document"]}
            self._filing.perform([{**filed, **claim, "created": _moment(born + _DAY // 2)}])


def _moment(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()


def _day(second: int) -> str:
    return _moment(second)[:10]
