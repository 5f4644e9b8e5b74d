"""One exchange on real sockets: what is proof that nothing was sent, and what ends an answer."""

from __future__ import annotations

import gzip
import io
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import urllib3.util.connection
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from ecmbraze.errors import ConfigurationError
from ecmbraze.systems import wire
from ecmbraze.systems.exchange import CertificateRefusedError, NotSentError, OutcomeUnknownError
from tests.systems.rig import FakeClock, answer, http, replying, reset, serving

Script = Callable[[socket.socket, bytes], None]


def test_b01_a_refused_connection_is_proof_that_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(NotSentError, match=r"not reachable \(connection refused\); nothing was sent"):
        http(f"http://127.0.0.1:{port}").once("POST", "/users/track", json={})


def test_b01_a_name_that_does_not_resolve_is_proof_that_nothing_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    with pytest.raises(NotSentError, match=r"rest\.test not reachable \(DNS\)"):
        http("https://rest.test").once("POST", "/users/track", json={})


def test_b02_a_connect_time_out_says_that_nothing_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def hangs(*_: Any, **__: Any) -> None:
        raise TimeoutError

    monkeypatch.setattr(urllib3.util.connection, "create_connection", hangs)
    with pytest.raises(NotSentError, match=r"no connection to rest\.test in 10 s; the request was not sent"):
        http("http://rest.test").once("POST", "/users/track", json={})


def test_b03_a_read_time_out_after_the_request_leaves_the_outcome_unknown() -> None:
    def silent(connection: socket.socket, _: bytes) -> None:
        connection.recv(1)

    with serving(silent) as server, pytest.raises(OutcomeUnknownError, match="no whole answer"):
        http(server.url, timeout_s=0.15).once("POST", "/users/track", json={})


def test_b04_a_reset_after_the_request_leaves_the_outcome_unknown() -> None:
    with serving(lambda connection, _: reset(connection)) as server, pytest.raises(OutcomeUnknownError, match="lost"):
        http(server.url).once("POST", "/users/track", json={})


class _DeadSocket:
    """A socket whose other side is gone: the kernel takes ``accepts`` bytes and no more."""

    def __init__(self, accepts: int) -> None:
        self._accepts = accepts

    def send(self, view: Any) -> int:
        if not self._accepts:
            raise ConnectionResetError(104, "Connection reset by peer")
        accepted, self._accepts = min(self._accepts, len(view)), 0
        return accepted

    def sendall(self, view: Any) -> None:
        if len(view):
            raise ConnectionResetError(104, "Connection reset by peer")

    def makefile(self, *_: Any) -> io.BufferedReader:
        return io.BufferedReader(io.BytesIO(b""))

    def settimeout(self, _: float | None) -> None: ...
    def shutdown(self, _: int) -> None: ...
    def close(self) -> None: ...


