"""Tools that users may have already, on the rows of "five attributes changed, columns"; only where PEERS is 1.

Their work is simpler: the rows come from a file, nothing of Extended ECM is listed, nobody is looked up or screened,
no ledger says what was sent. The bare loop beside them does as much. Of drt its SQLite source and its REST API
destination are used, of dlt a destination of our own (`dltpeer.py`), as their documentation has it. drt paces itself at
ten requests a second unless told otherwise: that is off, and so is what both would tell their makers (run by root, dlt
still draws an id and leaves it in /var/dlt).
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from benchmarks.speed.measure import ENVIRON, ROOT, Cost, Series, StandIn, bare_loop, run
from benchmarks.speed.standin import ATTRIBUTES, World, customer

_VENV = ROOT / "build" / "peers"
_FILLED = 75
# drt opens an HTTP client, with its certificates, for each batch it reads: in batches of 75 it takes 4 times the CPU.
_READ = 100 * _FILLED
_BATCH = (
    '{"attributes": [{% for row in rows %}{{ dict(row, _update_existing_only=true) | tojson_safe }}'
    "{% if not loop.last %}, {% endif %}{% endfor %}]}"
)


def _drt(folder: Path, url: str) -> Sequence[str | Path]:
    sync = {
        "name": "people",
        "model": "SELECT * FROM people",
        "destination": {
            "type": "rest_api",
            "url": f"{url}/users/track",
            "headers": {"Content-Type": "application/json"},
            "auth": {"type": "bearer", "token_env": "BRAZE_API_KEY"},
            "body_mode": "batch",
            "batch_template": _BATCH,
            "max_records_per_request": _FILLED,
        },
        "sync": {"mode": "full", "batch_size": _READ, "rate_limit": {"requests_per_second": 0}},
    }
    files = {
        "drt_project.yml": {"name": "bench", "profile": "rows"},
        ".drt/profiles.yml": {"rows": {"type": "sqlite", "database": "rows.db"}},
        "syncs/people.yml": sync,
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(yaml.safe_dump(content), encoding="utf-8")
    return [_VENV / "bin" / "drt", "run"]


def _dlt(folder: Path, url: str) -> Sequence[str | Path]:
    return [_VENV / "bin" / "python", Path(__file__).with_name("dltpeer.py"), url]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One tool: what pip installs, and what prepares a folder with rows and returns the command to run there."""

    pin: str
    command: Callable[[Path, str], Sequence[str | Path]]

    @property
    def name(self) -> str:
        """How its row of the table begins."""
        return f"{self.pin.replace('==', ' ')}: five attributes changed, from a file; no listing, no screen, no ledger"


PEERS = (Peer(pin="drt-core==1.2.1", command=_drt), Peer(pin="dlt==1.31.0", command=_dlt))


def measured(peer: Peer, server: StandIn, people: int, pairs: int) -> Series:
    """Run the bare loop and the tool, one after the other; raises RuntimeError where the tool does not do the work."""
    _install()
    series = Series()
    for _ in range(pairs):
        with TemporaryDirectory() as name:
            folder = Path(name)
            _write_rows(people, folder / "rows.db")
            series.bare.append(_complete(bare_loop(server, folder, "track"), people))
            command = [str(part) for part in peer.command(folder, server.url)]
            before = _size(folder)
            series.ours.append(_complete(run(command, server, cwd=folder, environ=_environ(folder)), people))
            series.state = _size(folder) - before
    return series


def _install() -> None:
    """Make the environment of the tools, once for these versions."""
    made, pins = _VENV / "made", [peer.pin for peer in PEERS]
    if made.exists() and made.read_text(encoding="utf-8").split() == pins:
        return
    shutil.rmtree(_VENV, ignore_errors=True)
    pip = str(_VENV / "bin" / "pip")
    for command in ([sys.executable, "-m", "venv", str(_VENV)], [pip, "install", "--quiet", *pins]):
        if (done := subprocess.run(command, capture_output=True, text=True, check=False)).returncode:
            raise RuntimeError(f"{pins} could not be installed: {done.stderr[-3000:]}")
    made.write_text("\n".join(pins), encoding="utf-8")


def _environ(folder: Path) -> dict[str, str]:
    """Return what the tools are started with: they keep everything in the folder and tell nobody."""
    silent = {"DO_NOT_TRACK": "1", "DRT_TELEMETRY": "0", "RUNTIME__DLTHUB_TELEMETRY": "false"}
    return {**ENVIRON, **silent, "HOME": str(folder), "NO_PROXY": "127.0.0.1"}


def _write_rows(people: int, path: Path) -> None:
    """Write what the listing shows of everybody in edition 1, named as Braze is to have it."""
    world = World(people, columns=True)
    world.show(1)
    names = ("external_id", *(f"ecm_{name.lower()}" for name in ATTRIBUTES))
    rows = ((customer(one), *(world.values(one)[key] for key in range(4, 9))) for one in range(people))
    with closing(sqlite3.connect(path)) as file, file:
        file.execute(f"CREATE TABLE people ({', '.join(names)})")
        file.executemany(f"INSERT INTO people VALUES ({', '.join('?' * len(names))})", rows)


def _complete(cost: Cost, people: int) -> Cost:
    if (sent := cost.requests.get("attributes", 0)) != people:
        raise RuntimeError(f"of {people:,} objects {sent:,} were sent")
    return cost


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
