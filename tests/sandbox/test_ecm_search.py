"""The search index: late, by days, by versions, filtered after the hit (api/ecm.md 6.1, section 13, 12)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sandbox.desk import Desk, ids, names

DOCUMENTS = '[QLREGION "OTSubType"] = "144"'


@pytest.fixture
def alpha(desk: Desk) -> int:
    return desk.make("Alpha")


def regions(row: Any) -> Any:
    return row["data"]["regions"]


def everything(desk: Desk, where: str, **more: Any) -> list[int]:
    """Page as one should: with the cache id, until there is no next link, each node once."""
    found: list[int] = []
    page = 1
    while True:
        answer = desk.search(where, page=page, **more)
        found += [number for number in ids(answer) if number not in found]
        if "links" not in answer["collection"]["paging"]:
            return found
        more["cache_id"] = answer["collection"]["searching"]["cache_id"]
        page += 1


def test_a_document_is_found_at_any_depth_by_the_ancestors_in_its_location(desk: Desk, alpha: int) -> None:
    inner = desk.office("folder", parent=desk.office("folder", parent=alpha, name="Papers"), name="2026")
    made, other = desk.file(inner, "Größe.pdf"), desk.file(desk.make("Beta"), "Other.pdf")
    answer = desk.search(f'{DOCUMENTS} AND [QLREGION "OTLocation"] = "{alpha}"')
    assert ids(answer) == [made]
    assert str(alpha) in regions(answer["results"][0])["OTLocation"].split()
    hrefs = [entry["href"] for entry in answer["results"][0]["links"]["ancestors"]]
    assert hrefs[-3:] == [f"/api/v2/nodes/{n}" for n in (alpha, desk.store.nodes[inner].parent_id, inner)]
    assert set(everything(desk, "OTSubType:144")) == {made, other}


@pytest.mark.parametrize("lookfor", ["complexQuery", "complexquery", "COMPLEXQUERY"])
def test_what_to_look_for_is_matched_without_case(desk: Desk, alpha: int, lookfor: str) -> None:
    made = desk.file(alpha, "Letter.pdf")
    assert ids(desk.search(DOCUMENTS, lookfor=lookfor)) == [made]
    assert ids(desk.search("letter", lookfor="allWords")) == [made]
    assert desk.refused("POST", "/v2/search", {"where": DOCUMENTS, "lookfor": "simplequery"})[0] == 400


def test_a_location_beside_the_query_restricts_to_what_lies_below(desk: Desk, alpha: int) -> None:
    beta, gamma = desk.make("Beta"), desk.make("Gamma")
    first, second, third = (desk.file(parent, "a.pdf") for parent in (alpha, beta, gamma))
    assert ids(desk.search(DOCUMENTS, location_id1=alpha)) == [first]
    assert set(ids(desk.search(DOCUMENTS, location_id1=alpha, location_id2=beta))) == {first, second}
    assert third in ids(desk.search(DOCUMENTS))


def test_the_sorting_of_a_search_is_a_list_of_words(desk: Desk) -> None:
    sorting = desk.search(DOCUMENTS)["collection"]["sorting"]
    assert (sorting["sort"], "asc_OTObjectDate" in sorting["links"]) == (["relevance"], True)
    assert desk.search(DOCUMENTS, sort="desc_OTName")["collection"]["sorting"]["sort"] == ["desc_OTName"]


def test_what_changed_a_moment_ago_is_not_in_the_index_yet(desk: Desk, alpha: int) -> None:
    desk.switch(index_lag_s=600)
    made = desk.file(alpha, "Letter.pdf")
    assert ids(desk.get(f"/v2/nodes/{alpha}/nodes")) == [made]
    assert ids(desk.search(DOCUMENTS)) == []
    desk.clock.advance(599)
    assert ids(desk.search(DOCUMENTS)) == []
    desk.clock.advance(1)
    assert ids(desk.search(DOCUMENTS)) == [made]


def test_a_stopped_index_keeps_what_it_has_and_a_flush_brings_it_up_to_date(desk: Desk, alpha: int) -> None:
    first = desk.file(alpha, "First.pdf")
    assert ids(desk.search(DOCUMENTS)) == [first]
    desk.switch(index_stopped=True)
    second = desk.file(alpha, "Second.pdf")
    desk.later(1_000_000)
    assert ids(desk.search(DOCUMENTS)) == [first]
    desk.store.index.flush()
    assert set(ids(desk.search(DOCUMENTS))) == {first, second}


def test_without_lag_a_clock_that_was_set_back_hides_nothing(desk: Desk, alpha: int) -> None:
    desk.clock.advance(86_400)
    made = desk.file(alpha, "Tomorrow.pdf")
    desk.clock.advance(-86_400)
    assert ids(desk.search(DOCUMENTS)) == [made]


def test_regions_are_as_old_as_the_index_while_properties_are_fresh(desk: Desk, alpha: int) -> None:
    made = desk.file(alpha, "Old name.pdf")
    desk.search(DOCUMENTS)
    desk.switch(index_lag_s=3600)
    desk.later(86_400)
    target = desk.make("Beta")
    desk.office("edit", made, name="New name.pdf")
    desk.office("move", made, parent=target)
    row = desk.search('OTName:"Old name.pdf"')["results"][0]
    assert row["data"]["properties"]["name"] == "New name.pdf"
    assert row["data"]["properties"]["modify_date"] == "2026-06-02T08:00:00Z"
    assert (regions(row)["OTName"], regions(row)["OTModifyDate"]) == ("Old name.pdf", "20260601")
    assert str(alpha) in regions(row)["OTLocation"].split()
    assert row["links"]["ancestors"][-1]["href"] == f"/api/v2/nodes/{target}"
    assert ids(desk.search(f'{DOCUMENTS} AND [QLREGION "OTModifyDate"] >= "20260602"')) == []


def test_the_modify_date_is_a_day_and_the_time_of_day_is_another_region(desk: Desk, alpha: int) -> None:
    early = desk.file(alpha, "Early.pdf", modified="2026-05-20T06:00:00Z")
    late = desk.file(alpha, "Late.pdf", modified="2026-05-20T16:30:15Z")
    next_day = desk.file(alpha, "Next.pdf", modified="2026-05-21T05:00:00Z")
    day = '[QLREGION "OTModifyDate"]'
    assert set(ids(desk.search(f'{DOCUMENTS} AND {day} = "20260520"'))) == {early, late}
    # a client that compares both regions with AND loses the early hours of the following days
    naive = f'{DOCUMENTS} AND {day} >= "20260520" AND [QLREGION "OTModifyTime"] > "120000"'
    assert set(ids(desk.search(naive))) == {late}
    right = f'{DOCUMENTS} AND (({day} = "20260520" AND [QLREGION "OTModifyTime"] > "120000") OR {day} > "20260520")'
    assert set(ids(desk.search(right))) >= {late, next_day}
    assert early not in ids(desk.search(right))


def test_days_and_times_are_local_to_the_server(desk: Desk, alpha: int) -> None:
    desk.file(alpha, "Midnight.pdf", created="2026-01-10T23:30:00Z", modified="2026-05-20T22:30:00Z")
    shown = regions(desk.search(DOCUMENTS)["results"][0])
    assert (shown["OTObjectDate"], shown["OTModifyDate"], shown["OTModifyTime"]) == ("20260111", "20260521", "003000")
    desk.switch(server_tz="America/New_York")
    shown = regions(desk.search(DOCUMENTS)["results"][0])
    assert (shown["OTModifyDate"], shown["OTModifyTime"]) == ("20260520", "183000")


@pytest.mark.parametrize("date", ["2026-05-20", "2026-05-20T10:00:00", "2026052", "today"])
def test_a_day_in_another_spelling_is_a_400(desk: Desk, date: str) -> None:
    assert desk.refused("POST", "/v2/search", {"where": f'[QLREGION "OTModifyDate"] >= "{date}"'})[0] == 400


@pytest.mark.parametrize(
    "where",
    [
        "",
        " ",
        "(OTSubType:144",
        "OTSubType:144)",
        "OTSubType:144 AND",
        "OR x",
        "OTSubType >= ",
        '"open',
        "OTSubType:144 OTSubType:749",
        "NOT",
    ],
)
def test_a_query_that_cannot_be_read_is_a_400(desk: Desk, where: str) -> None:
    status, text = desk.refused("POST", "/v2/search", {"where": where, "page": 1})
    assert (status, text[:22]) == (400, "Error Evaluating Query")


def test_a_region_that_does_not_exist_finds_nothing_without_a_word(desk: Desk, alpha: int) -> None:
    desk.file(alpha, "a.pdf")
    assert ids(desk.search('[QLREGION "OTModifedDate"] >= "20200101"')) == []


def test_conditions_join_and_exclude(desk: Desk, alpha: int) -> None:
    one, two = desk.file(alpha, "one.pdf"), desk.file(alpha, "two.pdf")
    inside = f"OTLocation:{alpha}"
    assert ids(desk.search(f'{inside} and OTSubType: 144 and OTName: "ONE.pdf"')) == [one]
    assert ids(desk.search(f"{inside} AND OTSubType:144 AND-NOT OTName:one.pdf")) == [two]
    assert ids(desk.search(f"{inside} AND NOT (OTName:one.pdf OR OTSubType:848)")) == [two]
    assert set(ids(desk.search(f'{inside} AND OTSubType != "848"'))) == {one, two}


def test_numbers_compare_as_numbers(desk: Desk, alpha: int) -> None:
    desk.file(alpha, "a.pdf")
    assert names(desk.search(f'OTLocation:{alpha} AND OTSubType < "848"')) == ["a.pdf"]


def test_words_are_looked_for_in_names(desk: Desk, alpha: int) -> None:
    desk.file(alpha, "Offer final.pdf")
    desk.file(alpha, "Final offer.pdf")
    for lookfor, wanted in (("allwords", 2), ("anywords", 2), ("exactphrase", 1)):
        assert len(ids(desk.search("final offer", lookfor=lookfor))) == wanted
    assert desk.refused("POST", "/v2/search", {"where": "x", "lookfor": "guess"})[0] == 400
    assert desk.refused("POST", "/v2/search", {"lookfor": "allwords"})[0] == 400


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("OTName:a1 XOR OTName:b1", {"a1", "b1"}),
        ("apples XOR a1", {"a2"}),
        ('[QLREGION "OTName"] IN ("a1", "b1")', {"a1", "b1"}),
        ("OTName in (a1,b1)", {"a1", "b1"}),
        ('[QLREGION "OTName"] = QLLIKE "a?"', {"a1", "a2"}),
        ('OTName QLLIKE "1"', {"a1", "b1"}),
        ('OTName:QLREGEX "^[ab]1$"', {"a1", "b1"}),
        ('QLREGEX "^a"', {"a1", "a2"}),
        ('NOT QLREGEX "^a"', {"b1"}),
        ('OTName != QLLIKE "a*"', {"b1"}),
        ("(OTName:a1 SOR OTName:b1) AND-NOT b1", {"a1"}),
    ],
)
def test_more_keywords_of_the_search_language(desk: Desk, alpha: int, where: str, expected: set[str]) -> None:
    for name in ("a1", "a2", "b1"):
        desk.file(alpha, name)
    where = where.replace("apples", 'QLREGEX "^a"')
    assert set(names(desk.search(f"OTSubType:144 AND ({where})"))) == expected


@pytest.mark.parametrize(
    "where",
    ["OTName IN", "OTName IN ()", "OTName IN (a", 'OTName > QLLIKE "a"', 'QLREGEX "["', "QLREGEX", "a XOR", "XOR a"],
)
def test_a_keyword_without_its_operands_is_a_400(desk: Desk, where: str) -> None:
    assert desk.refused("POST", "/v2/search", {"where": where})[0] == 400


def test_categories_are_searched_by_their_regions_once_indexed(desk: Desk, alpha: int) -> None:
    made = desk.file(alpha, "a.pdf", categories=["Onboarding"], values={"Onboarding.Tags": ["EU", "Prüfung"]})
    region = f"Attr_{desk.key('Onboarding.Tags')}"
    assert ids(desk.search(f'{DOCUMENTS} AND [QLREGION "{region}"] = "Prüfung"')) == [made]
    desk.switch(index_lag_s=600)
    desk.office("edit", made, values={"Onboarding.Tags": []})
    assert ids(desk.search(f'{DOCUMENTS} AND [QLREGION "{region}"] = "Prüfung"')) == [made]  # empty by now


def test_a_document_comes_once_per_indexed_version_and_one_of_them_is_current(desk: Desk, alpha: int) -> None:
    made = desk.file(alpha, "a.pdf")
    desk.later(86_400)
    desk.office("version", made)
    rows = desk.search(DOCUMENTS)["results"]
    assert [row["data"]["properties"]["id"] for row in rows] == [made, made]
    told = [row["search_result_metadata"] for row in rows]
    assert [t["object_id"] for t in told] == [f"DataId={made}&Version={n}" for n in (1, 2)]
    assert [t["current_version"] for t in told] == [False, True]
    assert [row["data"]["versions"]["version_number"] for row in rows] == [1, 2]
    assert [regions(row)["OTModifyDate"] for row in rows] == ["20260601", "20260602"]


def test_paging_lies_in_the_collection_only_and_ends_with_the_missing_link(desk: Desk, alpha: int) -> None:
    for number in range(5):
        desk.file(alpha, f"{number}.pdf")
    first, last = (desk.search(DOCUMENTS, limit=3, page=page, sort="asc_OTName") for page in (1, 2))
    assert "paging" not in first
    assert "next" in first["collection"]["paging"]["links"]
    assert "links" not in last["collection"]["paging"]
    assert (names(first), names(last)) == (["0.pdf", "1.pdf", "2.pdf"], ["3.pdf", "4.pdf"])
    assert first["collection"]["paging"]["total_count"] == 5
    for page in (3, 40):
        assert names(desk.search(DOCUMENTS, limit=3, page=page, sort="asc_OTName")) == names(last)
    desk.switch(repeat_last_page=False)
    assert names(desk.search(DOCUMENTS, limit=3, page=9, sort="asc_OTName")) == names(first)


def test_a_page_is_capped_and_echoes_its_limit(desk: Desk) -> None:
    assert desk.search("OTSubType:848", limit=5000)["collection"]["paging"]["limit"] == 100
    desk.switch(search_page_cap=7)
    assert len(desk.search("OTSubType:848", limit=50)["results"]) == 7
    for wrong in ({"page": 0}, {"limit": -1}, {"limit": "many"}):
        assert desk.refused("POST", "/v2/search", {"where": "OTSubType:848", **wrong})[0] == 400


def test_results_can_be_capped_without_the_total_telling(desk: Desk, alpha: int) -> None:
    for number in range(5):
        desk.file(alpha, f"{number}.pdf", modified=f"2026-05-{10 + number}T08:00:00Z")
    desk.switch(search_result_cap=2)
    answer = desk.search(DOCUMENTS, sort="desc_OTModifyDate")
    assert names(answer) == ["4.pdf", "3.pdf"]
    assert answer["collection"]["paging"]["total_count"] == 2


def test_by_relevance_the_order_is_neither_age_nor_name_nor_id(desk: Desk, alpha: int) -> None:
    made = [desk.file(alpha, f"{number:02d}.pdf") for number in range(20)]
    found = ids(desk.search(DOCUMENTS))
    assert set(found) == set(made)
    assert found not in (made, made[::-1])


def test_under_a_cache_id_the_pages_stand_still(desk: Desk, alpha: int) -> None:
    made = [desk.file(alpha, f"B{number}.pdf") for number in range(6)]

    def pages(cached: bool) -> list[int]:
        first = desk.search(DOCUMENTS, limit=3, sort="asc_OTName")
        desk.file(alpha, f"A{len(desk.store.nodes)}.pdf")  # slides the last row of page 1 to page 2
        cache = {"cache_id": first["collection"]["searching"]["cache_id"]} if cached else {}
        return ids(first) + ids(desk.search(DOCUMENTS, limit=3, page=2, sort="asc_OTName", **cache))

    assert pages(cached=True) == made
    assert len(set(pages(cached=False))) == 5
    desk.switch(search_cache=False)
    assert len(set(pages(cached=True))) == 5


def test_a_forgotten_cache_id_is_a_fresh_search(desk: Desk, alpha: int) -> None:
    made = desk.file(alpha, "a.pdf")
    for cache in ("1", "nonsense", ""):
        assert ids(desk.search(DOCUMENTS, cache_id=cache)) == [made]
    ids_told = {desk.search(DOCUMENTS)["collection"]["searching"]["cache_id"] for _ in range(20)}
    assert len(ids_told) == 20


def test_what_may_not_be_seen_is_taken_out_after_paging(desk: Desk, alpha: int) -> None:
    made = [desk.file(alpha, f"{number}.pdf") for number in range(6)]
    for number in made[:3]:
        desk.office("hide", number)
    first = desk.search(DOCUMENTS, limit=3, sort="asc_OTName")
    assert first["results"] == []  # a client that stops at an empty page misses the second
    assert (first["collection"]["paging"]["total_count"], "links" in first["collection"]["paging"]) == (6, True)
    assert everything(desk, DOCUMENTS, limit=3, sort="asc_OTName") == made[3:]


def test_a_deleted_document_stays_a_hit_without_a_row_until_the_index_knows(desk: Desk, alpha: int) -> None:
    made = desk.file(alpha, "a.pdf")
    desk.search(DOCUMENTS)
    desk.switch(index_lag_s=60)
    desk.office("delete", made)
    answer = desk.search(DOCUMENTS)
    assert (answer["results"], answer["collection"]["paging"]["total_count"]) == ([], 1)
    desk.clock.advance(60)
    assert desk.search(DOCUMENTS)["collection"]["paging"]["total_count"] == 0
    desk.office("restore", made)
    desk.clock.advance(60)
    assert ids(desk.search(DOCUMENTS)) == [made]


def test_what_moves_with_its_folder_is_found_below_the_new_place(desk: Desk, alpha: int) -> None:
    folder, target = desk.office("folder", parent=alpha, name="Papers"), desk.make("Beta")
    made = desk.file(desk.office("folder", parent=folder, name="Deep"), "a.pdf")
    desk.office("move", folder, parent=target)
    assert ids(desk.search(f"OTSubType:144 AND OTLocation:{target}")) == [made]
    assert ids(desk.search(f"OTSubType:144 AND OTLocation:{alpha}")) == []


def test_a_moved_document_with_an_old_date_is_not_among_those_of_today(desk: Desk, alpha: int) -> None:
    made = desk.file(desk.make("Beta"), "a.pdf", modified="2025-01-10T08:00:00Z")
    desk.switch(move_bumps_modify_date=False)
    desk.office("move", made, parent=alpha)
    assert ids(desk.search(f'{DOCUMENTS} AND [QLREGION "OTModifyDate"] >= "20260601"')) == []
    assert ids(desk.search(f"OTSubType:144 AND OTLocation:{alpha}")) == [made]


def test_an_old_modify_date_is_in_the_index_as_it_is_in_the_database(desk: Desk) -> None:
    made = desk.make(
        "Old", {"Onboarding.Stage": "KYC"}, created="2025-01-01T08:00:00Z", modified="2025-02-03T08:00:00Z"
    )
    assert regions(desk.search("OTName:Old")["results"][0])["OTModifyDate"] == "20250203"
    desk.person.edit(made, {"modified": "2025-03-04T08:00:00Z"})
    assert regions(desk.search("OTName:Old")["results"][0])["OTModifyDate"] == "20250304"


def test_both_encodings_of_the_form_are_read_and_regions_can_be_selected(desk: Desk, alpha: int) -> None:
    made = [desk.file(alpha, f"{number}.pdf") for number in range(3)]
    body = json.dumps({"where": "OTSubType: 144", "limit": 2, "sort": "asc_OTName"})
    answer = desk.post("/v2/search", {"body": body, "page": 2, "select": "{'OTName', 'OTModifyTime'}"})
    assert ids(answer) == made[2:]
    assert regions(answer["results"][0]) == {"OTName": "2.pdf", "OTModifyTime": "100000"}
    answer = desk.client.post("/otcs/cs.exe/api/v2/search", json={"where": "x"}, headers={"OTCSTicket": desk.ticket})
    assert answer.status_code == 400


def test_categories_come_with_hits_only_by_switch(desk: Desk, alpha: int) -> None:
    desk.file(alpha, "a.pdf", categories=["Onboarding"])
    assert "categories" not in desk.search(DOCUMENTS)["results"][0]["data"]
    desk.switch(search_categories=True)
    assert isinstance(desk.search(DOCUMENTS)["results"][0]["data"]["categories"], list)
