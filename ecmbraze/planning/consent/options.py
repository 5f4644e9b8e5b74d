"""The `consent:` section: what of a person's choices is watched, and how its record is worded; plans nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field, model_validator

from ecmbraze.model import Facts
from ecmbraze.planning.consent.record import STATES, UNKNOWN, Address
from ecmbraze.planning.flow_options import MappedOptions
from ecmbraze.planning.naming import AttributeName, DateName, GroupId, ProfileAttribute
from ecmbraze.planning.rule_language import When
from ecmbraze.planning.rules import Section, Span


class Words(Section):
    """The words of Braze's states as the category's attribute has them."""

    opted_in: str = Field("Opted in", description="a grant")
    subscribed: str = Field("Not objected", description="Braze's default, which is no affirmative act")
    unsubscribed: str = Field("Withdrawn", description="a withdrawal; staff may set it too")
    unknown: str = Field("Unknown", description="no state is known")

    def of(self, state: str) -> str:
        """Return the word for a state."""
        return str(getattr(self, state))


class ChannelWords(Section):
    """Other words for one channel; what is left out is as for all."""

    opted_in: str | None = Field(None, description="a grant")
    subscribed: str | None = Field(None, description="Braze's default")
    unsubscribed: str | None = Field(None, description="a withdrawal")
    unknown: str | None = Field(None, description="no state is known")


class GroupWatch(Section):
    """A subscription group."""

    group: GroupId = Field(description="id of the subscription group")
    to: Literal["email", "phone"] | None = Field(
        None, description="where its messages go, for `undeliverable`: Braze does not say it of a group"
    )


class AttributeWatch(Section):
    """A custom attribute of the profile."""

    attribute: ProfileAttribute = Field(description="name of the attribute in Braze, as it stands there")


class Channel(Section):
    """One thing people choose, and where its record stands."""

    name: str = Field(description="in every business key: never rename it")
    watch: Literal["email", "push"] | GroupWatch | AttributeWatch = Field(description="what of Braze is watched")
    purpose: str = Field(description="stands in each history entry")
    notice: str | None = Field(None, description="what people were told when they chose")
    status: AttributeName = Field(description="attribute with the state: text or popup; staff may withdraw in it")
    since: DateName | None = Field(None, description="attribute with the time of the change: a date with time")
    source: AttributeName | None = Field(None, description="attribute with where the state was seen")
    undeliverable: AttributeName | None = Field(
        None, description="attribute with why the address cannot be reached: hard_bounce, invalid_number or empty"
    )
    recorded: When | None = Field(None, description="a withdrawal too, once this comes true")
    values: ChannelWords = Field(default_factory=ChannelWords, description="other words for this channel")

    @model_validator(mode="after")
    def _takes_withdrawals(self) -> Channel:
        if self.recorded and not self.withdraws:
            raise ValueError("recorded: a preference attribute is read only, it cannot be withdrawn in Braze")
        return self

    @property
    def fact(self) -> str:
        """The name of its state among the facts of a person."""
        match self.watch:
            case GroupWatch(group=group):
                return f"group:{group}"
            case AttributeWatch(attribute=name):
                return f"attribute:{name}"
            case "email" | "push":
                return self.watch

    @property
    def undeliverable_fact(self) -> str:
        """The name of why its address cannot be reached, among the facts of a person; empty where nobody knows."""
        goes_to = self.watch.to if isinstance(self.watch, GroupWatch) else self.watch
        return f"{goes_to}.undeliverable" if self.undeliverable and goes_to in ("email", "phone") else ""

    @property
    def withdraws(self) -> bool:
        """Whether a withdrawal by staff can go to Braze: a preference attribute has no withdrawal."""
        return not isinstance(self.watch, AttributeWatch)

    @property
    def has_default(self) -> bool:
        """Whether `subscribed` is what Braze sets by itself, not what somebody chose (api/braze.md 5.1)."""
        return self.watch in ("email", "push")

    @property
    def belongs_to_address(self) -> bool:
        """Whether Braze keeps the state with the address, so that another address may reset it (api/braze.md 5.2)."""
        return self.watch == "email" or isinstance(self.watch, GroupWatch)

    def shown(self, facts: Facts) -> str:
        """Return the state that Braze shows; empty for what it does not document, which is no news.

        A preference attribute has no states: its value counts as it stands.
        """
        value = str(facts.get(self.fact) or "")
        return value if value in STATES or not self.withdraws else ""

    def attributes(self) -> list[str]:
        """Return the category attributes it writes."""
        return [name for name in (self.status, self.since, self.source, self.undeliverable) if name]

    def read(self) -> set[str]:
        """Return the category attributes that are looked at: what staff may edit, and the date beside it.

        The date shows whether a write of which no answer told has arrived.
        """
        return {self.status, *(name for name in (self.since, self.source) if name), *(self.recorded or ())}


class HistoryOptions(Section):
    """Where each change is documented."""

    folder: str = Field("Consent History", description="folder below each workspace, made when missing, or none")
    address: Address = Field("masked", description="how the e-mail address stands in it")

    @property
    def kept(self) -> bool:
        """Whether there is a history."""
        return self.folder != "none"


class InitialLoad(Section):
    """How `--initial-load` writes the record of everybody."""

    slice: int = Field(1000, ge=1, description="people per slice; the lock is free between two")
    ecm_requests_per_minute: int = Field(300, ge=1, description="how fast it writes to ECM")


class Options(MappedOptions):
    """The `consent:` section."""

    everybody_within: Span = Field(timedelta(hours=24), description="everybody is looked at once in this time")
    braze_requests: int = Field(600, ge=1, description="looks at people per run at most, 50 people each")
    segment: str | None = Field(
        None, description="id of a segment of Braze: its export shows everybody in it at once, every `everybody_within`"
    )
    after_own_write: Span = Field(
        timedelta(minutes=10), description="an old value read so soon after our own withdrawal is no change"
    )
    overwrite_existing: bool = Field(False, description="replace a value that was never written by the flow")
    values: Words = Field(default_factory=Words, description="the words of the states")
    channels: tuple[Channel, ...] = Field(min_length=1, description="what is watched")
    history: HistoryOptions = Field(default_factory=HistoryOptions, description="one document per change")
    initial_load: InitialLoad = Field(default_factory=InitialLoad, description="pace of the initial load")
    currents: str | None = Field(
        None, min_length=1, description="folder of Currents files (Avro): exact times and sources, reports of spam"
    )

    @model_validator(mode="after")
    def _each_once(self) -> Options:
        for what, names in (
            ("channels are named", [channel.name for channel in self.channels]),
            ("channels write", [name for channel in self.channels for name in channel.attributes()]),
        ):
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f"two {what} {name!r}: give one of them another")
        for channel in self.channels:
            for name in channel.attributes():
                if name.count(".") != 1:
                    raise ValueError(f"{name!r} is no attribute: write Category.Attribute")
        return self

    @property
    def typed(self) -> frozenset[str]:
        """The category attributes that staff set as well."""
        return frozenset(channel.status for channel in self.channels)

    @property
    def read(self) -> frozenset[str]:
        """The category attributes that are looked at; what may be replaced is looked at, too."""
        written = [name for one in self.channels for name in one.attributes()] if self.overwrite_existing else []
        return frozenset(written).union(*(channel.read() for channel in self.channels))

    def words(self, channel: Channel) -> frozenset[str]:
        """Return every word that the record of a channel may have for a state."""
        return frozenset(self.word(channel, state) for state in (*STATES, UNKNOWN))

    def word(self, channel: Channel, state: str) -> str:
        """Return how the record writes a state of a channel; the value of a preference attribute as it stands."""
        if state not in (*STATES, UNKNOWN):
            return state
        return getattr(channel.values, state) or self.values.of(state)
