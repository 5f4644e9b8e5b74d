"""A state file that ecmbraze of version 12 left, with a row for each attribute: this program goes on from there.

The file was made once, at commit 254ae56, by staging and sending through its own outbox; it is never made again.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from ecmbraze.ledger import counting, schema
from ecmbraze.ledger.connection import connect, unusable
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.model import Action, Kind, State
from tests.channels.desk import Desk, action_of, profile

_KEY = '{"key": "400d864adae73d9ab96ca4b27afd1ff9e656e90e13046b887d63a90f3931b6e2", "since": 1}'
_BOTH = ("ecm_product", "ecm_stage")


def of_version(number: int, key: str, folder: Path, *people: str) -> Desk:
    """Open a file of that time, whose dump lies beside this; Braze knows these people."""
    state = folder / "old" / "state.db"
    state.parent.mkdir(mode=0o700)
    for path in (state, state.with_name("state.db.key")):
        path.touch(0o600)
    state.with_name("state.db.key").write_text(key, encoding="utf-8")
    with closing(connect(state, unusable)) as file:
        file.executescript(Path(__file__).with_name(f"state_v{number}.sql").read_text(encoding="utf-8"))
        assert file.execute("PRAGMA user_version").fetchone()[0] == number < schema.VERSION
        file.execute("BEGIN IMMEDIATE")
        counting.bind(file, counting.counter(file.raw))  # it was copied row by row: count its commits anew
        file.execute("COMMIT")
    desk = Desk(folder, *people)
    desk.ledger.close()
    desk.ledger = Ledger.open(state)
    return desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """The file of that time, open; Braze knows everybody but C-2 and C-5."""
    return of_version(12, _KEY, tmp_path, "C-1", "C-3", "C-4")


def _attribute(person: str, name: str, value: str) -> Action:
    return action_of(Kind.ATTRIBUTE, person, name, value, record=f"ws:{person[-1]}", rule=name, occurrence="0")


def _stand(desk: Desk) -> list[tuple[str, str, State]]:
    return [(row.action.recipient, name, row.state) for row in desk.rows() for name in row.action.names]


def test_every_attribute_stands_as_it_stood(desk: Desk) -> None:
    assert _stand(desk) == [
        *(("C-1", name, State.SENT) for name in _BOTH),
        *(("C-2", name, State.WAITING) for name in _BOTH),
        ("C-3", "ecm_stage", State.REFUSED),
        *(("C-4", name, State.READY) for name in _BOTH),
    ]
    assert desk.ledger.history.first_break() is None


def test_what_waited_one_by_one_leaves_beside_what_is_staged_together_now(desk: Desk) -> None:
    desk.stage(*(_attribute("C-1", name, "new") for name in _BOTH), _attribute("C-4", "ecm_stage", "new"))
    desk.braze.known["C-2"] = [profile("C-2")]
    desk.new_run()

    desk.send()

    (batch,) = desk.braze.tracked
    assert dict(batch.attributes) == {
        "C-1": {"ecm_product": "new", "ecm_stage": "new"},
        "C-2": {"ecm_product": "ecm_product of C-2", "ecm_stage": "ecm_stage of C-2"},
        "C-4": {"ecm_product": "ecm_product of C-4", "ecm_stage": "new"},
    }
    assert ("C-4", "ecm_stage", State.SUPERSEDED) in _stand(desk)
    assert desk.ledger.outbox.pending("f") == 0


def test_a_newer_value_ends_the_refused_one_of_that_time(desk: Desk) -> None:
    desk.stage(*(_attribute("C-3", name, "good") for name in _BOTH))

    assert [state for person, _, state in _stand(desk) if person == "C-3"] == [State.DROPPED, State.READY, State.READY]
