"""The sections of the configuration as typed models; reads no file and knows no flow."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PrivateAttr, SerializeAsAny, WithJsonSchema, model_validator

from ecmbraze.config.places import Places
from ecmbraze.config.secret import Secret
from ecmbraze.config.urls import checked, is_loopback
from ecmbraze.planning.rules import Section, Span
from ecmbraze.planning.zones import Zone

_SECRET = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["command"],
            "properties": {"command": {"type": "array", "minItems": 1, "items": {"type": "string"}}},
        },
    ]
}
_FENCE = {
    "anyOf": [
        {"enum": ["canary", "none"]},
        {
            "type": "object",
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
            "properties": {
                "workspace": {"type": "string", "minLength": 1},
                "folder": {"type": "integer", "minimum": 1},
            },
        },
        {"type": "null"},
    ]
}
Url = Annotated[str, AfterValidator(checked)]
Hidden = Annotated[Secret, WithJsonSchema(_SECRET)]


class Otds(Section):
    """Login through OpenText Directory Services instead of a password."""

    url: Url = Field(description="base URL of OTDS")
    client_id: str = Field(description="OAuth client id")
    client_secret: Hidden = Field(description="OAuth client secret")


class Ecm(Section):
    """Extended ECM: where it is and how politely it is asked."""

    url: Url = Field(description="base URL with its path, e.g. https://ecm.example.com/otcs/cs.exe")
    username: str = Field("", description="service account")
    password: Hidden | None = Field(
        None, description="its password: ${ENV}, file:/path, credential:NAME or {command: [...]}"
    )
    domain: str | None = Field(None, description="login domain, where domains are enabled")
    timezone: Zone | None = Field(None, description="zone of times that ECM gives without one")
    otds: Otds | None = Field(None, description="login through OTDS")
    connections: int = Field(3, ge=1, le=8, description="requests at the same time, at most")
    page_size: int = Field(500, ge=1, le=500, description="rows asked for per listing page")
    sweep_requests: int = Field(2000, ge=0, le=100_000, description="details read again per run, to find silent edits")
    date_query_from: int = Field(
        5000, ge=0, le=10_000_000, description="types this large are asked by date between complete listings; 0 never"
    )
    timeout_s: int = Field(60, ge=5, le=600, description="seconds for one whole request")
    ca_file: Path | None = Field(None, description="PEM file of a private certificate authority")

    @model_validator(mode="after")
    def _one_login(self) -> Ecm:
        if self.otds is None and not (self.username and self.password):
            raise ValueError("name username and password, or otds: {url, client_id, client_secret}")
        return self


class Braze(Section):
    """Braze: where it is and how much one request may hold."""

    url: Url = Field(description="REST endpoint of your instance")
    api_key: Hidden = Field(description="REST key: ${ENV}, file:/path, credential:NAME or {command: [...]}")
    connections: int = Field(8, ge=1, le=32, description="requests at the same time, at most")
    track_batch: int = Field(75, ge=1, le=75, description="objects per /users/track request")
    trigger_batch: int = Field(50, ge=1, le=50, description="recipients per triggered send")
    timeout_s: int = Field(60, ge=5, le=600, description="seconds for one whole request")
    ca_file: Path | None = Field(None, description="PEM file of a private certificate authority")
    marker: bool = Field(True, description="write the attribute ecmbraze_<flow> that proves an attempt arrived")


class Guards(Section):
    """What is unusual and stops a plan."""

    max_messages: int = Field(500, ge=1, le=1_000_000, description="messages in one run")
    max_audience_share: float = Field(0.10, gt=0, le=1, description="share of the known people messaged in one run")
    max_audience_people: int = Field(20, ge=1, le=1_000_000, description="people always allowed, whatever the share")
    max_shrink: float = Field(0.30, gt=0, lt=1, description="share of a listing that may be missing")
    max_changed_share: float = Field(0.50, gt=0, le=1, description="share of all workspaces that may have changed")
    max_gap: Span = Field(
        timedelta(hours=72), description="how long a flow may not have looked before its messages need a person"
    )
    max_cleared_share: float = Field(
        0.05, gt=0, le=1, description="share of the known people who may lose their attributes in one run"
    )
    max_cleared_people: int = Field(20, ge=1, le=1_000_000, description="people who may, whatever the share")


class Verify(Section):
    """How much of what Braze accepted is read back from the profiles."""

    canary: str | None = Field(None, description="external id of a profile of yours that each run writes")
    share: float = Field(0.01, ge=0, le=1, description="share of the writes looked for in the next run")


class Fence(Section):
    """The claim outside the machine: which state file may send. `canary` lays it into Braze, `none` goes without."""

    workspace: str | None = Field(None, min_length=1, description="name of the workspace that the claim lies in")
    folder: int | None = Field(None, ge=1, description="or the id of a folder or workspace")
    canary: bool = Field(False, exclude=True, description="written as `fence: canary`: in the profile `verify.canary`")
    none: bool = Field(False, exclude=True, description="written as `fence: none`: restoring is not protected")

    @model_validator(mode="before")
    @classmethod
    def _word(cls, value: Any) -> Any:
        return {value: True} if value in ("none", "canary") else value

    @model_validator(mode="after")
    def _one_place(self) -> Fence:
        if self.none + self.canary + (self.workspace is not None) + (self.folder is not None) != 1:
            raise ValueError(
                "name one place: `workspace: NAME` or `folder: ID`; or say `fence: canary` or `fence: none`"
            )
        return self


class KeepFor(Section):
    """How long what is over stays in the state file. What could make a message go a second time is never dropped."""

    rows: Span = Field(
        timedelta(days=400), ge=timedelta(days=7), description="what was sent; keys of a record after it is gone"
    )
    runs: Span = Field(
        timedelta(days=90),
        ge=timedelta(days=1),
        description="reports of runs in full; then their counts",
    )
    unknown: Span = Field(
        timedelta(days=90), ge=timedelta(days=1), description="attributes of people whom Braze does not know"
    )
    history: Span = Field(
        timedelta(days=400), ge=timedelta(days=7), description="history in the file; older segments lie beside it"
    )
    backups: Path | None = Field(None, description="the folder of the backups, which `erase` lists or removes")


class Settings(Section):
    """The whole configuration."""

    ecm: Ecm = Field(description="Extended ECM")
    braze: Braze = Field(description="Braze")
    state: Path = Field(description="the state file; relative to this file")
    guards: Guards = Field(default_factory=Guards, description="what is unusual and stops a plan")
    verify: Verify = Field(default_factory=Verify, description="read-back of what Braze accepted")
    fence: Annotated[Fence | None, WithJsonSchema(_FENCE)] = Field(
        None, description="where the claim lies that keeps a restored or copied state file from sending"
    )
    keep: KeepFor = Field(default_factory=KeepFor, description="how long what is over stays in the state file")
    max_per_person: int | None = Field(None, ge=1, le=100, description="campaigns and Canvases per person in 24 hours")
    attribute_prefix: str = Field("ecm_", pattern=r"^[a-z][a-z0-9_]*$", description="prefix of Braze attributes")
    sweep_every: Span = Field(timedelta(hours=24), description="how old a detail read may grow")
    flows: dict[str, SerializeAsAny[Section]] = Field(default_factory=dict, description="one section per flow")
    _path: Path = PrivateAttr(Path("ecmbraze.yaml"))
    _places: Places = PrivateAttr(Places(file="ecmbraze.yaml"))

    @model_validator(mode="after")
    def _canary_of_fence(self) -> Settings:
        if self.fence is not None and self.fence.canary and not self.verify.canary:
            raise ValueError("`fence: canary` needs a profile of your own in `verify: {canary: EXTERNAL_ID}`")
        return self

    def read_from(self, path: Path, places: Places) -> Settings:
        """Note the file and where in it everything stands; return the settings."""
        self._path, self._places = path, places
        return self

    @property
    def path(self) -> Path:
        """The file they were read from."""
        return self._path

    @property
    def places(self) -> Places:
        """Where in the file everything stands."""
        return self._places

    @property
    def both_loopback(self) -> bool:
        """Say whether both systems are on loopback: only then can it be a rehearsal, with a time of its own."""
        return is_loopback(self.ecm.url) and is_loopback(self.braze.url)

    def fingerprint(self) -> str:
        """Return sha256 of what the configuration means, without its secrets."""
        return hashlib.sha256(
            json.dumps(self.model_dump(mode="python"), sort_keys=True, default=_told).encode()
        ).hexdigest()


def _told(value: Any) -> str:
    return "***" if isinstance(value, Secret) else str(value)
