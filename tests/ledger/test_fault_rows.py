"""The rows of the list of faults that are about the state file: each has a test by its id, here or elsewhere."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ecmbraze.errors import StateUnusable, StorageError
from ecmbraze.ledger import connection, file, mounts
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.lock import run_lock
from ecmbraze.model import State
from tests.ledger.test_ledger import NOW
from tests.offline import Offline

# faults.md; L-1 to L-5 are the lines of its checklist for the ledger.
_ROWS = (*(f"s{number:02}" for number in range(7, 21)), "d08", "d09", "d15", *(f"l_{number}" for number in range(1, 6)))
_NAMED = re.compile(r"def test_((?:[a-z]\d\d_|[a-z]_\d_)+)")


def test_every_row_has_a_test() -> None:
    sources = (path.read_text(encoding="utf-8") for path in (Path(__file__).parents[1]).rglob("test_*.py"))
    named = " ".join(found for text in sources for found in _NAMED.findall(text))

    assert [row for row in _ROWS if f"{row}_" not in named] == []


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        (["/ ext4"], ""),
        (["/ ext4", "{} nfs4"], "nfs4"),
        (["/ nfs"], "nfs"),
        (["/ nfs", "{} xfs"], ""),
        (["/ ext4", "{}x cifs"], ""),
        (["/ ext4", "{}\\040b cifs"], ""),
        (["{} ext4", "{} fuse.sshfs"], "fuse.sshfs"),
        (["/ overlay", "/proc proc"], ""),
    ],
)
def test_s14_a_state_file_on_a_network_file_system_is_known(tmp_path: Path, lines: list[str], kind: str) -> None:
    told = tmp_path / "mountinfo"
    mounted = [line.format(tmp_path).rpartition(" ") for line in lines]
    told.write_text("".join(f"1 0 0:1 / {point} rw shared:1 - {what} source rw\n" for point, _, what in mounted))

    assert mounts.networked(tmp_path / "state.db", told) == kind


def test_s14_it_is_refused_and_untouched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    office = Offline(tmp_path)
    before = office.state.read_bytes()
    monkeypatch.setattr(file, "networked", lambda path: "nfs4")

    done = office.ecmbraze("pause")

    assert done.code == 12
    assert "lies on a network file system (nfs4), where locks are not reliable" in done.stderr
    assert office.state.read_bytes() == before


def test_s15_where_nothing_can_be_written_it_is_16_before_any_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody answers at the addresses of an offline configuration: a request would be 5."""
    office = Offline(tmp_path)
    opened = sqlite3.connect

    def read_only(name: str, **more: Any) -> Any:
        return opened(name.replace("mode=rw", "mode=ro"), **more)

    monkeypatch.setattr(sqlite3, "connect", read_only)

    assert office.ecmbraze("onboarding").code == 16


def test_s20_a_reader_that_does_not_let_go_is_waited_for_and_then_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BUSY_S", 0.05)
    ledger = Ledger.create(tmp_path / "state.db", {}, NOW)
    ledger.close()
    ledger = Ledger.open(ledger.path)
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as backup:
        backup.execute("BEGIN")
        backup.execute("SELECT count(*) FROM outbox").fetchone()

        with pytest.raises(StorageError, match="is in use by another process") as raised:
            ledger.waiting.pause("f", NOW, "ann", "x")

    assert "What was not committed did not happen" in str(raised.value)
    ledger.waiting.pause("f", NOW, "ann", "x")
    ledger.close()


def test_d09_nobody_is_erased_beside_a_run(tmp_path: Path) -> None:
    office = Offline(tmp_path)
    office.messages((State.IN_FLIGHT, State.SENT))
    before = office.state.read_bytes()

    with run_lock(office.state):
        done = office.ecmbraze("erase", "C-0", "--reason", "art. 17")

    assert done.code == 11
    assert office.state.read_bytes() == before


@pytest.mark.parametrize("statement", ["UPDATE history SET body = '{}'", "DELETE FROM history"])
def test_l_1_the_history_is_only_added_to(tmp_path: Path, statement: str) -> None:
    ledger = Ledger.create(tmp_path / "state.db", {}, NOW)

    with pytest.raises(sqlite3.IntegrityError, match="history only grows"), ledger.database.atomic():
        ledger.database.conn.execute(statement)

    ledger.close()


def test_l_2_a_file_exchanged_for_another_of_our_own_is_found_by_the_end_of_its_history(tmp_path: Path) -> None:
    folders = tmp_path / "a", tmp_path / "b"
    for folder in folders:
        folder.mkdir(mode=0o700)
    mine, other = map(Offline, folders)
    mine.state.write_bytes(other.state.read_bytes())

    with pytest.raises(StateUnusable, match=r"another key|not the one|not as its last run left it"):
        Ledger.open(mine.state)


def test_l_5_what_is_held_of_a_person_can_be_given_to_them(tmp_path: Path) -> None:
    office = Offline(tmp_path)
    office.messages((State.IN_FLIGHT, State.SENT))

    shown = json.loads(office.ecmbraze("erase", "C-0", "--show", "--json").stdout)
    rows = office.ecmbraze("state", "export", "--full").stdout

    assert shown["kept"]["intended writes and messages"] == 1
    assert '"C-0"' in rows
