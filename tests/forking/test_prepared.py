"""A rehearsal that goes on from a prepared one is as independent as one that was made for itself."""

from __future__ import annotations

from pathlib import Path

from tests.rehearsal import CONTRACT, Rehearsal, rehearsal, rehearsal_with_baseline


def _told(stage: Rehearsal) -> tuple[object, ...]:
    box = stage.box
    return box.now(), box.workspaces(), box.journal(), stage.received(), stage.messages()


def test_nothing_of_a_test_is_seen_by_the_next(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    with rehearsal_with_baseline(folders[0]) as stage:
        before = _told(stage)
        stage.box.edit_workspace(stage.open_workspaces()[0], {CONTRACT: "Approved"})
        stage.box.advance(3600)
        assert stage.run()["mode"] != "baseline"
        assert stage.messages()
        sent = stage.state.read_bytes()

    with rehearsal_with_baseline(folders[1]) as stage:
        assert _told(stage) == before
        assert stage.state.read_bytes() != sent
        stage.run()
        assert not stage.messages()


def test_a_prepared_baseline_is_the_one_that_a_test_would_take(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    with rehearsal(tmp_path / "own") as stage:
        stage.set_up()
        own = _told(stage)
    with rehearsal_with_baseline(tmp_path / "prepared") as stage:
        prepared = _told(stage)
        assert {path.name for path in (tmp_path / "own").iterdir()} == {path.name for path in stage.folder.iterdir()}

    assert own[0:2] == prepared[0:2]
    assert own[3:] == prepared[3:]


def test_two_at_once_have_a_world_each(tmp_path: Path) -> None:
    with rehearsal(tmp_path) as one, rehearsal(tmp_path) as other:
        workspace = one.open_workspaces()[0]
        one.box.edit_workspace(workspace, {CONTRACT: "Approved"})

        assert other.box.workspace(workspace)["values"].get(CONTRACT) != "Approved"
        assert one.box.ecm != other.box.ecm
