"""The `assets:` section: which content of Braze is archived, and where; plans nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

from pydantic import Field, model_validator

from ecmbraze.model import ContentKind
from ecmbraze.planning.naming import Scope, TypeName
from ecmbraze.planning.rules import Section, Span


class Shown(StrEnum):
    """What of an asset may stand in an attribute."""

    ID = "id"
    KIND = "kind"
    NAME = "name"
    TAGS = "tags"
    CHANNELS = "channels"
    STATUS = "status"
    UPDATED = "updated"
    READ = "read"
    SHA256 = "sha256"


class Place(Section):
    """The workspace that holds the archive."""

    type: TypeName = Field(description="its workspace type")
    name: str = Field(description="its name: there must be exactly one")


class Folders(Section):
    """The folder of each kind, below the workspace; made when missing."""

    email_templates: str = Field("E-mail Templates", description="folder of the e-mail templates")
    content_blocks: str = Field("Content Blocks", description="folder of the Content Blocks")
    campaigns: str = Field("Campaigns", description="folder of the campaigns")
    canvases: str = Field("Canvases", description="folder of the Canvases")

    def of(self, kind: ContentKind) -> str:
        """Return the folder of a kind."""
        return str(getattr(self, kind))


class Options(Section):
    """The `assets:` section."""

    enabled: bool = Field(True, description="false leaves the flow out of `ecmbraze run`")
    every: Span = Field(timedelta(hours=1), description="how often `ecmbraze run` takes it up")
    tag: str = Field(description="the tag in Braze that says an asset is approved, exactly: the customer's assertion")
    kinds: tuple[ContentKind, ...] = Field(
        tuple(ContentKind), min_length=1, description="what is archived: all four where nothing is said"
    )
    full_scan: Span = Field(
        timedelta(hours=24), description="how often everything is read: lists do not tell every edit"
    )
    workspace: Place = Field(description="the workspace that holds the archive")
    folders: Folders = Field(default_factory=Folders, description="the folder of each kind, made when missing")
    rendering: bool = Field(True, description="an .html beside each e-mail, without scripts and remote loads")
    metadata: dict[str, Shown] = Field(
        default_factory=dict,
        description="attribute of the documents → id, kind, name, tags, channels, status, updated, read or sha256",
    )
    expected: tuple[str, ...] = Field((), description="names that must be archived; those that are not are reported")
    max_documents: int = Field(500, ge=1, description="new documents and versions in one run; more wait for a person")

    @model_validator(mode="after")
    def _each_once(self) -> Options:
        for kind in self.kinds:
            if self.kinds.count(kind) > 1:
                raise ValueError(f"kinds: {kind} stands twice")
        for name in self.metadata:
            if name.count(".") != 1:
                raise ValueError(f"{name!r} is no attribute: write Category.Attribute")
        return self

    def scope(self) -> Scope:
        return {"types": (self.workspace.type,)}

    @property
    def categories(self) -> Mapping[str, Mapping[str, Shown]]:
        """Category → its attributes with what stands in them."""
        found: dict[str, dict[str, Shown]] = {}
        for name, field in self.metadata.items():
            found.setdefault(name.partition(".")[0], {})[name] = field
        return found
