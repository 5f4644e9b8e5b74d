"""The `success:` section: which cases wait, who counts as silent, and who is asked to follow up; plans nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from ecmbraze.model import Assignee, Priority, Team
from ecmbraze.planning import rule_language
from ecmbraze.planning.customers import Customer
from ecmbraze.planning.engagement import Engagement
from ecmbraze.planning.flow_options import MappedOptions
from ecmbraze.planning.naming import CUSTOMER_FACTS, OVERDUE_SINCE, DateName, Scope, TypeName
from ecmbraze.planning.rule_language import When
from ecmbraze.planning.rules import Section, Span
from ecmbraze.suggest import did_you_mean

ENGAGEMENT_FACTS = ("engagement.by", "engagement.silent")
_IN_TEXT = (*CUSTOMER_FACTS, "workspace.id", "workspace.name", *ENGAGEMENT_FACTS)
_NAME = r"^[a-z][a-z0-9_]*$"
_Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class Campaigns(Section):
    """Silent by the flags of campaigns that were received: none of them was opened or clicked."""

    ids: tuple[_Id, ...] = Field(min_length=1, description="ids of campaigns")
    silent: Span = Field(description="for how long nothing was opened or clicked")
    received: int = Field(1, ge=1, description="of how many that were received, whenever that was")


class Currents(Section):
    """Silent by the opens and clicks in Currents files."""

    silent: Span = Field(description="for how long nothing was opened or clicked")
    received: int = Field(1, ge=1, description="of how many messages that were received in that time")


class SilentBy(Section):
    """How it is told that somebody is silent: exactly one way."""

    segment: _Id | None = Field(None, description="id of a segment: its members are the silent ones")
    campaigns: Campaigns | None = Field(None, description="by the flags of campaigns")
    currents: Currents | None = Field(None, description="by opens and clicks in Currents files")

    @model_validator(mode="after")
    def _one(self) -> SilentBy:
        if sum(way is not None for way in (self.segment, self.campaigns, self.currents)) != 1:
            raise ValueError("name exactly one of segment, campaigns and currents")
        return self

    @property
    def value(self) -> Engagement:
        """Return it as what the engine is asked for."""
        if self.segment:
            return Engagement(segment=self.segment)
        way = self.campaigns or self.currents
        assert way is not None, "exactly one is there"
        ids = tuple(dict.fromkeys(self.campaigns.ids)) if self.campaigns else ()
        return Engagement(campaigns=ids, currents=self.currents is not None, silent=way.silent, received=way.received)


class Assigned(Section):
    """Who is asked: exactly one of a role of the workspace, a user by login name, and a group."""

    role: str | None = Field(None, description="role of the workspace, by name")
    user: str | None = Field(None, description="login name")
    group: str | None = Field(None, description="group, by name")

    @model_validator(mode="after")
    def _one(self) -> Assigned:
        if sum(name is not None for name in (self.role, self.user, self.group)) != 1:
            raise ValueError("name exactly one of role, user and group")
        return self

    @property
    def value(self) -> Assignee:
        """Return it as it travels."""
        team, name = next((team, name) for team in Team if (name := getattr(self, team)) is not None)
        return Assignee(team=team, name=name)


class Home(Section):
    """The workspace of the customer, in which follow-ups are made."""

    workspace_type: TypeName = Field(description="its type")
    customer: Customer = Field(description="where the recipient stands in it")

    def scope(self) -> Scope:
        return {"types": (self.workspace_type,)}


class FollowUpOptions(Section):
    """What somebody is asked to do, and where it stands."""

    kind: Literal["reminder", "task"] = Field("reminder", description="reminder or task")
    type: str | None = Field(None, description="reminder type, by name")
    list: str = Field(
        "Follow-ups", description="task list of the workspace below which a task stands; made when missing"
    )
    place: Home | None = Field(None, alias="in", description="default: the oldest open case")
    assign: Assigned = Field(description="who is asked")
    otherwise: Assigned | None = Field(None, description="who, when nobody is there; without it it is quarantined")
    due: Span = Field(timedelta(days=3), description="until when")
    priority: Priority = Field(Priority.MEDIUM, description="low, medium or high")
    text: str = Field(description="what is asked, with ${customer.open_since} and the like")

    @property
    def reminder_type(self) -> str:
        """The type of the reminder; empty where it is a task."""
        return "" if self.kind == "task" else str(self.type)

    @property
    def task_list(self) -> str:
        """The list of the task; empty where it is a reminder."""
        return self.list if self.kind == "task" else ""

    @model_validator(mode="after")
    def _has_its_place(self) -> FollowUpOptions:
        if self.kind == "reminder" and not self.type:
            raise ValueError("a reminder needs `type`, the reminder type by name; `kind: task` needs none")
        if self.kind == "reminder" and "list" in self.model_fields_set:
            raise ValueError("list is for `kind: task`: take it out, or write `kind: task`")
        if ":" in self.list or not self.list.strip() or self.list != self.list.strip():
            raise ValueError("list: ECM takes no name with a colon, and none that is empty or has blanks around it")
        return self

    @model_validator(mode="after")
    def _says_what_is_known(self) -> FollowUpOptions:
        if left := rule_language.unfilled(self.text):
            raise ValueError(f"text: {left} is not filled in: write ${{customer.open_since}}")
        for name in sorted(rule_language.named(self.text)):
            if name not in _IN_TEXT:
                raise ValueError(
                    f"text: unknown fact {name}{did_you_mean(name, _IN_TEXT) or ': there are ' + ', '.join(_IN_TEXT)}"
                )
        return self


class Escalation(Section):
    """A second follow-up, once, when the first is still open after some time."""

    after: Span = Field(description="how long after the first")
    assign: Assigned = Field(description="who is asked then")


class SuccessRule(Section):
    """Who waits, how silence is told, and what is done about it."""

    name: str = Field(pattern=_NAME, max_length=80, description="snake_case, unique in the flow")
    when: When | None = Field(None, description="which cases count; default: all open ones")
    unresolved: Span | None = Field(None, description="how long the oldest open case may be open")
    overdue: Span | None = Field(None, description="or how long one may be overdue")
    engagement: SilentBy = Field(description="who counts as silent")
    follow_up: FollowUpOptions = Field(description="what somebody is asked to do")
    escalate: Escalation | None = Field(None, description="a second follow-up, once")

    @property
    def asked(self) -> str:
        """What is asked of whom, as a digest: it differs when that is configured otherwise."""
        return hashlib.sha256(repr((self.follow_up, self.escalate)).encode()).hexdigest()[:12]

    @model_validator(mode="after")
    def _one_wait(self) -> SuccessRule:
        if (self.unresolved is None) == (self.overdue is None):
            raise ValueError("name exactly one of unresolved and overdue")
        return self


class Options(MappedOptions):
    """The `success:` section."""

    create_profiles: bool = Field(False, description="create people Braze does not know, instead of waiting for them")
    closed: When = Field(description="what a case is that is not open any more")
    opened: DateName | None = Field(None, description="date attribute; default: when the workspace was made")
    due: DateName | None = Field(None, description="date attribute; overdue after this day")
    activity: DateName | None = Field(
        None, description="date attribute of the last contact; default: the last edit not by our account"
    )
    attributes: dict[str, Literal["customer.open_since", "customer.overdue_since", "customer.last_activity"]] = Field(
        default_factory=dict, description="Braze attribute (prefix is added) → date of the customer's open cases"
    )
    braze_requests: int = Field(200, ge=1, description="looks at people per run at most, 50 people each")
    max_follow_ups: int = Field(50, ge=1, description="new or completed in one run, more: exit 6")
    segment_files: str | None = Field(
        None, description="folder with the exports that Braze puts into storage of yours, kept in step by you"
    )
    currents_files: str | None = Field(None, description="folder with the Currents files")
    rules: tuple[SuccessRule, ...] = Field(min_length=1, description="who waits in silence, and what is done about it")

    @model_validator(mode="after")
    def _rules_fit(self) -> Options:
        names = [rule.name for rule in self.rules]
        for rule in self.rules:
            if names.count(rule.name) > 1:
                raise ValueError(f"two rules are named {rule.name!r}: give one of them another name")
            if rule.overdue and self.due is None:
                raise ValueError(f"rule {rule.name!r}: overdue needs `due`, the attribute with the date")
            if (home := rule.follow_up.place) and home.workspace_type in self.customers:
                raise ValueError(
                    f"rule {rule.name!r}: follow_up.in names {home.workspace_type!r}, which holds cases: leave `in` out"
                )
            if home and home.customer.kind not in (kinds := {one.kind for one in self.customers.values()}):
                raise ValueError(
                    f"rule {rule.name!r}: follow_up.in knows customers by {home.customer.kind}, their cases by "
                    f"{' and '.join(sorted(kinds))}: no such workspace would be found; write the same `as` in both"
                )
            if rule.engagement.currents and self.currents_files is None:
                raise ValueError(f"rule {rule.name!r}: engagement by currents needs `currents_files`, their folder")
        self.homes  # noqa: B018 raises where two rules disagree
        if OVERDUE_SINCE in self.attributes.values() and self.due is None:
            raise ValueError(f"attributes: {OVERDUE_SINCE} needs `due`, the attribute with the date")
        for name in self.attributes:
            if not name.isidentifier() or name != name.lower():
                raise ValueError(f"attribute {name!r}: use snake_case")
        return self

    def scope(self) -> Scope:
        return {**super().scope(), "waits": True}

    @property
    def homes(self) -> Mapping[str, Customer]:
        """The types of the customers' own workspaces → where the recipient stands in them."""
        found: dict[str, Customer] = {}
        for rule in self.rules:
            home = rule.follow_up.place
            if home and found.setdefault(home.workspace_type, home.customer) != home.customer:
                raise ValueError(f"follow_up.in: {home.workspace_type!r} has one `customer`, and two are named")
        return found
