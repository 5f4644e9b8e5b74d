"""What Braze says of the people whom messages are for, held against what consent is demanded; knows no record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ecmbraze.engine.deliver.channels.channel import Screening
from ecmbraze.engine.deliver.requests import batched
from ecmbraze.errors import TemporaryError
from ecmbraze.flow import Flow
from ecmbraze.ledger.outbox import Row, Seen, Step
from ecmbraze.model import Action, Profile, State
from ecmbraze.planning.consent import demands as consent
from ecmbraze.planning.consent.demands import Demand, Given
from ecmbraze.ports import Clock, PeopleReader

_TOGETHER = 50  # people per export (api/braze.md 4.3)
# What is left of the minute (delivery.md, "Screen") after so many seconds is for records and the claim.
_IN_TIME_S = 40.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What Braze said of some people, none of it before ``asked_s``, monotonic."""

    profiles: Mapping[str, Sequence[Profile]]
    groups: Mapping[str, Mapping[str, str]]
    """Person → group → state."""
    began: datetime
    asked_s: float
    took_s: float

    @property
    def late(self) -> bool:
        """Whether the first answer was too old for a message when the last one came."""
        return self.took_s > _IN_TIME_S

    def fewer(self, rows: int) -> int:
        """Return of how many of so many rows the people could be asked for in time: half of them at the most."""
        return max(1, int(rows * min(0.5, _IN_TIME_S / self.took_s)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Consents:
    """The consent of the people of one flow."""

    people: PeopleReader
    flow: Flow[Any]
    options: Any
    bounced: Callable[[], frozenset[str]]
    """The addresses that bounced, asked for when the first e-mail needs them."""
    withdrawn: Callable[[str, Sequence[str]], frozenset[str]]
    """The channels on which a withdrawal stands by the ledger, of a person or of whoever shares one of these addresses:
    reads of Braze lag behind, and Braze keeps a state with the address (api/braze.md 5.2)."""
    clock: Clock

    def ask(self, actions: Sequence[Action], others: Iterable[str] = ()) -> Told:
        """Ask for whom some actions are, with the groups that they demand, and for the profiles of ``others``."""
        people = list(dict.fromkeys([*(action.recipient for action in actions), *others]))
        wanted: dict[str, list[str]] = {}
        for action in actions:
            for group in consent.groups(self._demands(action)):
                wanted.setdefault(group, []).append(action.recipient)
        began, asked_s = self.clock.now(), self.clock.monotonic()
        profiles, states = self.people.profiles(people), dict[str, dict[str, str]]()
        for group, members in wanted.items():
            for person, state in self.people.group_states(group, list(dict.fromkeys(members))).items():
                states.setdefault(person, {})[group] = state
        took_s = self.clock.monotonic() - asked_s
        return Told(profiles=profiles, groups=states, began=began, asked_s=asked_s, took_s=took_s)

    def refused(self, row: Row, screening: Screening, told: Told) -> Step | Seen | None:
        """Return the step of a row that its person must not get now, else the consent on which it may leave.

        ``None`` where Braze does not know the person and the row may go all the same.
        """
        action = row.action
        known, wanted = told.profiles.get(action.recipient, ()), self._demands(action)
        if len(known) > 1 and not screening.shared:
            return Step(row=row, state=State.SUPPRESSED, why=f"{len(known)} profiles in Braze share this recipient")
        if not known:  # Braze would answer success and drop it (api/braze.md 1.6)
            fate = screening.absent(action, bool(wanted))
            return Step(row=row, state=fate[0], why=fate[1]) if fate else None
        given = self._given(action, known[0], wanted, told.groups.get(action.recipient, {}))
        if reason := consent.refusal(wanted, given):
            return Step(row=row, state=State.SUPPRESSED, why=reason)
        return Seen(states=consent.seen(wanted, given), at=told.began)

    def counted(self, actions: Iterable[Action]) -> tuple[int, int]:
        """Return how many of these messages consent lets through, and for how many people."""
        messages, people = 0, set[str]()
        for part in batched(actions, _TOGETHER):
            told = self.ask(part)
            for action in part:
                wanted, known = self._demands(action), told.profiles.get(action.recipient, ())
                held = told.groups.get(action.recipient, {})
                if not known or not consent.refusal(wanted, self._given(action, known[0], wanted, held)):
                    messages, people = messages + 1, people | {action.recipient}
        return messages, len(people)

    def _demands(self, action: Action) -> tuple[Demand, ...]:
        """Return what the consent stored with a message and the rule as it is now demand together."""
        rule = next((rule for rule in self.flow.rules(self.options) if rule.name == action.rule), None)
        send = rule.sending(action.kind, action.name) if rule else None
        return consent.demands(action.consent, send.demanded(action.kind) if send else None)

    def _given(self, action: Action, profile: Profile, wanted: Sequence[Demand], groups: Mapping[str, str]) -> Given:
        """Return what is known of a person's consent."""
        mailed = any(demand.channel == "email" for demand in wanted)
        bounced = mailed and bool(profile.email) and address_of(profile) in self.bounced()
        reached = {profile.email if demand.channel == "email" else profile.phone for demand in wanted}
        addresses = [address for address in reached if address]
        withdrawn = self.withdrawn(action.recipient, addresses) if wanted else frozenset[str]()
        return Given(profile=profile, bounced=bounced, groups=groups, withdrawn=withdrawn)


def address_of(profile: Profile) -> str:
    """Return the e-mail address of a profile as addresses are compared; empty where it has none."""
    return (profile.email or "").lower()


def consent_too_late(people: int) -> TemporaryError:
    """Return the error of a run to which Braze does not tell the consent of even a few people in time."""
    return TemporaryError(
        f"Braze took more than {_IN_TIME_S:.0f} seconds to tell the consent of {people} people, again and again.",
        undone="None of them was messaged: no consent may be older than a minute. They wait.",
        advice="The next run tries again; if it stays so, see what else uses up the rate limits of this key.",
    )
