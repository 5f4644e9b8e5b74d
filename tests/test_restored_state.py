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
from tests.rehearsal import CAMPAIGN, CONTRACT, Rehearsal, Result, rehearsal, rehearsal_after

_OPERATIONS = (Path(__file__).parents[1] / "docs/operations.md").read_text(encoding="utf-8")
_SECTION = _OPERATIONS.partition("\n## A restored state file\n")[2].partition("\n## ")[0]
_PLACE, _ADOPT, _RUN, _DECIDE = (
    [shlex.split(line) for line in block.splitlines()] for block in re.findall(r"```sh\n(.*?)```", _SECTION, re.S)
)
_WORKSPACE = "ecmbraze operations"


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Rehearsal]:
    with rehearsal(tmp_path, "--workspaces", "60", "--customers", "60") as ready:
        yield ready


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Rehearsal]:
    with rehearsal_after(_fenced, tmp_path, "--workspaces", "60", "--customers", "60") as ready:
        yield ready


def _fenced(stage: Rehearsal) -> None:
    stage.box.add_type("Operations", [])
    stage.box.create_workspace("Operations", name=_WORKSPACE)
    stage.config["fence"] = {"workspace": _WORKSPACE}
    stage.set_up()


def _approve(stage: Rehearsal, n: int) -> list[str]:
    """Approve contracts of ``n`` customers; return who is to be told of it."""
    chosen = stage.open_workspaces()[:n]
    assert len(chosen) == n
    for workspace in chosen:
        stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
    return [stage.customer(workspace) for workspace in chosen]


def _back_up(stage: Rehearsal) -> None:
    stage.box.advance(60)
    assert stage.ecmbraze("state", "backup", str(stage.folder / "backup.db")).code == 0


def _type(stage: Rehearsal, commands: list[list[str]]) -> list[Result]:
    """Do what the document says, in the folder of the state file; return how each command ended."""
    ended = []
    for word, *rest in commands:
        named = [str(stage.folder / one) if one.startswith(("backup.db", "state.db")) else one for one in rest]
        match word:
            case "cp":
                _, source, target = named
                shutil.copy2(source, target)
            case "rm":
                for one in named[1:]:
                    Path(one).unlink(missing_ok=True)
            case "ecmbraze":
                ended.append(stage.ecmbraze(*named))
            case other:
                raise AssertionError(f"the document types {other!r}")
    return ended


def _told(stage: Rehearsal, people: list[str]) -> list[int]:
    messages = stage.messages()
    return [messages[person, CAMPAIGN] for person in people]


def test_a_restored_state_sends_nothing_until_it_is_adopted_and_then_nobody_gets_it_twice(stage: Rehearsal) -> None:
    before = _approve(stage, 1)
    stage.run()
    _back_up(stage)
    since = _approve(stage, 2)
    stage.run()
    stage.box.advance(60)

    _type(stage, _PLACE)
    fenced = stage.ecmbraze("run", "--now")
    assert fenced.code == 13
    assert "state adopt --restored-from FILE --reason TEXT" in fenced.stderr
    assert stage.ecmbraze("state", "verify").code == 13
    assert stage.ecmbraze("state", "verify", "--offline").code == 0

    (adopted,) = _type(stage, _ADOPT)
    assert adopted.code == 0, adopted.stderr
    stage.box.advance(60)
    run, listed = _type(stage, _RUN)
    assert (run.code, listed.code) == (4, 0)
    assert all(person in listed.stdout for person in since)
    assert _told(stage, [*before, *since]) == [1, 1, 1]

    stage.box.advance(60)
    fresh = _approve(stage, 1)
    stage.run()
    resolved, status = _type(stage, _DECIDE)
    assert (resolved.code, status.code) == (0, 0)
    assert "4 of contract_approved: sent" in resolved.stdout
    stage.run()
    assert _told(stage, [*before, *since, *fresh]) == [1, 1, 1, 1]
    assert stage.ecmbraze("state", "verify").code == 0


def test_what_nobody_got_is_sent_once_by_decision(stage: Rehearsal) -> None:
    stage.secrets["BRAZE_API_KEY"], right = "refused-for-now", stage.secrets["BRAZE_API_KEY"]
    waited = _approve(stage, 1)
    stage.run(code=7)
    _back_up(stage)  # with a message of which the backup thinks that it is still to be sent
    stage.run(code=7)  # the claim moves on, the message does not leave
    stage.secrets["BRAZE_API_KEY"] = right
    _type(stage, _PLACE)
    stage.box.advance(60)

    assert "2 messages are held" in _type(stage, _ADOPT)[0].stdout
    _type(stage, _RUN)
    assert _told(stage, waited) == [0]
    again = ("--all", "--rule", "contract_approved", "send-again", "--reason", "nobody has it")
    assert stage.ecmbraze("holds", "resolve", *again).code == 0
    stage.run()

    assert _told(stage, waited) == [1]


