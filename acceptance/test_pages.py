"""The HTML report as a real browser shows it: filtered, unfolded, printed, on paper, on a phone, and harmless."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from acceptance.chromium import Tab, chromium
from ecmbraze.model import Asset, ContentKind, ContentRow
from ecmbraze.planning.assets import rendering
from ecmbraze.report.page import as_html
from tests import reports
from tests.rehearsal import CONTRACT, rehearsal


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with chromium(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a real dry run."""
    folder = tmp_path_factory.mktemp("page")
    with rehearsal(folder) as stage:
        stage.set_up()
        for workspace in stage.open_workspaces()[:3]:
            stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
        stage.run("--dry-run", "--report", str(folder / "plan.html"))
    return folder / "plan.html"


_ROWS = "[...document.querySelectorAll('table.rows tbody tr')].length"


def test_the_report_shows_who_gets_what_and_asks_nobody_else(tab: Tab, page: Path) -> None:
    tab.open(page)

    assert tab.evaluate("document.querySelector('h1').textContent") == "Dry run of onboarding"
    assert tab.evaluate("document.body.textContent.includes('Onboarding.Contract Status is Approved')")
    assert tab.requests() == [page.as_uri()]
    assert tab.complaints() == []


def test_the_search_is_reached_by_a_key_and_narrows_the_rows(tab: Tab, page: Path) -> None:
    tab.open(page)
    before = tab.evaluate(_ROWS)

    tab.press("/")
    tab.type("no row says this")
    tab.settle(f"{_ROWS} === 0")

    assert before > 0
    assert tab.evaluate("document.activeElement.id") == "search"


def test_without_scripts_the_report_is_a_plain_table(tab: Tab, page: Path) -> None:
    tab.open(page, script=False)
    tab.call("Emulation.setScriptExecutionDisabled", value=False)

    assert tab.evaluate(_ROWS) > 0


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, False), (1280, True)])
def test_the_report_fits_its_screen_in_light_and_dark(
    tab: Tab, page: Path, tmp_path: Path, width: int, dark: bool
) -> None:
    tab.open(page, width=width, dark=dark)
    tab.photograph(tmp_path / "page.png")

    assert tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")


def test_the_report_can_be_printed_and_signed(tab: Tab, page: Path, tmp_path: Path) -> None:
    tab.open(page)
    tab.print(tmp_path / "page.pdf")

    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
    assert tab.evaluate("document.body.textContent.toLowerCase().includes('signature')")


@pytest.mark.parametrize("personal", [True, False])
def test_d10_nothing_that_a_stranger_wrote_runs(tab: Tab, tmp_path: Path, personal: bool) -> None:
    file = tmp_path / "hostile.html"
    file.write_text(as_html([reports.hostile()], personal=personal), encoding="utf-8")

    tab.open(file)

    assert tab.evaluate("window.harmed === undefined")
    assert tab.requests() == [file.as_uri()]
    assert tab.complaints() == []


