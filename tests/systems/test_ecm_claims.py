"""The claim of a state file in the simulated Extended ECM, which was written from the same facts by somebody else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC

import pytest

from ecmbraze.errors import ConfigurationError, RecordUnreadable, TemporaryError
from ecmbraze.model import Verdict
from ecmbraze.sandbox.remote import RemoteSandbox
from ecmbraze.systems.ecm.claims import NAME
from ecmbraze.systems.ecm.client import EcmClient
from tests.forking.sandboxes import sandbox
from tests.systems.rig import http
from tests.systems.test_ecm_writes_sandbox import NOW

_FIRST, _NEXT, _OTHER = "the first text", "the next text", "another text"


@pytest.fixture(scope="module")
def running() -> Iterator[RemoteSandbox]:
    with sandbox("--seed", "3", "--workspaces", "0", now=NOW) as box:
        box.add_type("Archive", [])
        yield box


@pytest.fixture
def box(running: RemoteSandbox) -> Iterator[RemoteSandbox]:
    yield running
    running.clear_faults()


def _client(box: RemoteSandbox) -> EcmClient:
    return EcmClient(http(box.ecm, "ecm"), username=box.username, password=box.password, zone=UTC)


@pytest.fixture
def ecm(box: RemoteSandbox) -> EcmClient:
    return _client(box)


@pytest.fixture
def folder(box: RemoteSandbox) -> int:
    return box.create_workspace("Archive")


@pytest.fixture
def claim(ecm: EcmClient, folder: int) -> int:
    number, answer = ecm.make_claim(folder, _FIRST)
    assert number, answer
    return number


def test_a_claim_is_found_where_it_was_made_and_says_what_was_written(
    ecm: EcmClient, folder: int, claim: int, box: RemoteSandbox
) -> None:
    assert ecm.find_claim(folder) == claim
    assert ecm.read_claim(claim).text == _FIRST
    assert ecm.read_claim(claim).lock
    assert ecm.find_claim(box.create_workspace("Archive")) is None


def test_of_two_that_make_it_one_is_refused(ecm: EcmClient, box: RemoteSandbox, folder: int, claim: int) -> None:
    number, answer = _client(box).make_claim(folder, _OTHER)

    assert number is None
    assert answer.verdict is not Verdict.ACCEPTED
    assert ecm.read_claim(claim).text == _FIRST


def test_of_two_that_move_it_under_one_lock_the_second_is_refused(
    ecm: EcmClient, box: RemoteSandbox, claim: int
) -> None:
    other = _client(box)
    lock = ecm.read_claim(claim).lock
    assert other.read_claim(claim).lock == lock

    first, second = ecm.move_claim(claim, lock, _NEXT), other.move_claim(claim, lock, _OTHER)

    assert (first.verdict, second.verdict) == (Verdict.ACCEPTED, Verdict.REFUSED)
    assert other.read_claim(claim).text == _NEXT
    assert other.read_claim(claim).lock != lock


def test_without_a_lock_nothing_is_written(ecm: EcmClient, claim: int) -> None:
    assert ecm.move_claim(claim, "", _NEXT).verdict is Verdict.NOT_PROCESSED
    assert ecm.read_claim(claim).text == _FIRST


def test_one_that_is_deleted_or_hidden_is_unreadable_and_a_failing_ecm_is_temporary(
    ecm: EcmClient, box: RemoteSandbox, folder: int, claim: int
) -> None:
    box.fault("html500", system="ecm", path=f"/api/v2/nodes/{claim}", times=20)
    with pytest.raises(TemporaryError):
        ecm.read_claim(claim)
    box.clear_faults()

    box.delete_workspace(folder)

    later = _client(box)  # the failed address is not asked again by the same client
    with pytest.raises(RecordUnreadable):
        later.read_claim(claim)
    with pytest.raises(RecordUnreadable):
        later.find_claim(folder)


def test_a_move_whose_answer_is_lost_stands_there_all_the_same(ecm: EcmClient, box: RemoteSandbox, claim: int) -> None:
    lock = ecm.read_claim(claim).lock
    box.fault("reset_after", system="ecm", path=f"/api/v2/nodes/{claim}", times=1)

    assert ecm.move_claim(claim, lock, _NEXT).verdict is Verdict.UNKNOWN
    assert ecm.read_claim(claim).text == _NEXT


def test_a_workspace_is_found_by_its_name_or_the_nearest_is_named(ecm: EcmClient, box: RemoteSandbox) -> None:
    number = box.create_workspace("Archive", name="Operations ecmbraze")

    assert ecm.workspace_named("Operations ecmbraze") == number
    with pytest.raises(ConfigurationError, match="did you mean 'Operations ecmbraze'"):
        ecm.workspace_named("Operations ecmbrase")
    with pytest.raises(ConfigurationError, match="no workspace named 'Quite another'"):
        ecm.workspace_named("Quite another")
    assert NAME not in box.workspace(number)["name"]
