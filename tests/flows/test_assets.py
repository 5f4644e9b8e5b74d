"""The flow assets in rounds over both twins and a real state file: which documents stand in ECM after them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ecmbraze.model import ContentKind
from tests.stories import onboarding
from tests.twins.ecm_world import Paper
from tests.twins.house import House, Outcome, settings
from tests.twins.wire import Fault, Trouble

TEMPLATES, BLOCKS = ContentKind.EMAIL_TEMPLATES, ContentKind.CONTENT_BLOCKS
CAMPAIGNS, CANVASES = ContentKind.CAMPAIGNS, ContentKind.CANVASES
STATUS, SHA = "Content.Status", "Content.SHA-256"
SECTION: Mapping[str, Any] = {
    "tag": "approved",
    "workspace": {"type": "Governance", "name": "Archive"},
    "rendering": False,
    "metadata": {"Content.Braze ID": "id", STATUS: "status", SHA: "sha256"},
}
DAY = timedelta(days=1)


class Office:
    """A house with the flow assets and one workspace for the archive."""

    def __init__(self, folder: Path, *, flows: Mapping[str, Any] | None = None, **section: Any) -> None:
        self.house = House(folder, settings({**(flows or {}), "assets": {**SECTION, **section}}))
        self.ecm, self.content = self.house.ecm, self.house.content
        self.ecm.add_category("Content", ["Braze ID", "Status", "SHA-256"])
        self.ecm.add_type("Governance", ["Content"])
        self.place = self.ecm.create("Governance", {}, name="Archive")

    def template(self, number: str, body: str, **more: Any) -> None:
        self.content.put(TEMPLATES, number, body=body, **{"tags": ("approved",), **more})

    def block(self, name: str, content: str, **more: Any) -> None:
        self.content.put(BLOCKS, f"b-{name}", name=name, content=content, channels=(), **more)

    def round(self, hours: float = 1, **options: Any) -> Outcome:
        self.house.clock.advance(timedelta(hours=hours))
        return self.house.start(**options)

    def confirm(self, hours: float = 1) -> Outcome:
        """Let the plan wait, and confirm it."""
        waits = self.round(hours)
        assert waits.codes == (6,), waits.report.exit_reason
        return self.round(0, confirm=waits.report.plan_hash)

    def paper(self, number: str) -> Paper:
        (found,) = (one for one in self.ecm.papers.values() if one.name.endswith(f"[{number}].json"))
        return found

    def archived(self, number: str) -> list[dict[str, Any]]:
        """Return the versions of the document of an asset, oldest first."""
        return [json.loads(content) for _, _, content in self.paper(number).versions]

    def bodies(self, number: str) -> list[str]:
        return [one["parts"].get("body") or one["parts"].get("content") for one in self.archived(number)]

    def names(self) -> set[str]:
        return {paper.name for paper in self.ecm.papers.values()}


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_the_first_plan_waits_for_a_person_and_then_archives_what_carries_the_tag(office: Office) -> None:
    office.template("t1", "Hi")
    office.template("t2", "Draft", tags=("wip",))

    waits = office.round()
    assert (waits.codes, office.names()) == ((6,), set())
    assert "it is the first of its flow, with 1 documents" in waits.report.exit_reason
    assert office.round().codes == (6,)
    done = office.round(0, confirm=waits.report.plan_hash)

    assert (done.codes, office.names()) == ((0,), {"t1 [t1].json"})
    assert office.paper("t1").folder == "E-mail Templates"
    assert office.round().count("planned") == 0


def test_only_other_content_is_a_version_whatever_the_dates_say(office: Office) -> None:
    office.template("t1", "one")
    office.confirm()

    office.template("t1", "one", tags=("approved", "spring"))
    office.round()
    assert office.bodies("t1") == ["one"]
    for text in ("two", "one", "one", "three"):
        office.template("t1", text)
        assert office.round().codes == (0,)

    assert office.bodies("t1") == ["one", "two", "one", "three"]
    paper = office.paper("t1")
    assert paper.values[SHA] == hashlib.sha256(paper.versions[-1][2]).hexdigest()


def test_an_edit_that_moves_no_date_is_found_by_the_full_scan(office: Office) -> None:
    office.template("t1", "one")
    office.confirm()
    office.template("t1", "two", unlisted=True)

    assert office.round().count("planned") == 0
    office.round(24)

    assert office.bodies("t1") == ["one", "two"]


def test_a_changed_block_is_a_version_of_itself_and_of_all_that_include_it_and_of_nothing_else(office: Office) -> None:
    office.block("inner", "deep")
    office.block("outer", "out {{content_blocks.${inner}}}", tags=("approved",))
    office.template("t1", "Hi {{content_blocks.${outer} | id: 'cb1'}}")
    office.template("t2", "alone")
    step = {"id": "s", "messages": {"v": {"body": "{{content_blocks.${inner}}}"}}}
    office.content.put(CANVASES, "c1", tags=("approved",), steps=[step])
    office.confirm()
    assert set(office.archived("t1")[0]["manifest"]["references"]) == {"inner", "outer"}

    office.block("inner", "deeper")
    changed = office.round()

    assert changed.report.by_action["versions"] == 3
    assert [len(office.archived(one)) for one in ("t1", "t2", "b-outer", "c1")] == [2, 1, 2, 2]
    before, after = office.archived("t1")
    assert [one["content"] for one in after["references"]] == ["deeper", "out {{content_blocks.${inner}}}"]
    assert before["parts"] == after["parts"]
    assert office.round().count("planned") == 0


def test_circles_and_computed_names_are_told_and_stop_nothing(office: Office) -> None:
    office.block("a", "{{content_blocks.${b}}}")
    office.block("b", "{{content_blocks.${a}}}")
    office.template("t1", "{{content_blocks.${a}}} {{content_blocks.${promo_{{x}}}}} {{content_blocks.${gone}}}")
    office.confirm()

    manifest = office.archived("t1")[0]["manifest"]
    assert manifest["circles"] == ["a", "b"]
    assert manifest["unresolved"] == ["content_blocks.${promo_{{x}}}", "gone"]


def test_a_block_that_is_made_later_resolves_what_named_it(office: Office) -> None:
    office.template("t1", "{{content_blocks.${late}}}")
    office.confirm()
    office.block("late", "here")
    office.round()

    assert [one["manifest"]["unresolved"] for one in office.archived("t1")] == [["late"], []]


def test_another_name_renames_the_document_and_makes_no_version(office: Office) -> None:
    office.template("t1", "one", name="Spring: 1/2")
    office.confirm()
    office.template("t1", "one", name="Summer")
    renamed = office.round()

    assert (renamed.codes, office.names(), office.bodies("t1")) == ((0,), {"Summer [t1].json"}, ["one"])
    office.template("t1", "two", name="Autumn")
    office.round()
    assert (office.names(), office.bodies("t1")) == ({"Autumn [t1].json"}, ["one", "two"])


@pytest.mark.parametrize(
    ("lose", "status"),
    [
        (lambda content: content.put(TEMPLATES, "t1", tags=(), body="not approved"), "tag_removed"),
        (lambda content: content.put(TEMPLATES, "t1", archived=True), "archived"),
        (lambda content: content.delete(TEMPLATES, "t1"), "deleted"),
    ],
)
def test_what_is_no_longer_approved_is_marked_after_two_complete_looks_and_never_deleted(
    office: Office, lose: Any, status: str
) -> None:
    office.template("t1", "one")
    office.template("t2", "stays")
    office.confirm()
    lose(office.content)

    office.round()
    office.round(24)
    assert office.paper("t1").values[STATUS] == "approved"
    office.round()
    assert office.paper("t1").values[STATUS] == "approved"
    marked = office.round(24)

    assert marked.codes == (0,)
    assert (office.paper("t1").values[STATUS], office.bodies("t1")) == (status, ["one"])
    assert office.round(24).count("planned") == 0


def test_what_is_approved_again_is_archived_again(office: Office) -> None:
    office.template("t1", "one")
    office.confirm()
    office.content.put(TEMPLATES, "t1", tags=(), body="two")
    for _ in range(3):
        office.round(24)
    office.content.put(TEMPLATES, "t1", tags=("approved",), body="three")
    office.round()

    assert (office.paper("t1").values[STATUS], office.bodies("t1")) == ("approved", ["one", "three"])


def test_more_than_max_documents_wait_for_a_person(tmp_path: Path) -> None:
    office = Office(tmp_path, max_documents=2)
    office.template("t0", "one")
    office.confirm()
    for number in range(3):
        office.template(f"n{number}", "new")

    waits = office.round()
    assert (waits.codes, len(office.names())) == ((6,), 1)
    assert "max_documents 2" in waits.report.exit_reason
    assert office.round(0, confirm=waits.report.plan_hash).codes == (0,)
    assert len(office.names()) == 4


@pytest.mark.parametrize("trouble", list(Trouble)[:6])
def test_whatever_becomes_of_an_answer_no_content_is_stored_twice_in_a_row(office: Office, trouble: Trouble) -> None:
    office.template("t1", "one")
    office.house.wire.faults.append(Fault(call="ecm archive", trouble=trouble))
    waits = office.round()
    office.round(0, confirm=waits.report.plan_hash)
    office.round()
    office.template("t1", "two")
    office.house.wire.faults.append(Fault(call="ecm archive", trouble=trouble))
    for _ in range(3):
        office.round()

    assert office.bodies("t1") == ["one", "two"]
    assert office.round().codes == (0,)


def test_a_page_to_look_at_stands_beside_each_e_mail_and_is_a_version_with_it(tmp_path: Path) -> None:
    office = Office(tmp_path, rendering=True)
    office.template("t1", "<p onclick='x()'>Hi</p><script>x()</script><img src='https://t.example/p.png'>")
    office.block("b", "<p>", tags=("approved",))
    office.confirm()
    assert office.names() == {"t1 [t1].json", "t1 [t1].html", "b [b-b].json"}

    office.template("t1", "<p>Bye</p>")
    office.round()
    page = next(one for one in office.ecm.papers.values() if one.name.endswith(".html"))
    first, second = (content.decode() for _, _, content in page.versions)

    assert "<p>Hi</p>[image]" in first
    assert "https://t.example" not in first
    assert "<p>Bye</p>" in second


def test_a_page_that_shows_the_same_as_before_is_no_version_though_its_document_is(tmp_path: Path) -> None:
    office = Office(tmp_path, rendering=True, max_documents=2)
    office.block("footer", "1 Main Street")
    office.template("t1", "{{content_blocks.${footer}}}")
    office.template("t2", "{{content_blocks.${footer}}}")
    office.confirm()
    office.block("footer", "2 Main Street")

    outcome = office.round()

    assert outcome.codes == (0,)  # the pages are none of the two that may go
    assert [one.name for one in outcome.report.actions if one.kind == "version"] == ["t1 [t1].json", "t2 [t2].json"]
    office.template("t1", "<p>Bye</p>")
    office.round()
    pages = [len(one.versions) for one in office.ecm.papers.values() if one.name == "t1 [t1].html"]
    assert (pages, len(office.archived("t1"))) == ([2], 3)


def test_what_is_expected_and_missing_is_said_each_run_and_the_limits_of_the_api_once(tmp_path: Path) -> None:
    office = Office(tmp_path, expected=["Spring", "Terms"])
    office.template("t1", "one", name="Spring")
    office.template("t2", "one", name="Termz", tags=())

    waits = office.round()
    office.round(0, confirm=waits.report.plan_hash)
    later = office.round()

    for one in (waits, later):
        assert [note for note in one.report.notes if "expected" in note and "Terms" in note]
        assert not [note for note in one.report.notes if "'Spring' is expected" in note]
    said = [[note for note in one.report.notes if "drag-and-drop" in note] for one in (waits, later)]
    assert [len(notes) for notes in said] == [1, 0]


def test_a_rule_that_requires_it_holds_its_campaign_until_the_present_content_is_archived(tmp_path: Path) -> None:
    story = onboarding.STORY
    milestone = {**story.section["milestones"][0], "require_archived": True}
    office = Office(tmp_path, flows={"onboarding": {**story.section, "milestones": [milestone]}})
    house, number = office.house, _onboarded(office)
    message = {"channel": "email", "body": "{{content_blocks.${b}}}"}
    office.content.put(CAMPAIGNS, onboarding.CAMPAIGN, messages={"v": message})
    office.block("b", "one")
    for _ in range(2):
        office.round()
    story.acts[0](house, number)

    dry = office.round(dry_run=True).reports[0].actions
    assert [line.archived for line in dry if line.kind == "campaign"] == [
        "not approved: the campaign does not carry the tag 'approved'"
    ]
    office.round()
    office.content.put(CAMPAIGNS, onboarding.CAMPAIGN, tags=("approved",))
    waits = office.round()
    assert (waits.codes, waits.reports[0].counts["waiting"], _campaigns(house)) == ((0, 6), 1, 0)
    house.start("assets", confirm=waits.reports[1].plan_hash)
    office.block("b", "two")  # after it was archived
    assert [line for line in house.start("onboarding").report.actions if "in no version" in line.why]
    office.round()

    assert (_campaigns(house), len(office.archived(onboarding.CAMPAIGN))) == (1, 2)


def _onboarded(office: Office) -> int:
    onboarding.STORY.furnish(office.ecm)
    onboarding.STORY.people(office.house, "C-1", "C-2")
    return onboarding.STORY.make(office.ecm, "C-1")


def _campaigns(house: House) -> int:
    return [entry.kind for entry in house.braze.messages].count("campaign")


@pytest.mark.long
def test_two_hundred_assets_of_all_kinds_are_archived_once_and_a_block_makes_a_version_where_it_is_included(
    tmp_path: Path,
) -> None:
    office = Office(tmp_path)
    office.block("footer", "one", tags=("approved",))
    for number in range(199):
        kind = (TEMPLATES, TEMPLATES, CAMPAIGNS, CANVASES)[number % 4]
        body = f"{number} " + ("{{content_blocks.${footer}}}" if number % 3 else "")
        office.content.put(kind, f"a{number}", tags=("approved",) if number % 10 else ("wip",), body=body)

    confirmed = office.confirm()
    again = office.round()
    office.block("footer", "two")
    changed = office.round()

    assert confirmed.report.by_action["documents"] == len(office.names()) == 180
    including = sum("${footer}" in str(one.parts) for one in office.content.assets.values() if "approved" in one.tags)
    assert (again.count("planned"), changed.report.by_action["versions"]) == (0, 1 + including)
    for paper in office.ecm.papers.values():
        newest = paper.versions[-1][2]
        told = json.loads(newest)
        assert len(paper.versions) == 1 + ("footer" in told["manifest"]["references"] or "[b-footer]" in paper.name)
        assert paper.values[SHA] == hashlib.sha256(newest).hexdigest()
        for name, digest in told["manifest"]["parts"].items():
            assert hashlib.sha256(told["parts"][name].encode()).hexdigest() == digest