@pytest.mark.parametrize(("accepted", "failure"), [(0, NotSentError), (1, OutcomeUnknownError)])
def test_b04_one_byte_taken_by_the_kernel_decides(
    accepted: int, failure: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(self: Any) -> None:
        self.sock = _DeadSocket(accepted)

    monkeypatch.setattr(wire._PlainConnection, "connect", connect)
    with pytest.raises(failure):
        http("http://rest.test").once("POST", "/users/track", json={})


def test_b05_an_answer_that_is_cut_off_leaves_the_outcome_unknown() -> None:
    def cut(connection: socket.socket, _: bytes) -> None:
        connection.sendall(answer(201, b'{"message":"success"}')[:-5])
        connection.close()

    with serving(cut) as server, pytest.raises(OutcomeUnknownError):
        http(server.url).once("POST", "/users/track", json={})


@pytest.mark.parametrize("whole", [b"HTTP/1.1 200 OK\r\nContent-", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"])
def test_b33_an_answer_that_drips_is_cut_at_the_deadline(whole: bytes) -> None:
    def drip(connection: socket.socket, _: bytes) -> None:
        connection.sendall(whole)
        while True:
            connection.sendall(b" ")
            time.sleep(0.005)

    clock = FakeClock(step=10)  # each wait for bytes seems to take ten seconds
    with serving(drip) as server, pytest.raises(OutcomeUnknownError, match="within 60 s"):
        http(server.url, clock=clock).once("POST", "/users/track", json={})


@pytest.mark.parametrize("status", [200, 301])
@pytest.mark.parametrize(
    "broken",
    [
        b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"Transfer-Encoding: chunked\r\n\r\n-5\r\n{}",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}",
        b"Content-Encoding: gzip, gzip\r\nContent-Length: 2\r\n\r\n{}",
        b"X: " + b"x" * 70_000 + b"\r\n\r\n{}",
        b"X: x\r\n" * 200 + b"\r\n{}",
    ],
    ids=["two lengths", "a chunk below nothing", "a chunk of letters", "packed twice", "a long header", "many headers"],
)
def test_b05_an_answer_that_is_no_http_leaves_the_outcome_unknown(status: int, broken: bytes) -> None:
    def tells(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 %d X\r\nLocation: /other\r\n" % status + broken)
        connection.shutdown(socket.SHUT_WR)

    with serving(tells) as server, pytest.raises(OutcomeUnknownError):
        http(server.url).once("POST", "/campaigns/trigger/send", json={})


def test_b34_an_answer_above_the_limit_is_not_read_to_its_end() -> None:
    with (
        serving(replying(answer(200, b"x" * 3_000_000))) as server,
        pytest.raises(OutcomeUnknownError, match="larger than 1 MB"),
    ):
        http(server.url, max_body=1024 * 1024).once("GET", "/")


def test_b34_a_gzip_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(b"0" * 8_000_000)
    with (
        serving(replying(answer(200, bomb, "Content-Encoding: gzip"))) as server,
        pytest.raises(OutcomeUnknownError, match="100 times"),
    ):
        http(server.url).once("GET", "/")


def test_a_gzip_answer_of_usual_size_is_unpacked() -> None:
    packed = gzip.compress(b'{"message":"success"}')
    with serving(replying(answer(200, packed, "Content-Encoding: gzip"))) as server:
        assert http(server.url).once("GET", "/").json() == {"message": "success"}


def test_an_answer_that_cannot_be_unpacked_leaves_the_outcome_unknown() -> None:
    with (
        serving(replying(answer(200, b"no gzip", "Content-Encoding: gzip"))) as server,
        pytest.raises(OutcomeUnknownError, match="cannot be unpacked"),
    ):
        http(server.url).once("POST", "/")


def test_b23_a_redirect_is_returned_and_the_other_host_hears_nothing() -> None:
    with serving(replying(answer(200))) as other:
        moved = answer(301, b"", f"Location: {other.url}/users/track")
        with serving(replying(moved)) as server:
            got = http(server.url).once(
                "POST", "/users/track", json={}, headers={"OTCSTicket": "t", "Authorization": "k"}
            )
        assert (got.status, other.connections) == (301, 0)


@pytest.mark.parametrize("target", [b"\xff\xfe", b"http://[::1", b"http://", b"//", b"\x80:\x81", b"mailto:"])
def test_b23_a_redirect_to_what_is_no_address_is_returned_like_any_other(target: bytes) -> None:
    def moves(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 301 X\r\nContent-Length: 2\r\nLocation: " + target + b"\r\n\r\n{}")

    with serving(moves) as server:
        got = http(server.url).once("POST", "/campaigns/trigger/send", json={})
        assert (got.status, got.body) == (301, b"{}")


def test_b34_the_body_of_a_redirect_is_bounded_like_any_other() -> None:
    bomb = gzip.compress(b"0" * 8_000_000)
    with (
        serving(replying(answer(301, bomb, "Location: /other", "Content-Encoding: gzip"))) as server,
        pytest.raises(OutcomeUnknownError, match="100 times"),
    ):
        http(server.url).once("POST", "/campaigns/trigger/send", json={})


def test_b24_a_server_without_tls_behind_https_gets_no_request() -> None:
    heard: list[bytes] = []

    def plain(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            heard.append(connection.recv(65536))
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=plain, args=(listener,))
        thread.start()
        with pytest.raises(CertificateRefusedError, match="no acceptable TLS"):
            http(f"https://127.0.0.1:{listener.getsockname()[1]}").once("POST", "/users/track", json={"secret": 1})
        thread.join()
    assert b"users/track" not in heard[0]


def test_tls_below_1_2_is_never_offered() -> None:
    adapter = wire.session(1, None).get_adapter("https://rest.test")
    context = adapter.poolmanager.connection_pool_kw["ssl_context"]  # type: ignore[attr-defined]  # HTTPAdapter has it
    assert context.minimum_version.name == "TLSv1_2"


def test_the_keys_of_a_connection_are_not_written_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    adapter = wire.session(1, None).get_adapter("https://rest.test")
    context = adapter.poolmanager.connection_pool_kw["ssl_context"]  # type: ignore[attr-defined]  # HTTPAdapter has it
    assert (context.keylog_filename, list(tmp_path.iterdir())) == (None, [])


def test_the_authorities_are_those_of_the_ca_file_and_hosts_are_checked() -> None:
    adapter = wire.session(1, Path(DEFAULT_CA_BUNDLE_PATH)).get_adapter("https://rest.test")
    context = adapter.poolmanager.connection_pool_kw["ssl_context"]  # type: ignore[attr-defined]  # HTTPAdapter has it
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.cert_store_stats()["x509_ca"] > 50


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "folder"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_ca_file_that_cannot_be_used_is_wrong_configuration_before_anything_is_sent(
    kind: str, scheme: str, tmp_path: Path
) -> None:
    path = tmp_path / "ca.pem"
    if kind == "folder":
        path.mkdir()
    elif kind != "missing":
        path.write_text("no certificate" if kind == "text" else "", encoding="ascii")
    with pytest.raises(ConfigurationError, match=r"ca\.pem") as caught:
        http(f"{scheme}://127.0.0.1:9", ca_file=path).write("POST", "/users/track", fresh=True, json={})
    assert (caught.value.exit_code, "ca_file" in caught.value.advice) == (15, True)


def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with serving(replying(answer(200))) as server:
        assert http(server.url).once("GET", "/").status == 200


def test_cookies_are_not_kept() -> None:
    with serving(replying(answer(200, b"{}", "Set-Cookie: LLCookie=abc; Path=/"))) as server:
        client = http(server.url)
        client.once("GET", "/")
        client.once("GET", "/")
        assert not any(b"cookie" in request.lower() for request in server.requests)


def test_a_kept_connection_is_used_again_by_reads_however_old() -> None:
    clock = FakeClock()
    with serving(replying(answer(200))) as server:
        client = http(server.url, clock=clock)
        client.once("GET", "/")
        clock.advance(60)
        client.once("GET", "/")
        assert server.connections == 1


@pytest.mark.parametrize(("idle", "connections"), [(1.9, 1), (2.1, 2)])
def test_a_write_that_must_not_repeat_uses_a_kept_connection_for_two_seconds_only(
    idle: float, connections: int
) -> None:
    clock = FakeClock()
    with serving(replying(answer(201))) as server:
        client = http(server.url, clock=clock)
        client.once("POST", "/users/track", fresh=True, json={})
        clock.advance(idle)
        client.once("POST", "/users/track", fresh=True, json={})
        assert server.connections == connections


def test_no_more_connections_are_open_at_once_than_allowed() -> None:
    most, now, lock, pair = 0, 0, threading.Lock(), threading.Barrier(2)

    def slow(connection: socket.socket, _: bytes) -> None:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        pair.wait(timeout=60)
        time.sleep(0.02)  # for a third one, which must not come
        with lock:
            now -= 1
        connection.sendall(answer(200))

    with serving(slow) as server:
        client = http(server.url, connections=2)
        threads = [threading.Thread(target=client.once, args=("GET", "/")) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (most, len(server.requests)) == (2, 6)


def test_a_header_that_cannot_be_sent_is_no_doubt() -> None:
    with pytest.raises(NotSentError, match="could not be built"):
        http("http://rest.test").once("POST", "/", headers={"Authorization": "Bearer a\nb"})
