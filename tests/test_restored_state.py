"""What docs/operations.md says of a restored state file, typed into the real program in that order."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecmbraze.ledger.connection import RESTORING, unusable
from tests.rehearsal import CAMPAIGN, CONTRACT, Rehearsal, rehearsal

_OPERATIONS = (Path(__file__).parents[1] / "docs/operations.md").read_text(encoding="utf-8")
_SECTION = _OPERATIONS.partition("\n## A restored state file\n")[2].partition("\n## ")[0]
_PAUSE, _LET_GO, _WAIT = (
    [shlex.split(line)[1:] for line in block.splitlines()] for block in re.findall(r"```sh\n(.*?)```", _SECTION, re.S)
)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Rehearsal]:
    with rehearsal(tmp_path, "--workspaces", "60", "--customers", "60") as ready:
        ready.set_up()
        yield ready


def _approve(stage: Rehearsal, n: int) -> list[str]:
    """Approve contracts of ``n`` customers; return who is to be told of it."""
    chosen = stage.open_workspaces()[:n]
    assert len(chosen) == n
    for workspace in chosen:
        stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    return [stage.customer(workspace) for workspace in chosen]


def _back_up(stage: Rehearsal) -> Path:
    stage.box.advance(60)
    return Path(shutil.copy(stage.state, stage.folder / "backup.db"))


def _restore(stage: Rehearsal, backup: Path) -> None:
    shutil.copy(backup, stage.state)
    stage.state.chmod(0o600)
    stage.state.with_name(f"{stage.state.name}.seal").unlink()
    stage.box.advance(60)


def _type(stage: Rehearsal, commands: list[list[str]]) -> list[str]:
    """Run commands of the document; return what each of them printed."""
    said = []
    for words in commands:
        ended = stage.ecmbraze(*(str(stage.folder / word) if word == "plan.html" else word for word in words))
        assert ended.code in (0, 3, 6, 20, 21), (words, ended.stdout, ended.stderr)
        said.append(ended.stdout)
    return said


def _pending(stage: Rehearsal) -> int:
    return int(json.loads(stage.ecmbraze("status", "--json").stdout)["flows"][0]["pending"])


def _told(stage: Rehearsal, customers: list[str]) -> list[int]:
    got = stage.messages()
    return [got[(customer, CAMPAIGN)] for customer in customers]


def test_a_restored_state_repeats_what_was_sent_since_which_is_what_the_words_warn_of(stage: Rehearsal) -> None:
    backup = _back_up(stage)
    people = _approve(stage, 2)
    stage.run()
    _restore(stage, backup)

    stage.run()

    assert _told(stage, people) == [2, 2]


def test_paused_until_it_has_expired_nobody_is_told_twice(stage: Rehearsal) -> None:
    stage.secrets["BRAZE_API_KEY"], right = "refused-for-now", stage.secrets["BRAZE_API_KEY"]
    waited = _approve(stage, 1)
    stage.run(code=7)
    backup = _back_up(stage)  # with a message of which the backup thinks that it is still to be sent
    stage.secrets["BRAZE_API_KEY"] = right
    since = _approve(stage, 2)
    stage.run()
    _restore(stage, backup)
    never = _approve(stage, 1)

    _type(stage, _PAUSE)
    report = (stage.folder / "plan.html").read_text(encoding="utf-8")
    assert all(customer in report for customer in (*since, *never))
    assert _pending(stage) > 0
    for hours in (1, 12, 24, 24, 14):
        stage.box.advance(hours * 3600)
        assert stage.ecmbraze("run").code in (0, 3)
    _type(stage, _WAIT)
    fresh = _approve(stage, 1)
    stage.run()

    assert _told(stage, [*waited, *since]) == [1, 1, 1]
    assert _told(stage, never) == [0]
    assert _told(stage, fresh) == [1]


def test_what_a_guard_stops_meanwhile_is_noted_and_not_sent(stage: Rehearsal) -> None:
    backup = _back_up(stage)
    people = _approve(stage, 3)
    stage.run()
    _restore(stage, backup)
    stage.config["guards"] = {"max_messages": 1}
    _type(stage, _PAUSE)

    plan = stage.run(code=6)["plan_hash"]
    stage.run("--confirm", plan[:12])
    stage.box.advance(73 * 3600)
    _type(stage, _WAIT)
    stage.run()

    assert _told(stage, people) == [1, 1, 1]


def test_what_nobody_has_is_let_go_and_told_once(stage: Rehearsal) -> None:
    before = _approve(stage, 1)
    stage.run()
    backup = _back_up(stage)
    _restore(stage, backup)
    since = _approve(stage, 1)

    _type(stage, _PAUSE)
    assert _told(stage, since) == [0]
    _type(stage, _LET_GO)

    assert _told(stage, [*before, *since]) == [1, 1]


@pytest.mark.parametrize("harm", ["missing", "truncated", "spoiled"])
def test_every_text_that_says_restore_says_what_that_repeats_and_what_to_type_first(
    stage: Rehearsal, harm: str
) -> None:
    match harm:
        case "missing":
            stage.state.unlink()
        case "truncated":
            stage.state.write_bytes(stage.state.read_bytes()[:5000])
        case "spoiled":
            stage.state.write_bytes(stage.state.read_bytes().replace(b'"mode":"baseline"', b'"mode":"basement"'))

    said = [stage.ecmbraze(*words).stderr for words in (["onboarding"], ["onboarding", "-n"], ["pause"])]
    checked = stage.ecmbraze("check", "--offline").stdout
    if harm == "missing":  # to a newcomer it says what to do first
        assert "if there was one, restore it" in checked
    else:
        said.append(checked)

    assert all(" ".join(RESTORING.split()) in " ".join(text.split()) for text in said), said


def test_the_words_name_what_the_document_names() -> None:
    assert RESTORING in str(unusable(Path("state.db"), "is damaged"))
    assert '"A restored state file" in docs/operations.md' in RESTORING
    for command in ("pause", "resume", "--dry-run", "state adopt"):
        assert command in RESTORING
        assert command in _SECTION
