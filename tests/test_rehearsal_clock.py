"""A rehearsal has one clock: the program takes its time from the sandbox, however far that was moved."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ecmbraze.sandbox.remote import RemoteSandbox
from ecmbraze.systems.rehearsal import sandbox_now
from tests.rehearsal import CONTRACT, START, Rehearsal


@pytest.fixture
def unset(fresh: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> Rehearsal:
    """A rehearsal as an operator starts it: nothing tells the program the time."""
    monkeypatch.delenv("ECMBRAZE_NOW", raising=False)
    environ = fresh.environ

    def without() -> dict[str, str]:
        return {name: value for name, value in environ().items() if name != "ECMBRAZE_NOW"}

    monkeypatch.setattr(fresh, "environ", without)
    return fresh


def test_the_clock_of_the_sandbox_is_that_of_the_program_however_it_is_moved(unset: Rehearsal) -> None:
    unset.set_up()
    unset.config["guards"] = {"max_gap": "3660d"}  # the clock jumps further than a run may be apart
    for days in (5, 40):
        unset.box.advance(timedelta(days=days).total_seconds())
        unset.box.edit_workspace(unset.open_workspaces()[0], {CONTRACT: "Approved"})

        report = unset.run()

        started = datetime.fromisoformat(report["started_at"])
        assert abs((started - unset.box.now()).total_seconds()) < 300
    assert sum(unset.messages().values()) == 4


def test_the_question_for_the_time_meets_no_fault_and_stands_in_no_journal(unset: Rehearsal) -> None:
    unset.set_up()
    unset.box.clear_journal()
    unset.box.fault("reset_before", system="ecm")

    assert unset.ecmbraze("status").code == 0

    assert unset.box.faults()[0]["hits"] == 0
    assert unset.box.journal() == []


def test_a_set_instant_goes_before_the_sandbox(fresh: Rehearsal) -> None:
    fresh.ahead = timedelta(days=1)
    fresh.ecmbraze("init", "--non-interactive")

    report = fresh.ecmbraze("onboarding", "--json").report

    assert datetime.fromisoformat(report["started_at"]) >= START + timedelta(days=1)


@contextmanager
def server(status: int, body: bytes) -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_address[1]}/otcs/cs.exe"
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


def answering(now: object) -> bytes:
    return json.dumps({"ecmbraze_sandbox": {"now": now}}).encode()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b"<html>not here</html>"),
        (200, b"<html>a tunnel to a real server</html>"),
        (200, b""),
        (200, b"[1]"),
        (200, b'{"ecmbraze_sandbox": 5}'),
        (302, answering("2026-01-01T00:00:00+00:00")),
        (200, answering(None)),
        (200, answering("2026-01-01T00:00:00")),
        (200, answering("tomorrow")),
        (400, answering("2026-01-01T00:00:00+00:00")),
    ],
)
def test_what_is_no_sandbox_sets_no_clock(status: int, body: bytes) -> None:
    with server(status, body) as url:
        assert sandbox_now(url) is None


def test_where_nothing_listens_the_clock_of_the_machine_counts() -> None:
    with server(200, b"") as url:
        gone = url
    assert sandbox_now(gone) is None


def test_a_sandbox_tells_its_time(running: Callable[[], RemoteSandbox]) -> None:
    with running() as box:
        assert sandbox_now(box.ecm) == START.replace(tzinfo=UTC)


@pytest.fixture
def running() -> Callable[[], RemoteSandbox]:
    def start() -> RemoteSandbox:
        box = RemoteSandbox.start("--workspaces", "1", now=START)
        box.freeze()
        box.set_clock(START)
        return box

    return start
