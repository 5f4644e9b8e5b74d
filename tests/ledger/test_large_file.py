"""S18: a large state file is not read as a whole by every run, only once a day; what is done to it meanwhile shows."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ecmbraze.errors import StateUnusable
from ecmbraze.ledger import file, seal
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.seal import Look
from tests.ledger.test_ledger import NOW


def _run(path: Path) -> None:
    ledger = Ledger.open(path)
    ledger.waiting.pause("f", NOW, "ann", "x")
    ledger.close()


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state file that counts as large, sealed by two runs since it was last read as a whole."""
    monkeypatch.setattr(seal, "LARGE", 1)
    path = tmp_path / "state.db"
    Ledger.create(path, {}, NOW).close()
    _run(path)
    _run(path)
    assert seal.look(path) is Look.LIGHT
    return path


def test_s18_neither_the_start_nor_the_end_of_a_run_reads_all_of_it(
    large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("the whole file was read")

    monkeypatch.setattr(seal, "_take", never)
    monkeypatch.setattr(file, "check_pages", never)
    monkeypatch.setattr(Ledger, "verify", never)

    _run(large)
    Ledger.open(large, read_only=True).close()


def test_s18_one_run_of_many_reads_all_of_it(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "EACH", 4)
    looks = []
    for _ in range(8):
        _run(large)
        looks.append(seal.look(large))

    assert looks.count(Look.INTACT) == 2


def test_what_is_written_past_sqlite_has_the_file_checked(large: Path) -> None:
    data = large.read_bytes()
    large.write_bytes(data[:-4096] + b"\xff" * 4096)
    os.utime(large, ns=(0, large.stat().st_mtime_ns))

    assert seal.look(large) is Look.SILENT
    with pytest.raises(StateUnusable):
        Ledger.open(large)


def test_s16_an_edit_by_sqlite_is_noticed_all_the_same(large: Path) -> None:
    with closing(sqlite3.connect(large, isolation_level=None)) as connection:
        connection.execute("DELETE FROM pause")

    with pytest.raises(StateUnusable, match="1 commit that is not of ecmbraze"):
        Ledger.open(large)


def test_a_light_seal_is_signed_too(large: Path) -> None:
    place = seal.beside(large)
    place.write_text(place.read_text(encoding="ascii").replace('"light": 2', '"light": 1'), encoding="ascii")

    with pytest.raises(StateUnusable, match="a seal that was not made with its key"):
        Ledger.open(large)
