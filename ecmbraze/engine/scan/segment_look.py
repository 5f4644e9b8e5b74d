"""Look at everybody of a segment at once, from its export; of who is not in it nothing is concluded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ecmbraze.engine.deliver.requests import batched
from ecmbraze.engine.scan.people import TOGETHER, PeopleScan, segment_name
from ecmbraze.engine.scan.profiles import differs, groups_of
from ecmbraze.errors import CredentialRefused, TemporaryError
from ecmbraze.ledger.codec import load_facts
from ecmbraze.model import AddressList, Kind, MessageInfo, PersonKey, Profile, keys
from ecmbraze.needs import PeopleNeeds, Rotation
from ecmbraze.planning.guards import FLOOR
from ecmbraze.ports import PeopleReader, SegmentReader


@dataclass(slots=True, kw_only=True)
class SegmentLook:
    """One look through a segment, within the looks of a round."""

    reader: SegmentReader
    scan: PeopleScan
    max_shrink: float
    notes: list[str] = field(default_factory=list)

    def take(self, needs: PeopleNeeds) -> bool:
        """Look at everybody of the segment whom workspaces name, where it is time; say whether that was done.

        An export that failed, is spoiled, or is much smaller than the last one is no look: the report says so, and
        people are seen in their turn. Raises ConfigurationError where there is no such segment, or no way to read it.
        """
        rotation, scan = needs.rotation, self.scan
        if rotation is None or not rotation.segment or not self._is_time(rotation):
            return False
        what = segment_name(rotation.segment)
        attributes = sorted(one.removeprefix("attribute:") for one in needs.facts if one.startswith("attribute:"))
        try:
            export = self.reader.segment(rotation.segment, attributes)
        except (TemporaryError, CredentialRefused) as error:
            self.notes.append(f"nobody was looked at through the segment: {error.happened}")
            return False
        before = scan.mirror.looked_size(what, keys.PEOPLE)
        if before >= FLOOR and export.size < before * (1 - self.max_shrink):
            self.notes.append(
                f"nobody was looked at through the segment: its export has {export.size} people, the last had {before}"
            )
            return False
        scan.plan.begin_scan(keys.PEOPLE, scan.now)
        seen, again = set[str](), set[str]()
        for part in batched(export.members(), TOGETHER):
            scan.tick()
            found = {
                name: [replace(member.profile, recipient=name)]
                for member in part
                for name in member.names
                if scan.mirror.workspaces_of(name, needs.mappings)
            }
            names = Counter(name for member in part for name in member.names if name in found)
            again |= {name for name, times in names.items() if times > 1 or name in seen}
            self._look({name: profiles for name, profiles in found.items() if name not in again}, needs)
            seen |= found.keys()
        for some in batched(sorted(again), TOGETHER):  # of two lines about one person nobody knows which is the newer
            scan.tick()
            scan.look(some, needs.facts)
        scan.plan.put_looked(what, keys.PEOPLE, scan.now, size=export.size)
        return True

    def _is_time(self, rotation: Rotation) -> bool:
        last = self.scan.mirror.looked(segment_name(rotation.segment), keys.PEOPLE)
        return last is None or self.scan.now - last >= rotation.within - rotation.every

    def _look(self, found: Mapping[str, Sequence[Profile]], needs: PeopleNeeds) -> None:
        """Look at these people. Where groups are watched, which no export shows, only at who changed or is new."""
        mirror, ours = self.scan.mirror, list(found)
        if groups_of(needs.facts):
            held = mirror.held([PersonKey(recipient=person).text for person in ours])
            past = {person: held.get(PersonKey(recipient=person).text) for person in ours}
            ours = [
                person
                for person, known in past.items()
                if known is None or differs(load_facts(known.facts), found[person], needs.facts)
            ]
        exported = replace(self.scan, reader=_Exported(reader=self.scan.reader, found=found))
        for part in batched(ours, TOGETHER):
            exported.look(part, needs.facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Exported:
    """A reader of people who were exported: their profiles cost nothing."""

    reader: PeopleReader
    found: Mapping[str, Sequence[Profile]]

    def profiles(self, recipients: Sequence[str]) -> Mapping[str, Sequence[Profile]]:
        return {person: self.found[person] for person in recipients}

    def group_states(self, group_id: str, recipients: Sequence[str]) -> Mapping[str, str]:
        return self.reader.group_states(group_id, recipients)

    def message(self, kind: Kind, message_id: str) -> MessageInfo:
        return self.reader.message(kind, message_id)

    def hard_bounces(self, since: datetime) -> frozenset[str]:
        return self.reader.hard_bounces(since)

    def address_list(self, which: AddressList, since: datetime) -> Mapping[str, datetime]:
        return self.reader.address_list(which, since)