def test_of_a_large_report_every_row_is_found_sorted_and_printed(tab: Tab, tmp_path: Path) -> None:
    file, many = tmp_path / "large.html", 1_300
    lines = list(reports.large(many * 10 // 9 + 1).actions)[:many]
    file.write_text(as_html([reports.report(lines)], personal=True), encoding="utf-8")
    last, cell = f"C-{many - 1:06d}", "document.querySelector('table.rows tbody td').textContent"

    tab.open(file)
    drawn = tab.evaluate(_ROWS)
    tab.press("/")
    tab.type(last)
    tab.settle(f"{_ROWS} === 1")
    found = tab.evaluate(cell)
    tab.evaluate("document.querySelector('form.tools').reset()")
    tab.settle(f"{_ROWS} > 1")
    for _ in range(2):
        tab.evaluate("document.querySelector('table.rows th span').click()")
    first = tab.evaluate(cell)
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")

    assert drawn < many
    assert found.startswith(last)
    assert first.startswith(last)
    assert tab.evaluate(_ROWS) == many
    assert tab.complaints() == []


def test_without_scripts_a_large_report_is_whole_too(tab: Tab, tmp_path: Path) -> None:
    file = tmp_path / "large.html"
    file.write_text(as_html([reports.large(1_300)]), encoding="utf-8")

    tab.open(file, script=False)
    tab.call("Emulation.setScriptExecutionDisabled", value=False)

    assert tab.evaluate(_ROWS) == 1_300


def test_d10_nothing_that_a_stranger_wrote_far_down_a_large_report_runs(tab: Tab, tmp_path: Path) -> None:
    file, below = tmp_path / "hostile.html", reports.large(600).actions
    file.write_text(as_html([reports.report([*below, *reports.hostile().actions])], personal=True), encoding="utf-8")

    tab.open(file)
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")

    assert tab.evaluate(_ROWS) == len(below) + len(reports.hostile().actions)
    assert tab.evaluate("window.harmed === undefined")
    assert tab.requests() == [file.as_uri()]
    assert tab.complaints() == []


_HOSTILE = """<p>Hi {{${first_name}}}</p><script>document.title='ran'</script><img src=x onerror="document.title='ran'">
<img src="https://t.example/pixel.png" srcset="https://t.example/2x.png 2x" alt="Our logo"><video src="https://t.example/v">
<svg onload="document.title='ran'"><script>document.title='ran'</script><image href="https://t.example/s.png"/></svg>
<iframe src="https://t.example/f"></iframe><link rel=stylesheet href="https://t.example/s"><object data="//t.example/o">
<style>@import url(https://t.example/i)</style><p style="background:url(https://t.example/b)" onclick="x()">styled</p>
<p style="background:\\75rl(https://t.example/e)">escaped</p><table background="https://t.example/t"><td>cell</td></table>
<a href="javascript:document.title='ran'">script link</a> <a href="https://t.example/a" target=_blank>plain link</a>
<meta http-equiv="refresh" content="0;url=https://t.example/r"><base href="https://t.example/">
<form action="https://t.example/p"><input autofocus onfocus="document.title='ran'"><button>Send</button></form>
<noscript><p title="</noscript><img src=x onerror=document.title='ran'>"></noscript><math><mtext></p><script>x"""


def test_an_archived_e_mail_can_be_looked_at_and_neither_runs_nor_loads_anything(tab: Tab, tmp_path: Path) -> None:
    row = ContentRow(
        kind=ContentKind.EMAIL_TEMPLATES, id="t1", name="<script>x</script>", tags=(), edited=datetime.now(UTC)
    )
    made = rendering.page(Asset(row=row, parts={"subject": "</h1><script>x", "body": _HOSTILE}))
    assert made is not None
    path = tmp_path / "mail.html"
    path.write_bytes(made)

    tab.open(path)
    tab.photograph(tmp_path / "mail.png")

    loading = "script,img,image,iframe,svg,video,object,link,style,form,input,button,base,meta[content^='0'],a[href]"
    assert tab.evaluate(f"document.querySelectorAll({loading!r}).length") == 0
    for text in ("Hi {{${first_name}}}", "[Our logo]", "styled", "escaped", "cell", "script link", "plain link"):
        assert tab.evaluate(f"document.body.innerText.includes({text!r})"), text
    tab.evaluate("document.querySelectorAll('*').forEach(one => one.click())")
    assert tab.evaluate("document.title") == "<script>x</script>"
    assert tab.evaluate("location.href") == path.as_uri()
    assert tab.requests() == [path.as_uri()]
    assert tab.complaints() == []


def test_the_same_e_mail_as_it_was_written_would_run_and_load(tab: Tab, tmp_path: Path) -> None:
    """Else the test above would show nothing; what it asks for is told, and does not leave the machine."""
    path = tmp_path / "mail.html"
    staying = _HOSTILE.replace('http-equiv="refresh"', "")
    path.write_text(f"<!DOCTYPE html><title>x</title>{staying}", encoding="utf-8")
    tab.call("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1)

    tab.open(path)
    tab.settle("document.title === 'ran'")
    tab.call("Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1)

    asked = {one.rpartition("/")[2] for one in tab.requests() if "t.example" in one}
    assert asked >= {"pixel.png", "v", "f", "i", "s"}
