"""The `feedback:` section: when somebody is asked, and where the answer stands in Braze and in ECM; plans nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import time, timedelta
from typing import Literal

from pydantic import Field, model_validator

from ecmbraze.planning.flow_options import MappedOptions
from ecmbraze.planning.naming import AttributeName, ProfileAttribute, Scope
from ecmbraze.planning.rules import TOKEN, Rule, Section, Span
from ecmbraze.planning.zones import TimeOfDay, Zone

Part = Literal["score", "comment", "at", "asked", "survey"]


class Hours(Section):
    """Between which times of day a request may leave."""

    begin: TimeOfDay = Field(time(9), alias="from", description='earliest time of day, e.g. "09:00"')
    end: TimeOfDay = Field(time(18), alias="to", description='until when, e.g. "18:00"')

    @model_validator(mode="after")
    def _a_day(self) -> Hours:
        if self.begin >= self.end:
            raise ValueError("`from` must lie before `to` on the same day")
        return self


class AnswerAttributes(Section):
    """The custom attributes that the survey writes to the profile, named as Braze shows them."""

    score: ProfileAttribute = Field(description="an answer is there when this is set")
    comment: ProfileAttribute | None = Field(None, description="attribute with what the person wrote")
    at: ProfileAttribute | None = Field(
        None, description="attribute with the time of the answer; else when it was first seen"
    )
    workspace: ProfileAttribute | None = Field(
        None, description="attribute with the token; without it only a single open request counts"
    )

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name in (self.score, self.comment, self.at, self.workspace) if name)

    @property
    def facts(self) -> frozenset[str]:
        """The facts of a person that carry an answer, and which look was the last one before its score came up."""
        return frozenset([*map(fact, self.names), self.looked])

    @property
    def looked(self) -> str:
        """The fact that says when somebody had looked last before the score became what it is; empty: nobody had."""
        return f"after:{fact(self.score)}"

    @model_validator(mode="after")
    def _each_once(self) -> AnswerAttributes:
        for name in self.names:
            if self.names.count(name) > 1:
                raise ValueError(f"{name!r} stands twice, each attribute says one thing")
        return self


def fact(attribute: str) -> str:
    """Return the fact of a person under which a custom attribute of Braze is kept."""
    return f"attribute:{attribute}"


class FeedbackRule(Rule):
    """One survey: what completion is, when and whom it asks, and where its answer goes."""

    delay: Span = Field(timedelta(days=2), description="how long after completion; reopened before: not sent")
    hours: Hours = Field(
        default_factory=lambda: Hours.model_validate({}), description="times of day at which requests leave"
    )
    zone: Zone | None = Field(None, description="of the hours; default: ecm.timezone")
    sample: float = Field(1.0, gt=0, le=1, description="share that is asked, decided by the business key")
    answer: AnswerAttributes = Field(description="profile attributes that the survey writes")
    answer_within: Span = Field(timedelta(days=30), description="how long an answer is looked for")
    write: dict[AttributeName, Part] = Field(
        min_length=1, description="Category.Attribute → score, comment, at, asked or survey"
    )
    comment_document: Literal["never", "too_long", "always"] = Field(
        "too_long", description="when the comment becomes a document: never, too_long (for the attribute) or always"
    )
    comment_length: int = Field(
        254, ge=60, le=10_000, description="how many characters the attribute of the comment takes; more are shortened"
    )
    folder: str = Field("Feedback", description="folder of these documents below the workspace, made when missing")

    @model_validator(mode="after")
    def _fits(self) -> FeedbackRule:
        for name in self.write:
            if name.count(".") != 1:
                raise ValueError(f"write: {name!r} is no attribute: write Category.Attribute")
        if "comment" in self.write.values() and self.answer.comment is None:
            raise ValueError("write: a comment is mapped, but `answer` names no attribute for it")
        if self.comment_document == "always" and self.answer.comment is None:
            raise ValueError("comment_document: always, but `answer` names no attribute for the comment")
        texts = [text for text in self.send.properties.values() if isinstance(text, str)]
        if self.answer.workspace and not any(TOKEN in text for text in texts):
            raise ValueError("answer: `workspace` expects the token, but no property sends ${feedback.token}")
        return self

    def scope(self) -> Scope:
        return {"asks": True}

    @property
    def files(self) -> bool:
        """Whether comments may become documents: only one that is mapped is ever written."""
        mapped = "comment" in self.write.values()
        return self.comment_document == "always" or (self.comment_document == "too_long" and mapped)

    def facts(self) -> frozenset[str]:
        return Rule.facts(self) - {TOKEN}


class Options(MappedOptions):
    """The `feedback:` section."""

    create_profiles: bool = Field(False, description="create people Braze does not know, instead of waiting for them")
    cooldown: Span = Field(timedelta(days=90), description="per person, over all rules and workspaces")
    braze_requests: int = Field(600, ge=1, description="looks at people per run at most, 50 people each")
    rules: tuple[FeedbackRule, ...] = Field(min_length=1, description="the surveys")

    @model_validator(mode="after")
    def _targets_once(self) -> Options:
        """Refuse two surveys that would write one attribute in turns, unless they mean the same by it."""
        seen: dict[str, str] = {}
        for rule in self.rules:
            for name, part in rule.write.items():
                if seen.setdefault(name, part) != part:
                    raise ValueError(f"{name} is {seen[name]} in one rule and {part} in another: give one another name")
        return self

    @model_validator(mode="after")
    def _answers_apart(self) -> Options:
        for rule in self.rules:
            for other in self.rules:
                if rule.answer.score == other.answer.score and rule.answer != other.answer:
                    raise ValueError(
                        f"the answers of {rule.name!r} and {other.name!r} share {rule.answer.score!r} and no more: "
                        "take the same attributes, or others for all that differs"
                    )
        return self

    @property
    def surveys(self) -> Mapping[AnswerAttributes, Sequence[FeedbackRule]]:
        """The rules by the attributes that their answers stand in."""
        found: dict[AnswerAttributes, list[FeedbackRule]] = {}
        for rule in self.rules:
            found.setdefault(rule.answer, []).append(rule)
        return found
