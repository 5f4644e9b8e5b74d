"""A state file that ecmbraze of version 13 left, with a row for each accepted attribute: this program reads on there.

The file was made once, at commit fe0045d, by staging and sending through its own outbox; it is never made again.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ecmbraze.ledger import attributerows
from ecmbraze.model import Json, State
from tests.channels.desk import Desk, attributes_of
from tests.ledger.test_state_v12 import of_version

_KEY = '{"key": "6434fa89ea7964df6b84b2a220d1360ca895dfc2d84cba992ec24b42ae132228", "since": 1}'
_WITHDRAWN = {"Consent.Email Status": "Withdrawn"}
# Of C-1 the name ecm_product was emptied, and another value of ecm_stage refused since.
_THEIRS: dict[str, dict[str, Json]] = {
    "C-1": {
        "ecm_list": ["a", "b"],
        "ecm_product": None,
        "ecm_rate": 123456789.12345679,
        "ecm_stage": "old",
        "ecm_vip": True,
    },
    "C-2": {},
    "EU/attribute/7": {"ecm_stage": "there"},
    "canary": {"ecmbraze_canary": 1773136800},
}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """The file of that time, open."""
    return of_version(13, _KEY, tmp_path, "C-1", "C-2", "EU/attribute/7")


def _values(desk: Desk) -> dict[str, dict[str, Json]]:
    asked = desk.ledger.database.conn, attributerows.ACCEPTED
    return attributerows.values_of(list(_THEIRS), "attribute", asked)


def test_what_was_accepted_is_read_right_after_the_step_emptied_and_unknown_apart(desk: Desk) -> None:
    accepted = desk.ledger.outbox.accepted

    assert _values(desk) == _THEIRS
    for person, values in _THEIRS.items():
        assert {name: accepted(f"{person}/attribute/{name}") for name in values} == values
    assert accepted("C-1/attribute/ecm_new") is None
    assert accepted("C-3/withdrawal/email") == "unsubscribed"
    assert [accepted(f"ws:7/category/{name}") for name in ("Consent", "attribute/x")] == [_WITHDRAWN, _WITHDRAWN]


def test_the_attributes_of_a_person_are_one_row_with_the_newest_time(desk: Desk) -> None:
    rows = desk.ledger.database.execute("SELECT target, at FROM accepted").fetchall()

    early, late = "2026-03-10T09:00:00.000000Z", "2026-03-10T09:01:00.000000Z"
    assert rows == [
        ("C-1/attribute/@", late),
        ("C-3/withdrawal/email", early),
        ("EU/attribute/7/attribute/@", early),
        ("canary/attribute/@", early),
        ("ws:7/category/Consent", early),
        ("ws:7/category/attribute/x", early),
    ]
    desk.ledger.verify()


def test_what_is_taken_now_changes_the_attributes_it_holds_and_no_other(desk: Desk) -> None:
    desk.stage(*attributes_of("C-1", {"ecm_product": "back", "ecm_stage": "new"}))
    desk.new_run()

    desk.send()

    assert _values(desk) == {
        **_THEIRS,
        "C-1": {**_THEIRS["C-1"], "ecm_product": "back", "ecm_stage": "new"},
        "C-2": {"ecm_stage": "waits", "ecm_vip": False},
    }
    assert {row.state for row in desk.rows()} == {State.SENT, State.DROPPED}
