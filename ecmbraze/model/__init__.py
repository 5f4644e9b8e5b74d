"""The values that travel between the steps; pure, frozen, no behaviour that needs a system."""

from ecmbraze.model.choices import SPAM, ChoiceEvent, CurrentsFile
from ecmbraze.model.content import Asset, ContentKind, ContentRow, DocumentBytes
from ecmbraze.model.documents import Document, DocumentHit, DocumentRow, Version
from ecmbraze.model.engagement import MailAct, MailEvent, Received
from ecmbraze.model.followups import DONE_BY_OTHERS, Assignee, FollowUp, FollowUpState, Priority, Team, mark_of
from ecmbraze.model.keys import ContentKey, Key, PersonKey, WorkspaceKey
from ecmbraze.model.plans import Action, Change, Decision, Fate, Record, Skip, Standing, target, together
from ecmbraze.model.requests import (
    AddressList,
    Answer,
    Member,
    MessageInfo,
    Profile,
    TrackBatch,
    TriggerBatch,
    TriggerRecipient,
    Verdict,
)
from ecmbraze.model.vocabulary import BY_US, MOVED, UNMET, Delivery, Fact, Facts, Json, Kind, Phase, State, System
from ecmbraze.model.workspaces import AttributeInfo, Obstacle, WorkspaceDetail, WorkspacePage, WorkspaceRow

__all__ = [
    "BY_US",
    "DONE_BY_OTHERS",
    "MOVED",
    "SPAM",
    "UNMET",
    "Action",
    "AddressList",
    "Answer",
    "Asset",
    "Assignee",
    "AttributeInfo",
    "Change",
    "ChoiceEvent",
    "ContentKey",
    "ContentKind",
    "ContentRow",
    "CurrentsFile",
    "Decision",
    "Delivery",
    "Document",
    "DocumentBytes",
    "DocumentHit",
    "DocumentRow",
    "Fact",
    "Facts",
    "Fate",
    "FollowUp",
    "FollowUpState",
    "Json",
    "Key",
    "Kind",
    "MailAct",
    "MailEvent",
    "Member",
    "MessageInfo",
    "Obstacle",
    "PersonKey",
    "Phase",
    "Priority",
    "Profile",
    "Received",
    "Record",
    "Skip",
    "Standing",
    "State",
    "System",
    "Team",
    "TrackBatch",
    "TriggerBatch",
    "TriggerRecipient",
    "Verdict",
    "Version",
    "WorkspaceDetail",
    "WorkspaceKey",
    "WorkspacePage",
    "WorkspaceRow",
    "mark_of",
    "target",
    "together",
]
