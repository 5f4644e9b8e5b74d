"""Hold the names of the configuration against Extended ECM: types, attributes, dates, values; writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

from ecmbraze.cli.check import values
from ecmbraze.cli.check.findings import Finding, doubt, well, wrong
from ecmbraze.config import Settings
from ecmbraze.config.meaning import CUSTOMER
from ecmbraze.config.names import Named
from ecmbraze.config.places import Path
from ecmbraze.errors import RecordUnreadable
from ecmbraze.model import AttributeInfo, DocumentRow, WorkspaceRow
from ecmbraze.planning.document_kinds import DocumentKind
from ecmbraze.planning.naming import Names
from ecmbraze.ports import WorkspaceReader
from ecmbraze.suggest import did_you_mean, nearest

Attributes = Mapping[str, AttributeInfo]
# Of each type so many workspaces are read, the documents of some more, and so many documents of each kind.
_WORKSPACES, _WITH_DOCUMENTS, _DOCUMENTS, _ROWS = 5, 10, 10, 500
_OF_ECM = (Names.ATTRIBUTE, Names.DATE, Names.IN_TEXT, Names.CUSTOMER)


@dataclass(slots=True, kw_only=True)
class Samples:
    """What a few workspaces of each type carry, read once."""

    reader: WorkspaceReader
    types: Mapping[str, int]
    _rows: dict[str, Sequence[WorkspaceRow]] = field(default_factory=dict)
    _carried: dict[str, Attributes] = field(default_factory=dict)
    _documents: dict[str, Sequence[DocumentRow]] = field(default_factory=dict)
    _of_documents: dict[int, Attributes] = field(default_factory=dict)
    _classified: dict[int, Sequence[str]] = field(default_factory=dict)

    def rows(self, type_name: str) -> Sequence[WorkspaceRow]:
        """Return the workspaces on the first page of a type."""
        if type_name not in self._rows:
            page = next(iter(self.reader.list_workspaces(self.types[type_name])), None)
            self._rows[type_name] = page.rows if page else ()
        return self._rows[type_name]

    def carried(self, type_name: str) -> Attributes:
        """Return the attributes that some of the first workspaces of a type carry."""
        if type_name not in self._carried:
            self._carried[type_name] = self._union(row.id for row in self.rows(type_name)[:_WORKSPACES])
        return self._carried[type_name]

    def documents(self, type_name: str, kinds: Sequence[DocumentKind]) -> list[DocumentRow]:
        """Return some documents, of the first workspaces of a type, that may be of one of the kinds."""
        if type_name not in self._documents:
            found: list[DocumentRow] = []
            for row in self.rows(type_name)[:_WITH_DOCUMENTS]:
                with suppress(RecordUnreadable):
                    found += islice(self.reader.documents(row.id), _ROWS)
            self._documents[type_name] = found
        fitting = (row for row in self._documents[type_name] if any(kind.may_be(row) for kind in kinds))
        return list(islice(fitting, _DOCUMENTS))

    def of_documents(self, documents: Iterable[DocumentRow]) -> Attributes:
        """Return the attributes that some of these documents carry."""
        for row in documents:
            if row.id not in self._of_documents:
                self._of_documents[row.id] = self._union([row.id])
        return {name: info for row in documents for name, info in self._of_documents[row.id].items()}

    def classifications(self, documents: Iterable[DocumentRow]) -> frozenset[str]:
        """Return the names of the classifications that some of these documents carry."""
        for row in documents:
            if row.id not in self._classified:
                self._classified[row.id] = ()
                with suppress(RecordUnreadable):
                    self._classified[row.id] = self.reader.document(row, classified=True).classifications
        return frozenset(name for row in documents for name in self._classified[row.id])

    def _union(self, nodes: Iterable[int]) -> Attributes:
        found: dict[str, AttributeInfo] = {}
        for number in nodes:
            with suppress(RecordUnreadable):
                found |= self.reader.attributes(number)
        return found


def findings(
    config: Settings, reader: WorkspaceReader, flow: str, names: Sequence[Named], samples: Samples | None = None
) -> Iterator[Finding]:
    """Yield every name of a flow that ECM does not have, or that can never do what its rule wants of it.

    Whoever asks several times hands the ``samples`` on, which are read once.
    """
    samples = samples or Samples(reader=reader, types=reader.workspace_types())
    found = list(dict.fromkeys(finding for entry in names for finding in _one(config, samples, entry)))
    yield from found
    if not found:
        types = {entry.name for entry in names if entry.sort is Names.TYPE}
        attributes = {entry.name for entry in names if entry.sort in _OF_ECM and _of_ecm(entry)}
        yield well(f"{flow}: workspace types and attributes", f"{len(types)} and {len(attributes)}, all found")


def _one(config: Settings, samples: Samples, entry: Named) -> Iterator[Finding]:
    if entry.sort is Names.TYPE:
        if entry.name not in samples.types:
            said = f"there is no workspace type {entry.name!r}{did_you_mean(entry.name, samples.types)}"
            yield wrong(config, entry, said)
    elif entry.sort in _OF_ECM and _of_ecm(entry):
        # A misspelt type is told once; its attributes are looked up on the one that was meant.
        meant = (name if name in samples.types else nearest(name, samples.types) for name in entry.types)
        for type_name in filter(None, meant):
            yield from _attribute(config, samples, entry, type_name)
    elif entry.sort is Names.CLASSIFICATION:
        for type_name in (name for name in entry.types if name in samples.types):
            yield from _classification(config, samples, entry, type_name)


def _of_ecm(entry: Named) -> bool:
    """Say whether a name is that of a category attribute, not of what every workspace has."""
    ours = entry.name.startswith(("workspace.", "document.", "reminder.", "feedback."))
    return not ours and entry.name not in CUSTOMER


def _attribute(config: Settings, samples: Samples, entry: Named, type_name: str) -> Iterator[Finding]:
    if entry.documents:
        documents = samples.documents(type_name, entry.documents)
        carried, read = samples.of_documents(documents), len(documents)
        sort = f"document {_like(entry.documents)}of a workspace of type {type_name!r}"
    else:
        carried, read = samples.carried(type_name), len(samples.rows(type_name)[:_WORKSPACES])
        sort = f"workspace of type {type_name!r}"
    if not read:
        said = f"no {sort} was found, so that its attributes could not be looked up"
        yield doubt(config.places.of(_around(entry)), said)
        return
    for name in _wanted(entry, carried):
        info = carried.get(name)
        if info is None:
            yield wrong(config, entry, f"no {sort} carries {name!r} ({read} read){did_you_mean(name, carried)}")
        elif why := values.refusal(entry, info, carried):
            yield wrong(config, entry, why)
    yield from _row(config, entry, carried)


def _classification(config: Settings, samples: Samples, entry: Named, type_name: str) -> Iterator[Finding]:
    """Yield a doubt where none of the documents looked at carries a classification.

    Never a failure: only the classifications of a document can be asked for (api/ecm.md 10), not all there are.
    """
    documents = samples.documents(type_name, entry.documents)
    carried = samples.classifications(documents)
    if entry.name not in carried:
        sort = f"document {_like(entry.documents)}of a workspace of type {type_name!r}"
        said = f"no {sort} carries the classification {entry.name!r} ({len(documents)} read)"
        yield doubt(config.places.of(entry.path), f"{said}{did_you_mean(entry.name, carried)}")


def _around(entry: Named) -> Path:
    """Return the place that all names share which could not be looked up for one reason: the rule, or the types."""
    if not entry.documents:
        return (*entry.path[:2], "workspace_types")
    last = max(number for number, step in enumerate(entry.path) if isinstance(step, int))
    return entry.path[: last + 1]


def _like(kinds: Sequence[DocumentKind]) -> str:
    """Return by which names, folders or formats documents were looked for; empty for any of them."""
    said = [repr(text) for kind in kinds for text in (kind.name, kind.folder, kind.mime) if text]
    return f"like {', '.join(dict.fromkeys(said))} " if said else ""


def _wanted(entry: Named, carried: Attributes) -> list[str]:
    """Return the attributes a name needs, in full: a set may be named without its category."""
    row = entry.customer.row() if entry.customer else None
    if row is None:
        return [entry.name]
    attribute = entry.name.partition("].")[2]
    return [_full(f"{row[0]}.{column}", carried) for column in (row[1], attribute)]


def _full(name: str, carried: Attributes) -> str:
    return next((full for full in carried if full == name or full.endswith(f".{name}")), name)


def _row(config: Settings, entry: Named, carried: Attributes) -> Iterator[Finding]:
    """Yield that the column which picks the customer's row never has the value asked for."""
    if entry.customer and (row := entry.customer.row()):
        info = carried.get(_full(f"{row[0]}.{row[1]}", carried))
        if info and (why := values.not_offered(info.name, row[2], info)):
            yield wrong(config, entry, why)
