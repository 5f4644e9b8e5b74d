"""What a setting names in ECM or Braze, said by its type: `check` looks up whatever is so typed; looks nothing up."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TypedDict

if TYPE_CHECKING:
    from ecmbraze.planning.document_kinds import DocumentKind

OPEN_SINCE, OVERDUE_SINCE, LAST_ACTIVITY = "customer.open_since", "customer.overdue_since", "customer.last_activity"
CUSTOMER_FACTS = (OPEN_SINCE, OVERDUE_SINCE, LAST_ACTIVITY)
"""What rules of every flow may name of a customer, as the flow `success` makes it of their open cases: days, empty
where nothing is open; dates, never counters."""


class Names(StrEnum):
    """What sort of thing a name stands for."""

    TYPE = "workspace type"
    ATTRIBUTE = "attribute"
    IN_TEXT = "fact"
    DATE = "date attribute"
    CUSTOMER = "customer"
    CLASSIFICATION = "classification"
    CAMPAIGN = "campaign"
    CANVAS = "canvas"
    GROUP = "subscription group"
    PROFILE = "custom attribute"


class Scope(TypedDict, total=False):
    """Of what the names in a section are said, as far as the section itself says so."""

    types: tuple[str, ...]
    """The workspace types."""
    documents: tuple[DocumentKind, ...]
    """The kinds of document; without any it is said of the workspace."""
    about: tuple[DocumentKind, ...]
    """The kinds of document whose facts the texts of its rule may name."""
    timed: bool
    """Whether its rule comes due by time, so that its texts may name ``reminder.days``."""
    asks: bool
    """Whether its rule asks for an answer, so that its texts may name ``feedback.token``."""
    waits: bool
    """Whether it may be what the open cases of a customer say, such as ``customer.open_since``."""


# The type of a setting that holds such a name; plain ``str`` names nothing that could be looked up.
TypeName = Annotated[str, Names.TYPE]
AttributeName = Annotated[str, Names.ATTRIBUTE]
DateName = Annotated[str, Names.DATE]
ClassificationName = Annotated[str, Names.CLASSIFICATION]
CampaignId = Annotated[str, Names.CAMPAIGN]
CanvasId = Annotated[str, Names.CANVAS]
GroupId = Annotated[str, Names.GROUP]
ProfileAttribute = Annotated[str, Names.PROFILE]
