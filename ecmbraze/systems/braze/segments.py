"""Export a segment: ordered, waited for, and checked whole before anybody reads it; half an export is none."""

from __future__ import annotations

import gzip
import io
import ipaddress
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import IO
from urllib.parse import urlsplit

from ecmbraze.errors import ConfigurationError, TemporaryError, TimeBudgetUsed
from ecmbraze.model import Json, Member
from ecmbraze.systems.braze import refusals
from ecmbraze.systems.braze.asking import odd
from ecmbraze.systems.braze.profiles import read_user
from ecmbraze.systems.braze.segmentfolder import newest
from ecmbraze.systems.exchange import Exchange, NotJsonError, TransportError, parse
from ecmbraze.systems.http import READ_ATTEMPTS, Http
from ecmbraze.systems.shapes import ShapeError, text

PATH = "/users/export/segment"
_FIELDS = ("external_id", "user_aliases", "email", "phone", "email_subscribe", "push_subscribe")
# An export may take up to about an hour (api/braze.md 4.4); so long a run does not hold its lock for it. One that is
# not ready by then is still running when the next run asks. That of a few people is ready within seconds, and to ask
# its address counts towards no limit of Braze.
_PATIENCE_S, _FIRST_NAP_S, _LONGEST_NAP_S = 900.0, 1.0, 60.0
# Of the time that a run has left it may take so much: what is to be sent must not wait for an export in run after run.
_SHARE = 2 / 3
_DOWNLOAD_S = 600.0
# A million people are some 20 MB as a zip, and JSON shrinks to a tenth or so: what unpacks to more than a hundred times
# its size is no export (faults D12, T-8), but for a small one.
_MOST_BYTES, _MOST_RATIO, _RATIO_FROM, _LONGEST_LINE = 512 * 1024 * 1024, 100, 1024 * 1024, 1024 * 1024
_TOO_LARGE = f"it unpacks to more than {_MOST_RATIO} times its size"
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# What the library raises for a damaged zip, beside its own error.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
    OverflowError,
    ValueError,
)
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Export:
    """The people of one export, read from its files as often as they are asked for; see the port."""

    parts: tuple[bytes, ...]
    size: int

    @classmethod
    def checked(cls, parts: tuple[bytes, ...]) -> Export:
        """Return an export every line of which can be read; raises TemporaryError for any other."""
        try:
            return cls(parts, sum(1 for part in parts for _ in _users(part)))
        except (ShapeError, NotJsonError) as error:
            raise _spoiled(str(error)) from None
        except _DAMAGED as error:
            raise _spoiled(f"its zip cannot be unpacked: {error}") from None

    def members(self) -> Iterator[Member]:
        for part in self.parts:
            yield from _users(part)


