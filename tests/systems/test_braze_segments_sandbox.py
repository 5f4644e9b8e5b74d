"""The export of a segment against the simulated Braze over HTTP: waited for, checked whole, or no export at all."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ecmbraze.errors import ConfigurationError, CredentialRefused, TemporaryError, TimeBudgetUsed
from ecmbraze.sandbox.remote import RemoteSandbox
from ecmbraze.systems.braze import segments
from ecmbraze.systems.braze.client import BrazeClient
from ecmbraze.systems.braze.segmentfolder import newest
from ecmbraze.systems.exchange import Exchange
from tests.forking.sandboxes import sandbox
from tests.systems.rig import FakeClock, http

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
SEGMENT, CROWD = "5e600000-0000-4000-8000-000000000001", 7


@pytest.fixture(scope="module")
def running() -> Iterator[RemoteSandbox]:
    with sandbox("--seed", "3", "--workspaces", "0", now=NOW) as box:
        box.freeze()
        yield box


@pytest.fixture
def box(running: RemoteSandbox) -> RemoteSandbox:
    """A Braze with a segment of ``P-0`` to ``P-6``, of whom the even ones unsubscribed."""
    running.reset()
    running.set_clock(NOW)
    names = [f"P-{number}" for number in range(CROWD)]
    running.change(
        *(
            {
                "external_id": name,
                "email": f"{name}@x.org",
                "email_subscribe": "unsubscribed" if n % 2 == 0 else "opted_in",
            }
            for n, name in enumerate(names)
        )
    )
    running.call("PUT", f"/braze/segments/{SEGMENT}", {"members": names})
    return running


class Waits(FakeClock):
    """A clock whose waiting lets the time of the simulated Braze pass."""

    def __init__(self, box: RemoteSandbox) -> None:
        super().__init__()
        self._box = box

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self._box.advance(seconds)


@pytest.fixture
def braze(box: RemoteSandbox) -> BrazeClient:
    return BrazeClient(http(box.braze, clock=Waits(box)), api_key=box.api_key)


def test_the_exact_time_of_a_choice_is_read_of_profiles_and_of_a_segment_where_braze_tells_it(
    box: RemoteSandbox, braze: BrazeClient
) -> None:
    box.call("POST", "/braze/switches", {"state_times": "all"})
    box.change({"external_id": "P-1", "email_subscribe": "opted_in"})

    (profile,) = braze.profiles(["P-1"])["P-1"]
    (member,) = (one.profile for one in braze.segment(SEGMENT, []).members() if "P-1" in one.names)

    assert profile.email_opted_in_at is not None
    assert profile.email_opted_in_at == member.email_opted_in_at
    assert profile.email_opted_in_at.replace(microsecond=0) == NOW


def test_everybody_is_in_it_once_it_is_ready_and_the_key_goes_nowhere_else(
    box: RemoteSandbox, braze: BrazeClient
) -> None:
    box.call("POST", "/braze/switches", {"export_ready_s": 90})

    export = braze.segment(SEGMENT, ["tier"])

    assert export.size == CROWD
    states = {name: one.profile.email_subscribe for one in export.members() for name in one.names}
    assert states == {f"P-{n}": "unsubscribed" if n % 2 == 0 else "opted_in" for n in range(CROWD)}
    downloads = [one for one in box.journal(system="braze") if one["path"].startswith("/segment-export/")]
    assert {one["credential"] for one in downloads} == {None}
    assert [one["status"] for one in downloads][-2:] == [403, 200]


def test_nobody_is_a_segment_too(box: RemoteSandbox, braze: BrazeClient) -> None:
    box.call("PUT", f"/braze/segments/{SEGMENT}", {"members": []})
    assert braze.segment(SEGMENT, []).size == 0


def test_one_that_runs_already_fails_at_once(box: RemoteSandbox, braze: BrazeClient) -> None:
    box.call("POST", "/braze/switches", {"export_ready_s": 3600})
    with pytest.raises(TemporaryError, match="not ready yet"):
        braze.segment(SEGMENT, [])
    before = box.now()
    with pytest.raises(TemporaryError, match="running already"):
        braze.segment(SEGMENT, [])
    assert box.now() - before < timedelta(seconds=2)


def test_a_spoiled_line_spoils_the_whole(box: RemoteSandbox, braze: BrazeClient) -> None:
    box.call("POST", "/braze/switches", {"export_spoiled": "line"})
    with pytest.raises(TemporaryError, match="spoiled"):
        braze.segment(SEGMENT, [])


def test_exports_into_a_bucket_of_the_customer_say_what_to_do(box: RemoteSandbox, braze: BrazeClient) -> None:
    box.call("POST", "/braze/switches", {"export_to_storage": True})
    with pytest.raises(ConfigurationError, match=r"storage of your own.*Leave `segment` out"):
        braze.segment(SEGMENT, [])


def test_they_are_read_from_a_copy_of_the_bucket_once_they_are_whole(
    box: RemoteSandbox, braze: BrazeClient, tmp_path: Path
) -> None:
    box.call("POST", "/braze/switches", {"export_to_storage": True})
    with pytest.raises(TemporaryError, match="no whole export"):  # ordered, and not there yet
        braze.segment(SEGMENT, [], str(tmp_path))
    ordered = datetime.fromtimestamp(int(box.now().timestamp()), UTC)
    box.advance(600)
    for key in box.call("GET", "/braze/bucket"):
        path = tmp_path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(box.call("GET", f"/braze/bucket/{key}")["base64"]))
        os.utime(path, (ordered.timestamp() + 300,) * 2)

    with pytest.raises(TemporaryError, match="no whole export"):
        newest(str(tmp_path), SEGMENT, ordered + timedelta(minutes=10))
    parts = newest(str(tmp_path), SEGMENT, ordered + timedelta(minutes=30))
    with pytest.raises(TemporaryError, match=r"last 24 hours; the newest is of 2026-03-1"):
        newest(str(tmp_path), SEGMENT, ordered + timedelta(days=2))

    export = segments.Export.checked(parts)
    assert len(parts) > 1
    assert export.size == CROWD
    assert {name for one in export.members() for name in one.names} == {f"P-{n}" for n in range(CROWD)}
    packed = segments.Export.checked((gzip.compress(b'{"external_id":"P-9"}\n'),))
    assert [set(one.names) for one in packed.members()] == [{"P-9"}]


def test_a_segment_that_is_not_there_is_named_as_the_configurations_fault(braze: BrazeClient) -> None:
    with pytest.raises(ConfigurationError, match="Check the id of the segment"):
        braze.segment("nobody", [])


def test_a_key_without_the_permission_is_refused(box: RemoteSandbox) -> None:
    with pytest.raises(CredentialRefused):
        BrazeClient(http(box.braze), api_key="another").segment(SEGMENT, [])


@pytest.mark.parametrize(
    "url",
    [
        "http://bucket.example.com/a.zip",
        "https://10.0.0.1/a",
        "https://[::ffff:10.0.0.1]/a",
        "https://127.1/a",
        "https://0x7f.1/a",
        "https://127.0.0.0x1/a",
        "https://2130706433/a",
        "https://metadata/a",
        "https://x.localhost./a",
        "https://u@x.example/a",
        "https://[::1/a",
        "//x.example/a",
        "",
    ],
)
def test_an_address_that_is_no_storage_on_the_internet_is_not_asked(
    url: str, braze: BrazeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = Exchange(status=201, headers={}, body=json.dumps({"url": url, "message": "success"}).encode())
    monkeypatch.setattr("ecmbraze.systems.http.Http.once", lambda *_, **__: answer)
    with pytest.raises(
        TemporaryError, match=r"the address of the export is (none of a storage on the internet|malformed)"
    ):
        braze.segment(SEGMENT, [])


def test_a_run_whose_time_is_over_does_not_wait_for_it(box: RemoteSandbox) -> None:
    hurried = http(box.braze, clock=Waits(box))
    hurried.deadline = lambda: 0.0
    with pytest.raises(TimeBudgetUsed):
        BrazeClient(hurried, api_key=box.api_key).segment(SEGMENT, [])


def test_an_export_that_is_not_ready_leaves_a_run_the_time_to_send(box: RemoteSandbox) -> None:
    box.call("POST", "/braze/switches", {"export_ready_s": 860})
    clock = Waits(box)
    hurried, ends = http(box.braze, clock=clock), clock.monotonic() + 840
    hurried.deadline = lambda: ends - clock.monotonic()

    with pytest.raises(TemporaryError, match="not ready"):
        BrazeClient(hurried, api_key=box.api_key).segment(SEGMENT, [])

    assert hurried.deadline() > 200


def _zip(packed: int = zipfile.ZIP_DEFLATED, **files: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", packed) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return target.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        _zip(a=b'{"external_id": "x"}\n')[:-30],
        _zip(a=b"[]\n"),
        _zip(a=b'{"external_id": {}}'),
        _zip(a=bytes(9_000_000)),
        b"PK" + bytes(300),
        _zip(a=b"{}")[:-6] + b"\xff\xff\0\0\0\0",  # its directory would begin before the file does
        _zip(zipfile.ZIP_LZMA, a=b'{"external_id": "x"}\n'),
    ],
)
def test_what_is_no_whole_export_is_none(content: bytes) -> None:
    with pytest.raises(TemporaryError, match="spoiled"):
        segments.Export.checked((content,))


def test_a_zip_that_unpacks_to_a_hundred_times_its_size_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "_RATIO_FROM", 1)
    with pytest.raises(TemporaryError, match="more than 100 times its size"):
        segments.Export.checked((_zip(a=b"\n" * 300_000),))
    with pytest.raises(TemporaryError, match="more than 100 times its size"):
        segments.Export.checked((gzip.compress(b"\n" * 300_000),))  # which has no header that says how long it is
    people = b"".join(b'{"external_id": "C-%d", "email": "c%d@x.org"}\n' % (n, n) for n in range(9999))
    assert segments.Export.checked((_zip(a=people),)).size == 9999
