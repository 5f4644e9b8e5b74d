"""How often `consent` asks both systems: 100,000 customers, 200 changes, over both twins, call by call."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from ecmbraze.model import AddressList
from tests.flows.test_consent import GROUP, SECTION, SINCE, STATUS
from tests.twins.ecm_world import Attribute
from tests.twins.house import House, settings

_CUSTOMERS, _LISTED, _GROUPED, _LETTERS = 100_000, 120, 60, 20
# Requests of a call of a port where it is more than one: form, values and lock token, write; for a document the listing
# of its workspace, the folder made there, the upload (held against the sandbox by test_initial_load_command.py).
_REQUESTS: Mapping[str, int] = {"ecm values": 3, "ecm file": 3}
_EVERY = timedelta(minutes=15)


def main(customers: int) -> None:
    """Print one line per run."""
    with TemporaryDirectory(dir="/dev/shm") as folder:
        house = House(Path(folder), settings({"consent": SECTION}))
        ecm, braze = house.ecm, house.braze
        ecm.add_category("Customer", ["Number"])
        ecm.add_category(
            "Consent", ["Email Status", Attribute(name=SINCE[8:], type_name="Date"), "Source", "News Status"]
        )
        ecm.add_type("Customer", ["Customer", "Consent"])
        braze.groups.add(GROUP)
        numbers = []
        for number in range(customers):
            name = f"C-{number:06}"
            braze.add(name, email=f"{name}@example.com", email_subscribe="subscribed", groups={GROUP: "subscribed"})
            numbers.append(ecm.create("Customer", {"Customer.Number": name}))
        people = [name for name in braze.people if name.startswith("C-")]
        for _ in range(12):
            if not _run(house, "until everybody was read"):
                break
        _run(house, "nothing changed")
        for person in people[:_LISTED]:
            braze.people[person].email_subscribe = "unsubscribed"
            braze.lists[AddressList.UNSUBSCRIBES][f"{person}@example.com"] = house.clock.now() + timedelta(minutes=1)
        for person in people[_LISTED : _LISTED + _GROUPED]:
            braze.people[person].groups[GROUP] = "unsubscribed"
        for number in numbers[_LISTED + _GROUPED :][:_LETTERS]:
            ecm.edit(number, {STATUS: "Withdrawn"})
        _run(house, "after 200 changes")
        _run(house, "the next")


def _run(house: House, what: str) -> bool:
    """Take one run and print what it asked; return whether it was still a baseline."""
    house.clock.advance(_EVERY)
    began = time.perf_counter()
    outcome = house.start("consent")
    took = time.perf_counter() - began
    calls = Counter(name.removesuffix(":before") for name in outcome.crossings if name.endswith(":before"))
    asked = Counter(
        {name: n * _REQUESTS.get(name, 1) for name, n in calls.items() if name.startswith(("ecm", "braze"))}
    )
    sums = {system: sum(n for name, n in asked.items() if name.startswith(system)) for system in ("ecm", "braze")}
    print(f"{what}: {outcome.report.mode}, codes {outcome.codes}, sent {outcome.count('sent')}, {sums}, {took:.0f} s")
    print("   ", dict(sorted(asked.items())), flush=True)
    return outcome.report.mode == "baseline" or calls["braze profiles"] > 200


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else _CUSTOMERS)
