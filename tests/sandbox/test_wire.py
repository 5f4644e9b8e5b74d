"""Faults as a client's socket sees them, keep-alive, and the record of it all (section 13, 4 and 21)."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, jsonify, request

from ecmbraze.sandbox.clock import SandboxClock
from ecmbraze.sandbox.faults import Fault, FaultPlan
from ecmbraze.sandbox.gate import Gate
from ecmbraze.sandbox.journal import Journal, digest
from ecmbraze.sandbox.wire import LOOPBACK, Listener
from tests.sandbox.desk import NOW


class Rig:
    """A tiny application that counts what it processed, behind a gate on a real socket."""

    def __init__(self) -> None:
        self.processed: list[str] = []
        self.edits: list[Any] = []
        self.pauses: list[float] = []
        self.together = threading.Barrier(3)
        self.plan, self.journal = FaultPlan(), Journal()
        clock = SandboxClock(NOW)
        gate = Gate(
            system="ecm",
            app=self._app(),
            journal=self.journal,
            faults=self.plan,
            now=clock.now,
            edit=self._edit,
            pause=self.pauses.append,
        )
        self.listener = Listener()
        self.listener.hang(gate)
        self.listener.start()
        self.port = int(self.listener.url.rsplit(":", 1)[1])

    def _edit(self, fault: Fault) -> str:
        self.edits.append((len(self.processed), list(fault.edits)))
        return ""

    def _app(self) -> Flask:
        app = Flask(__name__)

        @app.route("/<path:what>", methods=["GET", "POST"])
        def echo(what: str) -> Any:
            self.processed.append(what)
            if what == "together":
                self.together.wait(60)
            return jsonify(what=what, size=len(request.get_data()))

        return app

    def order(self, kind: str, **more: Any) -> None:
        self.plan.add([Fault.read({"kind": kind, **more})])

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(LOOPBACK, self.port, timeout=60)

    def ask(self, path: str = "/a", method: str = "GET", body: str | None = None) -> tuple[int, str, Any]:
        connection = self.connect()
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, str(answer.headers["Content-Type"]), answer.read()
        finally:
            connection.close()

    def raw(self, wanted: bytes = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n") -> bytes:
        """Return every byte the server sends until it closes."""
        with socket.create_connection((LOOPBACK, self.port), timeout=60) as plain:
            plain.sendall(wanted)
            found = b""
            while chunk := plain.recv(65536):
                found += chunk
            return found

    def last(self) -> dict[str, Any]:
        found: dict[str, Any] = self.journal.read()["entries"][-1]
        return found


@pytest.fixture
def rig() -> Iterator[Rig]:
    found = Rig()
    yield found
    found.listener.stop()


def test_a_connection_is_kept_for_the_next_request(rig: Rig) -> None:
    connection = rig.connect()
    for number in range(3):
        connection.request("POST", f"/n{number}", "x" * 100_000)
        answer = connection.getresponse()
        assert json.loads(answer.read())["size"] == 100_000
        assert answer.version == 11
        assert not answer.will_close
        sock = connection.sock
        assert sock is not None
    connection.close()


def test_a_client_that_asks_for_close_gets_it(rig: Rig) -> None:
    assert b"Connection: close" in rig.raw(b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")


def test_chunked_bodies_are_read_to_their_end(rig: Rig) -> None:
    connection = rig.connect()
    connection.request(
        "POST", "/a", iter([b"abc", b"defg"]), encode_chunked=True, headers={"Transfer-Encoding": "chunked"}
    )
    assert json.loads(connection.getresponse().read())["size"] == 7
    connection.request("GET", "/b")
    assert connection.getresponse().status == 200
    connection.close()


def test_a_reset_before_processes_nothing(rig: Rig) -> None:
    rig.order("reset_before")
    with pytest.raises(ConnectionResetError):
        rig.ask()
    assert rig.processed == []
    assert (rig.last()["status"], rig.last()["processed"], rig.last()["fault"]) == (None, False, "reset_before")
    assert rig.ask()[0] == 200


def test_a_reset_after_has_processed_the_write(rig: Rig) -> None:
    rig.order("reset_after", method="POST")
    with pytest.raises(ConnectionResetError):
        rig.ask(method="POST", body="x")
    assert rig.processed == ["a"]
    assert (rig.last()["status"], rig.last()["processed"]) == (None, True)


def test_an_answer_is_cut_at_any_byte(rig: Rig) -> None:
    whole = rig.raw(b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").replace(b"Connection: close\r\n", b"")
    for size in (0, 1, 20, len(whole) - 3):
        rig.order("cut_answer", bytes=size)
        assert len(rig.raw()) == size
    rig.order("cut_answer", bytes=-1)
    assert rig.raw()[:15] == whole[:15]
    rig.order("cut_answer", bytes=-3)
    with pytest.raises(http.client.IncompleteRead):
        rig.ask()
    assert len(rig.processed) == 7


def test_a_dripping_answer_arrives_whole(rig: Rig) -> None:
    rig.order("drip", seconds=0.001, bytes=40)
    assert json.loads(rig.ask()[2])["what"] == "a"


@pytest.mark.parametrize(
    ("kind", "status", "mark"),
    [
        ("html500", 500, b"Error Processing Request"),
        ("html200", 200, b"<!DOCTYPE html>"),
        ("busy", 503, b"Please try again"),
        ("empty200", 200, b""),
    ],
)
def test_web_pages_and_empty_answers_of_any_status(rig: Rig, kind: str, status: int, mark: bytes) -> None:
    rig.order(kind)
    seen, content_type, body = rig.ask()
    assert seen == status
    assert mark in body
    assert content_type.startswith("application/json" if kind == "empty200" else "text/html")
    assert rig.processed == []


def test_a_status_fault_is_free_in_status_body_and_headers(rig: Rig) -> None:
    rig.order("status", status=429, json={"error": "slow down"}, headers={"Retry-After": 7})
    connection = rig.connect()
    connection.request("GET", "/a")
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Retry-After"]) == (429, "7")
    assert json.loads(answer.read()) == {"error": "slow down"}
    connection.close()


def test_a_replaced_answer_may_hide_that_the_write_was_done(rig: Rig) -> None:
    rig.order("status", status=502, process=True)
    assert rig.ask(method="POST", body="x")[0] == 502
    assert rig.processed == ["a"]


def test_a_redirect_points_elsewhere(rig: Rig) -> None:
    rig.order("redirect", location="http://127.0.0.1:1/steal")
    connection = rig.connect()
    connection.request("GET", "/a")
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Location"]) == (301, "http://127.0.0.1:1/steal")
    connection.close()


def test_any_fault_can_be_slow(rig: Rig) -> None:
    rig.order("slow", seconds=30)
    rig.order("html500", seconds=3)
    assert rig.ask()[0] == 200
    assert rig.ask()[0] == 500
    assert rig.pauses == [30.0, 3.0]


def test_an_edit_happens_between_two_requests_of_the_client(rig: Rig) -> None:
    rig.order("edit", path="/page2", edits=[{"do": "delete", "id": 1}], when="before")
    rig.order("edit", path="/page2", edits=[{"do": "delete", "id": 2}])
    for path in ("/page1", "/page2", "/page2"):
        assert rig.ask(path)[0] == 200
    assert rig.edits == [(1, [{"do": "delete", "id": 1}]), (3, [{"do": "delete", "id": 2}])]


def test_faults_choose_by_method_path_query_and_body_skip_some_and_hit_a_number_of_times(rig: Rig) -> None:
    rig.order("html500", method="POST", path="/track$", query='"name": ?"vip"', skip=1, times=2)
    body = '{"name": "vip"}'
    asked = [
        ("GET", "/track", None),
        ("POST", "/tracks", body),
        ("POST", "/track", "{}"),
        *[("POST", "/track", body)] * 4,
    ]
    assert [rig.ask(path, method, content)[0] for method, path, content in asked] == [200, 200, 200, 200, 500, 500, 200]
    assert (rig.plan.listing()[0]["left"], rig.plan.listing()[0]["hits"]) == (0, 2)


def test_query_looks_at_the_decoded_query_string_too(rig: Rig) -> None:
    rig.order("html500", query="name=Größe 1", times=None)
    assert rig.ask("/a?name=Gr%C3%B6%C3%9Fe%201")[0] == 500
    assert rig.ask("/a?name=other")[0] == 200
    rig.plan.clear()
    assert rig.ask("/a?name=Gr%C3%B6%C3%9Fe%201")[0] == 200


@pytest.mark.parametrize("raw", [{"kind": "flood"}, {"kind": "slow", "path": "("}, {"kind": "slow", "typo": 1}])
def test_a_fault_that_makes_no_sense_is_refused(raw: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"unknown|regular expression"):
        Fault.read(raw)


def test_the_journal_knows_each_request_but_no_secret(rig: Rig) -> None:
    connection = rig.connect()
    form, headers = (
        "username=u&password=hunter2&x=1&x=2",
        {"OTCSTicket": "t0p", "Content-Type": "application/x-www-form-urlencoded"},
    )
    connection.request("POST", "/a?page=2", form, headers)
    connection.getresponse().read()
    connection.close()
    entry = rig.last()
    assert (entry["seq"], entry["method"], entry["path"], entry["query"], entry["status"]) == (
        1,
        "POST",
        "/a",
        "page=2",
        200,
    )
    assert entry["form_keys"] == ["username", "password", "x", "x"]
    assert entry["credential"] == digest("t0p")
    assert not {"t0p", "hunter2"} & set(json.dumps(rig.journal.read()).split('"'))
    assert "hunter2" not in json.dumps(rig.journal.read())


def test_the_journal_counts_what_is_in_flight(rig: Rig) -> None:
    threads = [threading.Thread(target=rig.ask, args=("/together",)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rig.ask()[0] == 200
    assert rig.journal.read()["most_in_flight"] == {"ecm": 3}
    assert sorted(e["in_flight"] for e in rig.journal.read()["entries"]) == [1, 1, 2, 3]
    rig.journal.clear()
    assert rig.journal.read(0)["entries"] == []


def test_a_client_that_leaves_half_way_does_no_harm(rig: Rig) -> None:
    with socket.create_connection((LOOPBACK, rig.port), timeout=60) as plain:
        plain.sendall(b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
    assert rig.ask("/b")[0] == 200
    assert rig.processed == ["b"]
