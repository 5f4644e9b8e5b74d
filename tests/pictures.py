"""Make the pictures of the README that show the program at work: ``make pictures``; needs Chromium, checks nothing.

``docs/demo.svg`` is some steps of the demo as a terminal shows them; a test holds its text against what is printed.
``docs/report.png`` is the page that the demo makes for legal.
"""

from __future__ import annotations

import io
import re
import subprocess
import tempfile
from html import unescape
from itertools import groupby
from pathlib import Path

from rich.console import Console

from ecmbraze.cli.demo import show
from ecmbraze.cli.demo.stage import START, ZONE, Stage
from ecmbraze.cli.demo.story import STORY
from ecmbraze.sandbox.remote import RemoteSandbox

DOCS = Path(__file__).parents[1] / "docs"
TERMINAL, PAGE = DOCS / "demo.svg", DOCS / "report.png"
WIDTH = 80
_SHOWN = ("lifecycle", "consent", "success", "all flows")
_FONT = re.compile(r"@font-face \{.*?\}", re.DOTALL)  # rich names one on the internet; any monospaced font will do
_TEXT = re.compile(r'<text class="demo-r\d+" x="([\d.]+)" y="([\d.]+)"[^>]*>(.*?)</text>')
_WINDOW = "1100,1250"


def main() -> None:
    """Play the demo once and write both pictures."""
    with tempfile.TemporaryDirectory() as folder, RemoteSandbox.start("--world", "empty", now=START) as box:
        TERMINAL.write_text(_played(Stage(box, Path(folder))), encoding="utf-8")
        _photograph(Path(folder) / "report.html", Path(folder))


def _played(stage: Stage) -> str:
    """Play the whole story; return the picture of the last step of each flow that is shown."""
    shown = {step.flow: number for number, step in enumerate(STORY, start=1) if step.flow in _SHOWN}
    recorder = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, highlight=False)
    for number, step in enumerate(STORY, start=1):
        stage.begin()
        step.act(stage)
        if number in shown.values():
            at = stage.box.now().astimezone(ZONE)
            show.step(recorder, number, len(STORY), step, step.evidence(stage), at)
    return _FONT.sub("", recorder.export_svg(title="ecmbraze demo", unique_id="demo"))


def lines_of(svg: str) -> list[str]:
    """Return the lines of text of a picture of a terminal, without blanks at their ends."""
    found = [(float(y), float(x), unescape(text).replace("\xa0", " ")) for x, y, text in _TEXT.findall(svg)]
    lines = ["".join(text for *_, text in sorted(row)) for _, row in groupby(sorted(found), key=lambda one: one[0])]
    return [line.rstrip() for line in lines if line.strip()]


def _photograph(page: Path, folder: Path) -> None:
    options = ("--headless=new", "--no-sandbox", "--hide-scrollbars", f"--user-data-dir={folder / 'chromium'}")
    command = ["chromium", *options, f"--window-size={_WINDOW}", f"--screenshot={PAGE}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True)


if __name__ == "__main__":
    main()
