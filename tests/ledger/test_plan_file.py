"""What goes wrong with a plan file is told under its name, and none of it says that the state file is damaged."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random

import pytest

from ecmbraze.errors import StateUnusable, StorageError
from ecmbraze.ledger.counting import counter
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.model import Skip
from tests.costs import bytes_written
from tests.ledger.test_ledger import NOW, _action


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger.create(tmp_path / "state.db", {"ecm": "https://e", "braze": "https://b"}, NOW)
    yield made
    made.close()


@contextmanager
def _room(size: int) -> Iterator[None]:
    """Let no file grow past ``size`` bytes, which is what a full disk is to SQLite."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _fill(plan: PlanFile, people: int = 300) -> None:
    for number in range(people):
        plan.put_action(_action(recipient=f"C-{number}"))
    plan.commit()


def test_a_full_disk_leaves_the_plan_readable_so_that_the_run_can_still_report(ledger: Ledger) -> None:
    plan = ledger.new_plan("t")

    with _room(plan.path.stat().st_size + 400_000), pytest.raises(StorageError, match=r"plan-t: .*Make room"):
        _fill(plan, people=5000)

    assert plan.planned("f") > 5
    plan.check()
    plan.discard()


def test_a_full_disk_leaves_what_the_report_lists_of_a_listing_that_was_not_written_yet(ledger: Ledger) -> None:
    plan = ledger.new_plan("t")
    plan.mark_seen("a", [f"ws:{number}" for number in range(5000)])
    plan.put_skip("", Skip(record="ws:1", customer="", rule="", reason="unreadable"), NOW)
    plan.database.execute("PRAGMA max_page_count = 1")  # of those that it has none goes

    with pytest.raises(StorageError):
        _fill(plan, people=5000)
    left_out = [plan.skips("f", ["a"]), plan.skips("f", ["b"])]
    with pytest.raises(StorageError):
        plan.commit()

    assert [*left_out, plan.skips("f", ["a"])] == [[("ws:1", "", "", "unreadable")], [], left_out[0]]
    plan.discard()


def test_a_plan_is_written_in_few_transactions_and_tells_its_counts_before_they_end(ledger: Ledger) -> None:
    plan = ledger.new_plan("t")
    with plan.path.open("rb") as file:
        before = counter(file.fileno())
        for _ in range(3):
            plan.count("workspaces/Case", "read", 2)
        told = plan.counts()["workspaces/Case", "read"]

        _fill(plan, people=3000)

        assert counter(file.fileno()) - before <= 8
    assert (told, plan.counts()["workspaces/Case", "read"]) == (6, 6)
    plan.discard()


def test_the_hash_of_a_plan_counts_what_waits_to_be_written(ledger: Ledger) -> None:
    plan = ledger.new_plan("t")
    plan.put_action(_action())
    first = [plan.hash("f") for _ in range(2)][1]
    plan.put_action(_action(occurrence="2"))

    assert plan.hash("f") != first
    plan.discard()


def test_what_a_long_listing_showed_is_written_in_transactions_that_end(ledger: Ledger) -> None:
    """Else the pages that they change are all in memory: 30 MB of a million workspaces."""
    plan = ledger.new_plan("t")
    with plan.path.open("rb") as file:
        before = counter(file.fileno())
        for first in range(0, 20_000, 500):
            plan.mark_seen("workspaces/Case", (f"ws:{number}" for number in range(first, first + 500)))
        plan.write_seen()

        assert counter(file.fileno()) - before >= 9
    plan.discard()


def test_a_plan_that_cannot_even_begin_leaves_nothing(ledger: Ledger) -> None:
    with _room(4096), pytest.raises(StorageError, match="plan-t: "):
        ledger.new_plan("t")

    assert not list(ledger.path.parent.glob("*.plan-*"))


