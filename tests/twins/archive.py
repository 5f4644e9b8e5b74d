"""The archive of assets in the twin of Extended ECM: one document per asset, found by how its name ends."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from ecmbraze.errors import RecordUnreadable
from ecmbraze.model import Answer, DocumentBytes, Json, Verdict
from tests.twins.attributes import Attributes
from tests.twins.ecm_world import Paper, Space, Written
from tests.twins.wire import Wire


class Archive(Attributes):
    """The archive's part of RecordSink and RecordReader."""

    wire: Wire

    def archive(
        self, parent_id: int, folder: str, marker: str, name: str, content: DocumentBytes, mime_type: str
    ) -> Answer:
        """Make the one document hold a content: a new one, or a version."""
        sent = b"".join(content.pieces())
        return self.wire.write("ecm archive", lambda: self._archive(parent_id, folder, marker, name, sent, mime_type))

    def rename_archived(self, parent_id: int, folder: str, marker: str, name: str) -> Answer:
        """Name the document."""
        return self.wire.write("ecm rename", lambda: self._rename(parent_id, folder, marker, name))

    def describe_archived(
        self,
        parent_id: int,
        folder: str,
        marker: str,
        values: Mapping[str, Json],
        expected: Mapping[str, Json],
        attempted: Sequence[Mapping[str, Json]] = (),
    ) -> Answer:
        """Write the values of the document, unless somebody edited one."""
        ours = (expected, *attempted)
        return self.wire.write("ecm describe", lambda: self._describe(parent_id, folder, marker, values, ours))

    def archived(self, parent_id: int, folder: str, marker: str) -> Iterator[str]:
        """Yield the digest of each version, newest first."""
        self.wire.read("ecm versions")
        paper = self._marked(parent_id, folder, marker)
        yield from (_digest(content) for _, _, content in reversed(paper.versions if paper else ()))

    def _archive(self, parent_id: int, folder: str, marker: str, name: str, content: bytes, mime_type: str) -> Answer:
        if refused := _misnamed(name):
            return refused
        paper = self._marked(parent_id, folder, marker)
        if paper is None:
            self.file(parent_id, name, folder=folder, mime=mime_type, content=content)
            self._wrote("document", (parent_id, folder, marker), "version 1")
        elif paper.versions[-1][2] != content:
            if paper.held:
                return _locked(paper)
            self.revise(paper.id, content)
            self._wrote("version", (parent_id, folder, marker), f"version {len(paper.versions)}")
        return Answer(verdict=Verdict.ACCEPTED, reason="stored")

    def _rename(self, parent_id: int, folder: str, marker: str, name: str) -> Answer:
        if refused := _misnamed(name):
            return refused
        paper = self._marked(parent_id, folder, marker)
        if paper is None:
            return _ABSENT
        if paper.name != name:
            if paper.held:
                return _locked(paper)
            beside = (one for one in self.papers.values() if (one.parent, one.folder) == (parent_id, folder))
            if any(one is not paper and one.name.casefold() == name.casefold() for one in beside):
                return Answer(verdict=Verdict.REFUSED, reason=f"another {name!r} is there")
            self.mark(paper.id, name=name)
            self._wrote("name", (parent_id, folder, marker), name)
        return Answer(verdict=Verdict.ACCEPTED, reason="named")

    def _describe(
        self, parent_id: int, folder: str, marker: str, values: Mapping[str, Json], ours: Sequence[Mapping[str, Json]]
    ) -> Answer:
        paper = self._marked(parent_id, folder, marker)
        if paper is None:
            return _ABSENT
        named = {name.partition(".")[0] for name in values}
        lacking = [one for one in self._categories_of(parent_id) if one in named and one not in paper.categories]
        if lacking and paper.held:
            return _locked(paper)
        paper.categories = (*paper.categories, *lacking)
        there = self.carried(paper.categories, paper.values)
        remade = all(there.get(name) is None for name in values)
        wanted = self.weighed(paper.id, paper.categories, there, values, (*ours, {}) if remade else ours)
        if isinstance(wanted, Answer):
            return wanted
        if paper.held:
            return _locked(paper)
        self.mark(paper.id, wanted)
        for name in wanted:
            self._wrote("attribute", (parent_id, folder, marker), name)
        return Answer(verdict=Verdict.ACCEPTED, reason="written")

    def _wrote(self, kind: str, where: tuple[int, str, str], name: str) -> None:
        node, folder, marker = where
        self._book.append(Written(kind=kind, node=node, name=name, value=None, folder=folder, marker=marker))

    def _marked(self, parent_id: int, folder: str, marker: str) -> Paper | None:
        """Return the one document that bears a marker. Raises RecordUnreadable for several, or no workspace."""
        space = self.spaces.get(parent_id)
        if space is None or space.hidden:
            raise RecordUnreadable("ECM answers 400: could not access the item")
        found = [
            paper
            for paper in self.papers.values()
            if (paper.parent, paper.folder) == (parent_id, folder) and paper.name.endswith(marker)
        ]
        if len(found) > 1:
            raise RecordUnreadable(f"{len(found)} documents of {folder!r} end in {marker!r}")
        return found[0] if found else None

    def _categories_of(self, parent_id: int) -> Sequence[str]:
        space: Space = self.spaces[parent_id]
        return self.types[space.type][1]


_ABSENT = Answer(verdict=Verdict.REFUSED, reason="no document of the folder ends so")


def _misnamed(name: str) -> Answer | None:
    """Return the refusal of a name that ECM takes for no document (api/ecm.md 4.4)."""
    fine = name.strip() == name and 0 < len(name) <= 248 and ":" not in name
    return None if fine else Answer(verdict=Verdict.REFUSED, reason="no document can be named so")


def _locked(paper: Paper) -> Answer:
    return Answer(verdict=Verdict.NOT_PROCESSED, reason=f"locked_in_ecm: {paper.held}")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
