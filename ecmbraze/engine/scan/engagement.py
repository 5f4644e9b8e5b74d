"""Look at what people did with messages, those alone of whom it is asked: flags in Braze, and files of Currents."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ecmbraze.errors import RecordUnreadable, TemporaryError
from ecmbraze.ledger.mirror import Mirror
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.model import CurrentsFile, Fact, Facts, MailEvent, PersonKey, Received, keys
from ecmbraze.model.recipients import Email, ExternalId, read, write
from ecmbraze.planning import silence
from ecmbraze.planning.engagement import Engagement
from ecmbraze.ports import CurrentsReader, EngagementReader

# A file from so long before the span shows that the folder reaches back to its beginning; a folder into which nothing
# came for so long is not kept in step any more.
_REACH = timedelta(days=7)
_NAMED = 3


def armed_from(mirror: Mirror, plan: PlanFile, way: Engagement, now: datetime) -> datetime:
    """Note that a way of telling is in use, and return when it has been, or will be, for its whole span.

    A gap as long as the span begins it anew.
    """
    what = f"looking {way.fact}"
    last, span = mirror.looked(what, keys.PEOPLE), timedelta(seconds=mirror.looked_size(what, keys.PEOPLE))
    going_on = last is not None and now - last <= way.silent
    span = span + max(now - last, timedelta(0)) if last and going_on else timedelta(0)
    plan.put_looked(what, keys.PEOPLE, now, size=int(span.total_seconds()))
    return now - span + way.silent


@dataclass(slots=True, kw_only=True)
class FlagLooks:
    """The flags of campaigns, as one round sees them."""

    reader: EngagementReader
    now: datetime
    failed: str = ""
    """Why somebody's flags could not be read, for the report."""
    _shown: dict[str, Sequence[Received]] = field(default_factory=dict)

    def read(self, people: Sequence[str]) -> None:
        """Read the flags of up to 50 people; of whom they cannot be read nothing is told."""
        try:
            found = self.reader.received(people)
        except TemporaryError as error:
            self.failed = error.happened
            return
        self._shown |= {person: found.get(person, ()) for person in people}

    def told(self, way: Engagement, armed: bool, person: str, past: Facts) -> Mapping[str, Fact]:
        """Return whether a person is silent by a way, and what is to be kept of the flags that were seen."""
        if person not in self._shown:
            return {}
        shown = self._shown[person]
        flags = silence.looked(past.get(silence.FLAGS), way.campaigns, shown, self.now)
        found = silence.by_flags(way, flags, shown, armed=armed, now=self.now)
        return {silence.FLAGS: silence.kept(flags), **({} if found is None else {way.fact: found})}


@dataclass(slots=True, kw_only=True)
class MailLooks:
    """What the Currents files of a folder tell of the e-mails of some people, read anew in each round.

    Nothing is kept of it: who waits is another crowd in each round, and a file may come late.
    """

    reader: CurrentsReader
    mirror: Mirror
    now: datetime
    tick: Callable[[], None]
    notes: list[str] = field(default_factory=list)
    """Why nobody is called silent, for the report."""
    failed: str = ""
    """Why the folder could not be read; empty where it could."""
    reaches_back: bool = False
    """Whether the folder holds files from before the longest span."""
    complete: bool = False
    """Whether every file of the span could be read, and files still come."""
    _events: dict[str, list[MailEvent]] = field(default_factory=dict)
    _at: dict[str, Sequence[str]] = field(default_factory=dict)

    def read(self, folder: str, people: Collection[str], span: timedelta) -> None:
        """Read what the files of a span tell of some people.

        A file that is not complete tells nothing, so that nobody is called silent; who did something is engaged all
        the same. Raises ConfigurationError where the library is missing.
        """
        begin = self.now - span
        try:
            files = self.reader.mail_files(folder, begin - _REACH)
        except TemporaryError as error:
            self.failed = f"nobody is called silent by Currents: {error.happened}"
            return
        self.reaches_back = any(min(file.modified_at, file.queued_at or file.modified_at) < begin for file in files)
        new = [file for file in files if file.modified_at >= begin]
        others = frozenset(person for person in people if not isinstance(read(person), ExternalId))
        spoiled = [file.name for file in new if not self._take(folder, file, people, others)]
        if spoiled:
            names = ", ".join(spoiled[:_NAMED]) + (", …" if len(spoiled) > _NAMED else "")
            self.notes.append(
                f"nobody is called silent by Currents: files that are not complete ({len(spoiled)}): {names}"
            )
        elif not new or new[-1].modified_at < self.now - _REACH:
            self.notes.append(f"nobody is called silent by Currents: no file came for {_REACH.days} days")
        else:
            self.complete = True

    def told(self, way: Engagement, armed: bool, person: str) -> Mapping[str, Fact]:
        """Return whether a person is silent by the files."""
        complete = self.complete and (armed or self.reaches_back)
        found = silence.by_mails(way, self._events.get(person, ()), complete=complete, now=self.now)
        return {} if found is None else {way.fact: found}

    def _take(self, folder: str, file: CurrentsFile, people: Collection[str], others: Collection[str]) -> bool:
        """Keep what one file tells of these people, of whom ``others`` have no external id; say whether it was read."""
        self.tick()
        try:
            events = self.reader.mail_events(folder, file)
        except RecordUnreadable:
            return False
        for event in events:
            for person in self._people(event, others):
                if person in people:
                    self._events.setdefault(person, []).append(event)
        return True

    def _people(self, event: MailEvent, others: Collection[str]) -> Iterator[str]:
        """Yield whom an event is about: whom it names, and who is known by an alias or an address alone.

        Where it names nobody (api/braze.md 6.3), that is everybody with the address.
        """
        if event.person:
            yield event.person
        if event.address and (others or not event.person):
            yield from (one for one in self._people_at(event.address) if not event.person or one in others)

    def _people_at(self, address: str) -> Sequence[str]:
        if address not in self._at:
            found = [keys.read(text) for text in self.mirror.people_at(address)]
            named = [key.recipient for key in found if isinstance(key, PersonKey)]
            self._at[address] = list(dict.fromkeys([*named, write(Email(address=address))]))
        return self._at[address]
