"""Fork real child processes from one process that has imported everything; runs nothing itself.

The imports cost a command most of a second, a fork a few milliseconds. An order is one message on a socket: a pickled
(callable, environment, folder) with four descriptors, the child's standard streams and a socket of the order's own,
on which its pid and later its exit code are answered. So no answer can be taken for that of another order.
"""

from __future__ import annotations

import gc
import importlib
import os
import pickle
import pkgutil
import select
import signal
import socket
import sys
import threading
import traceback
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import typer.main

import ecmbraze
from ecmbraze.config import load
from ecmbraze.flows import BY_NAME
from ecmbraze.report.page import as_html

ORDER_BYTES = 1 << 17
_TESTS = ("tests.forking.programs", "tests.crashing.crossings")
_EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"
# What a command imports late; one that another version of its package lacks is no loss.
_LATE = (
    "_strptime",
    "difflib",
    "encodings.ascii",
    "encodings.idna",
    "encodings.utf_8_sig",
    "rich._emoji_codes",
    "rich.table",
    "typer._adapters",
    "typer._click.decorators",
    "tzdata",
)


def main() -> None:
    """Import everything and serve orders."""
    orders = socket.socket(fileno=int(sys.argv[1]))
    _warm_up()
    serve(orders)


def serve(orders: socket.socket, *, keep: frozenset[int] = frozenset()) -> None:
    """Serve orders until the other end closes; then end what still runs. Children inherit the descriptors ``keep``."""
    wake, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.set_wakeup_fd(wakes)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: dict[int, socket.socket] = {}
    while True:
        ready = select.select([orders.fileno(), wake], [], [])[0]
        if wake in ready:
            os.read(wake, 4096)
            _reap(running)
        if orders.fileno() in ready:
            order, descriptors, _, _ = socket.recv_fds(orders, ORDER_BYTES, 4)
            if not order:
                break
            _fork(order, descriptors, running, keep)
    for pid in running:
        os.kill(pid, signal.SIGKILL)


def _warm_up() -> None:
    """Import everything, make once what each command would make alike, and keep it all out of the collector."""
    package = [found.name for found in pkgutil.walk_packages(ecmbraze.__path__, "ecmbraze.")]
    for name in (*package, *_TESTS):
        if not name.endswith("__main__"):
            importlib.import_module(name)
    for name in _LATE:
        with suppress(ImportError):
            importlib.import_module(name)
    made: Any = cache(typer.main.get_command)
    typer.main.get_command = made
    _prepare(made(importlib.import_module("ecmbraze.cli.app").app))
    # pydantic makes what reads a section at the first section of its sort: a third of what a short command costs.
    load(_EXAMPLE, flows=BY_NAME, environ={"ECM_PASSWORD": "x", "BRAZE_API_KEY": "y"})
    as_html(())  # compiles the page of the report (`tests/forking/programs.py` does it once)
    gc.collect()
    gc.freeze()


def _prepare(command: Any) -> None:
    """Have typer make what reads the options of each command, which it does at their first use."""
    for parameter in command.params:
        if make := getattr(parameter, "get_runtime_param", None):  # not in every version of typer
            make()
    for part in getattr(command, "commands", {}).values():
        _prepare(part)


def _fork(order: bytes, descriptors: list[int], running: dict[int, socket.socket], keep: frozenset[int]) -> None:
    pid = os.fork()
    if pid == 0:
        _child(order, descriptors[:3], keep)
    for descriptor in descriptors[:3]:
        os.close(descriptor)
    running[pid] = socket.socket(fileno=descriptors[3])
    _answer(running[pid], pid)


def _reap(running: dict[int, socket.socket]) -> None:
    for pid in list(running):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            with running.pop(pid) as reply:
                _answer(reply, os.waitstatus_to_exitcode(status))


def _answer(reply: socket.socket, number: int) -> None:
    with suppress(OSError):  # nobody waits for it any more
        reply.send(b"%d" % number)


def _child(order: bytes, streams: list[int], keep: frozenset[int]) -> NoReturn:
    """Become the ordered process, and end as an interpreter does: after its threads, with its output written."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number, descriptor in enumerate(streams):
            os.dup2(descriptor, number)
        last = 2
        for number in (*sorted(keep), 1024):
            os.closerange(last + 1, number)
            last = number
        run, environ, folder = pickle.loads(order)
        os.environ.clear()
        os.environ.update(environ)
        os.chdir(folder)
        code = run()
        threading._shutdown()  # type: ignore[attr-defined]  # what the interpreter does at its end
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        traceback.print_exc()
    os._exit(code)


if __name__ == "__main__":
    main()