def test_a_copy_of_a_plan_is_whole_or_not_there(ledger: Ledger, tmp_path: Path) -> None:
    plan = ledger.new_plan("t")
    _fill(plan)

    with _room(plan.path.stat().st_size // 2), pytest.raises(StorageError, match=r"copy\.plan: "):
        plan.extract(tmp_path / "copy.plan", "f", {})
    assert not (tmp_path / "copy.plan").exists()
    with pytest.raises(StorageError, match="nowhere"):
        plan.extract(tmp_path / "nowhere" / "copy.plan", "f", {})
    plan.extract(tmp_path / "copy.plan", "f", {})

    assert (tmp_path / "copy.plan").stat().st_mode & 0o777 == 0o600
    plan.discard()


@pytest.mark.parametrize("page", [2, 5, 9])
def test_a_plan_damaged_while_it_waited_is_not_a_damaged_state(ledger: Ledger, tmp_path: Path, page: int) -> None:
    plan = ledger.new_plan("t")
    _fill(plan)
    plan.extract(tmp_path / "waiting", "f", {})
    plan.discard()
    _spoil(tmp_path / "waiting", page)

    with pytest.raises(StorageError, match=r"The plan file .*waiting .*plan --drop FLOW"):
        PlanFile(tmp_path / "waiting")


def test_a_plan_damaged_while_it_is_merged_is_not_a_damaged_state(ledger: Ledger) -> None:
    plan = ledger.new_plan("t")
    _fill(plan)
    plan.database.execute("PRAGMA cache_size = 0")
    root = plan.database.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'record'").fetchone()[0]
    _spoil(plan.path, root)

    with pytest.raises(StorageError, match="The plan file"):
        ledger.stage(plan).slice(NOW)

    plan.discard()
    ledger.verify()


def _spoil(path: Path, page: int) -> None:
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)


def test_damage_of_the_state_found_during_a_run_is_still_12(ledger: Ledger) -> None:
    root = ledger.database.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'outbox'").fetchone()[0]
    _spoil(ledger.path, root)
    with closing(sqlite3.connect(ledger.path)) as look, pytest.raises(sqlite3.DatabaseError):
        look.execute("SELECT * FROM outbox").fetchall()

    with pytest.raises(StateUnusable):
        Ledger.open(ledger.path)


def test_text_that_is_no_text_is_told_without_quoting_it(ledger: Ledger) -> None:
    ledger.database.execute("INSERT INTO pause VALUES ('x', CAST(x'53454352455420ff' AS TEXT), 'y', 'z')")

    with pytest.raises(StateUnusable) as told:
        ledger.waiting.paused("x")

    assert "SECRET" not in str(told.value)


def test_a_state_that_another_process_keeps_locked_is_told_so(ledger: Ledger) -> None:
    ledger.database.execute("PRAGMA busy_timeout = 0")
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")

        with pytest.raises(StorageError, match="in use by another process"):
            ledger.waiting.resume("f", NOW)


def test_a_dry_run_s_plan_has_no_name_so_that_a_kill_leaves_nothing(ledger: Ledger) -> None:
    reader = Ledger.open(ledger.path, read_only=True)

    plan = reader.new_plan("t")
    _fill(plan)

    assert not list(ledger.path.parent.glob("*.plan-*"))
    assert plan.planned("f") == 300
    plan.discard()
    reader.close()


def test_garbage_is_not_removed_while_a_dry_run_makes_it(ledger: Ledger) -> None:
    path = ledger.plan_path("busy")
    with path.open("xb") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)

        ledger.new_plan("t").discard()

        assert path.exists()
    ledger.new_plan("t").discard()
    assert not path.exists()


def test_garbage_that_cannot_be_removed_stops_no_run(ledger: Ledger) -> None:
    ledger.plan_path("odd").mkdir()

    ledger.new_plan("t").discard()

    assert ledger.plan_path("odd").exists()


def test_on_a_read_only_mount_a_dry_run_s_plan_stands_among_the_temporary_files(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "open", refused)
    monkeypatch.setattr(Path, "unlink", refused)  # which says so even of a name that is not there

    plan = PlanFile(ledger.plan_path("t"), named=False)
    _fill(plan)

    assert plan.planned("f") == 300
    plan.discard()
    with pytest.raises(StorageError, match="Read-only file system"):
        PlanFile(ledger.plan_path("t"))


