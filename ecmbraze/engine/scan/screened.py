"""Keep what the screens of a round read of people, so that it counts as a look at them; asks for nothing more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ecmbraze.model import AddressList, Kind, MessageInfo, Profile
from ecmbraze.ports import Clock, PeopleReader


@dataclass(slots=True, kw_only=True)
class Screened:
    """A PeopleReader that keeps what it read of up to ``most`` people, of their profiles no more than is watched."""

    reader: PeopleReader
    clock: Clock
    most: int
    attributes: frozenset[str]
    """The custom attributes that are watched."""
    seen: dict[str, Sequence[Profile]] = field(default_factory=dict)
    groups: dict[str, dict[str, str]] = field(default_factory=dict)
    """Group → person → state."""
    read: dict[str, datetime] = field(default_factory=dict)
    """Person → when Braze had said the last of it."""
    first: datetime | None = None
    """When the first of them was read; and the last one."""
    last: datetime | None = None

    def profiles(self, recipients: Sequence[str]) -> Mapping[str, Sequence[Profile]]:
        found = self.reader.profiles(recipients)
        self.last = self.clock.now()
        self.first = self.first or self.last
        for person in recipients:
            if person in self.seen or len(self.seen) < self.most:
                self.seen[person] = [self._watched(profile) for profile in found.get(person, ())]
                self.read[person] = self.last
        return found

    def group_states(self, group_id: str, recipients: Sequence[str]) -> Mapping[str, str]:
        states = self.reader.group_states(group_id, recipients)
        kept = {person: state for person, state in states.items() if person in self.seen}
        self.groups.setdefault(group_id, {}).update(kept)
        self.read |= dict.fromkeys(kept, self.clock.now())
        return states

    def message(self, kind: Kind, message_id: str) -> MessageInfo:
        return self.reader.message(kind, message_id)

    def hard_bounces(self, since: datetime) -> frozenset[str]:
        return self.reader.hard_bounces(since)

    def address_list(self, which: AddressList, since: datetime) -> Mapping[str, datetime]:
        return self.reader.address_list(which, since)

    def covers(self, person: str, groups: Sequence[str]) -> bool:
        """Say whether the state of a person was read in all of these groups too."""
        return all(person in self.groups.get(group, {}) for group in groups)

    @property
    def kept(self) -> PeopleReader:
        """What was read, as a reader that asks nobody."""
        return _Kept(reader=self.reader, profiles_of=self.seen, states_of=self.groups)

    def _watched(self, profile: Profile) -> Profile:
        watched = {name: value for name, value in profile.custom_attributes.items() if name in self.attributes}
        return replace(profile, custom_attributes=watched, custom_events={})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    reader: PeopleReader
    profiles_of: Mapping[str, Sequence[Profile]]
    states_of: Mapping[str, Mapping[str, str]]

    def profiles(self, recipients: Sequence[str]) -> Mapping[str, Sequence[Profile]]:
        return {person: self.profiles_of[person] for person in recipients if self.profiles_of[person]}

    def group_states(self, group_id: str, recipients: Sequence[str]) -> Mapping[str, str]:
        return {person: self.states_of[group_id][person] for person in recipients}

    def message(self, kind: Kind, message_id: str) -> MessageInfo:
        return self.reader.message(kind, message_id)

    def hard_bounces(self, since: datetime) -> frozenset[str]:
        return self.reader.hard_bounces(since)

    def address_list(self, which: AddressList, since: datetime) -> Mapping[str, datetime]:
        return self.reader.address_list(which, since)
