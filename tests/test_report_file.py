"""`--report`: refused before the run what could not be written, data for machines complete, no exit code hidden."""

from __future__ import annotations

import csv
import io
import json
import logging
import os
import pwd
from pathlib import Path

import pytest

from ecmbraze.cli import report_file
from ecmbraze.cli.app import run
from ecmbraze.errors import StorageError, UsageError
from ecmbraze.report import files
from ecmbraze.report.plain import printable
from tests.rehearsal import CONTRACT, Rehearsal
from tests.reports import HOSTILE, action, hostile, report, usual

FORMS = (".html", ".json", ".csv")


@pytest.mark.parametrize("command", ["onboarding", "run"])
@pytest.mark.parametrize("name", ["plan.txt", "plan", "nowhere/plan.html", "folder.html", "link.html", "other.html"])
def test_a_report_that_cannot_be_written_is_refused_before_anything_is_run(
    tmp_path: Path, command: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder.html").mkdir()
    (tmp_path / "link.html").symlink_to(tmp_path / "away.html")
    (tmp_path / "other.html").write_text("<!doctype html><p>a holiday</p>", encoding="utf-8")

    code = run([command, "--report", str(tmp_path / name)])  # there is no configuration: that would be the next to fail

    said = capsys.readouterr().err
    assert code == 2
    assert "--report" in said
    assert "Nothing was run." in said
    assert sorted(one.name for one in tmp_path.iterdir()) == ["folder.html", "link.html", "other.html"]
    assert (tmp_path / "other.html").read_text(encoding="utf-8") == "<!doctype html><p>a holiday</p>"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", '{"schema_version": "of another program"}'),
        ("a.json", "{}"),
        ("a.json", '[{"runs": []}]'),
        ("a.json", ""),
        ("a.csv", "flow,record\n"),
        ("a.csv", ""),
        ("a.html", ""),
        ("a.html", "ecmbraze"),
        ("a.html", '<html><meta name="generator" content="Word">'),
        ("a.html", "\x00\xff"),
    ],
)
def test_a_file_that_is_no_report_of_ours_stays(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")

    with pytest.raises(UsageError, match="no report of ecmbraze"):
        files.check(tmp_path / name)

    assert (tmp_path / name).read_text(encoding="utf-8") == content


@pytest.mark.parametrize("form", [*FORMS, ".HTML", ".Json", ".CSV"])
@pytest.mark.parametrize("flows", [0, 1, 2])
def test_an_earlier_report_of_ours_is_overwritten(tmp_path: Path, form: str, flows: int) -> None:
    path = tmp_path / f"plan{form}"
    files.write([usual()] * flows, path)
    files.check(path)
    files.write([report([])], path)

    assert "C-100017" not in path.read_text(encoding="utf-8")
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_report_of_hostile_content_is_recognised_too(tmp_path: Path) -> None:
    for form in FORMS:
        files.write([hostile()], tmp_path / f"plan{form}", made_by="<b>", personal=True)
        files.check(tmp_path / f"plan{form}")


def test_a_name_too_long_for_the_disk_is_refused_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Nothing was run"):
        files.check(tmp_path / f"{'n' * 252}.csv")


def test_personal_data_without_a_report_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["onboarding", "-n", "--show-personal-data"]) == 2
    assert "--report FILE.html" in capsys.readouterr().err


@pytest.mark.parametrize(("code", "ends"), [(0, 16), (3, 3), (6, 6), (9, 9), (130, 130)])
def test_a_report_that_cannot_be_written_never_hides_how_the_run_ended(
    tmp_path: Path, code: int, ends: int, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("ecmbraze").addHandler(caplog.handler)

    assert report_file.write([usual()], tmp_path / "gone" / "plan.html", code, personal=False) == ends

    logging.getLogger("ecmbraze").removeHandler(caplog.handler)
    assert "The run is done, but its report is not written." in caplog.text


@pytest.mark.parametrize("form", FORMS)
def test_c19_an_account_without_a_name_as_in_a_container_gets_its_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)  # what it raises where no account has the number
    path = tmp_path / f"plan{form}"

    assert report_file.write([usual()], path, 0, personal=False) == 0
    assert form != ".html" or f"uid {os.getuid()}@" in path.read_text(encoding="utf-8")


def test_a_bug_of_the_page_never_hides_how_the_run_ended(tmp_path: Path) -> None:
    broken = report([action(properties={"n": object()})])

    assert report_file.write([broken], tmp_path / "plan.html", 4, personal=True) == 4
    assert list(tmp_path.iterdir()) == []


def test_a_live_run_whose_report_folder_vanishes_has_sent_and_says_so(stage: Rehearsal, tmp_path: Path) -> None:
    workspace = stage.open_workspaces()[0]
    stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    folder = tmp_path / "reports"
    folder.mkdir()

    with stage.held_at("braze", "/users/track", "onboarding", "--report", str(folder / "plan.html")) as child:
        folder.rename(tmp_path / "elsewhere")
    code = child.wait(timeout=240)

    assert code == StorageError.exit_code
    assert stage.messages()[(stage.customer(workspace), "contract_approved")] == 1
    assert stage.run()["counts"]["sent"] == 0


@pytest.mark.parametrize("hostile_text", HOSTILE)
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_d10_nothing_in_the_csv_becomes_a_formula(hostile_text: str, delimiter: str) -> None:
    lines = [action(customer=hostile_text, name=hostile_text, after=hostile_text)]
    text = "".join(files.as_csv([report(lines)]))

    # A spreadsheet that splits at semicolons reads the same file differently.
    cells = [cell for row in csv.reader(io.StringIO(text), delimiter=delimiter) for cell in row]

    assert not [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@", "\t", "\r", "\uff1d"))]


def test_the_data_for_machines_hold_everything(tmp_path: Path) -> None:
    everything = hostile()
    files.write([everything], tmp_path / "plan.json")
    files.write([everything], tmp_path / "plan.csv")

    found = json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))
    rows = list(csv.DictReader(io.StringIO((tmp_path / "plan.csv").read_text(encoding="utf-8"))))

    assert [line["customer"] for line in found["actions"]] == [line.customer for line in everything.actions]
    assert len(rows) == len(everything.actions) + len(everything.skipped)
    assert {row["workspace"].replace("'", "") for row in rows} >= {printable(one).replace("'", "") for one in HOSTILE}


def test_a_report_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        files.write([usual()], tmp_path / "plan.csv")
    finally:
        os.umask(before)

    assert (tmp_path / "plan.csv").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("ending", ["json", "csv", "html"])
def test_a_report_is_written_through_no_link(tmp_path: Path, ending: str) -> None:
    path, other = tmp_path / f"r.{ending}", tmp_path / "other"
    other.write_text("mine")
    (tmp_path / f".r.{ending}.{os.getpid()}").symlink_to(other)

    with pytest.raises(UsageError):
        files.write([], path)
    path.symlink_to(other)
    with pytest.raises(UsageError, match="that is a link"):
        files.write([], path)

    assert other.read_text() == "mine"
