"""Find out from Currents files whom to look at first, and keep what they say of them; records no state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ecmbraze.errors import RecordGone, RecordUnreadable, TemporaryError
from ecmbraze.ledger.codec import load_facts
from ecmbraze.ledger.mirror import Mirror
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.model import SPAM, ChoiceEvent, CurrentsFile, PersonKey, keys
from ecmbraze.needs import Rotation
from ecmbraze.planning.currents import FILE, FILES_READ, LAG, SPAM_REPORT, tells_more
from ecmbraze.ports import CurrentsReader

# So many files per run, the oldest first: a year of them that is synced at once must not hold the lock for hours.
_MOST_FILES = 1000
# So many events of our people are kept in a run, some 100 MB: of a mass change the rest comes in the next ones.
_MOST_EVENTS = 200_000
# A file that is still not complete after so long does not grow any more.
_PATIENCE = timedelta(hours=1)
_NAMED = 3


@dataclass(slots=True, kw_only=True)
class Currents:
    """The files as one round reads them. A file counts as read once everybody in it was looked at late enough."""

    reader: CurrentsReader
    mirror: Mirror
    plan: PlanFile
    now: datetime
    tick: Callable[[], None]
    notes: list[str] = field(default_factory=list)
    """What could not be read, for the report: then the rotation sees it later, without a time."""
    _facts: frozenset[str] = frozenset()
    _events: dict[str, list[ChoiceEvent]] = field(default_factory=dict)
    _read: list[CurrentsFile] = field(default_factory=list)
    _kept: int = 0

    def read(self, rotation: Rotation | None, mappings: Sequence[str], facts: frozenset[str]) -> None:
        """Read the files that are new; raises ConfigurationError where the library is missing."""
        if rotation is None or not rotation.currents:
            return
        self._facts = facts
        known = self.mirror.looked_below(FILE, keys.PEOPLE)
        try:
            files = self.reader.files(rotation.currents, self.now - FILES_READ)
        except TemporaryError as error:
            self.notes.append(f"no Currents file was read, times are those of the looks: {error.happened}")
            return
        new = [file for file in files if known.get(file.name) != (file.modified_at, file.size)]
        spoiled, opened = list[str](), 0
        for file in new[:_MOST_FILES]:
            if self._kept >= _MOST_EVENTS:
                break
            opened += 1
            if name := self._take(rotation.currents, file, mappings):
                spoiled.append(name)
        if spoiled:
            names = ", ".join(spoiled[:_NAMED]) + (", …" if len(spoiled) > _NAMED else "")
            told = f"Currents files that are not complete, or cannot be read, were left out ({len(spoiled)}): {names}"
            self.notes.append(told)
        if left := len(new) - opened:
            self.notes.append(f"{left} Currents files are left for the next run")

    def _take(self, folder: str, file: CurrentsFile, mappings: Sequence[str]) -> str:
        """Keep what one file says of our people; return its name where it will not become complete any more."""
        self.tick()
        try:
            events = [self._dated(event, file) for event in self.reader.events(folder, file)]
        except RecordGone:
            return ""
        except RecordUnreadable:
            return file.name if self.now - file.modified_at > _PATIENCE else ""
        for event in filter(self._is_wanted, events):
            for person in dict.fromkeys(self._people(event)):
                if self.mirror.workspaces_of(person, mappings):
                    self._events.setdefault(person, []).append(event)
                    self._kept += 1
        latest = max((event.at for event in events), default=self.now - LAG)
        if latest + LAG <= self.now:
            self._read.append(file)
        return ""

    def _dated(self, event: ChoiceEvent, file: CurrentsFile) -> ChoiceEvent:
        """Return an event as it can be: one whose time lies ahead gets that of its file, and is a hint and no more.

        A report of spam stays one: with its own time it would stand until the person chooses e-mail after that.
        """
        if event.at <= self.now + LAG:
            return event
        at = min(file.modified_at, self.now)
        return replace(event, at=at) if event.state == SPAM else replace(event, at=at, fact="", state="")

    def _is_wanted(self, event: ChoiceEvent) -> bool:
        if event.state == SPAM:
            return SPAM_REPORT in self._facts
        return not event.fact or event.fact in self._facts

    def _people(self, event: ChoiceEvent) -> Iterator[str]:
        """Yield whom an event is about: whom it names, and of an e-mail address, whose state is its own, everybody.

        Where it names nobody, a state that is no address's is theirs only if no two people share the address.
        """
        if event.person:
            yield event.person
        found = {keys.read(text) for address in event.addresses for text in self.mirror.people_at(address)}
        people = sorted(key.recipient for key in found if isinstance(key, PersonKey))
        if event.fact == "email" or event.state == SPAM or (not event.person and (len(people) == 1 or not event.fact)):
            yield from people

    def of(self, person: str) -> Sequence[ChoiceEvent]:
        """Return what the files that were read say of a person, in no order."""
        return self._events.get(person, ())

    def people(self, most: int) -> list[str]:
        """Return up to ``most`` people of whom a look since the last one may show more, longest ago first."""
        found = {person: min(event.at for event in events) for person, events in self._events.items()}
        due = [person for person in sorted(found, key=lambda one: (found[one], one)) if self._is_due(person)]
        if len(due) > most:
            self._read.clear()  # who is left over is found again next time
        return due[: max(most, 0)]

    def _is_due(self, person: str) -> bool:
        text, events = PersonKey(recipient=person).text, self._events[person]
        held, looked = self.mirror.held([text]).get(text), self.mirror.read_at([text]).get(text)
        if held is None or looked is None or looked[1] < max(event.at for event in events) + LAG:
            return True
        return tells_more(self._facts, load_facts(held.facts), (held.modified_at, looked[1]), events)

    def looked(self) -> None:
        """Count the files as read: everybody in them was looked at."""
        for file in self._read:
            self.plan.put_looked(FILE + file.name, keys.PEOPLE, file.modified_at, size=file.size)
