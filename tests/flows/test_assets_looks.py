"""How the flow assets looks at Braze: what is read and how often, and what is concluded from a look that fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ecmbraze.ledger.explaining import Explaining
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.model import ContentRow
from tests.flows.test_assets import BLOCKS, CAMPAIGNS, SECTION, STATUS, TEMPLATES, Office
from tests.twins.house import settings
from tests.twins.wire import Fault, Trouble


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def reads(office: Office, hours: float = 1) -> int:
    """Return how many assets one more round reads whole."""
    before = office.content.reads
    office.round(hours)
    return office.content.reads - before


@pytest.mark.parametrize(
    ("seen", "note"),
    [(["b", "b"], False), (["b", "c", "c"], False), (["b", "c", "d"], True)],
)
def test_a_block_is_read_until_two_reads_agree_and_at_most_three_times(
    office: Office, seen: list[str], note: bool
) -> None:
    office.block("footer", "a")
    office.template("t1", "{{content_blocks.${footer}}}")
    texts = iter(seen)

    def edit(row: ContentRow) -> None:
        if row.kind is BLOCKS:
            office.block("footer", next(texts, seen[-1]))

    office.content.before_read = edit
    office.confirm()

    (told,) = office.archived("t1")
    assert told["references"][0]["content"] == seen[-1]
    assert bool([one for one in told["manifest"]["notes"] if "read while it changed" in one]) is note
    assert next(texts, "") == ""


def test_what_changed_while_it_was_read_is_a_version_as_soon_as_it_stands_still(office: Office) -> None:
    office.block("footer", "a")
    office.template("t1", "{{content_blocks.${footer}}}")
    texts = iter("bcd")
    office.content.before_read = lambda row: office.block("footer", next(texts, "d"))
    office.confirm()
    office.content.before_read = lambda row: None
    office.block("footer", "e")
    office.round()

    assert [one["references"][0]["content"] for one in office.archived("t1")] == ["d", "e"]


def test_an_edit_in_the_second_of_the_look_is_found_by_the_next_one(office: Office) -> None:
    office.block("footer", "one", tags=("approved",))
    office.template("t1", "one {{content_blocks.${footer}}}")
    office.confirm()
    office.template("t1", "two {{content_blocks.${footer}}}")
    office.block("footer", "two")
    office.round()
    office.template("t1", "three {{content_blocks.${footer}}}")  # the clock stands since the round
    office.block("footer", "three")
    office.round()

    assert [one["references"][0]["content"] for one in office.archived("t1")] == ["one", "two", "three"]
    assert [body.partition(" ")[0] for body in office.bodies("t1")] == ["one", "two", "three"]
    assert office.bodies("b-footer") == ["one", "two", "three"]


def test_a_first_look_that_breaks_off_goes_on_where_it_was(office: Office) -> None:
    for number in range(6):
        office.template(f"t{number}", "Hi")
    office.house.wire.faults.append(Fault(call="braze content detail", trouble=Trouble.FAILED, skip=4))

    assert office.round().codes == (5,)
    assert reads(office, hours=0.1) == 2
    assert office.round(0.1).codes == (6,)


def test_what_a_broken_look_saw_counts_once_towards_the_two_that_mark_it(office: Office) -> None:
    office.template("t0", "Hi")
    office.confirm()
    office.template("t0", "Hi", tags=())
    for number in range(4):
        office.template(f"n{number}", "Hi")
    for hours, skip in ((24, 3), (0.5, 0)):
        office.house.wire.faults.append(Fault(call="braze content detail", trouble=Trouble.FAILED, skip=skip))
        assert office.round(hours).codes == (5,)
    office.round(0.1)

    assert office.paper("t0").values[STATUS] == "approved"
    office.round(24)
    assert office.paper("t0").values[STATUS] == "tag_removed"


def test_a_block_that_lost_its_tag_and_is_still_included_costs_no_more_than_before(office: Office) -> None:
    office.block("footer", "one", tags=("approved",))
    for number in range(5):
        office.template(f"t{number}", "{{content_blocks.${footer}}}")
    office.confirm()
    office.block("footer", "two", tags=())
    office.round()
    assert [len(office.archived(f"t{number}")) for number in range(5)] == [2] * 5

    assert reads(office) == 0
    assert office.bodies("b-footer") == ["one"]


def test_bytes_of_a_kind_that_is_not_archived_are_not_kept(tmp_path: Path) -> None:
    office = Office(tmp_path, kinds=["email_templates"])
    office.block("footer", "x" * 1000, tags=("approved",))
    office.template("t1", "{{content_blocks.${footer}}}")
    office.confirm()

    assert office.names() == {"t1 [t1].json"}
    assert list(_kept(office)) == []
    office.round(24)
    assert list(_kept(office)) == []


def _kept(office: Office) -> Iterator[bytes]:
    with closing(Ledger.open(office.house.state)) as ledger:
        ledger.contents.prune()
        yield from (row[0] for row in ledger.database.execute("SELECT bytes FROM content"))


def test_tags_and_names_that_no_attribute_shows_write_no_category(office: Office) -> None:
    office.template("t1", "one")
    office.confirm()
    office.template("t1", "one", tags=("approved", "spring"))

    assert office.round().count("planned") == 0


def test_the_category_shows_the_tags_that_an_asset_has_now(tmp_path: Path) -> None:
    office = Office(tmp_path, metadata={"Content.Braze ID": "tags", STATUS: "status"})
    office.template("t1", "one", tags=("approved", "spring"))
    office.confirm()
    assert office.paper("t1").values["Content.Braze ID"] == "approved, spring"
    office.template("t1", "one", tags=("spring",))
    for _ in range(3):
        office.round(24)

    assert office.paper("t1").values == {"Content.Braze ID": "spring", STATUS: "tag_removed"}


def test_another_tag_in_the_configuration_is_looked_for_at_once(office: Office) -> None:
    office.template("t1", "one")
    office.template("t2", "two", tags=("legal",))
    office.confirm()
    office.template("t3", "later")
    office.round()
    office.house.config = settings({"assets": {**SECTION, "tag": "legal"}})

    said = office.round()
    assert office.names() == {"t1 [t1].json", "t2 [t2].json", "t3 [t3].json"}
    assert not [note for note in said.report.notes if "drag-and-drop" in note]


def test_an_asset_that_cannot_be_read_is_put_aside_and_hides_nothing_else(office: Office) -> None:
    office.template("t1", "one")
    office.template("t2", "two")
    office.content.before_read = lambda row: office.content.delete(TEMPLATES, "t1") if row.id == "t1" else None
    waits = office.round()
    office.content.before_read = lambda row: None

    assert office.house.quarantined() == {"content:email_templates:t1"}
    office.round(0, confirm=waits.report.plan_hash)
    assert office.names() == {"t2 [t2].json"}
    office.template("t1", "back")
    office.round()
    assert office.bodies("t1") == ["back"]
    assert office.house.quarantined() == set()


def test_what_is_archived_says_when_it_was_seen_last_as_it_is_archived(office: Office) -> None:
    office.template("t1", "one")
    office.confirm()
    office.round(24)
    seen = office.house.clock.now()
    office.template("t1", "two", tags=())
    for _ in range(3):
        office.round(24)
    office.template("t1", "two")
    office.round()

    versions = _versions(office, "content:email_templates:t1")
    assert [one["document"][:0] for one in versions] == ["", ""]
    assert versions[1]["after"] == seen.isoformat()


def _versions(office: Office, record: str) -> list[dict[str, str]]:
    with closing(Ledger.open(office.house.state, read_only=True)) as ledger:
        row = ledger.database.execute("SELECT memory FROM fact WHERE record = ?", (record,)).fetchone()
    found: list[dict[str, str]] = json.loads(row[0])["versions"]
    return found


def test_an_archived_campaign_is_not_brought_back_by_its_dates(office: Office) -> None:
    office.content.put(CAMPAIGNS, "c1", tags=("approved",), archived=True, messages={})
    office.template("t1", "one")
    office.confirm()

    assert office.names() == {"t1 [t1].json"}


def _lose(office: Office, row: ContentRow) -> None:
    office.content.assets.pop((row.kind, row.id), None)


def test_a_listed_block_that_is_not_given_makes_no_version_without_it(office: Office) -> None:
    office.block("footer", "one")
    office.template("t1", "{{content_blocks.${footer}}}")
    office.template("t2", "alone")
    office.confirm()
    office.block("footer", "two")
    kept = office.content.assets[BLOCKS, "b-footer"]
    office.content.before_read = lambda row: _lose(office, row) if row.kind is BLOCKS else None

    assert office.round().codes == (3,)
    aside = {f"content:{TEMPLATES}:t1", f"content:{BLOCKS}:b-footer"}
    assert (len(office.archived("t1")), office.house.quarantined()) == (1, aside)
    office.content.before_read = lambda row: None
    office.content.assets[BLOCKS, "b-footer"] = kept
    assert office.round().codes == (0,)
    assert [one["references"][0]["content"] for one in office.archived("t1")] == ["one", "two"]


def test_what_could_not_be_read_is_read_by_the_next_run_although_its_edit_is_old(office: Office) -> None:
    office.template("t0", "zero")
    office.confirm()
    office.template("t1", "one")
    office.house.clock.advance(timedelta(hours=2))
    office.template("t2", "two")
    kept = office.content.assets[TEMPLATES, "t1"]
    office.content.before_read = lambda row: _lose(office, row) if row.id == "t1" else None
    office.round()
    office.content.before_read = lambda row: None
    office.content.assets[TEMPLATES, "t1"] = kept
    office.round()

    assert office.names() == {f"t{number} [t{number}].json" for number in range(3)}


def test_an_asset_is_known_by_its_name_exactly_and_by_another_case_where_none_is_spelled_so(office: Office) -> None:
    office.template("t1", "one", name="Offer")
    office.template("t2", "two", name="OFFER")
    office.template("t3", "three", name="Terms")
    office.confirm()

    with closing(Ledger.open(office.house.state, read_only=True)) as ledger:
        known = Explaining(ledger.database).content
        found = {
            name: [one.key[-2:] for one in known(name)] for name in ("Offer", "OFFER", "offer", "TERMS", "t3", "x")
        }
    assert found == {"Offer": ["t1"], "OFFER": ["t2"], "offer": ["t1", "t2"], "TERMS": ["t3"], "t3": ["t3"], "x": []}


def test_content_was_seen_when_it_was_read_however_long_its_scan_went_on(office: Office) -> None:
    office.template("t1", "one")
    edited = list[datetime]()

    def slowly(text: str) -> None:
        office.house.clock.advance(timedelta(minutes=20))
        office.template("t1", text)
        edited.append(office.house.clock.now())
        office.house.clock.advance(timedelta(minutes=20))

    office.content.before_read = lambda row: slowly("two")
    waits = office.round()
    office.content.before_read = lambda row: None
    office.round(0, confirm=waits.report.plan_hash)
    office.content.before_read = lambda row: slowly("three")
    office.template("t1", "changed")
    office.round()

    (two, three) = (datetime.fromisoformat(one["manifest"]["seen"]["at"]) for one in office.archived("t1"))
    assert office.bodies("t1") == ["two", "three"]
    assert edited[0] < two
    assert edited[-1] < three
    with closing(Ledger.open(office.house.state, read_only=True)) as ledger:
        (known,) = Explaining(ledger.database).content("t1")
        assert two <= datetime.fromisoformat(str(known.facts["after"])) < edited[-1]
