"""The body of an upload, piece by piece, so that the file is never in memory as a whole; sends nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from urllib3.fields import RequestField

from ecmbraze.model import DocumentBytes


class Multipart:
    """One `multipart/form-data` body: text fields, then one file. It may be sent more than once."""

    def __init__(self, fields: Mapping[str, str], name: str, file: DocumentBytes, mime_type: str) -> None:
        # Nobody writes a document that holds its own digest.
        self._boundary = f"ecmbraze-{file.sha256}"
        self._file = file
        parts = [self._part(field, value.encode()) for field, value in fields.items()]
        self._before = b"".join([*parts, self._head("file", name, mime_type)])
        self._after = f"\r\n--{self._boundary}--\r\n".encode()

    @property
    def content_type(self) -> str:
        return f"multipart/form-data; boundary={self._boundary}"

    def __len__(self) -> int:
        return len(self._before) + self._file.size + len(self._after)

    def __iter__(self) -> Iterator[bytes]:
        yield self._before
        yield from self._file.pieces()
        yield self._after

    def _part(self, field: str, value: bytes) -> bytes:
        return self._head(field) + value + b"\r\n"

    def _head(self, field: str, name: str | None = None, mime_type: str | None = None) -> bytes:
        made = RequestField(name=field, data=b"", filename=name)
        made.make_multipart(content_type=mime_type)
        return f"--{self._boundary}\r\n{made.render_headers()}".encode()
