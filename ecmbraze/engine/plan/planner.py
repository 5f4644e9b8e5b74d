"""Plan one flow over what changed, page by page into the plan file; decides nothing the flow should."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from ecmbraze.engine.plan.news import news_of, same, trace, withdrew
from ecmbraze.engine.scan.inventory import Scan
from ecmbraze.engine.setting import Slice
from ecmbraze.errors import NamesNobody, OtherUnreadable, RecordUnreadable
from ecmbraze.flow import Context, Flow
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.ledger.tombstones import ERASED
from ecmbraze.ledger.view import View
from ecmbraze.model import Action, Change, Decision, Delivery, PersonKey, Phase, Skip, keys
from ecmbraze.needs import Needs
from ecmbraze.planning.adoption import Adoption

_LOG = logging.getLogger("ecmbraze")
# The counts of withdrawals on record that a plan replaces, and of the people whose they are.
GRANTS, GRANTING = "grants", "people granting"
# Past in every look, so that what comes due by it is part of the same plan.
_AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
# What a value nobody thought of makes of a rule. Errors of the state file are none of these: they end the run.
UNPLANNABLE = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planner:
    """The planning of one flow in one run."""

    flow: Flow[Any]
    options: Any
    needs: Needs
    view: View
    plan: PlanFile
    context: Context
    tick: Callable[[], None]
    adoption: Adoption | None = None
    """Of a copy of the state file: what may have gone before it is planned as doubtful."""
    remembers: timedelta = timedelta(days=400)
    """How long at least what was sent of a record that is gone is still known."""

    def concerned(self) -> dict[str, frozenset[str]]:
        """Return whom workspaces lead to, or led to, that changed or came due, and who is due themselves.

        Each with the facts that must be known of them now; nobody where the flow plans people for themselves. What is
        taken in with a baseline concerns nobody yet.
        """
        if self.flow.candidates is None:
            return {}
        due, found = self.view.due(self.context.now), set[str]()
        due |= self.view.everything() if self._rules_are_new() else set()
        streams = {stream for stream in self.needs.streams if self.view.baseline(stream) is not None}
        with self.view.to_plan(due) as pending:
            for change in self.view.changes(pending):
                key, forced = change.record.key, change.record.key.text in due
                if change.record.stream in streams and not isinstance(key, PersonKey) and (forced or not same(change)):
                    found.update(change.record.customers, change.before.customers if change.before else ())
        found |= {key.recipient for one in due if isinstance(key := keys.read(one), PersonKey)}
        return {one: self.flow.candidates(self.options, one, self.view, self.context) for one in sorted(found)}

    def plan_changes(self, scans: Mapping[str, Scan], limit: int | None, concerned: Collection[str] = ()) -> bool:
        """Plan what changed since the flow's position, then whom it concerns; return whether all of it was planned."""
        baselines = {stream: self.view.baseline(stream) for stream in self.needs.streams}
        due, unmet, new = self.view.due(self.context.now), self.view.of_unmet(), self._rules_are_new()
        planned, complete = 0, True
        with self.view.to_plan(due, unmet, everything=new) as pending:
            for change in self.view.changes(pending):
                key = change.record.key.text
                if self.flow.candidates and isinstance(change.record.key, PersonKey):
                    continue
                if not new and key not in due and same(change):
                    if key in unmet:
                        self._whole_state(change)
                    continue
                if planned == limit:
                    complete = False
                    break
                planned += 1
                self._one(self._armed(change, baselines[change.record.stream]))
        reach = (None if limit is None else limit - planned) if complete else 0
        complete = self._plan_people(concerned, reach) and complete
        for stream, scan in scans.items() if complete else ():
            self.plan.put_watermark(self.flow.name, stream, scan.newest)
            if baselines[stream] is None:
                self.plan.put_baseline(self.flow.name, stream, self.needs.mapping_of(stream), scan.began)
        if complete and self.flow.follows_rules:
            self.plan.put_rules(self.flow.name, self._rules, self.context.now)
        return complete

    def _plan_people(self, people: Collection[str], limit: int | None) -> bool:
        for n, person in enumerate(people if limit is None else self.view.in_turn(people)):
            if limit is None or n < limit:
                self._one(self.view.change_of(person))
            else:  # their cases are taken in, and would lead nobody to them again
                self.plan.put_due(self.flow.name, PersonKey(recipient=person).text, _AT_ONCE)
        return limit is None or len(people) <= limit

    @property
    def _rules(self) -> str:
        return f"rules {hashlib.sha256(repr(self.options).encode()).hexdigest()[:16]}"

    def _rules_are_new(self) -> bool:
        """Say whether every record must be planned: nothing else would ever plan an untouched one again."""
        return self.flow.follows_rules and not self.view.knows_rules(self._rules)

    def plan_span(self, since: datetime, until: datetime, limit: int | None) -> None:
        """Plan a backfill: every record last modified in the span, as if its past were unknown."""
        for change in self.view.changes(self.view.modified_between(since, until)[:limit]):
            if not change.record.gone:  # absence never sends a message
                self._one(replace(change, before=None, since=None, fires=True))

    def plan_as_new(self, limit: int | None) -> None:
        """Plan every record as if it had come only now, whatever was planned of it before."""
        with self.view.to_plan(everything=True, limit=limit) as pending:
            for change in self.view.changes(pending):
                if not change.record.gone:
                    self._one(replace(change, before=None, since=None, memory={}, fires=True))

    def plan_withdrawn(self, people: Iterable[str], letters: Iterable[Action] = ()) -> bool:
        """Plan those of some people (records) who withdrew since this flow last planned them, and granted nothing; and
        the workspaces in which staff recorded withdrawals (``letters``) that have left.

        Return whether there was anything.
        """
        done: set[str] = set()
        for change in self.view.changes(people):
            if withdrew(change) and self._one(self._armed(change, self.view.baseline(keys.PEOPLE)), granting=False):
                done.add(change.record.key.text)
        sent: dict[str, list[Action]] = {}
        for action in letters:
            sent.setdefault(action.record, []).append(action)
        for change in self.view.changes(sent):
            record = change.record
            if any(self._waits(action, done) for action in sent[record.key.text]):
                continue
            if self._one(self._armed(change, self.view.baseline(record.stream)), granting=False, noting=True):
                done.add(record.key.text)
        return bool(done)

    def _waits(self, letter: Action, done: Container[str]) -> bool:
        """Say whether Braze showed another choice before a withdrawal by staff: the history has that first."""
        person = PersonKey(recipient=letter.recipient).text
        change = next(self.view.changes([person]), None)
        before = change.before.facts if change and change.before else {}
        now = change.record.facts if change else {}
        return person not in done and before.get(letter.name) != now.get(letter.name)

    def plan_load(self, asked: Slice) -> tuple[str, int]:
        """Plan the next people of an initial load; return the record of the last of them, and how many they were."""
        load, people = self.flow.load.plan, self.view.noted_people(asked.after, asked.people)
        for change in self.view.changes(people):
            of_person = partial(load, self.options, change.record, change.memory, self.view, self.context)
            if (decision := self._decided(change, of_person)) is not None:
                self.plan.put_actions(decision.actions)
                self._refuse(decision.skips)
        return (people[-1] if people else asked.after), len(people)

    def _armed(self, change: Change, baseline: datetime | None) -> Change:
        """Say whether a change may fire: not at a baseline, not for what existed before it but is first seen now."""
        if self.flow.confirmed_first:  # its first plan waits for a person, and nothing of it is a message
            return replace(change, fires=not change.record.gone)
        if baseline is None or change.record.gone:  # absence corrects, it never sends a message (delivery.md)
            return replace(change, fires=False)
        if reason := self._late(change, baseline):
            self.plan.count(self.flow.name, "first_seen_late")
            skip = Skip(record=change.record.key.text, customer="", rule="", reason=reason)
            self.plan.put_skip(self.flow.name, skip, self.context.now)
            return replace(change, before=None, since=None, memory={}, fires=False, late=True)
        unreached = self._unreached(change)
        return replace(change, unreached=unreached) if unreached else change

    def _late(self, change: Change, baseline: datetime) -> str:
        """Return why nothing of a record of which no past is known is news; empty where it is."""
        record = change.record
        if record.name == ERASED or not (change.before is None or ERASED in change.memory):
            return ""
        if ERASED in change.memory:
            return "names somebody else since its person was erased; its attributes go, nothing fires"
        if record.created_at < baseline:
            return "first seen after the baseline although created before it; its attributes go, nothing fires"
        if record.created_at < self.context.now - self.remembers:  # it may have been known, and forgotten since
            old = f"first seen now although created more than {self.remembers.days} days ago (`keep: rows`)"
            return f"{old}: what was sent of it may be forgotten; its attributes go, nothing fires"
        return ""

    def _unreached(self, change: Change) -> frozenset[tuple[str, str]]:
        """Return what reached nobody because the record named somebody else by mistake."""
        before = change.before.customers if change.before else change.record.customers
        if set(change.record.customers) <= set(before):
            return frozenset()
        return self.view.unreached(change.record, self.context.now)

    def _whole_state(self, change: Change) -> None:
        """Plan what somebody whom Braze does not know has never got; to the record itself nothing happened."""
        self.tick()
        if change.record.name == ERASED:
            return
        with suppress(RecordUnreadable, *UNPLANNABLE):  # reported when the record changed
            actions = self.flow.plan(self.options, change, self.view, self.context).actions
            self.plan.put_actions([action for action in actions if action.kind.delivery is Delivery.LATEST])

    def _take_back(self, change: Change) -> None:
        """Plan the attributes of whom a record named before: what happened to it waits for a name, these do not."""
        with suppress(RecordUnreadable, *UNPLANNABLE):
            only = replace(change, fires=False, late=True)
            actions = self.flow.plan(self.options, only, self.view, self.context).actions
            self.plan.put_actions([action for action in actions if action.kind.is_profile_value])

    def _decided(self, change: Change, decide: Callable[[], Decision]) -> Decision | None:
        """Return what the flow makes of a record; ``None`` where it cannot be planned: then it is put aside."""
        self.tick()
        if change.record.name == ERASED:
            why = "erased: whom it names is not kept or written to any more (`ecmbraze erase`)"
            skip = Skip(record=change.record.key.text, customer="", rule="", reason=why, quarantined=True)
            noted = Decision(skips=(skip,), memory={ERASED: True})
            self.plan.put_decision(self.flow.name, change, noted, self.context.now)
            self.plan.count(self.flow.name, "quarantined")
            return None
        try:
            return decide()
        except RecordUnreadable as error:
            self._quarantine(change, error.happened, again=isinstance(error, OtherUnreadable))
            if isinstance(error, NamesNobody):
                self._take_back(change)
        except KeyError as error:
            self._quarantine(change, f"{error.args[0]!r} is not known of it yet")
        except UNPLANNABLE as error:  # one record must not end the run of its neighbours
            fields = {"flow": self.flow.name, "record": change.record.key.text, "error": type(error).__name__}
            _LOG.error("record.unplannable", extra={"fields": {**fields, "traceback": trace(error)}})
            self._quarantine(change, f"cannot be planned ({type(error).__name__}); the log has the traceback")
        return None

    def _one(self, change: Change, *, granting: bool = True, noting: bool = False) -> bool:
        """Plan one change; return whether the flow decided it.

        One that is not ``granting`` lifts no withdrawal, and sends none: those have left. One that is ``noting`` is
        decided only where the flow notes something that it did not.
        """
        plan = partial(self.flow.plan, self.options, change, self.view, self.context)
        if (decision := self._decided(change, plan)) is None or (noting and decision.memory == change.memory):
            return False
        if not granting and (decision.grants or any(one.kind.phase is Phase.CONSENT for one in decision.actions)):
            return False
        if self._untold(decision):
            self._refuse(decision.skips)
            actions = decision.actions
            self.plan.put_actions([action for action in actions if action.kind.delivery is Delivery.LATEST])
            return False
        if self.flow.candidates and isinstance(change.record.key, PersonKey) and not self._noted(change, decision):
            return True  # there is nothing to be noted of most people
        decision = news_of(decision, change, self.view, backfill=self.context.backfill)
        adoption = self.adoption
        self.plan.put_decision(
            self.flow.name,
            change,
            decision,
            self.context.now,
            lambda action: adoption is not None and adoption.may_have_gone(action, change),
        )
        self.plan.count(self.flow.name, "quarantined", sum(skip.quarantined for skip in decision.skips))
        self.plan.count(self.flow.name, "expired", sum(skip.expired for skip in decision.skips))
        self.plan.count(self.flow.name, GRANTS, decision.grants)
        self.plan.count(self.flow.name, GRANTING, bool(decision.grants))
        reminders = {rule.name for rule in self.flow.rules(self.options) if rule.reminds}
        fresh = sum(one.kind.is_message and one.rule not in reminders for one in decision.actions)
        self.plan.count(self.flow.name, f"messages of {change.record.stream}", fresh)
        return True

    def _noted(self, change: Change, decision: Decision) -> bool:
        return change.before is not None or decision != Decision() or self.view.is_due(change.record.key.text)

    def _untold(self, decision: Decision) -> bool:
        """Say whether a message cannot be written: then what happened to the record is not consumed.

        Its attributes and other values go, its messages and documents wait together, and are planned anew when it
        changes or is replayed.
        """
        put_aside = {skip.rule for skip in decision.skips if skip.quarantined}
        return bool(put_aside) and any(rule.name in put_aside for rule in self.flow.rules(self.options))

    def _quarantine(self, change: Change, reason: str, *, again: bool = False) -> None:
        record = change.record.key.text
        self._refuse([Skip(record=record, customer="", rule="", reason=reason, quarantined=True, again=again)])

    def _refuse(self, skips: Sequence[Skip]) -> None:
        for skip in skips:
            self.plan.put_skip(self.flow.name, skip, self.context.now)
            self.plan.count(self.flow.name, "quarantined", int(skip.quarantined))
            if skip.again:
                self.plan.put_due(self.flow.name, skip.record, _AT_ONCE)
