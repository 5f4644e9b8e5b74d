"""The dated lists against the simulated Braze over HTTP, which was written from the same facts by somebody else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ecmbraze.errors import CredentialRefused, TemporaryError
from ecmbraze.model import AddressList
from ecmbraze.sandbox.remote import RemoteSandbox
from ecmbraze.systems.braze.client import BrazeClient
from tests.forking.sandboxes import sandbox
from tests.systems.rig import FakeClock, http

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
LEFT, BOUNCED, INVALID = AddressList
CROWD = 1100


@pytest.fixture(scope="module")
def running() -> Iterator[RemoteSandbox]:
    with sandbox("--seed", "3", "--workspaces", "0", now=NOW - timedelta(days=3)) as box:
        box.freeze()
        yield box


@pytest.fixture
def box(running: RemoteSandbox) -> Iterator[RemoteSandbox]:
    """A Braze in which nobody is on a list, at :data:`NOW`; people are ``P-<number>``."""
    running.reset()
    running.set_clock(NOW)
    yield running
    running.clear_faults()


@pytest.fixture
def braze(box: RemoteSandbox) -> BrazeClient:
    return BrazeClient(http(box.braze, clock=FakeClock()), api_key=box.api_key)


def _person(number: int, state: str = "unsubscribed", **more: Any) -> dict[str, Any]:
    return {"external_id": f"P-{number:04}", "email": f"P-{number:04}@X.org", "email_subscribe": state, **more}


def _leave(box: RemoteSandbox, *numbers: int, after: float = 1.0) -> None:
    """Let people unsubscribe one second after the other."""
    box.change(*(_person(number) for number in numbers))
    box.advance(after)


def _names(*numbers: int) -> set[str]:
    return {f"p-{number:04}@x.org" for number in numbers}


def test_everybody_is_found_over_all_pages_each_with_the_moment(box: RemoteSandbox, braze: BrazeClient) -> None:
    _leave(box, *range(CROWD))
    _leave(box, CROWD)

    found = braze.address_list(LEFT, NOW)

    assert set(found) == _names(*range(CROWD + 1))
    assert found[f"p-{CROWD}@x.org"] == NOW + timedelta(seconds=1)
    assert braze.address_list(BOUNCED, NOW) == {}


def test_invalid_numbers_are_found_over_all_pages_although_the_newest_come_first(
    box: RemoteSandbox, braze: BrazeClient
) -> None:
    box.change(
        *({"external_id": f"P-{n}", "phone": f"+4930{n:05}", "invalid_phone": "deactivated"} for n in range(CROWD))
    )

    found = braze.address_list(INVALID, NOW)

    assert set(found) == {f"+4930{n:05}" for n in range(CROWD)}
    assert braze.address_list(LEFT, NOW) == {}
    assert braze.missing_permissions(["/sms/invalid_phone_numbers"]) == {}


def test_whoever_unsubscribed_on_the_utc_day_asked_for_is_found_and_nobody_of_the_day_before(
    box: RemoteSandbox, braze: BrazeClient
) -> None:
    box.set_clock(datetime(2026, 3, 8, 23, 59, 59, tzinfo=UTC))
    _leave(box, 1)
    _leave(box, 2)  # at midnight
    box.set_clock(NOW)
    _leave(box, 3)

    berlin = datetime.fromisoformat("2026-03-09T00:30:00-05:00")
    assert set(braze.address_list(LEFT, berlin)) == _names(2, 3)
    assert set(braze.address_list(LEFT, berlin - timedelta(days=1))) == _names(1, 2, 3)


def test_somebody_who_unsubscribes_between_two_pages_hides_nobody(box: RemoteSandbox, braze: BrazeClient) -> None:
    _leave(box, *range(CROWD))
    box.fault("edit", path="/email/unsubscribes", when="before", skip=1, changes=[_person(5000)])
    assert set(braze.address_list(LEFT, NOW)) >= _names(*range(CROWD))


@pytest.mark.parametrize("gone", [range(1), range(499, 500), range(60), range(300, 420), range(440, 560)])
def test_whoever_leaves_the_list_between_two_pages_hides_nobody(
    box: RemoteSandbox, braze: BrazeClient, gone: range
) -> None:
    box.call("POST", "/braze/switches", {"list_resubscribed": False})
    _leave(box, *range(CROWD))
    back = [_person(number, "opted_in") for number in gone]
    box.fault("edit", path="/email/unsubscribes", when="before", skip=1, changes=back)

    found = set(braze.address_list(LEFT, NOW))

    assert found >= _names(*(n for n in range(CROWD) if n not in gone))


def test_an_address_that_bounced_stands_on_the_list_of_bounces_alone(box: RemoteSandbox, braze: BrazeClient) -> None:
    box.change(_person(1, "subscribed"), _person(2, "subscribed", hard_bounced=True))
    assert set(braze.address_list(BOUNCED, NOW)) == _names(2)
    assert braze.hard_bounces(NOW) == _names(2)
    assert braze.address_list(LEFT, NOW) == {}


def test_a_key_without_the_right_is_told_so_and_a_failing_list_is_temporary(
    box: RemoteSandbox, braze: BrazeClient
) -> None:
    box.fault("status", path="/email/unsubscribes", status=403, json={"message": "Access Denied"})
    with pytest.raises(CredentialRefused, match=r"email\.unsubscribe"):
        braze.address_list(LEFT, NOW)
    box.fault("html200", path="/email/unsubscribes", times=99)
    with pytest.raises(TemporaryError):
        braze.address_list(LEFT, NOW)
