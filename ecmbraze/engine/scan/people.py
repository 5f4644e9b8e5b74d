"""Look at people in Braze: those whom dated lists name, then those looked at longest ago; only whom workspaces name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from math import ceil

from ecmbraze.engine.deliver.requests import batched
from ecmbraze.engine.scan.address_lists import AddressLists
from ecmbraze.engine.scan.currents import Currents
from ecmbraze.engine.scan.inventory import Scan
from ecmbraze.engine.scan.profiles import AFTER, AFTER_OF, LOOK, attribute_of, differs, facts_of, groups_of, plain
from ecmbraze.engine.scan.screened import Screened
from ecmbraze.engine.scan.silences import Silences
from ecmbraze.ledger.codec import load_facts
from ecmbraze.ledger.mirror import Held, Mirror
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.model import SPAM, Fact, Facts, PersonKey, Profile, Record, keys
from ecmbraze.needs import PeopleNeeds, Rotation
from ecmbraze.planning import currents
from ecmbraze.ports import Clock, PeopleReader

TOGETHER = 50  # people per export (api/braze.md 4.1)
_NOW: Mapping[str, datetime] = {}

UNDELIVERABLE = "email.undeliverable", "phone.undeliverable"
"""Why an address, or a number, cannot be reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleScan:
    """The looks of one round. ``tick`` raises when the round must end."""

    reader: PeopleReader
    mirror: Mirror
    plan: PlanFile
    lists: AddressLists
    currents: Currents
    now: datetime
    """When these looks began."""
    clock: Clock
    new_id: Callable[[], str]
    tick: Callable[[], None]
    bounced: Callable[[], frozenset[str]]
    """The addresses that cannot be reached, in lower case; asked for only where a flow wants to know."""
    invalid_phones: Callable[[], frozenset[str]]
    """The phone numbers that cannot be reached, alike."""
    silences: Silences
    """Of whom it is told in this round whether they are silent."""

    def take(self, needs: PeopleNeeds, *, exported: bool = False) -> Scan | None:
        """Look at whom lists name, at the share of this run and at whom flows asked; ``None`` until all were seen once.

        Until everybody who takes a turn was looked at once, a change cannot be told from what always was: the baseline
        of people is taken with the last of them.
        ``exported`` says that this round looked through a segment.
        """
        self.plan.begin_scan(keys.PEOPLE, self.now)  # a look counts from here, however long the round takes
        asked = self._asked(needs)
        turned, complete = self._take_turns(needs, needs.rotation, exported) if needs.rotation else (set[str](), True)
        others = dict.fromkeys([*asked, *self.silences.people(self.mirror)])
        for part in batched((person for person in others if person not in turned), TOGETHER):
            self.tick()
            self.look(part, needs.facts)
        return Scan(began=self.now, newest=self.now) if complete else None

    def _asked(self, needs: PeopleNeeds) -> list[str]:
        """Return whom flows asked something, as far as this run goes."""
        found = (self.mirror.asked_people(a.flow, a.within, self.now, a.requests * TOGETHER) for a in needs.asked)
        return list(dict.fromkeys(person for people in found for person in people))

    def _take_turns(self, needs: PeopleNeeds, rotation: Rotation, exported: bool) -> tuple[set[str], bool]:
        """Look at whom lists name and at the share of this run; return whom, and whether everybody was read once."""
        room = rotation.requests * TOGETHER
        listed = self.lists.people(needs.mappings, needs.facts, room)
        listed = list(dict.fromkeys([*listed, *self.currents.people(room - len(listed))]))
        listed = list(dict.fromkeys([*listed, *self._named_again(needs.mappings, rotation.within)]))
        crowd = self.mirror.crowd(needs.mappings, self.now - rotation.within)
        share = (
            0
            if self._segment_shows_all(needs, rotation, exported)
            else ceil(crowd.known * (rotation.every / rotation.within))
        )
        wanted = ceil((max(share, crowd.overdue) + len(listed)) / TOGETHER)  # in whole requests
        most = min(wanted, rotation.requests) * TOGETHER
        people = dict.fromkeys([*listed, *self.mirror.oldest_people(needs.mappings, most)])
        left, turned = crowd.unread, list(islice(people, most))
        for part in batched(turned, TOGETHER):
            self.tick()
            left -= self.look(part, needs.facts)
        self.lists.looked()
        self.currents.looked()
        return set(turned), left <= 0 and not self._strangers(needs.mappings)

    def _named_again(self, mappings: Sequence[str], within: timedelta) -> Iterator[str]:
        """Yield whom workspaces read in this run lead to although nobody had them looked at for so long.

        A new workspace of theirs would else begin with what Braze said when the last one went.
        """
        for part in batched(self.plan.unread_people(mappings), TOGETHER):
            texts = [PersonKey(recipient=person).text for person in part]
            looks = self.mirror.read_at(texts)
            yield from (
                person
                for person, text in zip(part, texts, strict=True)
                if text in looks and looks[text][1] < self.now - within
            )

    def _segment_shows_all(self, needs: PeopleNeeds, rotation: Rotation, exported: bool) -> bool:
        """Say whether a look through a segment makes turns needless; who is not in it is overdue by and by."""
        if not rotation.segment or groups_of(needs.facts):
            return False
        last = self.mirror.looked(segment_name(rotation.segment), keys.PEOPLE)
        return exported or (last is not None and self.now - last < rotation.within)

    def take_over(self, screened: Screened, needs: PeopleNeeds) -> None:
        """Count as a look what a screen read of people whom the mirror knows and workspaces name, or whom a flow asked.

        What the profile of the latter showed as the request went tells an answer from what stood there before. Where
        a screen did not read every group that is watched, whoever changed, or was asked and is not known yet, is
        looked at once more, and of the others nothing is noted: their turn comes.
        """
        groups = [fact.removeprefix("group:") for fact in groups_of(needs.facts)]
        whole, asked = replace(self, reader=screened.kept), set(self._asked(needs))
        for part in batched(screened.seen, TOGETHER):
            held = self.mirror.held([PersonKey(recipient=person).text for person in part])
            known = {
                person: load_facts(held[text].facts) if text in held else {}
                for person in part
                if (text := PersonKey(recipient=person).text) in held or person in asked
                if person in asked or self.mirror.workspaces_of(person, needs.mappings)
            }
            covered = [person for person in known if screened.covers(person, groups)]
            moved = [
                person
                for person, past in known.items()
                if person not in covered and (not past or differs(past, screened.seen[person], needs.facts))
            ]
            for scan, people in ((whole, covered), (self, moved)):
                if people:
                    scan.look(people, needs.facts, screened.read if scan is whole else {})

    def _strangers(self, mappings: Sequence[str]) -> bool:
        """Say whether this very listing named people who were never read: the next run looks at them."""
        for part in batched(self.plan.unread_people(mappings), TOGETHER):
            texts = [PersonKey(recipient=person).text for person in part]
            if len(self.mirror.held(texts)) < len(texts):
                return True
        return False

    def look(self, people: Sequence[str], wanted: frozenset[str], read: Mapping[str, datetime] = _NOW) -> int:
        """Read some people into the plan file; return how many of them were read for the first time.

        ``read`` says when, of those who were read before: what a look shows was so by then, and a rate limit, an export
        or many others before them may have kept us waiting since the looks began.
        """
        look, profiles = self.new_id(), self.reader.profiles(people)
        self.silences.prepare(people)
        groups = {fact: self.reader.group_states(fact.removeprefix("group:"), people) for fact in groups_of(wanted)}
        texts = [PersonKey(recipient=person).text for person in people]
        held, read_at, now = self.mirror.held(texts), self.mirror.read_at(texts), self.clock.now()
        for person, text in zip(people, texts, strict=True):
            found = profiles.get(person, ())
            states = {fact: answer.get(person, "unknown").lower() for fact, answer in groups.items()}
            facts = {name: value for name, value in (*facts_of(found), *states.items()) if name in wanted}
            facts |= {fact: attribute_of(found, fact) for fact in wanted if fact.startswith("attribute:")}
            facts |= self._timed(person, facts, held.get(text), read_at.get(text), wanted)
            facts |= {fact: self._undeliverable(found, facts, fact) for fact in UNDELIVERABLE if fact in wanted}
            facts |= self.silences.told(person, found, load_facts(held[text].facts) if text in held else {})
            facts |= {name: "" for name in wanted if name.startswith(AFTER_OF)}
            at = read.get(person, now)
            record = Record(
                key=PersonKey(recipient=person),
                stream=keys.PEOPLE,
                name="",
                created_at=at,
                modified_at=at,
                facts={**facts, AFTER: "", LOOK: look},
                customers=(person,),
            )
            before = held.get(text)
            if before is not None:
                record = _since(record, before, read_at[text][1])
            self.plan.count(keys.PEOPLE, "read")
            self.plan.count(keys.PEOPLE, _news(record, before is not None, at))
            addresses = [entry for profile in found for entry in (profile.email, profile.phone) if entry]
            self.plan.put_record(record, {}, addresses=addresses)
        return sum(text not in held for text in texts)

    def _timed(
        self,
        person: str,
        facts: Facts,
        before: Held | None,
        read_at: tuple[str, datetime] | None,
        wanted: frozenset[str],
    ) -> dict[str, Fact]:
        """Return what Currents has of times, sources and reports of spam; nothing where it is not asked."""
        channels, events = currents.channels_of(wanted), self.currents.of(person)
        past = load_facts(before.facts) if before else None
        looked = (before.modified_at, read_at[1]) if before and read_at else None
        found = currents.timed(channels, facts, past, looked, events)
        if currents.SPAM_REPORT in wanted:
            found[currents.SPAM_REPORT] = currents.spam({**facts, **found}, past, events)
        return {name: value for name, value in found.items() if name in wanted}

    def _undeliverable(self, profiles: Sequence[Profile], facts: Facts, fact: str) -> str | None:
        if fact.startswith("phone"):
            numbers = {profile.phone.strip() for profile in profiles if profile.phone}
            return "invalid_number" if numbers & self.invalid_phones() else None
        addresses = {profile.email.lower() for profile in profiles if profile.email}
        if addresses & self.bounced():
            return "hard_bounce"
        return SPAM if facts.get(currents.SPAM_REPORT) else None


def segment_name(segment: str) -> str:
    """Return under which name looks through a segment stand in the ledger."""
    return f"segment {segment}"


def _since(record: Record, before: Held, read_at: datetime) -> Record:
    """Return the record with the facts of the look that saw them change, which is an older one if nothing did."""
    past = load_facts(before.facts)
    if plain(record.facts) == plain(past):
        return replace(record, created_at=before.created_at, modified_at=before.modified_at, facts=past)
    facts = {**record.facts, AFTER: read_at.isoformat()}
    for name in [name for name in facts if name.startswith(AFTER_OF)]:
        watched = name.removeprefix(AFTER_OF)
        if watched not in past:  # the last look did not ask for it: nobody knows what it would have shown
            continue
        facts[name] = facts[AFTER] if past[watched] != facts[watched] else past.get(name, past.get(AFTER))
    return replace(record, created_at=before.created_at, facts=facts)


def _news(record: Record, known: bool, now: datetime) -> str:
    return "new" if not known else "changed" if record.modified_at == now else "unchanged"
