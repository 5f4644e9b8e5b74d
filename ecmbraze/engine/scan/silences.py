"""Tell of people who wait whether they are silent in Braze: asked of candidates only, and known for one round only.

A fact of engagement is there when it was asked of a person in the look that wrote it, and could be told; a look that
failed leaves it out, so that nothing is opened or closed by what an earlier round saw.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ecmbraze.engine.scan.engagement import FlagLooks, MailLooks, armed_from
from ecmbraze.errors import TemporaryError
from ecmbraze.ledger.mirror import Mirror
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.model import Fact, Facts, PersonKey, Profile, keys
from ecmbraze.model.recipients import Email, write
from ecmbraze.needs import Engagement, Silence
from ecmbraze.planning import silence
from ecmbraze.planning.guards import FLOOR
from ecmbraze.ports import SegmentReader

Teller = Callable[[str, Sequence[Profile], Facts], Mapping[str, Fact]]
"""What one way of telling says of a person with these profiles, given what the mirror holds of them: facts by name."""
_TOGETHER = 50
_NEVER = ""


@dataclass(slots=True, kw_only=True)
class Silences:
    """The engagement of one round. ``read`` comes before any look, ``told`` is asked by each of them."""

    asked: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Person → the facts that decide about them."""
    needs: Sequence[Silence] = ()
    notes: list[str] = field(default_factory=list)
    failed: str = ""
    """The first thing that could not be asked, so that nobody can say of some whether they are silent."""
    tellers: dict[str, Teller] = field(default_factory=dict)
    """Fact → who tells it; none where the look failed."""
    flags: FlagLooks | None = None
    """Where a way rests on the flags of campaigns."""

    def read(self, segments: SegmentReader, mirror: Mirror, plan: PlanFile, now: datetime, max_shrink: float) -> None:
        """Export each segment that decides about somebody.

        One that failed or is spoiled tells nothing, and so does one that shrank, until the next has the same size.
        Raises ConfigurationError where there is no such segment or no way to read it, CredentialRefused where the key
        may not.
        """
        wanted = frozenset().union(*self.asked.values())
        ways = {way: need.segment_files for need in self.needs for way in need.by if way.fact in wanted}
        for way, files in ways.items():
            if way.segment:
                try:
                    members = _members(segments, way, files, mirror, plan, now, max_shrink)
                except TemporaryError as error:
                    self._failed(f"who is silent by segment {way.segment} is not known: {error.happened}")
                    continue
                self.tellers[way.fact] = _by_segment(way.fact, members)

    def _failed(self, why: str) -> None:
        self.failed = self.failed or why
        if why not in self.notes:
            self.notes.append(why)

    def follow(self, flags: FlagLooks, mails: MailLooks, mirror: Mirror, plan: PlanFile, now: datetime) -> None:
        """Note which other ways are in use, and read what Currents tells of those about whom it decides.

        Raises ConfigurationError where the library that reads the files is missing.
        """
        self.flags = flags
        for need in self.needs:
            ways = [way for way in need.by if way.currents]
            if crowd := self._asked({way.fact for way in ways}, self.asked):
                mails.read(need.currents_files, frozenset(crowd), max(way.silent for way in ways))
                self.notes += mails.notes
                if mails.failed:
                    self._failed(mails.failed)
            for way in (way for way in need.by if not way.segment):
                armed = armed_from(mirror, plan, way, now)
                told = _by_mails(mails, way, armed <= now) if way.currents else _by_flags(flags, way, armed <= now)
                self.tellers[way.fact] = told
                reached = way.currents and mails.reaches_back
                if armed > now and not reached and self._asked({way.fact}, self.asked):
                    self.notes.append(
                        f"nobody is called silent by {way.by} before {armed:%F}: it is looked so long first"
                    )

    def prepare(self, people: Sequence[str]) -> None:
        """Read the flags of those of up to 50 people about whom campaigns decide."""
        if self.flags and (crowd := self._asked(self._by_campaigns, people)):
            self.flags.read(crowd)
            if self.flags.failed:
                self._failed(f"of some who wait it is not told whether they are silent: {self.flags.failed}")

    @property
    def _by_campaigns(self) -> set[str]:
        return {way.fact for need in self.needs for way in need.by if way.campaigns}

    def _asked(self, facts: set[str], people: Iterable[str]) -> list[str]:
        return [person for person in people if facts & self.asked.get(person, frozenset())]

    def people(self, mirror: Mirror) -> list[str]:
        """Return whom to look at, as far as this run goes: those looked at longest ago first."""
        found = [person for person, facts in self.asked.items() if facts]
        exports = 2 if self._asked(self._by_campaigns, self.asked) else 1  # of profiles, and of flags
        most = max(1, sum(need.requests for need in self.needs) // exports) * _TOGETHER
        if len(found) <= most:
            return found
        texts = {person: PersonKey(recipient=person).text for person in found}
        read: dict[str, str] = {}
        for first in range(0, len(found), 500):
            at = mirror.read_at([texts[person] for person in found[first : first + 500]])
            read |= {text: moment.isoformat() for text, (_, moment) in at.items()}
        self.notes.append(f"{len(found) - most} people who wait are looked at in the next runs (braze_requests)")
        return sorted(found, key=lambda person: (read.get(texts[person], _NEVER), person))[:most]

    def told(self, person: str, profiles: Sequence[Profile], past: Facts) -> dict[str, Fact]:
        """Return what is known now of a person's silence; nothing of one of whom it is not asked.

        What was kept of flags stays with the person, whoever looks.
        """
        found: dict[str, Fact] = {silence.FLAGS: past[silence.FLAGS]} if silence.FLAGS in past else {}
        for fact in sorted(self.asked.get(person, ())):
            if fact in self.tellers:
                found |= self.tellers[fact](person, profiles, {**past, **found})
        return found


def _by_flags(flags: FlagLooks, way: Engagement, armed: bool) -> Teller:
    return lambda person, profiles, past: flags.told(way, armed, person, past)


def _by_mails(mails: MailLooks, way: Engagement, armed: bool) -> Teller:
    return lambda person, profiles, past: mails.told(way, armed, person)


def _by_segment(fact: str, members: Mapping[str, int]) -> Teller:
    """Return what an export says: silent is who is in it with every profile; of whom Braze does not know, nothing."""
    return lambda person, profiles, past: {fact: members.get(person, 0) >= len(profiles)} if profiles else {}


def _members(
    segments: SegmentReader,
    way: Engagement,
    files: str,
    mirror: Mirror,
    plan: PlanFile,
    now: datetime,
    max_shrink: float,
) -> Mapping[str, int]:
    """Return who is in a segment, by every name, and with how many profiles.

    Raises TemporaryError for an export that cannot be trusted.
    """
    export = segments.segment(way.segment, [], files)
    taken, seen = f"silent {way.segment}", f"shrunk {way.segment}"
    before, last = mirror.looked_size(taken, keys.PEOPLE), mirror.looked_size(seen, keys.PEOPLE)
    plan.put_looked(seen, keys.PEOPLE, now, size=export.size)
    # One that is empty all at once is doubted whatever its size was: it would end every follow-up there is.
    shrank = export.size < before * (1 - max_shrink) and (before >= FLOOR or not export.size)
    if shrank and not _as_large(export.size, last, max_shrink):
        raise TemporaryError(f"its export has {export.size} people, the last had {before}.")
    plan.put_looked(taken, keys.PEOPLE, now, size=export.size)
    profiles = {(member.names, member.profile.email) for member in export.members()}
    return Counter(name for names, email in profiles for name in (*names, *_by_address(email)))


def _by_address(email: str | None) -> Sequence[str]:
    return [write(Email(address=email))] if email else []


def _as_large(size: int, last: int, max_shrink: float) -> bool:
    """Say whether two exports in a row show the same: then it did shrink."""
    return last * (1 - max_shrink) <= size <= last / (1 - max_shrink)
