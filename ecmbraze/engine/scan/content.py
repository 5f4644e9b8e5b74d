"""Look at the content of Braze: what was edited, what includes it, what lost its tag; writes it into the plan file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ecmbraze.engine.scan.blocks import Blocks
from ecmbraze.engine.scan.inventory import Scan
from ecmbraze.engine.scan.names import place_of
from ecmbraze.errors import RecordUnreadable
from ecmbraze.ledger.mirror import Mirror, Read
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.model import Asset, ContentKey, ContentKind, ContentRow, DocumentBytes, Fact, Facts, Record, Skip, keys
from ecmbraze.needs import ContentNeeds
from ecmbraze.planning.assets import document, facts, references, rendering
from ecmbraze.planning.assets.document import Seen
from ecmbraze.planning.assets.facts import Status
from ecmbraze.ports import Clock, ContentReader, WorkspaceReader
from ecmbraze.suggest import did_you_mean

# What is asked for again before the newest edit that was seen (delivery.md, "Watermarks").
_OVERLAP = timedelta(minutes=10)
# Dates are whole seconds, and two clocks tell them: another edit so soon before a look may move no date.
_SAME_MOMENT = timedelta(minutes=1)
_LISTED, _WHOLE = "content listed", "content complete"
_NEVER = datetime.min.replace(tzinfo=UTC)
# After so many details what was read is kept, so that a long first scan that is killed begins where it was.
_SLICE = 500
_BLOCKS = ContentKind.CONTENT_BLOCKS


@dataclass(slots=True, kw_only=True)
class ContentScan:
    """The look at content of one round. ``tick`` raises when the round must end, ``save`` keeps what was read."""

    reader: ContentReader
    workspaces: WorkspaceReader
    mirror: Mirror
    plan: PlanFile
    now: datetime
    clock: Clock
    new_id: Callable[[], str]
    tick: Callable[[], None]
    save: Callable[[], None]
    needs: ContentNeeds
    _known: dict[ContentKind, dict[str, Facts]] = field(default_factory=dict)
    _blocks: Blocks = field(init=False)
    _held: dict[tuple[ContentKind, str], Read] = field(default_factory=dict)
    _due: dict[ContentKind, datetime] = field(default_factory=dict)
    """Since when everything of a kind is to be read once more."""
    _unread: dict[ContentKind, datetime] = field(default_factory=dict)
    """The oldest edit of what could not be read."""
    _details: int = 0
    _place: int = 0
    notes: list[str] = field(default_factory=list)
    """What the operator should know: what is expected and missing, and once what Braze does not give at all."""
    _approved: dict[tuple[ContentKind, str], str] = field(default_factory=dict)
    """The names of what is approved now."""

    def __post_init__(self) -> None:
        self._blocks = Blocks(asset=self._asset)

    def take(self) -> dict[str, Scan]:
        """Look at every kind; return stream → scan.

        Content Blocks are listed whole each time, since what includes one names it and no id.
        """
        self._place = place_of(self.workspaces, *self.needs.place)
        order = (_BLOCKS, *(kind for kind in self.needs.kinds if kind is not _BLOCKS))
        rows: dict[ContentKind, Sequence[ContentRow]] = {}
        for kind in order:
            found = {one.key.rpartition(":")[2]: one for one in self.mirror.whole(keys.content(kind))}
            self._known[kind] = {number: one.facts for number, one in found.items()}
            self._held |= {(kind, number): one for number, one in found.items()}
        self._due = {kind: self._due_since(kind) for kind in order}
        whole = {kind: self.now >= self._due[kind] for kind in order}
        for kind in order:
            self.tick()
            self.plan.begin_scan(keys.content(kind), self.now)
            rows[kind] = self.reader.content_rows(kind, None if kind is _BLOCKS else self._since(kind, whole[kind]))
        self._blocks.list(rows[_BLOCKS])
        changed = self._changed_blocks(rows[_BLOCKS], whole[_BLOCKS])
        if all(self.mirror.looked(_LISTED, keys.content(kind)) is None for kind in self.needs.kinds):
            self.notes.append(facts.LIMITS)
        self._approved = {
            (kind, number): str(held[facts.NAME])
            for kind in self.needs.kinds
            for number, held in self._known[kind].items()
            if _state(held) is Status.APPROVED and not self._held[kind, number].gone
        }
        last = (*order[1:], _BLOCKS)  # by then it is known which of them something includes
        scans = {keys.content(kind): self._take(kind, rows[kind], whole[kind], changed) for kind in last}
        for name in sorted(set(self.needs.expected) - set(self._approved.values())):
            near = did_you_mean(name, self._approved.values())
            self.notes.append(f"{name!r} is expected and no approved asset is named so{near}")
        return scans

    @property
    def _complete(self) -> str:
        """Under which name a complete look is noted: one for another tag or another workspace was none for these."""
        return f"{_WHOLE}: {self._place} {self.needs.tag}"

    def _due_since(self, kind: ContentKind) -> datetime:
        last = self.mirror.looked(self._complete, keys.content(kind))
        return _NEVER if last is None else last + self.needs.full_scan

    def _is_read(self, row: ContentRow) -> bool:
        """Say whether the complete look that is due has read an asset already, before it broke off."""
        held = self._held.get((row.kind, row.id))
        return held is not None and held.at >= self._due[row.kind] and self.now - held.at < self.needs.full_scan

    def _is_settled(self, row: ContentRow, whole: bool) -> bool:
        """Say whether what was read of an asset is believed while its list shows it unchanged."""
        held = self._held.get((row.kind, row.id))
        late = held is not None and held.at - row.edited > _SAME_MOMENT
        return late and (not whole or self._is_read(row))

    def _is_tagged(self, row: ContentRow) -> bool:
        return row.kind in self.needs.kinds and self.needs.tag in row.tags

    def _since(self, kind: ContentKind, whole: bool) -> datetime | None:
        newest = self.mirror.looked(_LISTED, keys.content(kind))
        return None if whole or newest is None else newest - _OVERLAP

    def _changed_blocks(self, rows: Sequence[ContentRow], whole: bool) -> frozenset[str]:
        """Read the blocks that something includes and that may have changed; return the names of those that did."""
        known, everything = self._known[_BLOCKS], [one.facts for one in self._held.values() if not one.gone]
        used = {name for one in everything for name in facts.names(one, facts.BLOCKS)}
        missed = {name for one in everything for name in facts.names(one, facts.UNRESOLVED)}
        changed = {name for name in used if not self._blocks.listed(name)}
        changed |= {name for name in missed if self._blocks.listed(name)}
        for row in rows:
            held = known.get(row.id)
            as_listed = held is not None and held.get(facts.UPDATED) == row.edited.isoformat()
            if row.name not in used or (as_listed and self._is_settled(row, whole)):
                continue
            try:
                block = self._blocks.block(row.name)
            except RecordUnreadable:  # whatever includes it says so
                block = None
            # In a look that broke off what includes it may have been read with a text that is gone again.
            back = whole and not as_listed
            if held is None or block is None or back or block.sha256 != held.get(facts.TEXT):
                changed.add(row.name)
        return frozenset(changed)

    def _take(self, kind: ContentKind, rows: Sequence[ContentRow], whole: bool, changed: frozenset[str]) -> Scan:
        stream, known, listed = keys.content(kind), self._known[kind], {row.id: row for row in rows}
        self.plan.mark_seen(stream, (ContentKey(kind=kind, id=number).text for number in listed))
        affected = {
            number
            for number, held in known.items()
            if changed.intersection((*facts.names(held, facts.BLOCKS), *facts.names(held, facts.UNRESOLVED)))
        }
        for number in affected - listed.keys():  # its own edit is old: it is in no list of what was edited
            if whole or kind is _BLOCKS or self._held[kind, number].gone:
                continue
            listed[number] = facts.row_of(kind, number, known[number])
        for row in listed.values():
            self.tick()
            self._one(row, known.get(row.id), whole=whole, affected=row.id in affected)
        newest = max((row.edited for row in rows), default=None)
        before = self.mirror.looked(_LISTED, stream)
        unread = self._unread.get(kind, self.now)
        reached = min(max(filter(None, (newest, before)), default=self.now), self.now, unread)
        self.plan.put_looked(_LISTED, stream, reached)
        if whole:
            self.plan.put_looked(self._complete, stream, self.now)
        self.plan.end_scan(stream, reached, complete=whole)
        return Scan(began=self.now, newest=reached)

    def _one(self, row: ContentRow, held: Facts | None, *, whole: bool, affected: bool) -> None:
        """Keep one asset as it is now: read, where it may have changed; marked, where it lost what made it approved."""
        stream, included = keys.content(row.kind), row.kind is _BLOCKS and self._blocks.is_read(row.name)
        if not self._is_tagged(row) and not included and _state(held) is Status.NEVER:
            self.plan.count(stream, "read")
            self.plan.count(stream, "filtered")
            return
        self.plan.count(stream, "read")
        if held and self._is_settled(row, whole) and not affected and not included and _same(row, held, self._place):
            self.plan.count(stream, "unchanged")
            return
        try:
            found = self._facts(row, held, whole=whole)
        except RecordUnreadable as error:  # listed a moment ago: the next look lists it again
            self._unread[row.kind] = min(row.edited, self._unread.get(row.kind, row.edited))
            self.plan.count(stream, "quarantined")
            key = ContentKey(kind=row.kind, id=row.id).text
            skip = Skip(record=key, customer="", rule="", reason=error.happened, quarantined=True)
            self.plan.put_skip("", skip, self.now)
            return
        self._approved.pop((row.kind, row.id), None)
        if found[facts.STATE] == Status.APPROVED and row.kind in self.needs.kinds:
            self._approved[row.kind, row.id] = row.name
        self.plan.count(stream, "new" if held is None else "unchanged" if found == held else "changed")
        record = Record(
            key=ContentKey(kind=row.kind, id=row.id),
            stream=stream,
            name=row.name,
            created_at=row.edited,
            modified_at=self._held[row.kind, row.id].since if found == held else self.now,
            facts=found,
            customers=(),
        )
        self.plan.put_record(record, {})

    def _facts(self, row: ContentRow, held: Facts | None, *, whole: bool) -> Facts:
        """Return what is kept of an asset. Only what is approved is archived: else its content stays as it was."""
        block = self._blocks.whole(row.name) if row.kind is _BLOCKS else None
        asset = block[1] if block else self._asset(row)
        lost = Status.ARCHIVED if asset.archived else None if self._is_tagged(asset.row) else Status.TAG_REMOVED
        own: dict[str, Fact] = {facts.TEXT: block[0].sha256, facts.INCLUDES: block[0].includes} if block else {}
        if not lost:
            return {**self._archived(asset, held), **own}
        own |= {facts.NAME: row.name, facts.UPDATED: row.edited.isoformat(), facts.TAGS: tuple(sorted(row.tags))}
        if held is None or _state(held) is Status.NEVER:
            return {**dict.fromkeys(facts.FACTS), **own, facts.STATE: "", facts.LOST: 0}
        seen = held.get(facts.LOST) if held.get(facts.STATE) == lost else 0
        looks = (seen if isinstance(seen, int) else 0) + (whole and not self._is_read(row))
        last = self._last_seen(row, held)
        return {**held, **own, facts.STATE: str(lost), facts.LOST: min(looks, 2), facts.LAST: last}

    def _archived(self, asset: Asset, held: Facts | None) -> Facts:
        """Return the facts of an approved asset with its document, which is the old one where nothing changed."""
        row = asset.row
        itself = row.name if row.kind is _BLOCKS else ""
        parts = document.parts_of(asset)
        follows = references.follow(parts, self._blocks.block, itself)
        archived = document.archived(parts, follows)
        now: dict[str, Fact] = {
            facts.ID: row.id,
            facts.KIND: str(row.kind),
            facts.NAME: row.name,
            facts.TAGS: tuple(sorted(row.tags)),
            facts.CHANNELS: asset.channels,
            facts.STATE: str(Status.APPROVED),
            facts.LOST: 0,
            facts.PLACE: self._place,
            facts.UPDATED: row.edited.isoformat(),
            facts.SHA256: archived,
            facts.BLOCKS: tuple(block.name for block in follows.blocks),
            facts.UNRESOLVED: follows.unresolved,
            facts.TEXT: None,
            facts.INCLUDES: None,
            facts.RENDERING: None,
            facts.RENDERED: None,
            facts.LAST: None,
        }
        look: dict[str, Fact] = {facts.READ: self.clock.now().isoformat(), facts.AFTER: self._last_seen(row, held)}
        if held and held.get(facts.SHA256) == archived and held.get(facts.DOCUMENT):
            look = {name: held.get(name) for name in (facts.READ, facts.LOOK, facts.AFTER)}
            if held.get(facts.PLACE) == self._place:
                kept = (facts.DOCUMENT, facts.SIZE)
                return {**now, **look, **{name: held.get(name) for name in kept}, **self._page(asset, held)}
        look.setdefault(facts.LOOK, self.new_id())
        seen = Seen(at=str(look[facts.READ]), request=str(look[facts.LOOK]))
        made = document.draft(asset, follows, self._blocks.content, seen, self.needs.tag)
        self.plan.put_content(made)
        return {**now, **look, facts.DOCUMENT: made.sha256, facts.SIZE: made.size, **self._page(asset, None)}

    def _page(self, asset: Asset, held: Facts | None) -> dict[str, Fact]:
        """Return what is kept of the page beside the document; that of unchanged content is the old one."""
        if not self.needs.rendering:
            return {}
        if held and held.get(facts.RENDERING):
            return {name: held[name] for name in (facts.RENDERING, facts.RENDERED)}
        made = rendering.page(asset)
        if made is None:
            return {}
        page = DocumentBytes.of(made)
        self.plan.put_content(page)
        return {facts.RENDERING: page.sha256, facts.RENDERED: page.size}

    def _last_seen(self, row: ContentRow, held: Facts | None) -> str:
        """Return when what is archived of an asset was seen last; empty where nothing is."""
        if not held or not held.get(facts.DOCUMENT):
            return ""
        at, first = self._held[row.kind, row.id].at, datetime.fromisoformat(str(held[facts.READ]))
        return str(held.get(facts.LAST) or max(at, first).isoformat())

    def _asset(self, row: ContentRow) -> Asset:
        self.tick()
        self._details += 1
        if self._details % _SLICE == 0:
            self.save()
        return self.reader.asset(row)


def _state(held: Facts | None) -> Status:
    return Status(str(held.get(facts.STATE) or "")) if held else Status.NEVER


def _same(row: ContentRow, held: Facts, place: int) -> bool:
    """Say whether a list shows an asset as it was read."""
    shown = (row.edited.isoformat(), row.name, tuple(sorted(row.tags)), place)
    return shown == tuple(held.get(name) for name in (facts.UPDATED, facts.NAME, facts.TAGS, facts.PLACE))
