"""The archive while people meddle with it: in its documents, its workspace and its settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.flows.test_assets import SECTION, SHA, STATUS, TEMPLATES, Office
from tests.twins.house import settings
from tests.twins.wire import Fault, Trouble

ID = "Content.Braze ID"


@pytest.fixture
def office(tmp_path: Path) -> Office:
    made = Office(tmp_path)
    made.template("t1", "one")
    made.confirm()
    return made


def _set(office: Office, **section: Any) -> None:
    office.house.config = settings({"assets": {**SECTION, **section}})


def test_a_document_that_somebody_deleted_is_made_again_with_the_next_content_and_described(office: Office) -> None:
    office.ecm.remove(office.paper("t1").id)
    assert office.round().count("planned") == 0
    office.template("t1", "two")

    assert office.round().codes == (0,)
    assert (office.bodies("t1"), office.paper("t1").values[STATUS]) == (["two"], "approved")


def test_what_somebody_typed_in_the_category_stays_beside_the_next_version(office: Office) -> None:
    office.ecm.mark(office.paper("t1").id, {STATUS: "checked by legal"})
    office.template("t1", "two")

    assert office.round().codes == (3,)
    assert (office.bodies("t1"), office.paper("t1").values[STATUS]) == (["one", "two"], "checked by legal")


def test_a_document_that_somebody_renamed_is_the_same_and_gets_the_next_name(office: Office) -> None:
    office.ecm.mark(office.paper("t1").id, name="Checked [t1].json")
    office.template("t1", "two")
    office.round()
    assert (office.names(), office.bodies("t1")) == ({"Checked [t1].json"}, ["one", "two"])
    office.template("t1", "two", name="Summer")
    office.round()

    assert (office.names(), office.bodies("t1")) == ({"Summer [t1].json"}, ["one", "two"])


def test_a_copy_that_bears_the_same_mark_keeps_the_versions_back_until_it_is_gone(office: Office) -> None:
    copy = office.ecm.file(office.place, "Copy of t1 [t1].json", folder="E-mail Templates")
    office.template("t1", "two")
    assert office.round().codes == (5,)
    office.ecm.remove(copy)
    office.round()

    assert office.bodies("t1") == ["one", "two"]


def test_a_tag_that_is_lost_for_one_look_writes_nothing(office: Office) -> None:
    office.template("t1", "one", tags=())
    looks = [office.round(24)]
    office.template("t1", "one", tags=("approved",))
    looks += [office.round(24), office.round(24)]

    assert [look.count("planned") for look in looks] == [0, 0, 0]


def test_another_workspace_gets_everything_at_once_with_the_bytes_that_were_archived(office: Office) -> None:
    office.template("t2", "two")
    office.round()
    before = {number: office.archived(number) for number in ("t1", "t2")}
    office.ecm.delete(office.place)
    office.place = office.ecm.create("Governance", {}, name="Archive")
    for paper in list(office.ecm.papers.values()):
        office.ecm.remove(paper.id)

    assert office.round(0.1).codes == (0,)
    assert {number: office.archived(number) for number in before} == before
    assert {paper.parent for paper in office.ecm.papers.values()} == {office.place}
    assert {paper.values[STATUS] for paper in office.ecm.papers.values()} == {"approved"}
    assert office.round(24).count("planned") == 0


def test_another_workspace_waits_for_a_person_where_it_gets_many_documents(office: Office) -> None:
    office.template("t2", "two")
    office.round()
    _set(office, max_documents=1)
    office.ecm.delete(office.place)
    office.ecm.create("Governance", {}, name="Archive")
    for paper in list(office.ecm.papers.values()):
        office.ecm.remove(paper.id)

    for _ in range(2):
        waits = office.round()
    assert waits.codes == (6,)
    assert office.round(0, confirm=waits.report.plan_hash).codes == (0,)
    assert (office.bodies("t1"), office.bodies("t2")) == (["one"], ["two"])


@pytest.mark.parametrize("trouble", [None, Trouble.LOST_BEFORE])
def test_what_still_waits_for_the_old_workspace_goes_to_the_new_one_first(
    office: Office, trouble: Trouble | None
) -> None:
    office.template("t1", "two")
    if trouble is None:
        office.paper("t1").held = "reserved"
    else:
        office.house.wire.faults.append(Fault(call="ecm archive", trouble=trouble))
    assert office.round().codes == (5,)
    office.ecm.delete(office.place)
    office.ecm.remove(office.paper("t1").id)
    office.ecm.create("Governance", {}, name="Archive")
    office.template("t1", "three")
    for _ in range(3):
        office.round()

    assert (office.bodies("t1"), office.paper("t1").values[STATUS]) == (["two", "three"], "approved")
    assert office.round().codes == (0,)


def test_an_attribute_that_is_mapped_later_is_written_on_what_does_not_change(office: Office) -> None:
    _set(office, metadata={SHA: "sha256", STATUS: "name", ID: "id"})
    assert office.round().codes == (0,)
    assert office.paper("t1").values[STATUS] == "t1"
    reads = office.content.reads

    assert office.round().count("planned") == 0
    assert office.content.reads == reads


def test_a_rendering_that_is_switched_on_later_stands_beside_what_is_read_again(office: Office) -> None:
    _set(office, rendering=True)
    office.round(24)

    assert office.names() == {"t1 [t1].json", "t1 [t1].html"}
    office.content.put(TEMPLATES, "t1", body="two")
    office.round()
    assert [len(paper.versions) for paper in office.ecm.papers.values()] == [2, 2]
