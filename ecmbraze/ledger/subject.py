"""Whom or what an operator means who asks what is kept of somebody, under each name that stands for them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from sqlite_utils import Database

from ecmbraze.ledger.history import History
from ecmbraze.model import PersonKey, keys
from ecmbraze.model.recipients import Alias, Email, ExternalId, read, write


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Who or what is to be erased: a person under each text that names them, or one workspace."""

    people: tuple[str, ...] = ()
    workspace: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The values that stand for the subject wherever somebody wrote them."""
        found = [self.workspace] if self.workspace else []
        for text in self.people:
            match read(text):
                case ExternalId(value=value):
                    found.append(value)
                case Email(address=address):
                    found.append(address)
                case Alias(name=name):
                    found.append(name)
        return tuple(dict.fromkeys([*self.people, *found]))

    @property
    def pattern(self) -> re.Pattern[str]:
        """What finds a name that stands for itself, also as JSON writes it; never a part of a longer one."""
        spelt = {form for name in self.names for form in (name, json.dumps(name)[1:-1])}
        names = "|".join(re.escape(name) for name in sorted(spelt, key=len, reverse=True))
        return re.compile(rf"(?<![\w.-])(?:{names})(?![\w-])", re.IGNORECASE)


def subject_of(text: str, database: Database, history: History) -> Subject:
    """Return whom an operator means: an external id, an alias or an e-mail address as reports write them, or `ws:…`."""
    if keys.names_a_record(text):
        key = keys.read(text)
        return Subject(people=(key.recipient,)) if isinstance(key, PersonKey) else Subject(workspace=text)
    named = write(read(text))
    if "@" not in text or named != text:
        return Subject(people=(named,))
    query = "SELECT record FROM address WHERE digest = ?"
    found = [row[0] for row in database.execute(query, (history.address(text),))]
    others = [key.recipient for one in found if isinstance(key := keys.read(one), PersonKey)]
    # Of several who share an address nobody is taken for the one who is meant: they are listed.
    return Subject(
        people=tuple(dict.fromkeys([named, write(Email(address=text)), *(others if len(others) == 1 else ())]))
    )
