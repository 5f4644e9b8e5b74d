"""The lines of a large report are in memory page by page, in every form, and look as those of a small one do."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from weakref import WeakSet

import pytest
from sqlite_utils import Database

from ecmbraze.engine.report_lines import ActionLine, ActionLines, SkipLine, SkipLines
from ecmbraze.engine.run_report import RunReport
from ecmbraze.errors import StorageError
from ecmbraze.ledger import paged, schema, scratch, storedreports
from ecmbraze.ledger.paged import PAGE
from ecmbraze.ledger.storedreports import LINES
from ecmbraze.report import files, json_text, page
from tests.reports import HOSTILE, action, hostile, report, skip, usual

_LARGE = 6 * PAGE
# What may be alive of a page, its rows in a table, and what the garbage collector has not come to.
_FEW = 3 * PAGE
_FORMS: dict[str, Callable[[Sequence[RunReport]], Iterator[str]]] = {
    ".html": lambda reports: page.pieces(reports),
    ".json": lambda reports: json_text.pieces(reports, together=True),
    ".csv": lambda reports: files.as_csv(reports),
}


class Marked(str):
    """A text of which one can ask whether it is still there."""


def _attributes(number: int) -> tuple[ActionLine, dict[str, tuple[str | None, list[str]]]]:
    kind, state = ("attributes", "sent") if number % 3 else ("attribute", "waiting")
    line = action(record=f"ws:{number}", customer=f"C-{number}", rule="", name="", title="", kind=kind, state=state)
    return line, {f"ecm_{letter}": (None, [f"{letter} {number}", HOSTILE[number % 28]]) for letter in "abcde"}


def _filled(actions: ActionLines, skipped: SkipLines, rows: int = 2 * PAGE) -> RunReport:
    for number in range(rows):
        actions.append_attributes(*_attributes(number))
        actions.append(action(record=f"ws:{number}", customer=f"C-{number}", workspace=HOSTILE[number % 28]))
        skipped.append(skip(record=f"ws:{number}", reason=HOSTILE[number % 28]))
    return replace(usual(), actions=actions, skipped=skipped)


def test_of_a_large_report_a_page_of_lines_is_in_memory(tmp_path: Path) -> None:
    alive: WeakSet[Marked] = WeakSet()
    most = 0
    lines, skipped = ActionLines(folder=tmp_path), SkipLines(folder=tmp_path)

    for number in range(_LARGE):
        mark = Marked(f"ws:{number}")
        alive.add(mark)
        lines.append(action(record=mark))
        skipped.append(skip(record=mark))
        most = max(most, len(alive))

    assert most <= PAGE + 1
    assert [line.record for line in lines] == [line.record for line in skipped] == [f"ws:{n}" for n in range(_LARGE)]
    assert len(lines) == len(skipped) == _LARGE


@pytest.mark.parametrize("form", _FORMS)
def test_no_form_of_a_large_report_needs_all_lines_at_once(form: str) -> None:
    lines = (action(record=f"ws:{n}", customer=f"C-{n}", properties={"n": n}) for n in range(_LARGE))
    large = replace(
        usual(), actions=ActionLines(lines), skipped=SkipLines(skip(record=f"ws:{n}") for n in range(_LARGE))
    )
    most = longest = 0

    for number, piece in enumerate(_FORMS[form]([large])):
        longest = max(longest, len(piece))
        if number % 1000 == 0 or len(piece) > 10_000:
            most = max(most, sum(isinstance(one, ActionLine | SkipLine | page._Row) for one in gc.get_objects()))

    assert most <= _FEW
    assert longest < 1000 * PAGE


@pytest.mark.parametrize("form", _FORMS)
def test_a_report_looks_the_same_whether_its_lines_are_in_memory_or_on_disk(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_disk = _filled(ActionLines(folder=tmp_path), SkipLines(folder=tmp_path))
    monkeypatch.setattr(paged, "PAGE", 10**9)
    in_memory = _filled(ActionLines(), SkipLines())

    assert "".join(_FORMS[form]([on_disk, usual()])) == "".join(_FORMS[form]([in_memory, usual()]))


def test_attributes_of_a_row_are_a_line_each() -> None:
    found = list(_filled(ActionLines(), SkipLines(), rows=2).actions)

    line, values = _attributes(1)
    each = [replace(line, rule=n, name=n, title=n, before=old, after=new) for n, (old, new) in values.items()]
    assert found[6:11] == each
    assert len(found) == 12


@pytest.mark.parametrize("made", [usual(), hostile(), report([]), _filled(ActionLines(), SkipLines(), rows=3)])
@pytest.mark.parametrize("limit", [None, 0, 2])
def test_the_json_is_that_of_the_standard_library(made: RunReport, limit: int | None) -> None:
    one, runs = made.as_json(limit), {"runs": [made.as_json(limit), usual().as_json(limit)]}

    alone = "".join(json_text.pieces([made], together=False, limit=limit))
    together = "".join(json_text.pieces([made, usual()], together=True, limit=limit))

    assert alone == json.dumps(one, indent=2, ensure_ascii=False) + "\n"
    assert together == json.dumps(runs, indent=2, ensure_ascii=False) + "\n"
    assert "".join(json_text.pieces([], together=True)) == json.dumps({"runs": []}, indent=2) + "\n"


_STORABLE = [text for text in HOSTILE if text.encode(errors="replace").decode() == text]


@pytest.mark.parametrize("made", [usual(), hostile(_STORABLE), report([])])
def test_stored_reports_are_printed_as_the_standard_library_would(made: RunReport) -> None:
    database = Database(memory=True)
    database.conn.executescript(schema.LEDGER)
    storedreports.store(database, made.as_stored(), made.finished_at)
    (row,) = database.execute("SELECT id, report FROM run").fetchall()
    whole = {
        name: list(value) if name in LINES else value for name, value in storedreports.whole(database, *row).items()
    }

    text = "".join(json_text.stored(storedreports.whole(database, *row) for _ in range(2)))

    assert text == json.dumps({"runs": [whole, whole]}, indent=2, ensure_ascii=False) + "\n"


def test_lines_on_disk_are_private_and_have_no_name(tmp_path: Path) -> None:
    lines = _filled(ActionLines(folder=tmp_path), SkipLines()).actions

    (mine,) = _open_in(tmp_path)
    found = os.fstat(mine)
    assert (found.st_mode & 0o777, found.st_nlink, list(tmp_path.iterdir())) == (0o600, 0, [])
    del lines
    gc.collect()
    assert _open_in(tmp_path) == []


def _open_in(folder: Path) -> list[int]:
    """Return the files of a folder that this process holds open."""
    found = []
    for one in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # that of the listing itself
            found += [int(one.name)] if str(folder) in str(one.readlink()) else []
    return found


def test_where_the_folder_may_not_be_written_they_lie_among_the_temporary_files(tmp_path: Path) -> None:
    assert len(list(_filled(ActionLines(folder=tmp_path / "gone"), SkipLines()).actions)) == 12 * PAGE


@pytest.mark.parametrize("full", ["make", "add"])
def test_a_full_disk_keeps_the_lines_in_memory_and_ends_no_run(full: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise StorageError("no room")

    monkeypatch.setattr(*((paged, "Scratch", fail) if full == "make" else (scratch.Scratch, "add", fail)))

    found = _filled(ActionLines(), SkipLines())

    assert [line.record for line in found.skipped] == [f"ws:{number}" for number in range(2 * PAGE)]
    assert len(list(found.actions)) == len(found.actions) == 12 * PAGE


def test_a_report_that_breaks_off_leaves_no_file(tmp_path: Path) -> None:
    broken = report([action(), action(properties={"n": object()})])

    for form in _FORMS:
        with pytest.raises(TypeError):
            files.write([broken], tmp_path / f"r{form}", personal=True)

    assert list(tmp_path.iterdir()) == []
