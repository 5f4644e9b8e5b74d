"""Run the sandbox as a process of its own: one line of JSON, until a signal; assembles nothing."""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from ecmbraze.sandbox.assembly import CannotStart, Options, Sandbox
from ecmbraze.sandbox.clock import parse_instant
from ecmbraze.sandbox.world import WORLDS

__all__ = ["CannotStart", "Options", "main", "serve"]


def serve(options: Options) -> int:
    """Start a sandbox, print its addresses as one line of JSON, and serve until SIGTERM or SIGINT.

    Must be called from the main thread. Raises CannotStart.
    """
    ended = threading.Event()
    before = {number: signal.signal(number, lambda *_: ended.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    sandbox = Sandbox(options)
    if options.env:
        _write_env(options.env, sandbox.addresses())
    print(json.dumps(sandbox.start()), flush=True)
    if options.exit_with_parent:
        threading.Thread(target=_watch_parent, args=(ended,), daemon=True).start()
    try:
        ended.wait()
    finally:
        sandbox.stop()
        if options.env:
            options.env.unlink(missing_ok=True)
        for number, action in before.items():
            signal.signal(number, action)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``python -m ecmbraze.sandbox``."""
    options = read_options(arguments)
    try:
        return serve(options)
    except CannotStart as error:
        print(f"{error} Nothing was started.", file=sys.stderr)
        return 2


def read_options(arguments: Sequence[str] | None = None) -> Options:
    """Return what a command line asks for; ends the process where it is wrong."""
    parser = argparse.ArgumentParser(prog="python -m ecmbraze.sandbox", description=__doc__)
    for name in ("ecm", "braze", "control"):
        parser.add_argument(f"--{name}-port", type=int, default=0, help="0 takes any free port")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--now", type=parse_instant, help="ISO 8601 instant at which the sandbox's clock starts")
    parser.add_argument("--world", choices=WORLDS, default="onboarding")
    parser.add_argument("--workspaces", type=int, help="how many onboarding workspaces")
    parser.add_argument("--customers", type=int, help="how many customers share them")
    parser.add_argument("--env", type=Path, help="write addresses and credentials here as shell lines")
    parser.add_argument("--exit-with-parent", action="store_true", help="end when standard input is closed")
    return Options(**vars(parser.parse_args(arguments)))


def _write_env(path: Path, addresses: Mapping[str, str]) -> None:
    """Write what a shell needs, readable by its owner only, in one go: who waits for the file never reads a part."""
    named = {
        "ECM_URL": "ecm",
        "BRAZE_URL": "braze",
        "CONTROL_URL": "control",
        "ECM_USERNAME": "username",
        "ECM_PASSWORD": "password",
        "BRAZE_API_KEY": "api_key",
    }
    text = "".join(f"export {name}={shlex.quote(addresses[key])}\n" for name, key in named.items())
    part = path.with_name(f"{path.name}.part")
    try:
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise CannotStart(f"{path} cannot be written: {error.strerror}.") from error


def _watch_parent(ended: threading.Event) -> None:
    """End the process when standard input closes, as it does when the parent dies."""
    while sys.stdin.buffer.read(1024):
        pass
    ended.set()
