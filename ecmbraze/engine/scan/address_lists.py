"""Find out from Braze's dated lists whom to look at first; the lists are a hint and say nothing of a state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ecmbraze.errors import CredentialRefused, TemporaryError, TimeBudgetUsed
from ecmbraze.ledger.mirror import Mirror
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.model import AddressList, PersonKey, keys
from ecmbraze.ports import PeopleReader

# List → the fact of a person that may be another than at the last look: nothing else can be seen in it.
_ABOUT: Mapping[AddressList, str] = {
    AddressList.UNSUBSCRIBES: "email",
    AddressList.HARD_BOUNCES: "email",
    AddressList.INVALID_PHONES: "phone.undeliverable",
}
# A list knows days, may show a row late, and rows may be lost between two of its pages (api/braze.md 5.7).
_OVERLAP = timedelta(days=1)
# An export may lag behind the list by so long: a look this soon after the entry may not have seen what it says.
_LAG = timedelta(minutes=10)


@dataclass(slots=True, kw_only=True)
class AddressLists:
    """The lists as one round reads them. Whoever has a listed address was found before, or is nobody of ours."""

    reader: PeopleReader
    mirror: Mirror
    plan: PlanFile
    now: datetime
    notes: list[str] = field(default_factory=list)
    """What could not be read, for the report: then the rotation sees it later."""
    read: list[AddressList] = field(default_factory=list)

    def people(self, mappings: Sequence[str], facts: frozenset[str], most: int) -> list[str]:
        """Return up to ``most`` recipients who came onto a list since they were last looked at, longest ago first."""
        found: dict[str, datetime] = {}
        for which in (one for one in AddressList if _ABOUT[one] in facts):
            for person, at in self._listed(which, mappings):
                found[person] = min(at, found.get(person, at))
        if len(found) > most:
            self.read.clear()  # who is left over is found again next time
        return sorted(found, key=lambda person: (found[person], person))[:most]

    def looked(self) -> None:
        """Count the lists as read: everybody on them was looked at."""
        for which in self.read:
            self.plan.put_looked(which, keys.PEOPLE, self.now)

    def _listed(self, which: AddressList, mappings: Sequence[str]) -> Iterator[tuple[str, datetime]]:
        since = (self.mirror.looked(which, keys.PEOPLE) or self.now) - _OVERLAP
        try:
            entries = self.reader.address_list(which, since)
        except (TemporaryError, CredentialRefused, TimeBudgetUsed) as error:  # a rate limit may open too late
            self.notes.append(f"the list of {which} was not read, its people are seen in their turn: {error.happened}")
            return
        self.read.append(which)
        yield from self._unseen(entries, mappings)

    def _unseen(self, entries: Mapping[str, datetime], mappings: Sequence[str]) -> Iterator[tuple[str, datetime]]:
        """Yield (recipient, when listed) of those not looked at since: the same entries come in run after run."""
        for address, at in entries.items():
            records = self.mirror.people_at(address)
            looks = self.mirror.read_at(records)
            for key in map(keys.read, records):
                fresh = key.text not in looks or looks[key.text][1] >= at + _LAG
                if isinstance(key, PersonKey) and not fresh and self.mirror.workspaces_of(key.recipient, mappings):
                    yield key.recipient, at
