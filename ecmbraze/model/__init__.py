"""The values that travel between the steps; pure, frozen, no behaviour that needs a system."""

from ecmbraze.model.documents import Document, DocumentHit, DocumentRow, Version
from ecmbraze.model.keys import Key, PersonKey, WorkspaceKey
from ecmbraze.model.plans import Action, Change, Decision, Record, Skip
from ecmbraze.model.requests import (
    AddressList,
    Answer,
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
    "MOVED",
    "UNMET",
    "Action",
    "AddressList",
    "Answer",
    "AttributeInfo",
    "Change",
    "Decision",
    "Delivery",
    "Document",
    "DocumentHit",
    "DocumentRow",
    "Fact",
    "Facts",
    "Json",
    "Key",
    "Kind",
    "MessageInfo",
    "Obstacle",
    "PersonKey",
    "Phase",
    "Profile",
    "Record",
    "Skip",
    "State",
    "System",
    "TrackBatch",
    "TriggerBatch",
    "TriggerRecipient",
    "Verdict",
    "Version",
    "WorkspaceDetail",
    "WorkspaceKey",
    "WorkspacePage",
    "WorkspaceRow",
]
