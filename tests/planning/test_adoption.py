"""Which messages another state file may have sent before a copy was adopted: all but those that prove to be younger."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ecmbraze.model import Action, Change, Kind, Record, WorkspaceKey
from ecmbraze.planning.adoption import Adoption

_AT = datetime(2026, 11, 28, 12, tzinfo=UTC)
_BEFORE, _AFTER, _LONG = _AT - timedelta(hours=1), _AT + timedelta(hours=1), timedelta(hours=24)
_STREAM = "workspaces/T"


def _may_have_gone(*, kind: Kind = Kind.CAMPAIGN, planned: datetime | None = None, **more: Any) -> bool:
    record = Record(
        key=WorkspaceKey(id=7),
        stream=_STREAM,
        name="w",
        created_at=more.get("created", _BEFORE),
        modified_at=more.get("modified", _BEFORE),
        facts={},
        customers=("C",),
    )
    change = Change(record=record, before=None, fires=True, memory={}, since=more.get("since", _BEFORE))
    action = Action(
        flow="f",
        record="ws:7",
        rule="r",
        occurrence="1",
        kind=kind,
        recipient="C",
        name="n",
        payload=None,
        expires_at=_AT,
        reason="",
        not_before=more.get("not_before"),
    )
    seen = {_STREAM: planned} if planned else {}
    return Adoption(at=_AT, planned=seen, sweep_every=_LONG).may_have_gone(action, change)


@pytest.mark.parametrize(
    ("known", "doubtful"),
    [
        ({}, True),
        ({"modified": _AFTER}, True),  # the last edit is younger, what it came to may be older
        ({"created": _AFTER}, False),
        ({"since": _AFTER}, False),
        ({"not_before": _AFTER}, False),
        ({"not_before": _BEFORE}, True),
        ({"planned": _BEFORE}, True),
        ({"planned": _AFTER}, True),  # no edit explains it: found by a sweep, nobody knows since when it is so
        ({"planned": _AFTER, "modified": _AFTER}, False),
        ({"planned": _AT + 2 * _LONG + timedelta(hours=1)}, False),  # all was read again since
    ],
)
def test_a_message_is_doubtful_until_something_proves_that_it_is_younger(
    known: Mapping[str, Any], doubtful: bool
) -> None:
    assert _may_have_gone(**known) is doubtful


@pytest.mark.parametrize("kind", [kind for kind in Kind if not kind.is_message])
def test_what_may_be_repeated_is_never_doubtful(kind: Kind) -> None:
    assert not _may_have_gone(kind=kind)
