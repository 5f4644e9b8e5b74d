"""The archive of assets in the twin of Extended ECM: one document per asset, found by how its name ends."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence

from ecmbraze.errors import CredentialRefused
from ecmbraze.model import Answer, DocumentBytes, Json, Verdict
from tests.twins.ecm_world import EcmWorld, Paper
from tests.twins.wire import Trouble, Wire


class Archive(EcmWorld):
    """The archive's part of RecordSink and RecordReader."""

    wire: Wire

    def _write(self, name: str, do: Callable[[], Answer]) -> Answer:
        trouble = self.wire.there(name)
        answer = do() if trouble is None or trouble.processed else None
        self.wire.back(name)
        if trouble is None:
            assert answer is not None
            return answer
        if trouble.unknown:
            return Answer(verdict=Verdict.UNKNOWN, reason=str(trouble))
        if trouble is Trouble.REFUSED:
            return Answer(verdict=Verdict.REFUSED, reason=str(trouble))
        stop = CredentialRefused("ECM refuses the login.") if trouble is Trouble.KEY_REFUSED else None
        limited = trouble is Trouble.LIMITED
        return Answer(verdict=Verdict.NOT_PROCESSED, reason=str(trouble), stop=stop, limited=limited)

    def archive(
        self, parent_id: int, folder: str, marker: str, name: str, content: DocumentBytes, mime_type: str
    ) -> Answer:
        """Make the one document hold a content: a new one, or a version."""
        return self._write(
            "ecm archive", lambda: self._archive(parent_id, folder, marker, name, b"".join(content.pieces()), mime_type)
        )

    def rename_archived(self, parent_id: int, folder: str, marker: str, name: str) -> Answer:
        """Name the document."""

        def do() -> Answer:
            paper = self._marked(parent_id, folder, marker)
            if paper is None:
                return Answer(verdict=Verdict.REFUSED, reason="not there")
            self.mark(paper.id, name=name)
            return Answer(verdict=Verdict.ACCEPTED, reason="named")

        return self._write("ecm rename", do)

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

        def do() -> Answer:
            paper = self._marked(parent_id, folder, marker)
            if paper is None:
                return Answer(verdict=Verdict.REFUSED, reason="not there")
            for name, value in values.items():
                ours = [one.get(name) for one in (expected, *attempted)]
                if paper.values.get(name) not in (value, None, *ours):
                    return Answer(verdict=Verdict.REFUSED, reason=f"edited_in_ecm: {name}")
            self.mark(paper.id, dict(values))  # type: ignore[arg-type]  # scalars
            return Answer(verdict=Verdict.ACCEPTED, reason="written")

        return self._write("ecm describe", do)

    def archived(self, parent_id: int, folder: str, marker: str) -> Iterator[str]:
        """Yield the digest of each version, newest first."""
        self.wire.read("ecm versions")
        paper = self._marked(parent_id, folder, marker)
        yield from (_digest(content) for _, _, content in reversed(paper.versions if paper else ()))

    def _archive(self, parent_id: int, folder: str, marker: str, name: str, content: bytes, mime_type: str) -> Answer:
        paper = self._marked(parent_id, folder, marker)
        if paper is None:
            self.file(parent_id, name, folder=folder, mime=mime_type, content=content)
        elif paper.versions[-1][2] != content:
            self.revise(paper.id, content)
        return Answer(verdict=Verdict.ACCEPTED, reason="stored")

    def _marked(self, parent_id: int, folder: str, marker: str) -> Paper | None:
        found = [
            paper
            for paper in self.papers.values()
            if (paper.parent, paper.folder) == (parent_id, folder) and paper.name.endswith(marker)
        ]
        assert len(found) < 2, f"two documents end in {marker}"
        return found[0] if found else None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
