"""`ecmbraze` for a shell: a command that the warm process forks, with the streams, signals and exit code of this one.

A shell that types many commands would import the program for each. The script imports nothing of it; that the installed
one starts from nothing is seen by ``tests/test_start.py``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.forking.client import warm_orders

_SCRIPT = """\
#!{python} -IS
import os, pickle, signal, socket, sys, types
from datetime import timedelta
from functools import partial

for name in ("tests", "tests.forking", "tests.forking.programs"):  # pickle asks them for the function alone
    programs = sys.modules[name] = types.ModuleType(name)
def run_program(): ...
run_program.__module__, programs.run_program = programs.__name__, run_program
run = partial(run_program, sys.argv[1:], time=None, ahead=timedelta())
reply, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
orders = socket.socket(fileno={orders})
socket.send_fds(orders, [pickle.dumps((run, dict(os.environ), os.getcwd()))], [0, 1, 2, theirs.fileno()])
theirs.close()
child = int(reply.recv(64))
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda number, _: os.kill(child, number))
code = int(reply.recv(64))
os._exit(code if code >= 0 else 128 - code)
"""


def write_command(folder: Path) -> int:
    """Write the command into a folder for the shell's path; return the descriptor that the shell must inherit."""
    number = warm_orders().fileno()
    path = folder / "ecmbraze"
    path.write_text(_SCRIPT.format(python=sys.executable, orders=number), encoding="utf-8")
    path.chmod(0o700)
    return number
