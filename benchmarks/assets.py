"""How many requests and how much memory the archive takes: `python -m benchmarks.assets 200 [bytes per template]`."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ecmbraze.sandbox.remote import RemoteSandbox

_START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
_CONFIG = """\
ecm: {{url: "{ecm}", username: "{user}", password: "${{ECM_PASSWORD}}", timezone: UTC}}
braze: {{url: "{braze}", api_key: "${{BRAZE_API_KEY}}"}}
state: state.db
flows:
  assets:
    tag: approved
    workspace: {{type: Governance, name: Archive}}
    rendering: false
    max_documents: 100000
    metadata: {{Content.Status: status, Content.SHA-256: sha256}}
"""


class Bench:
    """A sandbox with so many assets of all kinds, and the program beside it."""

    def __init__(self, box: RemoteSandbox, folder: Path, assets: int, size: int) -> None:
        self.box, self.folder, self.size = box, folder, size
        text = _CONFIG.format(ecm=box.ecm, braze=box.braze, user=box.username)
        (folder / "ecmbraze.yaml").write_text(text, encoding="utf-8")
        box.add_category("Content", [{"name": "Status"}, {"name": "SHA-256", "max_length": 64}])
        box.add_type("Governance", ["Content"])
        box.create_workspace("Governance", name="Archive", values={})
        box.call("PUT", "/braze/blocks/b1", {"name": "footer", "content": "one", "tags": ["approved"]})
        for number in range(assets - 1):
            self.write(number, 0)

    def write(self, number: int, edition: int) -> None:
        """Write one asset: of ten, eight templates, a campaign and a Canvas; every second one includes the block."""
        body = f"{number} {edition} " + ("{{content_blocks.${footer}}}" if number % 2 else "") + "x" * self.size
        mail = {"v": {"channel": "email", "subject": "s", "body": body}}
        path, own = {
            8: (f"campaigns/c{number}", {"messages": mail}),
            9: (f"canvases/k{number}", {"steps": [{"id": "s", "name": "s", "messages": mail}]}),
        }.get(number % 10, (f"templates/t{number}", {"subject": "s", "body": body}))
        self.box.call("PUT", f"/braze/{path}", {"name": f"Asset {number}", "tags": ["approved"], **own})

    def run(self, *arguments: str, hours: float = 1) -> dict[str, Any]:
        """Run the flow and return its report."""
        self.box.advance(hours * 3600)
        environ = {
            **os.environ,
            "ECM_PASSWORD": self.box.password,
            "BRAZE_API_KEY": self.box.api_key,
            "ECMBRAZE_NOW": self.box.now().isoformat(),
        }
        command = [sys.executable, "-m", "ecmbraze", "-c", str(self.folder / "ecmbraze.yaml"), *arguments]
        done = subprocess.run(command, env=environ, check=False, capture_output=True, cwd=self.folder)
        if arguments[-1] != "--json":
            return {}
        if not done.stdout:
            raise SystemExit(f"{' '.join(arguments)}: {done.stderr.decode()}")
        report: dict[str, Any] = json.loads(done.stdout)
        return report


def main(assets: int, size: int) -> None:
    """Print one line per run."""
    with TemporaryDirectory() as folder, RemoteSandbox.start("--world", "empty", now=_START) as box:
        bench = Bench(box, Path(folder), assets, size)
        bench.run("init", "--non-interactive")
        waits = bench.run("assets", "--json")
        _told("the plan that waits", waits)
        _told("confirmed", bench.run("assets", "--confirm", waits["plan_hash"], "--json", hours=0))
        _told("nothing changed", bench.run("assets", "--json"))
        for number in (0, 1, 8):
            bench.write(number, 1)
        _told("three changed", bench.run("assets", "--json"))
        box.call("PUT", "/braze/blocks/b1", {"content": "two"})
        _told("the block changed", bench.run("assets", "--json"))
        _told("full scan", bench.run("assets", "--json", hours=24))


def _told(what: str, report: dict[str, Any]) -> None:
    asked, counts, by_action = (report[name] for name in ("requests", "counts", "by_action"))
    wrote = {name: n for name, n in by_action.items() if n}
    print(
        f"{what}: exit {report['exit_code']}, ECM {asked['ecm']}, Braze {asked['braze']}, "
        f"planned {counts['planned']}, sent {counts['sent']} {wrote}, largest process so far {_peak()} MB"
    )


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 200)
