"""The writes that archive an asset: its document, versions of it, its name, its attributes; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from ecmbraze.model import Action, ContentKey, ContentKind, Fact, Json, Kind, Record
from ecmbraze.planning.assets import facts
from ecmbraze.planning.assets.facts import Status
from ecmbraze.planning.assets.names import HTML, JSON, file_name, marker
from ecmbraze.planning.assets.options import Options, Shown
from ecmbraze.planning.context import Context

FLOW = "assets"
SOURCE, RENDERING, STATE, VERSIONS = "source", "rendering", "metadata", "versions"
"""The rules of the flow: the document, the page beside it, what its category says; and what is noted of versions."""
_NEVER = timedelta(days=3650)
_MIME = {JSON: "application/json", HTML: "text/html"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """What was planned of one document so far: of the JSON, or of the page beside it."""

    version: int
    document: str
    archived: str
    name: str
    place: int

    @classmethod
    def of(cls, noted: Json) -> Archived | None:
        """Return what the flow noted; ``None`` where it noted nothing."""
        if not isinstance(noted, Mapping):
            return None
        return cls(
            version=int(str(noted["version"])),
            document=str(noted["document"]),
            archived=str(noted["archived"]),
            name=str(noted["name"]),
            place=int(str(noted["place"])),
        )

    def as_json(self) -> Json:
        return {
            "version": self.version,
            "document": self.document,
            "archived": self.archived,
            "name": self.name,
            "place": self.place,
        }


def bring_up_to_date(
    options: Options, record: Record, past: Archived | None, ending: str, context: Context
) -> Iterator[Action]:
    """Yield what one document needs: to be made, a version, another name, or nothing."""
    key, held = _key(record), record.facts
    document, size = (facts.DOCUMENT, facts.SIZE) if ending == JSON else (facts.RENDERING, facts.RENDERED)
    name = file_name(record.name, key.id, ending)
    there = past if past and past.place == held[facts.PLACE] else None
    rule = SOURCE if ending == JSON else RENDERING
    payload: dict[str, Json] = {
        "workspace": _json(held[facts.PLACE]),
        "folder": options.folders.of(key.kind),
        "marker": marker(key.id, ending),
        "document": _json(held[document]),
        "size": _json(held[size]),
        "mime": _MIME[ending],
        "before": there.document if there else "",
    }
    if there is None or not _holds(there, record, ending):
        count = (past.version if past else 0) + 1
        kind = Kind.VERSION if there else Kind.ARCHIVE
        why = f"{key.kind.one} {record.name!r} {'has other content' if there else 'is approved'}"
        yield _action(record, rule, f"v{count}", kind, name, payload, why, context)
    if there and there.name != name:
        where = {part: payload[part] for part in ("workspace", "folder", "marker")}
        why = f"{key.kind.one} is now named {record.name!r}"
        yield _action(record, rule, "0", Kind.RENAME, rule, {**where, "name": name}, why, context)


def noted(record: Record, past: Archived | None, ending: str) -> Archived:
    """Return what stands once the writes of :func:`bring_up_to_date` went."""
    held, key = record.facts, _key(record)
    place = int(str(held[facts.PLACE]))
    there = past if past and past.place == place else None
    name = file_name(record.name, key.id, ending)
    archived = str(held[facts.SHA256])
    if there and _holds(there, record, ending):
        return replace(there, archived=archived, name=name)
    document = str(held[facts.DOCUMENT if ending == JSON else facts.RENDERING])
    version = (past.version if past else 0) + 1
    return Archived(version=version, document=document, archived=archived, name=name, place=place)


def _holds(there: Archived, record: Record, ending: str) -> bool:
    """Say whether a document holds the content as it is: a page also where it shows nothing of what changed."""
    held = record.facts
    return there.archived == held[facts.SHA256] or (ending == HTML and there.document == held[facts.RENDERING])


def history(noted: Json, record: Record, past: Archived | None, now: Archived) -> Json:
    """Return every version of the document so far: its digest, and between which looks its content appeared."""
    before = list(noted) if isinstance(noted, Sequence) and not isinstance(noted, str) else []
    if past and past.version == now.version:
        return before
    held = record.facts
    entry: Json = {
        "version": now.version,
        "document": now.document,
        "name": now.name,
        "asset": record.name,
        "seen": _json(held[facts.READ]),
        "after": _json(held.get(facts.AFTER)),
        "request": _json(held[facts.LOOK]),
        "place": now.place,
    }
    return [*before, entry]


def metadata(options: Options, record: Record, there: Archived, status: Status, context: Context) -> Iterator[Action]:
    """Yield one write for each category that the archive keeps on the document."""
    key, known = _key(record), _shown(record, there, status)
    for category, attributes in options.categories.items():
        payload: Json = {
            "workspace": there.place,
            "folder": options.folders.of(key.kind),
            "marker": marker(key.id, JSON),
            "values": {name: known[field] for name, field in attributes.items()},
        }
        why = f"{key.kind.one} {record.name!r} is {status}"
        yield _action(record, STATE, "0", Kind.METADATA, category, payload, why, context)


def mark(options: Options, record: Record, there: Archived, status: Status) -> Json:
    """Return what the category is written for: other dates alone write none."""
    known = _shown(record, there, status)
    shown = sorted(set(options.metadata.values()) - {Shown.UPDATED, Shown.READ})
    return [str(status), there.document, there.place, *(known[field] for field in shown)]


def _shown(record: Record, there: Archived, status: Status) -> Mapping[Shown, Json]:
    key, held = _key(record), record.facts
    return {
        Shown.ID: key.id,
        Shown.KIND: str(key.kind),
        Shown.NAME: record.name,
        Shown.STATUS: str(status),
        Shown.TAGS: ", ".join(map(str, _listed(held[facts.TAGS]))),
        Shown.CHANNELS: ", ".join(map(str, _listed(held[facts.CHANNELS]))),
        Shown.UPDATED: _json(held[facts.UPDATED]),
        Shown.READ: _json(held[facts.READ]),
        Shown.SHA256: there.document,
    }


def keys_of(record: str, version: int) -> list[str]:
    """Return the business keys under which a version of an asset's document may have been planned."""
    return [f"{FLOW}/{record}/{SOURCE}/v{version}/{kind}/{record}" for kind in (Kind.ARCHIVE, Kind.VERSION)]


def rendered(options: Options, record: Record) -> bool:
    """Say whether a page stands beside the document."""
    return options.rendering and bool(record.facts.get(facts.RENDERING))


def _action(
    record: Record, rule: str, occurrence: str, kind: Kind, name: str, payload: Json, why: str, context: Context
) -> Action:
    return Action(
        flow=FLOW,
        record=record.key.text,
        rule=rule,
        occurrence=occurrence,
        kind=kind,
        recipient=record.key.text,
        name=name,
        payload=payload,
        expires_at=context.now + _NEVER,
        reason=why,
    )


def _key(record: Record) -> ContentKey:
    assert isinstance(record.key, ContentKey), "the flow reads content alone"
    return record.key


def kind_of(record: Record) -> ContentKind:
    return _key(record).kind


def _listed(fact: Fact) -> tuple[object, ...]:
    return fact if isinstance(fact, tuple) else () if fact is None else (fact,)


def _json(fact: Fact) -> Json:
    return list(fact) if isinstance(fact, tuple) else fact
