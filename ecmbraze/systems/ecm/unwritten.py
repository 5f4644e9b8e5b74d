"""Stands where Extended ECM is written to until that is built: refuses every write and stops the flow."""

from __future__ import annotations

from collections.abc import Mapping

from ecmbraze.errors import ConfigurationError, TemporaryError
from ecmbraze.model import Answer, Json, Verdict


class Unwritten:
    """Implements RecordSink and RecordReader; no flow that stands asks it for anything."""

    def set_values(self, node_id: int, values: Mapping[str, Json], expected: Mapping[str, Json]) -> Answer:
        """Return that nothing was written."""
        return _refused()

    def put_document(self, parent_id: int, folder: str, name: str, content: bytes, mime_type: str) -> Answer:
        """Return that nothing was written."""
        return _refused()

    def document_content(self, parent_id: int, folder: str, name: str) -> bytes | None:
        """Raise TemporaryError: nothing can be told."""
        raise TemporaryError("This version does not read documents back.")


def _refused() -> Answer:
    stop = ConfigurationError("This version does not write to Extended ECM.", undone="Nothing was written.")
    return Answer(verdict=Verdict.NOT_PROCESSED, reason=stop.happened, stop=stop)
