"""`state rewind` looks again and repeats nothing; `state export` gives everything out and names nobody."""

from __future__ import annotations

import json
from base64 import b64decode
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from ecmbraze.errors import UsageError
from ecmbraze.ledger import exporting, rewinding
from ecmbraze.ledger.ledger import Ledger
from tests.hand import unnoticed
from tests.stories.book import once
from tests.test_fence import approve, furnished
from tests.twins.house import House

_STREAM = "workspaces/Customer Onboarding"


@pytest.fixture
def house(tmp_path: Path) -> House:
    ready = furnished().copy(tmp_path)
    approve(ready, 0, 1)
    ready.start()
    return ready


def _rewind(house: House, stream: str = _STREAM, **more: str) -> rewinding.Rewound:
    now = house.clock.now()
    ledger = Ledger.open(house.state)
    try:
        return rewinding.rewind(ledger, stream, now - timedelta(days=1), now, flow=None, by="me", reason="why", **more)
    finally:
        ledger.close()


def test_what_was_sent_is_not_sent_again_and_what_nobody_saw_is_noticed(house: House) -> None:
    house.clock.advance(timedelta(minutes=20))
    sent = once(house)
    number = sorted(house.ecm.spaces)[2]
    stood = house.ecm.spaces[number].modified
    approve(house, 2)
    house.ecm.spaces[number].modified = stood  # an edit that moved no date
    house.start()
    unseen = once(house)

    done = _rewind(house)
    house.start()

    assert done.watermarks == 1
    assert done.records >= 2
    assert unseen == sent
    assert {person for person, _ in set(once(house)) - set(sent)} == {"C-3"}
    assert all(count == 1 for count in once(house).values())
    with Ledger.open(house.state).database.conn as file:
        (body,) = file.execute("SELECT body FROM history WHERE kind = 'rewind'").fetchone()
    assert "why" not in body
    assert json.loads(body)["stream"] == _STREAM


def test_a_stream_that_nobody_looked_at_is_refused_with_the_nearest(house: House) -> None:
    with pytest.raises(UsageError, match="did you mean 'workspaces/Customer Onboarding'"):
        _rewind(house, "workspaces/Customer Onbording")


def test_an_export_holds_every_row_and_names_nobody_unless_it_is_to(house: House) -> None:
    ledger = Ledger.open(house.state, read_only=True)
    masked = [exporting.as_line(row) for row in exporting.rows(ledger, full=False)]
    full = [exporting.as_line(row) for row in exporting.rows(ledger, full=True)]
    tables = {row[0] for row in ledger.database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    filled = {name for name in tables if ledger.database.execute(f"SELECT count(*) FROM {name}").fetchone()[0]}
    subject = ledger.history.subject("C-1")
    salt = ledger.database.execute("SELECT value FROM identity WHERE name = 'salt'").fetchone()[0]
    ledger.close()

    assert {json.loads(line)["table"] for line in masked} == filled
    assert len(masked) == len(full)
    assert not [line for line in masked if "C-1" in line or "@" in line]
    assert [line for line in masked if subject in line and json.loads(line)["table"] == "outbox"]
    assert [line for line in full if "C-1" in line]
    assert not [line for line in (*masked, *full) if salt in line]


def test_a_document_that_waits_to_be_stored_is_exported_too(house: House) -> None:
    content = b"\xff\x00 <p>Dear C-1</p>"
    with unnoticed(house.state) as connection:
        connection.execute("INSERT INTO content VALUES (?, ?)", (sha256(content).hexdigest(), content))
    ledger = Ledger.open(house.state, read_only=True)
    exported = {
        full: [json.loads(exporting.as_line(row)) for row in exporting.rows(ledger, full=full)]
        for full in (False, True)
    }
    ledger.close()

    [masked], [whole] = ([row["bytes"] for row in rows if row["table"] == "content"] for rows in exported.values())
    assert (masked, b64decode(whole)) == (exporting.HIDDEN, content)
