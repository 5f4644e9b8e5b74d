"""Say whether the present content of a campaign or Canvas is archived and approved; writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ecmbraze.errors import RecordUnreadable
from ecmbraze.ledger.mirror import Mirror
from ecmbraze.model import Asset, ContentKey, ContentKind, ContentRow, Json, Kind, State, keys
from ecmbraze.needs import ContentNeeds
from ecmbraze.planning.assets import document, facts, references, writes
from ecmbraze.planning.assets.references import Block
from ecmbraze.planning.assets.writes import Archived
from ecmbraze.ports import ContentReader

YES = "archived and approved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """What of the flow ``assets`` the messages of other flows go by; asked once a round for each message."""

    needs: ContentNeeds | None
    """What is archived; ``None`` where the flow is not enabled."""
    reader: ContentReader
    mirror: Mirror
    noted: Callable[[str], Mapping[str, Json]]
    """What the flow noted of an asset by an earlier plan."""
    state: Callable[[str], State | None]
    """How the write under a business key stands."""
    now: datetime
    told: dict[tuple[Kind, str], str]
    _blocks: dict[str, Block | None] = field(default_factory=dict)

    def standing(self, kind: Kind, message_id: str) -> str:
        """Return ``YES``, or in words why not; empty for what has no content: an event."""
        shown = ContentKind.of(kind)
        if shown is None:
            return ""
        if (kind, message_id) not in self.told:
            self.told[kind, message_id] = self._judged(shown, message_id)
        return self.told[kind, message_id]

    def _judged(self, kind: ContentKind, number: str) -> str:
        if self.needs is None or kind not in self.needs.kinds:
            return f"not archived: the flow assets archives no {kind}"
        record = ContentKey(kind=kind, id=number).text
        try:
            asset = self._asset(kind, number)
            follows = references.follow(document.parts_of(asset), self._block)
        except RecordUnreadable as error:
            return f"not archived: {error.happened}"
        if self.needs.tag not in asset.row.tags or asset.archived:
            why = "is archived in Braze" if asset.archived else f"does not carry the tag {self.needs.tag!r}"
            return f"not approved: the {kind.one} {why}"
        past = Archived.of(self.noted(record).get(writes.SOURCE))
        if past is None or past.archived != document.archived(document.parts_of(asset), follows):
            return "not archived: its present content is in no version yet"
        states = [self.state(key) for key in writes.keys_of(record, past.version)]
        if State.SENT not in states:
            standing = next(filter(None, states), "unknown")
            return f"not archived: its version {past.version} is {standing}"
        return YES

    def _asset(self, kind: ContentKind, number: str) -> Asset:
        return self.reader.asset(ContentRow(kind=kind, id=number, name="", tags=(), edited=self.now))

    def _block(self, name: str) -> Block | None:
        """Return a block as it is now: what was never included is in no version either."""
        if name not in self._blocks:
            known = self.mirror.whole(keys.content(ContentKind.CONTENT_BLOCKS))
            found = next((one for one in known if one.facts.get(facts.NAME) == name and not one.gone), None)
            self._blocks[name] = self._read(name, found.key.rpartition(":")[2]) if found else None
        return self._blocks[name]

    def _read(self, name: str, number: str) -> Block | None:
        try:
            text = self._asset(ContentKind.CONTENT_BLOCKS, number).parts.get("content")
            return references.block(str(text or ""), number, name)
        except RecordUnreadable:
            return None
