"""Rate limits that are used up outlive the run that was told of them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from ecmbraze.ledger.ledger import Ledger
from tests.ledger.test_ledger import NOW

TRACK, EXPORT = "/users/track", "/users/export/ids"


def test_what_is_kept_is_known_to_the_next_run(tmp_path: Path) -> None:
    ledger = Ledger.create(tmp_path / "state.db", {"ecm": "e", "braze": "b"}, NOW)
    closed = {TRACK: NOW + timedelta(minutes=40), EXPORT: NOW + timedelta(seconds=12.25)}
    ledger.rate_limits.keep(closed)
    ledger.close()

    again = Ledger.open(tmp_path / "state.db")

    assert again.rate_limits.known() == closed
    again.rate_limits.keep({TRACK: NOW + timedelta(hours=1)})
    assert again.rate_limits.known() == {TRACK: NOW + timedelta(hours=1)}
    again.close()


def test_nothing_new_writes_nothing(tmp_path: Path) -> None:
    ledger = Ledger.create(tmp_path / "state.db", {"ecm": "e", "braze": "b"}, NOW)
    ledger.rate_limits.keep({TRACK: NOW, EXPORT: NOW})
    before = (tmp_path / "state.db").read_bytes()

    for closed in ({}, {TRACK: NOW}, {TRACK: NOW, EXPORT: NOW}):
        ledger.rate_limits.keep(closed)

    assert (tmp_path / "state.db").read_bytes() == before
    ledger.close()