class Segments:
    """The segments behind one key."""

    def __init__(self, http: Http, headers: Mapping[str, str]) -> None:
        self._http, self._headers = http, headers

    def export(self, segment_id: str, attributes: Sequence[str], files: str = "") -> Export:
        """Return who is in a segment with these custom attributes; see the port."""
        if files:
            return self._from_files(segment_id, files)
        body: dict[str, Json] = {"segment_id": segment_id, "fields_to_export": list(_FIELDS)}
        if attributes:
            body["custom_attributes_to_export"] = list(attributes)
        answer = self._ordered(body)
        if answer.get("url") is None:
            raise ConfigurationError(
                "Braze puts exports of segments into storage of your own and gives no address to read them from.",
                undone="Nobody was looked at through the segment.",
                advice="Leave `segment` out of `consent`, so that people are looked at in turns; for `success`, keep a "
                "copy of that storage and name its folder with `segment_files`; or remove the storage for exports in "
                "Braze (Partner Integrations > Cloud Storage).",
            )
        try:
            return Export.checked((self._download(text(answer["url"], "url")),))
        except ShapeError as error:
            raise odd(PATH, error) from None

    def _from_files(self, segment_id: str, files: str) -> Export:
        """Return the newest export in a copy of the storage, and order one for later: Braze makes none by itself."""
        with suppress(TemporaryError):  # one runs already, or none could be ordered: what is there may do
            self._ordered({"segment_id": segment_id, "fields_to_export": list(_FIELDS)})
        return Export.checked(newest(files, segment_id, self._http.clock.now()))

    def _ordered(self, body: Mapping[str, Json]) -> Mapping[str, object]:
        """Order the export. Nothing waits here: a 429 says that one is running, not that there were too many."""
        try:
            answer = self._http.once("POST", PATH, json=body, headers=self._headers)
        except TransportError as error:
            raise _not_exported(str(error)) from None
        if answer.status in (401, 404):
            raise refusals.key_refused()
        if answer.status == 403:
            raise refusals.permission_missing(PATH)
        if 300 <= answer.status < 400:
            target = self._http.redactor.excerpt(refusals.host_of(answer.headers.get("location", "")))
            raise refusals.redirected(self._http.host, PATH, target)
        if answer.status == 429:
            raise _not_exported("an export of this segment is running already, or too many are")
        if answer.status >= 500 or not answer.has_json():
            raise _not_exported(f"status {answer.status} with {answer.kind}")
        if answer.status >= 400:
            said = self._http.redactor.excerpt(answer.json().get("message", ""))
            raise ConfigurationError(
                f"Braze refuses {PATH}: {said}",
                undone="Nobody was looked at through the segment.",
                advice="Check the id of the segment in the configuration (Braze: Settings > API identifiers).",
            )
        return answer.json()

    def _download(self, url: str) -> bytes:
        """Return the zip once it is ready: until then its address is forbidden. The key of Braze does not go there."""
        origin, path = self._checked(url)
        self._http.redactor.add(urlsplit(url).query, passing=True)
        there = replace(self._http, base_url=origin, max_body=_MOST_BYTES, timeout_s=_DOWNLOAD_S)
        waited, nap, failures, said = 0.0, _FIRST_NAP_S, 0, "it is not ready yet"
        self._refuse_late()
        patience = min(_PATIENCE_S, _SHARE * self._http.deadline())
        while waited < patience and failures < READ_ATTEMPTS:
            answer: Exchange | None = None
            try:
                answer = there.once("GET", path)
            except TransportError as error:
                failures, said = failures + 1, str(error)
            if answer is not None and answer.status == 200:
                return answer.body
            if answer is not None and answer.status != 403:
                failures, said = failures + 1, f"its address answers {answer.status}"
            self._wait(nap)
            waited, nap = waited + nap, min(2 * nap, _LONGEST_NAP_S)
        raise _not_exported(said)

    def _checked(self, url: str) -> tuple[str, str]:
        """Return (origin, path with query) of an address that Braze gave; raises ShapeError for one nobody may ask."""
        try:
            parts = urlsplit(url)
        except ValueError:
            raise ShapeError("the address of the export is malformed") from None
        at_home = parts.netloc == self._http.host and self._http.base_url.startswith(f"{parts.scheme}:")
        if not at_home and (
            parts.scheme != "https" or not parts.hostname or "@" in parts.netloc or _is_inside(parts.hostname)
        ):
            raise ShapeError("the address of the export is none of a storage on the internet")
        return f"{parts.scheme}://{parts.netloc}", f"{parts.path}?{parts.query}" if parts.query else parts.path

    def _wait(self, seconds: float) -> None:
        while seconds > 0:
            self._refuse_late()
            self._http.clock.sleep(min(seconds, 1.0))
            seconds -= 1.0

    def _refuse_late(self) -> None:
        if self._http.deadline() <= 0:
            raise TimeBudgetUsed("The export of the segment is not ready.", undone="Nothing was concluded from it.")


def _users(content: bytes) -> Iterator[Member]:
    """Yield everybody: one JSON object a line, in several files of a zip, or packed by itself (api/braze.md 4.4)."""
    most = _MOST_RATIO * max(len(content), _RATIO_FROM)
    if content.startswith(_GZIP):
        with gzip.open(io.BytesIO(content)) as lines:
            yield from _of_lines(lines, most)
        return
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(info.file_size for info in archive.infolist()) > most:
            raise ShapeError(_TOO_LARGE)
        for info in archive.infolist():
            if info.compress_type not in _PACKED:
                raise ShapeError("it is packed in a way that Braze does not use")
            with archive.open(info) as lines:
                yield from _of_lines(lines, most)


def _of_lines(lines: IO[bytes] | gzip.GzipFile, most: int) -> Iterator[Member]:
    """Yield who stands in the lines of one file, which may be ``most`` bytes long, whatever a header says of it."""
    length = 0
    while line := lines.readline(_LONGEST_LINE):
        length += len(line)
        if len(line) == _LONGEST_LINE:
            raise ShapeError("a line has no end")
        if length > most:
            raise ShapeError(_TOO_LARGE)
        if line.strip():
            user = read_user(parse(line))
            yield Member(names=user.names, profile=user.profile(""))


def _is_inside(host: str) -> bool:
    """Say whether a host is an address that is none of the internet, or a name without a domain (faults D13)."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:  # resolvers take 127.1 and 0x7f.1 for addresses too; no name on the internet ends in a number
        last = host.rstrip(".").rpartition(".")[2]
        named = "." in host.strip(".") and not last[:1].isdigit()
        return not named or host.rstrip(".").endswith((".local", ".internal", ".localhost"))


def _not_exported(why: str) -> TemporaryError:
    return TemporaryError(
        f"The segment was not exported: {why}.",
        undone="Nobody was looked at through it.",
        advice="The next run tries again; until then people are looked at in turns.",
    )


def _spoiled(why: str) -> TemporaryError:
    return TemporaryError(
        f"The export of the segment is spoiled: {why}.",
        undone="Nothing of it was used.",
        advice="The next run exports it anew; until then people are looked at in turns.",
    )
