"""The twins of the archive and of Braze's content against the sandbox; the pair of them is ``tests/twins/pair.py``."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import pytest

from ecmbraze import ports
from ecmbraze.model import ContentKind, DocumentBytes, Json, Verdict
from ecmbraze.planning.assets.names import JSON, file_name, marker
from tests.twins.braze_content import TwinContent
from tests.twins.pair import SCRATCH, Pair

FOLDER, MIME, WORD, DAY = "E-mail Templates", "application/json", f"{SCRATCH}.Word", f"{SCRATCH}.Day"
T1, T2 = "7e000000-0000-4000-8000-000000000001", "7e000000-0000-4000-8000-000000000002"
_NOWHERE = 999_999_999


class Shelf:
    """One workspace with an archive, asked through both; people work in it by the name of a document."""

    def __init__(self, pair: Pair, name: str) -> None:
        self.pair, self.place = pair, pair.make({}, name)

    def put(self, content: bytes, name: str = "Spring", number: str = T1) -> Any:
        """Archive a content; return the verdict with what its versions are then."""
        named, sent = file_name(name, number, JSON), DocumentBytes.of(content)
        end = marker(number, JSON)
        told = self.pair.same(lambda ecm, _: ecm.archive(self.place, FOLDER, end, named, sent, MIME))
        return told[0], self.versions(number)

    def versions(self, number: str = T1) -> Any:
        found = self.pair.same(lambda ecm, _: list(ecm.archived(self.place, FOLDER, marker(number, JSON))))
        self.names()
        return len(found) if isinstance(found, list) else found

    def names(self) -> Any:
        return self.pair.same(
            lambda ecm, _: sorted((one.folder, one.name, one.mime_type) for one in ecm.documents(self.place))
        )

    def describe(self, values: Mapping[str, Json], expected: Mapping[str, Json] | None = None, number: str = T1) -> Any:
        end, known = marker(number, JSON), expected or {}
        return self.pair.same(lambda ecm, _: ecm.describe_archived(self.place, FOLDER, end, values, known))

    def rename(self, name: str, number: str = T1) -> Any:
        end = marker(number, JSON)
        told = self.pair.same(lambda ecm, _: ecm.rename_archived(self.place, FOLDER, end, name))
        self.names()
        return told[0]

    def act(self, do: str, number: str = T1, **more: Any) -> None:
        """Let a person act on the document of an asset."""
        (there,) = (
            one
            for one in self.pair.stage.box.call("GET", "/ecm/documents", below=self.place)
            if marker(number, JSON) in one["name"] and not one["deleted"]
        )
        more |= {"parent": self.place} if do == "move" else {}
        self.pair.stage.box.filed(do=do, id=there["id"], **more)
        twin = self.pair.twin_ecm
        (paper,) = (
            one for one in twin.papers.values() if one.parent == self.place and marker(number, JSON) in one.name
        )
        match do:
            case "edit":
                twin.mark(paper.id, more.get("values"), name=more.get("name", ""))
            case "version":
                twin.revise(paper.id, more["content"].encode())
            case "move":
                twin.move(paper.id, self.place)
            case "delete":
                twin.remove(paper.id)
            case "reserve" | "hold":
                paper.held = do
            case "unreserve" | "release":
                paper.held = ""


def test_each_other_content_is_a_version_and_the_same_is_none(pair: Pair) -> None:
    shelf = Shelf(pair, "contents")

    assert shelf.versions() == 0
    seen = [shelf.put(content) for content in (b"1", b"1", b"2", b"2", b"1")]
    assert seen == [(Verdict.ACCEPTED, versions) for versions in (1, 1, 2, 2, 3)]
    assert shelf.put(b"2", name="Summer") == (Verdict.ACCEPTED, 4)
    assert shelf.put(b"2", number=T2) == (Verdict.ACCEPTED, 1)


def test_a_document_is_named_anew_unless_another_has_the_name(pair: Pair) -> None:
    shelf = Shelf(pair, "names")
    assert shelf.rename("too early.json") is Verdict.REFUSED
    for number in (T1, T2):
        shelf.put(b"1", number=number)

    for name in (file_name("Summer", T1, JSON), file_name("Summer", T1, JSON), "", "a:b", "x" * 249):
        shelf.rename(name)
    assert shelf.rename(file_name("Spring", T2, JSON)) is not Verdict.ACCEPTED
    assert len(shelf.names()) == 2


def test_what_describes_a_document_is_written_once_and_not_over_what_a_person_typed(pair: Pair) -> None:
    shelf = Shelf(pair, "described")
    assert shelf.describe({WORD: "Open"})[0] is Verdict.REFUSED
    shelf.put(b"1")

    assert shelf.describe({WORD: "Open", DAY: "2026-11-20"})[0] is Verdict.ACCEPTED
    assert shelf.describe({WORD: "Open"})[0] is Verdict.ACCEPTED
    assert shelf.describe({WORD: "Closed"}, {WORD: "Open"})[0] is Verdict.ACCEPTED
    shelf.act("edit", values={WORD: "Open"})
    assert shelf.describe({WORD: None}, {WORD: "Closed"})[4] == "edited_in_ecm"
    shelf.act("edit", values={WORD: None})
    changed, wrote = {WORD: "Open", DAY: "2026-11-21"}, {WORD: "Closed", DAY: "2026-11-20"}
    assert shelf.describe(changed, wrote)[4] == "edited_in_ecm"
    shelf.act("delete")
    shelf.put(b"2")
    assert shelf.describe(changed, wrote)[0] is Verdict.ACCEPTED
    assert shelf.describe({WORD: "Perhaps"}, {WORD: "Open"})[0] is Verdict.NOT_PROCESSED
    assert shelf.describe({f"{SCRATCH}.None": "x"})[0] is Verdict.NOT_PROCESSED
    assert shelf.describe({"Nothing.None": "x"})[0] is Verdict.NOT_PROCESSED


def test_a_document_that_a_person_renamed_moved_or_deleted_is_told_alike(pair: Pair) -> None:
    shelf = Shelf(pair, "meddled")
    shelf.put(b"1")
    shelf.act("edit", name=f"Checked {marker(T1, JSON)}")
    assert shelf.put(b"2") == (Verdict.ACCEPTED, 2)
    shelf.act("version", content="theirs")
    assert shelf.put(b"2") == (Verdict.ACCEPTED, 4)
    shelf.act("delete")
    assert shelf.versions() == 0
    assert shelf.put(b"2") == (Verdict.ACCEPTED, 1)
    shelf.act("move")
    assert shelf.put(b"3") == (Verdict.ACCEPTED, 1)


@pytest.mark.parametrize(("hold", "release"), [("reserve", "unreserve"), ("hold", "release")])
def test_nothing_is_written_to_a_document_that_is_held(pair: Pair, hold: str, release: str) -> None:
    shelf = Shelf(pair, f"on {hold}")
    shelf.put(b"1")
    shelf.act(hold)

    assert shelf.put(b"1") == (Verdict.ACCEPTED, 1)
    assert shelf.put(b"2") == (Verdict.NOT_PROCESSED, 1)
    assert shelf.rename(f"Other {marker(T1, JSON)}") is Verdict.NOT_PROCESSED
    assert shelf.describe({WORD: "Open"})[0] is Verdict.NOT_PROCESSED
    shelf.act(release)
    assert shelf.put(b"2") == (Verdict.ACCEPTED, 2)


def test_two_documents_of_one_asset_are_nothing_to_conclude_from(pair: Pair) -> None:
    shelf = Shelf(pair, "doubled")
    inside = pair.stage.box.folder(shelf.place, FOLDER)
    for name in ("One", "Copy"):
        number = pair.stage.box.file(inside, f"{name} {marker(T1, JSON)}", mime=MIME)
        pair.twin_ecm.file(shelf.place, f"{name} {marker(T1, JSON)}", folder=FOLDER, number=number, mime=MIME)

    assert isinstance(shelf.versions(), type)
    assert shelf.put(b"2")[0] is Verdict.NOT_PROCESSED
    assert shelf.rename(f"Other {marker(T1, JSON)}") is Verdict.NOT_PROCESSED
    assert shelf.describe({WORD: "Open"})[0] is Verdict.NOT_PROCESSED


def test_a_workspace_that_is_not_there_is_told_alike(pair: Pair) -> None:
    end, sent = marker(T1, JSON), DocumentBytes.of(b"1")
    pair.same(lambda ecm, _: list(ecm.archived(_NOWHERE, FOLDER, end)))
    pair.same(lambda ecm, _: ecm.archive(_NOWHERE, FOLDER, end, f"x {end}", sent, MIME))
    pair.same(lambda ecm, _: ecm.rename_archived(_NOWHERE, FOLDER, end, f"x {end}"))
    pair.same(lambda ecm, _: ecm.describe_archived(_NOWHERE, FOLDER, end, {WORD: "Open"}, {}))


_CONTROL = {
    ContentKind.EMAIL_TEMPLATES: "templates",
    ContentKind.CONTENT_BLOCKS: "blocks",
    ContentKind.CAMPAIGNS: "campaigns",
    ContentKind.CANVASES: "canvases",
}


def _parts(kind: ContentKind) -> dict[str, Any]:
    mail = {"channel": "email", "subject": "s", "body": "Hi"}
    match kind:
        case ContentKind.EMAIL_TEMPLATES:
            return {"subject": "s", "body": "Hi {{${first_name}}}"}
        case ContentKind.CONTENT_BLOCKS:
            return {"content": "terms"}
        case ContentKind.CAMPAIGNS:
            return {"messages": {"v": mail}}
        case ContentKind.CANVASES:
            return {"steps": [{"id": "s", "name": "s", "messages": {"v": mail}}]}


@pytest.mark.parametrize("kind", list(ContentKind))
def test_content_is_listed_by_its_edits_and_read_alike(pair: Pair, kind: ContentKind) -> None:
    number, texts = f"twin-{kind}", _parts(kind)

    def put(**fields: Any) -> None:
        pair.stage.box.call("PUT", f"/braze/{_CONTROL[kind]}/{number}", fields)
        pair.twin_content.put(kind, number, **fields)

    def look() -> Any:
        row = pair.same_content(lambda braze: next(one for one in braze.content_rows(kind, None) if one.id == number))
        pair.same_content(lambda braze: number in {one.id for one in braze.content_rows(kind, begin)})
        found = pair.same_content(lambda braze: _told(braze.asset(row), texts))
        return row, found

    begin = pair.clock.now().replace(microsecond=0)
    put(name=f"of_{kind}", tags=["approved"], **texts)
    row, told = look()
    assert (row.name, row.tags, told[1]) == (f"of_{kind}", ("approved",), False)
    pair.advance(3600)
    begin = pair.clock.now().replace(microsecond=0)
    look()
    put(tags=["approved", "spring"])
    assert look()[0].edited >= begin
    pair.advance(3600)
    pair.same_content(lambda braze: number in {one.id for one in braze.content_rows(kind, begin)})
    pair.stage.box.call("DELETE", f"/braze/{_CONTROL[kind]}/{number}")
    pair.twin_content.delete(kind, number)
    assert isinstance(pair.same_content(lambda braze: braze.asset(row)), type)
    assert pair.same_content(lambda braze: number in {one.id for one in braze.content_rows(kind, None)}) is False


def _told(asset: Any, texts: Mapping[str, Any]) -> Any:
    """Return of an asset what this test wrote: Braze adds empty parts of its own."""
    return {name: asset.parts[name] for name in texts if name in ("body", "content", "subject")}, asset.archived


def test_the_twin_of_the_content_has_every_method_of_its_port() -> None:
    for name, promised in inspect.getmembers(ports.ContentReader, inspect.isfunction):
        if not name.startswith("_"):
            kept = inspect.signature(getattr(TwinContent, name))
            assert list(kept.parameters) == list(inspect.signature(promised).parameters), name
