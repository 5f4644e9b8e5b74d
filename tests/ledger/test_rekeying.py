"""A state file whose key is lost for good goes on with another; its history says from where on it holds."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ecmbraze.errors import StateUnusable, UsageError
from ecmbraze.ledger import historykey, rekeying, seal
from ecmbraze.ledger.history import Deed
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.verifying import checks
from tests import hand
from tests.ledger.test_ledger import NOW
from tests.offline import Offline

_DEED = Deed(by="ann", host="h", reason="the disk of the keys died")


@pytest.fixture
def lost(tmp_path: Path) -> Path:
    office = Offline(tmp_path)
    with office.ledger() as ledger:
        for number in range(5):
            ledger.waiting.pause(f"f{number}", NOW, "ann", "x")
    historykey.beside(office.state).unlink()
    return office.state


def test_without_its_key_nothing_starts_and_the_way_on_is_named(lost: Path) -> None:
    with pytest.raises(StateUnusable, match="lost for good: `ecmbraze state rekey --reason TEXT`"):
        Ledger.open(lost)


def test_it_goes_on_with_another_key_and_says_who_did_it(lost: Path) -> None:
    last = rekeying.rekey(lost, NOW, _DEED)

    ledger = Ledger.open(lost)
    ledger.waiting.pause("g", NOW, "ann", "x")
    kind, body = ledger.database.execute("SELECT kind, body FROM history WHERE seq = ?", (last + 1,)).fetchone()
    ledger.close()
    list(checks(lost))
    assert (kind, json.loads(body)["unkeyed"]) == ("rekey", last)
    assert historykey.beside(lost).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("place", ["first", "middle", "after"])
def test_rows_cut_out_are_noticed_and_from_the_new_key_on_every_change(lost: Path, place: str) -> None:
    last = rekeying.rekey(lost, NOW, _DEED)
    with hand.unnoticed(lost) as connection:
        for trigger in ("history_stays", "history_is_final"):
            connection.execute(f"DROP TRIGGER {trigger}")
        match place:
            case "first":
                connection.execute("DELETE FROM history WHERE seq = 1")
            case "middle":
                connection.execute("UPDATE history SET hash = 'x' WHERE seq = 3")
            case _:
                connection.execute("UPDATE history SET body = '{}' WHERE seq = ?", (last + 1,))
    seal.beside(lost).unlink()

    with pytest.raises(StateUnusable, match="fails the check of its history"):
        Ledger.open(lost)


def test_a_key_that_is_there_is_not_replaced(tmp_path: Path) -> None:
    office = Offline(tmp_path)
    before = office.state.read_bytes(), historykey.beside(office.state).read_bytes()

    with pytest.raises(UsageError, match="has its key"):
        rekeying.rekey(office.state, NOW, _DEED)

    assert (office.state.read_bytes(), historykey.beside(office.state).read_bytes()) == before


def test_beside_another_key_and_over_an_edit_nothing_is_changed(lost: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    Ledger.create(other, {}, NOW).close()
    historykey.beside(other).rename(historykey.beside(lost))
    with pytest.raises(StateUnusable, match="exists already"):
        rekeying.rekey(lost, NOW, _DEED)
    historykey.beside(lost).unlink()
    with closing(sqlite3.connect(lost, isolation_level=None)) as connection:
        connection.execute("DELETE FROM pause")
    with pytest.raises(StateUnusable, match="not of ecmbraze"):
        rekeying.rekey(lost, NOW, _DEED)

    assert not historykey.beside(lost).exists()


def test_the_command_says_from_where_on_the_history_holds(tmp_path: Path) -> None:
    office = Offline(tmp_path)
    historykey.beside(office.state).unlink()

    done = office.ecmbraze("state", "rekey", "--reason", "lost", "--by", "ann")

    assert done.code == 0, done.stderr
    assert "Up to row 1 of its history nothing tells any more whether it was changed" in done.stdout
    assert office.ecmbraze("state", "verify").code == 0
