"""A probe whose requests fail, one after the other: what it made is gone or named, the attribute as it was."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ecmbraze.cli.check.probe import place as places
from ecmbraze.cli.check.probe.clearing import Cleared
from ecmbraze.cli.check.probe.steps import Probe
from ecmbraze.sandbox.remote import RemoteSandbox
from ecmbraze.systems.ecm.client import EcmClient
from tests.forking.sandboxes import sandbox
from tests.probe_bench import standing
from tests.rehearsal import SOAK
from tests.systems.rig import http

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
NOTE = "Trial.Note"
TOKEN = "0a1b2c3d"


class Clock:
    """The clock of the sandbox, which stands still but for what the probe waits."""

    def __init__(self, box: RemoteSandbox) -> None:
        self._box, self._start, self.elapsed = box, box.now(), 0.0

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return self.elapsed

    def sleep(self, seconds: float) -> None:
        self.elapsed += seconds
        self._box.advance(seconds)


@pytest.fixture(scope="module")
def running() -> Iterator[RemoteSandbox]:
    with sandbox("--seed", "3", "--world", "empty", now=NOW) as box:
        box.freeze()
        box.add_category("Trial", [{"name": "Note"}])
        box.add_type("Trial", ["Trial"])
        yield box


@pytest.fixture
def box(running: RemoteSandbox) -> Iterator[RemoteSandbox]:
    yield running
    running.clear_faults()


@pytest.fixture
def workspace(box: RemoteSandbox, request: pytest.FixtureRequest) -> int:
    return box.create_workspace("Trial", name=request.node.name, values={NOTE: "as it was"})


def probe(box: RemoteSandbox, workspace: int) -> Probe:
    """Return a probe that is ready to write, every request of it over HTTP."""
    clock = Clock(box)

    def client() -> EcmClient:
        return EcmClient(http(box.ecm, "ecm", clock=clock), username=box.username, password=box.password, zone=UTC)  # type: ignore[arg-type]

    ecm = client()
    [trial] = ecm.probing.trials(workspace, [f"{places.MARK} {TOKEN}"])
    box.clear_journal()
    return Probe(
        ecm=ecm,
        renewed=client,
        place=places.find(ecm, str(workspace)),
        trial=trial,
        token=TOKEN,
        wait_s=4.0,
        clock=clock,
        tick=lambda: None,
    )


def numbers(box: RemoteSandbox, workspace: int) -> range:
    """Return the numbers of the requests that an undisturbed probe makes."""
    box.clear_journal()
    probe(box, workspace).run()
    return range(len(box.journal(system="ecm")))


FAULTS: dict[str, dict[str, Any]] = {
    "cut off before it was done": {"kind": "reset_before"},
    "done, but not answered": {"kind": "reset_after"},
    "done, but answered with a page": {"kind": "html500", "process": True},
    "refused": {"kind": "status", "status": 403, "json": {"error": "no"}},
    "refused for a reason nobody knows": {"kind": "status", "status": 500, "json": {"error": "no"}},
    "refused as if it were not there": {"kind": "status", "status": 400, "json": {"error": "no"}},
    "an edit conflict": {"kind": "status", "status": 409, "json": {"error": "no"}},
    "the ticket expired": {"kind": "status", "status": 401, "json": {"error": "Authentication Required"}},
}


@pytest.mark.parametrize("how", FAULTS)
def test_whichever_request_fails_once_nothing_is_left(box: RemoteSandbox, workspace: int, how: str) -> None:
    before = standing(box, workspace)
    for number in numbers(box, workspace):
        trying = probe(box, workspace)
        box.fault(system="ecm", skip=number, times=1, **FAULTS[how])

        trying.run()

        assert box.faults()[0]["hits"] <= 1
        box.clear_faults()
        assert standing(box, workspace) == before, number
        assert (trying.seen.cleared, trying.seen.stands) == (Cleared(), ""), number


@pytest.mark.soak
@pytest.mark.parametrize("how", ["cut off before it was done", "done, but not answered", "refused"])
@pytest.mark.parametrize("methods", ["PUT", "POST", "DELETE", ""])
def test_whatever_fails_for_good_is_named_as_far_as_it_stands(
    box: RemoteSandbox, workspace: int, how: str, methods: str
) -> None:
    before = standing(box, workspace)
    for number in list(numbers(box, workspace))[:: 1 if SOAK else 7]:
        trying = probe(box, workspace)
        box.fault(system="ecm", skip=number, times=None, **({"method": methods} if methods else {}), **FAULTS[how])

        trying.run()

        box.clear_faults()
        after, seen = standing(box, workspace), trying.seen
        named = {one.node.name for one in seen.cleared.left}
        assert seen.cleared.unlisted or {name.rpartition("/")[2] for name in after["below"]} <= named, number
        assert seen.stands or after["values"] == before["values"], number
        assert not seen.edited
        _clean_up(box, workspace)
        assert standing(box, workspace) == before


def _clean_up(box: RemoteSandbox, workspace: int) -> None:
    ecm = EcmClient(http(box.ecm, "ecm"), username=box.username, password=box.password)
    for one in ecm.probing.below(workspace):
        box.filed(do="delete", id=one.id)
    box.edit_workspace(workspace, {NOTE: "as it was"})
