"""Make the workspaces of the onboarding worlds, many and compactly; knows nothing of Braze."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any

from ecmbraze.sandbox import worldwords as words
from ecmbraze.sandbox.ecm.model import WORKSPACE, Category, Node, Reference, Values, WorkspaceType
from ecmbraze.sandbox.ecm.store import EcmStore

_DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """One customer; the number is the Braze external id and the join key, text with its zeros."""

    number: str
    name: str
    email: str


class Filling:
    """Make the workspaces, compactly: a hundred thousand of them within seconds."""

    def __init__(self, store: EcmStore, customers: list[Customer]) -> None:
        self._store, self._people, self._now = store, customers, store.now()
        self._random = random.Random(f"world-{store.seed}")  # noqa: S311 - a repeatable world, not a secret
        definitions = store.definitions
        self._onboarding = definitions.type_named("Customer Onboarding")
        self._archive = definitions.type_named("Customer Onboarding Archive")
        self._customer = definitions.type_named("Customer")
        self._category = _Fields(definitions.categories[self._onboarding.category_ids[0]])
        self._card = _Fields(definitions.categories[self._customer.category_ids[0]])

    def fill(self, size: int) -> None:
        """Make the customers' workspaces, ``size`` onboardings and a few archived ones."""
        cards = [self._customer_workspace(customer) for customer in self._people]
        for i in range(size):
            which = i % len(self._people)
            node = self._onboarding_workspace(i, self._people[which], self._onboarding, i % 4)
            self._store.links.relate(cards[which].id, node.id)
        for i in range(min(12, size // 5)):
            self._onboarding_workspace(size + i, self._people[i % len(self._people)], self._archive, 3)

    def _customer_workspace(self, customer: Customer) -> Node:
        values = self._card.values({"Customer Number": customer.number, "Name": customer.name, "Status": "Active"})
        born = self._now - self._random.randrange(1500, 2500) * _DAY
        return self._add(self._customer, f"{customer.name} ({customer.number})", born, born + 7, self._card, values)

    def _onboarding_workspace(self, i: int, customer: Customer, kind: WorkspaceType, progress: int) -> Node:
        pick = self._random
        born = self._now - pick.randrange(90, 1500) * _DAY - pick.randrange(_DAY)
        steps = list(accumulate((pick.randrange(3, 25) * _DAY for _ in range(3)), initial=born))[1:]
        product = words.PRODUCTS[pick.randrange(len(words.PRODUCTS))]
        facts = {
            **_stage(progress, [_day(step) for step in steps], "In Review" if i % 8 == 4 else "Draft"),
            "Customer Number": customer.number,
            "Product": product,
            "Contract Value": pick.choice((None, 0, 1200, 48_000, 250_000)),
            "VIP": pick.random() < 0.1,
            "Tags": list(words.TAGS[pick.randrange(len(words.TAGS))]),
            "Complaint": "None",
            "Contacts": self._contacts(i, customer),
        }
        modified = max([born + pick.randrange(3, 10), *steps[:progress]])
        name = f"{words.PREFIXES[i % len(words.PREFIXES)]} {customer.name} {i + 1:06d}"
        node = self._add(kind, name, born, modified, self._category, self._category.values(facts))
        if i % 3 == 0:
            node.put("references", (Reference(ext_system_id="TE1", bo_type="KNA1", bo_id=customer.number),))
        return node

    def _contacts(self, i: int, customer: Customer) -> list[Mapping[str, Any]]:
        rows = [{"Role": "Borrower", "Customer Number": customer.number, "Email": customer.email}]
        if i % 6 == 0:
            other = self._people[(i + 1) % len(self._people)]
            rows.append({"Role": "Guarantor", "Customer Number": other.number, "Email": other.email})
        return [] if i % 5 == 3 else [*rows]

    def _add(self, kind: WorkspaceType, name: str, born: int, modified: int, fields: _Fields, values: Values) -> Node:
        return self._store.add(
            WORKSPACE,
            name,
            kind.folder_id,
            by="person",
            type_id=kind.id,
            created=born,
            modified=modified,
            values={fields.category_id: values},
        )


class _Fields:
    """Turn facts by attribute name into stored values of one category."""

    def __init__(self, category: Category) -> None:
        self.category_id = category.id
        self._attributes = category.attributes
        self._inner = {a.name: {i.name: i.id for i in a.inner} for a in category.attributes if a.inner is not None}

    def values(self, facts: Mapping[str, Any]) -> Values:
        """Return the values; what is not named is empty."""
        found: Values = {}
        for attribute in self._attributes:
            fact = facts.get(attribute.name)
            if attribute.name in self._inner:
                ids = self._inner[attribute.name]
                found[attribute.id] = [{ids[name]: cell for name, cell in row.items()} for row in fact or ()]
            else:
                found[attribute.id] = attribute.nothing() if fact is None else fact
        return found


def _stage(progress: int, days: list[str], unapproved: str) -> dict[str, Any]:
    """Return status and dates of an onboarding that has passed ``progress`` of its three milestones."""
    return {
        "Stage": ("Started", "Contract", "KYC", "Service")[progress],
        "Contract Status": "Approved" if progress > 0 else unapproved,
        "Contract Approved On": days[0] if progress > 0 else None,
        "KYC Status": "Completed" if progress > 1 else "Open",
        "KYC Completed On": days[1] if progress > 1 else None,
        "Service Status": "Active" if progress > 2 else "Pending",
        "Service Activated On": days[2] if progress > 2 else None,
    }


def _day(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT00:00:00")
