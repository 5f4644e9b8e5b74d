"""Reading a folder of Currents files: real Avro, as it lies there while a sync is at work."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ecmbraze.errors import RecordGone, RecordUnreadable, TemporaryError
from ecmbraze.model import CurrentsFile, MailAct, MailEvent
from ecmbraze.systems import avrofolder
from ecmbraze.systems.currents import CurrentsFolder
from tests.currents_files import BOUNCE, CLICK, DELIVERY, GLOBAL, GROUP, OPEN, SEND, SPAM, Bucket, avro

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
TIME = int(NOON.timestamp())


@pytest.fixture
def bucket(tmp_path: Path) -> Bucket:
    return Bucket(folder=tmp_path)


def only(bucket: Bucket) -> CurrentsFile:
    (file,) = CurrentsFolder().files(str(bucket.folder), NOON - timedelta(days=30))
    return file


def test_the_files_about_choices_are_found_oldest_first_and_the_others_are_not_opened(bucket: Bucket) -> None:
    later = bucket.put(b"x", GROUP, NOON)
    first = bucket.put(b"x", SPAM, NOON - timedelta(hours=2))
    bucket.put(b"x", OPEN, NOON)
    bucket.put(b"x", GLOBAL, NOON - timedelta(days=40))
    bucket.put(b"", GLOBAL, NOON)
    bucket.put(b"x", GLOBAL, NOON, ".part.avro")
    bucket.put(b"x", GLOBAL, NOON, "dataexport.avro.tmp")

    found = CurrentsFolder().files(str(bucket.folder), NOON - timedelta(days=30))

    assert [file.name for file in found] == [str(path.relative_to(bucket.folder)) for path in (first, later)]
    assert found[1].modified_at == NOON


@pytest.mark.parametrize("codec", ["null", "deflate", "snappy"])
def test_events_are_read_with_what_is_known_of_them_and_new_fields_are_ignored(bucket: Bucket, codec: str) -> None:
    rows = [
        {
            "id": "1",
            "time": TIME,
            "external_user_id": "C-1",
            "channel": "email",
            "email_address": "a@x.org",
            "subscription_status": "Opted In",
            "state_change_source": "  Preference\nCenter" + "r" * 99,
            "novel": "!",
        },
        {"id": "2", "time": TIME, "channel": "push", "subscription_status": "Unsubscribed"},
        {"id": "3", "time": TIME, "channel": None, "subscription_status": "Unsubscribed"},
        {"id": "4", "time": TIME, "channel": "email", "subscription_status": "Undreamt of"},
    ]
    bucket.put(avro(GLOBAL, rows, codec, ["novel"]), GLOBAL, NOON)

    found = CurrentsFolder().events(str(bucket.folder), only(bucket))

    assert [(one.id, one.person, one.fact, one.state) for one in found] == [
        ("1", "C-1", "email", "opted_in"),
        ("2", "", "push", "unsubscribed"),
        ("3", "", "", ""),
        ("4", "", "", ""),
    ]
    assert (found[0].at, found[0].addresses, len(found[0].source)) == (NOON, ("a@x.org",), 60)
    assert found[0].source.startswith("Preference Center")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(GROUP, ("group:g-1", "unsubscribed")), (SPAM, ("", "spam")), (BOUNCE, ("", ""))],
)
def test_each_type_says_its_own(bucket: Bucket, kind: str, expected: tuple[str, str]) -> None:
    row = {"id": "1", "time": TIME, "subscription_group_id": "g-1", "subscription_status": "Unsubscribed"}
    bucket.put(avro(kind, [row]), kind, NOON)
    (found,) = CurrentsFolder().events(str(bucket.folder), only(bucket))
    assert (found.fact, found.state) == expected


def test_a_flat_folder_is_read_by_the_type_that_the_file_itself_names(bucket: Bucket) -> None:
    (bucket.folder / "a.avro").write_bytes(avro(SPAM, [{"id": "1", "time": TIME}]))
    (bucket.folder / "b.avro").write_bytes(avro(OPEN, [{"id": "1", "time": TIME}]))
    folder = CurrentsFolder()
    files = folder.files(str(bucket.folder), NOON - timedelta(days=3650))
    assert {file.name: len(folder.events(str(bucket.folder), file)) for file in files} == {"a.avro": 1, "b.avro": 0}


def test_half_a_file_and_a_spoiled_one_tell_nothing_at_all(bucket: Bucket) -> None:
    content = avro(GLOBAL, [{"id": str(n), "time": TIME, "subscription_status": "Unsubscribed"} for n in range(9)])
    path = bucket.put(content, GLOBAL, NOON)
    file = only(bucket)
    assert len(CurrentsFolder().events(str(bucket.folder), file)) == 9
    cut = 0
    for kept in range(1, len(content)):
        path.write_bytes(content[:kept])
        try:
            CurrentsFolder().events(str(bucket.folder), file)
        except RecordUnreadable:
            cut += 1
    # The others end where a block ends: such a file grows, and then it is another.
    assert cut >= len(content) - 1 - 2 * content.count(content[-16:])
    path.write_bytes(b"<html>" * 99)
    with pytest.raises(RecordUnreadable):
        CurrentsFolder().events(str(bucket.folder), file)


@pytest.mark.parametrize("time", [TIME * 1000, 0, -1, 2**62])
def test_a_time_that_cannot_be_spoils_no_more_than_its_event(bucket: Bucket, time: int) -> None:
    rows = [{"id": "1", "time": time}, {"id": "2", "time": TIME}]
    bucket.put(avro(SPAM, rows), SPAM, NOON)

    assert [one.id for one in CurrentsFolder().events(str(bucket.folder), only(bucket))] == ["2"]


def test_what_is_no_file_of_currents_is_not_opened(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    path = bucket.put(avro(SPAM, [{"id": "1", "time": TIME}]), SPAM, NOON)
    file = only(bucket)
    os.mkfifo(path.with_name("pipe.avro"))
    path.with_name("dangling.avro").symlink_to("nowhere")
    Path(os.fsdecode(os.fsencode(path.parent) + b"/\xff.avro")).write_bytes(b"x")
    os.utime(path.parent / os.fsdecode(b"\xff.avro"), (TIME, TIME))
    assert only(bucket) == file
    monkeypatch.setattr(avrofolder, "_LARGEST", file.size - 1)
    with pytest.raises(RecordUnreadable, match="too large"):
        CurrentsFolder().events(str(bucket.folder), file)


def test_a_file_and_a_folder_that_are_taken_away_meanwhile_are_no_failure(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = bucket.put(avro(SPAM, [{"id": "1", "time": TIME}]), SPAM, NOON)
    bucket.put(b"x", GROUP, NOON)
    file, scandir = only_of(bucket, SPAM), os.scandir

    def taking_away(path: Path) -> Any:
        if "event_type=" + SPAM in str(path) and later.exists():
            shutil.rmtree(later.parents[3])
        return scandir(path)

    monkeypatch.setattr(os, "scandir", taking_away)
    assert len(CurrentsFolder().files(str(bucket.folder), NOON - timedelta(days=30))) == 1
    with pytest.raises(RecordGone):
        CurrentsFolder().events(str(bucket.folder), file)


def only_of(bucket: Bucket, kind: str) -> CurrentsFile:
    found = CurrentsFolder().files(str(bucket.folder), NOON - timedelta(days=30))
    return next(file for file in found if kind in file.name)


def test_a_folder_that_is_not_there_is_temporary(tmp_path: Path) -> None:
    with pytest.raises(TemporaryError, match="cannot be listed"):
        CurrentsFolder().files(str(tmp_path / "none"), NOON)


def mails(bucket: Bucket, kind: str, *rows: dict[str, Any]) -> list[MailEvent]:
    """Write one file of e-mail events and read it back."""
    given = [{"id": str(number), "time": TIME, **row} for number, row in enumerate(rows)]
    bucket.put(avro(kind, given), kind, NOON)
    folder = CurrentsFolder()
    (file,) = folder.mail_files(str(bucket.folder), NOON - timedelta(days=30))
    return list(folder.mail_events(str(bucket.folder), file))


def test_of_opens_those_that_a_machine_made_are_left_out(bucket: Bucket) -> None:
    found = mails(
        bucket,
        OPEN,
        {"machine_open": "true", "external_user_id": "C-1"},
        {"external_user_id": "C-2", "dispatch_id": "d-1"},
        {"machine_open": "True"},
        {"email_address": "a@x.org"},
    )
    assert [(one.person, one.address, one.message, one.act) for one in found] == [
        ("C-2", "", "d-1", MailAct.ENGAGED),
        ("", "a@x.org", "3", MailAct.ENGAGED),
    ]


def test_a_click_counts_unless_it_is_suspected_to_be_a_bots(bucket: Bucket) -> None:
    flags: tuple[dict[str, Any], ...] = (
        {"is_suspected_bot_click": True},
        {"is_suspected_bot_click": False},
        {"is_suspected_bot_click": None},
        {},
    )
    assert [one.id for one in mails(bucket, CLICK, *flags)] == ["1", "2", "3"]


def test_files_about_mails_and_files_about_choices_are_read_apart(bucket: Bucket) -> None:
    sent = bucket.put(avro(SEND, [{"id": "1", "time": TIME}]), SEND, NOON)
    bucket.put(avro(GLOBAL, [{"id": "1", "time": TIME}]), GLOBAL, NOON)
    folder = CurrentsFolder()
    files = folder.mail_files(str(bucket.folder), NOON - timedelta(days=30))
    assert [file.name for file in files] == [str(sent.relative_to(bucket.folder))]
    assert [one.act for one in folder.mail_events(str(bucket.folder), files[0])] == [MailAct.SENT]
    assert folder.events(str(bucket.folder), files[0]) == []


def test_half_a_file_about_mails_tells_nothing(bucket: Bucket) -> None:
    content = avro(DELIVERY, [{"id": str(number), "time": TIME} for number in range(99)])
    bucket.put(content[: len(content) // 2 + 1], DELIVERY, NOON)
    folder = CurrentsFolder()
    (file,) = folder.mail_files(str(bucket.folder), NOON - timedelta(days=1))
    with pytest.raises(RecordUnreadable):
        folder.mail_events(str(bucket.folder), file)