def test_the_bytes_of_documents_are_moved_and_dropped_in_flat_memory(tmp_path: Path) -> None:
    """In a process of its own, since the peak of this one was reached long ago."""
    done = subprocess.run([sys.executable, "-c", _FIFTY_MEGABYTES, str(tmp_path)], check=True, capture_output=True)
    begin, end = map(int, done.stdout.split())

    assert end - begin < 25, (begin, end)


_FIFTY_MEGABYTES = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.model import DocumentBytes
from tests.costs import peak_megabytes

os.chmod(sys.argv[1], 0o700)
ledger, now = Ledger.create(Path(sys.argv[1]) / "s.db", {}, datetime.now(UTC)), datetime.now(UTC)
begin, plan = peak_megabytes(), ledger.new_plan("x")
for number in range(130):
    plan.put_content(DocumentBytes.of(os.urandom(390_000)))
plan.put_content(DocumentBytes.measured(lambda: (bytes(50_000) for _ in range(1_000))))
ledger.stage(plan).slice(now)
sha = "SELECT sha256 FROM content ORDER BY length(bytes) DESC LIMIT 1"
held = ledger.contents.of(ledger.database.execute(sha).fetchone()[0])
assert sum(map(len, held.pieces())) == held.size == 50_000_000
plan.extract(Path(sys.argv[1]) / "extract", "x", {})
plan.forget_records()
ledger.contents.prune()
plan.discard()
print(begin, peak_megabytes())
"""


def test_details_that_are_queued_one_by_one_and_what_is_left_out_are_no_transactions_of_their_own(
    ledger: Ledger,
) -> None:
    plan = ledger.new_plan("t")
    with plan.path.open("rb") as file:
        before = counter(file.fileno())
        for number in range(300):
            plan.mark_seen("a", [f"ws:{number}"])
            plan.add_todo("a", [f"ws:{number}"], "changed")
            plan.put_skip("f", Skip(record=f"ws:{number}", customer="", rule="", reason="r", quarantined=True), NOW)
        plan.commit()

        assert counter(file.fileno()) - before <= 2
    plan.discard()


def test_what_a_listing_shows_twice_is_new_once_whether_it_was_written_or_not(ledger: Ledger) -> None:
    plan = ledger.new_plan("t")

    assert plan.mark_seen("a", ["ws:2", "ws:1", "ws:2"]) == {"ws:1", "ws:2"}
    assert plan.mark_seen("a", ["ws:2", "ws:3"]) == {"ws:3"}
    plan.write_seen()
    assert plan.mark_seen("a", ["ws:1", "ws:3", "ws:4"]) == {"ws:4"}
    assert plan.mark_seen("b", ["ws:4", "ws:5"]) == {"ws:5"}
    plan.discard()


def test_what_a_listing_shows_is_found_before_it_is_written(ledger: Ledger) -> None:
    plan = ledger.new_plan("t")
    plan.mark_seen("a", ["ws:1"])
    plan.put_skip("", Skip(record="ws:1", customer="", rule="", reason="unreadable"), NOW)

    assert plan.listed("a", "ws:1")
    assert not plan.listed("b", "ws:1")
    assert plan.skips("f", ["a"]) == [("ws:1", "", "", "unreadable")]
    plan.mark_seen("a", ["ws:2"])
    assert (plan.seen("a"), plan.seen("b")) == (2, 0)
    plan.mark_seen("a", ["ws:3"])
    plan.forget_stream("a")
    assert not plan.listed("a", "ws:3")
    plan.discard()


def test_what_is_seen_in_no_order_is_written_in_one(ledger: Ledger) -> None:
    plan = ledger.new_plan("t")
    numbers = list(range(60_000))
    Random(17).shuffle(numbers)
    before = bytes_written()

    for at in range(0, len(numbers), 500):
        plan.mark_seen("a", [f"ws:{number}" for number in numbers[at : at + 500]])
    plan.commit()

    assert plan.seen("a") == 60_000
    assert (
        bytes_written() - before < 5_000_000
    )  # in the order of the listing 15 MB, of a million keys five times as much each
    plan.discard()