def test_without_a_fence_a_restored_state_that_is_adopted_first_repeats_nothing_either(bare: Rehearsal) -> None:
    bare.set_up()
    _back_up(bare)
    people = _approve(bare, 2)
    bare.run()
    bare.box.advance(60)

    _type(bare, _PLACE)
    _type(bare, _ADOPT)
    bare.box.advance(60)
    run, _ = _type(bare, _RUN)

    assert run.code == 4
    assert _told(bare, people) == [1, 1]
    assert "not protected" in bare.ecmbraze("check").stdout
    assert json.loads(bare.ecmbraze("status", "--json").stdout)["fence"] is None


def test_a_file_that_holds_its_claim_is_not_adopted_and_another_file_is_no_copy_of_it(stage: Rehearsal) -> None:
    _back_up(stage)
    adopted = _type(stage, _ADOPT)[0]
    assert adopted.code == 2
    assert "nothing to adopt" in adopted.stderr
    _approve(stage, 1)
    stage.run()
    stage.state.rename(stage.folder / "newer.db")
    stage.state.with_name("state.db.key").rename(stage.folder / "newer.db.key")
    stage.state.with_name("state.db.seal").unlink()
    _type(stage, _PLACE)

    named = stage.ecmbraze("state", "adopt", "--restored-from", str(stage.folder / "newer.db"), "--reason", "x")

    assert named.code == 2
    assert "its history ends otherwise" in named.stderr


def test_check_names_the_nearest_workspace_and_a_claim_that_another_state_file_made(stage: Rehearsal) -> None:
    assert "claim" in stage.ecmbraze("check").stdout
    stage.config["fence"] = {"workspace": "ecmbraze operation"}
    stage.state.rename(stage.folder / "old.db")
    assert stage.ecmbraze("check").code == 15
    assert f"did you mean '{_WORKSPACE}'" in stage.ecmbraze("check").stdout
    stage.config["fence"] = {"workspace": _WORKSPACE}

    checked = stage.ecmbraze("check")

    assert checked.code == 13
    assert "the claim of another state file lies there" in checked.stdout


def test_check_says_where_the_account_may_not_add_the_claim(bare: Rehearsal) -> None:
    bare.box.add_type("Operations", [])
    number = bare.box.create_workspace("Operations", name=_WORKSPACE)
    bare.config["fence"] = {"workspace": _WORKSPACE}
    bare.box.act(number, "deny", rights=["create"])

    for words in ([], ["init", "--non-interactive"]):
        assert not words or bare.ecmbraze(*words).code == 0
        checked = bare.ecmbraze("check")
        assert checked.code == 7
        assert f"no claim can be made in node {number}" in checked.stdout
    bare.box.act(number, "grant")
    assert "the first live run makes the claim" in bare.ecmbraze("check").stdout


@pytest.mark.parametrize("harm", ["missing", "truncated", "spoiled"])
def test_every_text_that_says_restore_says_what_to_type_before_any_run(bare: Rehearsal, harm: str) -> None:
    bare.set_up()
    match harm:
        case "missing":
            bare.state.unlink()
        case "truncated":
            bare.state.write_bytes(bare.state.read_bytes()[:5000])
        case "spoiled":
            bare.state.write_bytes(bare.state.read_bytes().replace(b'"mode":"baseline"', b'"mode":"basement"'))

    said = [bare.ecmbraze(*words).stderr for words in (["onboarding"], ["onboarding", "-n"], ["pause"])]
    checked = bare.ecmbraze("check", "--offline").stdout
    if harm == "missing":  # to a newcomer it says what to do first
        assert "if there was one, restore it" in checked
    else:
        said.append(checked)

    assert all(" ".join(RESTORING.split()) in " ".join(text.split()) for text in said), said


def test_the_words_name_what_the_document_names() -> None:
    assert RESTORING in str(unusable(Path("state.db"), "is damaged"))
    assert '"A restored state file" in docs/operations.md' in RESTORING
    assert "ecmbraze state adopt --restored-from" in RESTORING
    assert "ecmbraze state adopt --restored-from" in _SECTION
