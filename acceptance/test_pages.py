"""The HTML report as a browser shows it: whole, readable, and without a request to anywhere."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rehearsal import CONTRACT, Rehearsal, rehearsal

_QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1280,900",
)  # fmt: skip


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Rehearsal]]:
    """A dry-run report with actions and people left out, one of them with a hostile name."""
    folder = tmp_path_factory.mktemp("page")
    with rehearsal(folder) as stage:
        stage.set_up()
        for workspace in stage.open_workspaces()[:3]:
            stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
        stage.run("--dry-run", "--report", str(folder / "plan.html"))
        yield folder / "plan.html", stage


def _chromium(page: Path, profile: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["chromium", *_QUIET, f"--user-data-dir={profile}", *arguments, page.as_uri()],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    return done.stdout


def test_the_report_shows_who_gets_what_and_why(page: tuple[Path, Rehearsal], tmp_path: Path) -> None:
    shown = _chromium(page[0], tmp_path / "profile", "--dump-dom")

    assert "<h1>Dry run of onboarding</h1>" in shown
    assert shown.count("contract_approved") >= 3
    assert "Onboarding.Contract Status is Approved" in shown
    assert "campaign</td>" in shown


def test_the_report_needs_nothing_from_outside(page: tuple[Path, Rehearsal]) -> None:
    text = page[0].read_text(encoding="utf-8")

    assert not any(word in text for word in ("<script", "http://", "https://", "src=", "@import", "url("))


def test_the_report_can_be_printed(page: tuple[Path, Rehearsal], tmp_path: Path) -> None:
    _chromium(page[0], tmp_path / "profile", f"--screenshot={tmp_path / 'page.png'}")
    _chromium(page[0], tmp_path / "profile", f"--print-to-pdf={tmp_path / 'page.pdf'}")

    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
