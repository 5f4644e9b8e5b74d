"""What a flow is: one value that says what it reads, how it plans, and what it is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Generic, TypeVar

from pydantic import BaseModel

from ecmbraze.errors import UsageError
from ecmbraze.model import Change, Decision, Facts, Json, Record
from ecmbraze.needs import Cap, Needs
from ecmbraze.planning.context import Context as Context
from ecmbraze.planning.known import Known as Known
from ecmbraze.planning.outbound import Direction, Outbound
from ecmbraze.planning.rules import Rule

Options = TypeVar("Options", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class InitialLoad(Generic[Options]):
    """How a flow writes once what it would otherwise write when something changes; a person confirms it.

    ``plan`` is pure: what it makes of one person, given what the flow noted of them. All of it bears the ``rule``, by
    which what a slice left is told from what an ordinary run planned.
    """

    rule: str

    plan: Callable[[Options, Record, Mapping[str, Json], Known, Context], Decision]
    people: Callable[[Options], int]
    """How many people a slice has: the lock is free between two."""
    per_minute: Callable[[Options], int]
    """How many requests to Extended ECM it may make in a minute."""
    requests: Callable[[Options], int]
    """How many requests to Extended ECM one workspace takes at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfCustomers(Generic[Options]):
    """What rules of every flow may name of a person, by what the mirror holds of their workspaces."""

    types: Callable[[Options], Sequence[str]]
    """The workspace types it rests on: a round in which rules ask for it lists them, whichever flows it runs."""
    facts: Callable[[Options, str, Known, Context], Facts]
    """The facts of one person; raises OtherUnreadable where they cannot be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow(Generic[Options]):
    """One of the directed syncs.

    ``plan`` is pure and never asks a system. ``holds`` says why a rule, in this occurrence, no longer holds
    for a record read again before sending, ``None`` when it does; its last arguments are the zone of ECM and the
    moment.
    """

    name: str
    summary: str
    direction: Direction
    options: type[Options]
    example: str
    """Its section as ``config.example.yaml`` shows it: every setting, over names that the simulated world has."""
    every: timedelta
    needs: Callable[[Options], Needs]
    rules: Callable[[Options], Sequence[Rule]]
    plan: Callable[[Options, Change, Known, Context], Decision]
    holds: Callable[[Options, Record, str, str, tzinfo, datetime], str | None]
    outbound: Callable[[Options, str], Sequence[Outbound]]
    """Everything the flow may write, given the attribute prefix."""
    follows: Callable[[str], str] = lambda occurrence: ""
    """How the occurrence begins that must have reached a person before this one may; empty where none must."""
    renews: Callable[[str], str] = lambda occurrence: ""
    """How the occurrence begins that takes the place of this one, once it is planned; empty where each is told."""
    replaces: Callable[[Options], bool] = lambda options: False
    """Whether it may replace values that stood in ECM before it first wrote there."""
    taken_over: Callable[[Options, Record, Known], Mapping[str, Json]] = lambda options, record, known: {}
    """Attribute → what somebody else wrote in a record and the flow made its own: it may replace that."""
    typed: Callable[[Options], frozenset[str]] = lambda options: frozenset()
    """The attributes it writes that people set as well."""
    withdrawn: Callable[[Options, str, Known], frozenset[str]] | None = None
    """The channels on which a withdrawal of a person stands by what the flow noted: no message of any flow goes there,
    though Braze may still show the old state. ``None`` where it notes none.
    """
    of_customers: OfCustomers[Options] | None = None
    """What rules of every flow may name of a person; ``None`` for a flow that makes nothing of the sort."""
    withdraws: bool = False
    """Whether it may take back consent in Braze. Then it is planned even while a plan of it waits for a person: nothing
    holds a withdrawal back, and nothing else of it leaves."""
    caps: Callable[[Options], Sequence[Cap]] = lambda options: ()
    """What one run may write without a person; more waits for one."""
    confirmed_first: bool = False
    """Whether its first run is no baseline that stays silent, but a plan that waits for a person."""
    candidates: Callable[[Options, str, Known, Context], frozenset[str]] | None = None
    """Which facts of ``Needs.silence`` decide about a person at this moment; empty for one who need not be looked at.

    A flow that has it plans people because of their workspaces: whoever one that changed or came due leads to, or led
    to, is planned in the same round, read or not. ``None`` where people are planned for themselves.
    """
    ahead: Callable[[Options, Record, Mapping[str, Json], tzinfo], Sequence[tuple[datetime, str]]] | None = None
    """(instant, rule) of everything that comes due of a record, by what the flow noted of it, although nothing changes;
    ``None`` where nothing does.

    Where something does, every record is planned once when the rules change, or an untouched one never comes due.
    """
    replanned: bool = False
    """Whether every record is planned once when its section changes, though nothing of it comes due."""
    postponed: Callable[[Options, str, tzinfo, datetime], str] = lambda *_: ""
    """Why no message of a rule may leave at this moment, though it may later; empty when it may."""
    warnings: Callable[[Options], Sequence[str]] = lambda _: ()
    """What of its section may be meant and should be known: `check` and each report say it."""
    initial: InitialLoad[Options] | None = None
    """How `--initial-load` writes the record of everybody; ``None`` where there is none."""

    @property
    def follows_rules(self) -> bool:
        """Whether a change of its section makes it plan every record once."""
        return self.replanned or self.ahead is not None

    @property
    def load(self) -> InitialLoad[Options]:
        """Return how everybody's record is written. Raises UsageError for a flow that has no initial load."""
        if self.initial is None:
            raise UsageError(
                f"{self.name} has no initial load.", undone="Nothing was done.", advice=f"`ecmbraze {self.name} --help`"
            )
        return self.initial
