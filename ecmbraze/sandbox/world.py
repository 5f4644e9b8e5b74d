"""Fill both simulated systems with a seeded tenant; serves nothing.

``onboarding`` has names with umlauts and emoji, empty values, zero-padded customer numbers, but nothing a rule could
stumble over. ``example`` adds all that config.example.yaml speaks of; it is what `ecmbraze sandbox` serves.
``onboarding-odd`` adds the records that must be refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from ecmbraze.sandbox import worldexample
from ecmbraze.sandbox import worldwords as words
from ecmbraze.sandbox.ecm.person import Person
from ecmbraze.sandbox.ecm.store import EcmStore
from ecmbraze.sandbox.fields import unknown
from ecmbraze.sandbox.worldfill import Customer, Filling

GROUP = "ed060000-0000-4000-8000-00000000000a"
CAMPAIGNS = {
    "3f0c0000-0000-4000-8000-000000000001": "Contract approved",
    "3f0c0000-0000-4000-8000-000000000002": "KYC completed",
    "3f0c0000-0000-4000-8000-000000000003": "Case resolved",
    "3f0c0000-0000-4000-8000-000000000004": "Financing approved",
    "3f0c0000-0000-4000-8000-000000000005": "How was it?",
}
CANVASES = {
    "91aa0000-0000-4000-8000-000000000001": "Service activated",
    "91aa0000-0000-4000-8000-000000000002": "Contract ends soon",
}
WORLDS = ("example", "onboarding", "onboarding-odd", "empty")
DEFAULT_SIZE = 25


class People(worldexample.Content, Protocol):
    """What the world asks of the simulated Braze."""

    def put_user(self, external_id: str, fields: dict[str, Any], at: datetime, /) -> object: ...
    def put_campaign(self, message_id: str, name: str, /) -> object: ...
    def put_canvas(self, message_id: str, name: str, /) -> object: ...
    def put_group(self, group_id: str, name: str, channel: str, /) -> object: ...


def build(
    store: EcmStore, people: People, *, world: str = "onboarding", workspaces: int | None, customers: int | None
) -> None:
    """Make the world. Raises ValueError for one that does not exist."""
    if world not in WORLDS:
        raise unknown("unknown world", world, WORLDS)
    _define(store)
    if world == "example":
        worldexample.define(store)
    _messages(people)
    if world != "empty":
        size = DEFAULT_SIZE if workspaces is None else workspaces
        known = list(_customers(max(1, size - size // 5) if customers is None else customers))
        Filling(store, known).fill(size)
        if world == "example":
            worldexample.fill(store, known)
            worldexample.write(people)
            worldexample.segment(people, known)
        _persons(people, known, store.seed, datetime.fromtimestamp(store.now(), UTC))
        if world == "onboarding-odd":
            Person(store).perform(words.odd(known[0].number))
    store.edits.open = True


def _define(store: EcmStore) -> None:
    """Define categories and types; one type's name is the prefix of another's (fault E17)."""
    person = Person(store)
    for name, attributes in words.CATEGORIES.items():
        store.definitions.add_category(name, attributes, person.gap)
    for name, german, categories in words.TYPES:
        person.add_type(name, categories, german)


def _messages(people: People) -> None:
    people.put_group(GROUP, "Onboarding news", "email")
    for message_id, name in CAMPAIGNS.items():
        people.put_campaign(message_id, name)
    for message_id, name in CANVASES.items():
        people.put_canvas(message_id, name)


def _customers(count: int) -> Iterator[Customer]:
    for i in range(count):
        number = f"{50_031 + i:010d}" if i % 3 == 0 else f"C-{10_000 + i}"
        first, last = words.FIRST[i % len(words.FIRST)], words.LAST[i * 7 % len(words.LAST)]
        domain = "example.com" if i % 2 else "example.org"
        yield Customer(number=number, name=f"{first} {last}", email=f"customer{i}@{domain}")


def _persons(people: People, customers: list[Customer], seed: int, now: datetime) -> None:
    """Make one Braze user per customer: most subscribed, some opted in, a few unsubscribed, all for weeks or longer."""
    for i, customer in enumerate(customers):
        state = "unsubscribed" if i % 11 == 9 else "opted_in" if i % 4 == 1 else "subscribed"
        groups = {} if i % 5 == 4 else {GROUP: "unsubscribed" if i % 13 == 6 else "subscribed"}
        fields = {
            "email": customer.email,
            "phone": f"+4930{(seed * 7919 + i) % 10**7:07d}" if i % 2 else None,
            "first_name": customer.name.split(" ", 1)[0],
            "email_subscribe": state,
            "push_subscribe": "subscribed",
            "groups": groups,
        }
        people.put_user(customer.number, fields, now - timedelta(days=40 + 37 * i % 700))
