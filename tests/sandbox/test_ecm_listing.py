"""The workspace listing: view, paging, filters, columns, drift (api/ecm.md 3.2, section 13, 6)."""

from __future__ import annotations

import pytest

from ecmbraze.sandbox.ecm import EcmStore, listing
from tests.sandbox.desk import ONBOARDING, Desk, ids, names


def follow(desk: Desk, limit: int) -> list[int]:
    """Page as one should: until there is no next link."""
    found: list[int] = []
    page = 1
    while True:
        answer = desk.page(f"limit={limit}&page={page}")
        found += ids(answer)
        if "next" not in answer["paging"]["actions"]:
            return found
        page += 1


def test_without_expanded_view_only_recently_accessed_workspaces_are_listed(desk: Desk) -> None:
    query = f"/v2/businessworkspaces?where_workspace_type_id={desk.type_id()}"
    assert ids(desk.get(query)) == []
    first, second = ids(desk.page())[:2]
    desk.get(f"/v2/businessworkspaces/{first}")
    desk.get(f"/v2/businessworkspaces/{second}?add_recently_accessed=true")
    assert ids(desk.get(query)) == [second]


def test_paging_lies_on_top_and_the_missing_next_link_is_the_stop_signal(desk: Desk) -> None:
    answer = desk.page("limit=10&page=3")
    assert "collection" not in answer
    assert answer["paging"] == {
        "actions": {},
        "limit": 10,
        "page": 3,
        "page_total": 3,
        "range_min": 21,
        "range_max": 25,
        "total_count": 25,
    }
    assert len(follow(desk, 10)) == len(set(follow(desk, 10))) == 25


def test_a_client_that_pages_until_a_page_is_empty_never_ends(desk: Desk) -> None:
    last = ids(desk.page("limit=10&page=3"))
    assert ids(desk.page("limit=10&page=4")) == ids(desk.page("limit=10&page=400")) == last
    desk.store.switches.change({"repeat_last_page": False})
    assert ids(desk.page("limit=10&page=4")) == ids(desk.page("limit=10&page=1"))


def test_a_big_limit_is_clamped_and_echoed(desk: Desk) -> None:
    desk = Desk(workspaces=510)
    answer = desk.page("limit=1000")
    assert (answer["paging"]["limit"], len(answer["results"])) == (500, 500)
    desk.store.switches.change({"page_cap": 7})
    assert desk.page("limit=500")["paging"]["limit"] == 7


def test_beyond_the_deep_window_pages_stop_though_page_total_promises_more(desk: Desk) -> None:
    desk.store.switches.change({"window_cap": 12})
    second = desk.page("limit=10&page=2")
    assert second["paging"]["actions"] == {}
    assert (second["paging"]["page_total"], second["paging"]["total_count"]) == (3, 25)
    assert len(set(follow(desk, 10))) == 12
    assert ids(desk.page("limit=10&page=3")) == ids(second)


@pytest.mark.parametrize("query", ["page=0", "limit=0", "limit=-1"])
def test_page_and_limit_below_one_are_refused(desk: Desk, query: str) -> None:
    assert desk.refused("GET", f"/v2/businessworkspaces?expanded_view=true&{query}")[0] == 400


def test_the_total_count_can_be_left_out(desk: Desk) -> None:
    assert "total_count" not in desk.page("include_total_count=false")["paging"]


def test_there_are_no_categories_whatever_fields_says(desk: Desk) -> None:
    row = desk.page("fields=categories")["results"][0]
    assert set(row) == {"actions", "data"}
    assert set(row["data"]) == {"properties"}


def test_fields_narrow_only_beside_their_action_and_as_one_string(desk: Desk) -> None:
    narrow = "fields=properties{id,name}"
    assert len(desk.page(narrow)["results"][0]["data"]["properties"]) > 20
    assert (
        len(desk.page(f"{narrow}&fields=properties{{type}}&action=properties-")["results"][0]["data"]["properties"])
        > 20
    )
    row = desk.page(f"{narrow}&action=properties-")["results"][0]["data"]["properties"]
    assert set(row) == {"id", "name"}


def test_a_type_name_matches_as_a_prefix_and_the_id_exactly(desk: Desk) -> None:
    by_name = desk.get(f"/v2/businessworkspaces?expanded_view=true&where_workspace_type_name={ONBOARDING}")
    kinds = {row["data"]["properties"]["wnf_wksp_type_id"] for row in by_name["results"]}
    assert kinds == {desk.type_id(ONBOARDING), desk.type_id("Customer Onboarding Archive")}
    german = desk.get("/v2/businessworkspaces?expanded_view=true&where_workspace_type_name=Kunden-Onb")
    assert ids(german) == ids(by_name)
    assert len(desk.page()["results"]) == 25


def test_names_are_compared_whole_unless_a_prefix_says_otherwise(desk: Desk) -> None:
    desk.make("Alpha One")
    desk.make("Alpha Two")
    assert names(desk.page("where_name=Alpha One")) == ["Alpha One"]
    assert names(desk.page("where_name=Alpha")) == []
    assert names(desk.page("where_name=startswith_alpha")) == ["Alpha One", "Alpha Two"]
    assert names(desk.page("where_name=contains_ha T")) == ["Alpha Two"]
    assert names(desk.page("where_name=startswith_alpha&where_name=contains_two")) == ["Alpha Two"]


def test_a_modify_date_filter_is_ignored_without_a_word(desk: Desk) -> None:
    assert desk.page("where_modify_date=2099-01-01")["paging"]["total_count"] == 25


def test_business_objects_filter_by_text_with_their_zeros(desk: Desk) -> None:
    query = "where_ext_system_id=TE1&where_bo_type=KNA1&where_bo_id="
    assert len(desk.page(f"{query}0000050031")["results"]) == 1
    assert desk.page(f"{query}50031")["results"] == []


def test_dates_have_no_zone_and_are_local_to_the_server(desk: Desk) -> None:
    made = desk.make("Winter", created="2026-01-15T23:30:00+00:00", modified="2026-06-15T10:00:00+00:00")
    row = next(r["data"]["properties"] for r in desk.page()["results"] if r["data"]["properties"]["id"] == made)
    assert (row["create_date"], row["modify_date"]) == ("2026-01-16T00:30:00", "2026-06-15T12:00:00")
    desk.store.switches.change({"server_tz": "America/New_York"})
    assert desk.get(f"/v2/businessworkspaces/{made}")["results"]["data"]["properties"]["modify_date"][11:] == "06:00:00"
    desk.store.switches.change({"z_suffix_bw": True})
    assert desk.page("where_name=Winter")["results"][0]["data"]["properties"]["modify_date"] == "2026-06-15T10:00:00Z"


def test_hidden_and_deleted_workspaces_just_disappear(desk: Desk) -> None:
    first, second = ids(desk.page())[:2]
    desk.person.perform([{"do": "hide", "id": first}, {"do": "delete", "id": second}])
    answer = desk.page()
    assert not {first, second} & set(ids(answer))
    assert answer["paging"]["total_count"] == 23


def test_the_total_can_count_what_the_account_may_not_see(desk: Desk) -> None:
    desk.store.switches.change({"total_count_includes_invisible": True})
    hidden = ids(desk.page())[3]
    desk.person.perform([{"do": "hide", "id": hidden}])
    first = desk.page("limit=10")
    assert (len(first["results"]), first["paging"]["total_count"]) == (9, 25)
    assert hidden not in follow(desk, 10)


def test_a_deletion_while_paging_slides_a_row_past_the_client(desk: Desk) -> None:
    everything = set(follow(desk, 500))
    seen = ids(desk.page("limit=10&page=1"))
    desk.person.perform([{"do": "delete", "id": seen[0]}])
    seen += ids(desk.page("limit=10&page=2")) + ids(desk.page("limit=10&page=3"))
    assert len(everything - set(seen)) == 1


def test_an_insertion_while_paging_shows_a_row_twice(desk: Desk) -> None:
    first = ids(desk.page("limit=10&page=1"))
    desk.make("AAA at the front")
    assert ids(desk.page("limit=10&page=2"))[0] == first[-1]


def test_a_long_listing_is_sorted_once_and_again_only_after_a_change(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    sorts: list[object] = []
    real = listing._selected

    def counted(store: EcmStore, arguments: listing.Arguments) -> list[int]:
        sorts.append(arguments)
        return real(store, arguments)

    monkeypatch.setattr(listing, "_selected", counted)
    follow(desk, 2)
    assert len(sorts) == 1
    desk.person.edit(ids(desk.page())[0], {"values": {"Onboarding.Product": "other"}})
    follow(desk, 2)
    assert len(sorts) == 1  # no row moved
    desk.make("New")
    assert len(follow(desk, 2)) == 26
    assert len(sorts) == 2


def test_rows_can_only_be_sorted_by_columns_that_say_so(desk: Desk) -> None:
    by_name = ids(desk.page())
    assert ids(desk.page("sort=desc_name")) == by_name[::-1]
    assert ids(desk.page("sort=desc_modify_date")) == by_name
    desk.store.switches.change({"sortable_columns": ["name", "modify_date"]})
    dates = [r["data"]["properties"]["modify_date"] for r in desk.page("sort=asc_modify_date")["results"]]
    assert dates == sorted(dates)


def test_there_are_no_attribute_columns_until_an_administrator_configures_them(desk: Desk) -> None:
    def columns() -> list[str]:
        return [name for name in desk.page()["results"][0]["data"]["properties"] if name.startswith("wnf_att_")]

    assert columns() == []
    wanted = ["Onboarding.Customer Number", "Onboarding.Contract Approved On", "Customer.Customer Number"]
    desk.store.switches.change({"columns": wanted})
    assert len([c for c in columns() if c.endswith("_formatted")]) == 2  # dates have none
    assert len(columns()) == 5


def test_column_names_are_opaque_and_their_display_names_repeat_across_categories(desk: Desk) -> None:
    desk.store.switches.change({"columns": ["Onboarding.Customer Number", "Customer.Customer Number"]})
    shown = desk.page("metadata")["meta_data"]["properties"]
    special = {name: column for name, column in shown.items() if name.startswith("wnf_att_")}
    assert [column["name"] for column in special.values()] == ["Customer Number", "Customer Number"]
    assert all(column["sort"] for column in special.values())
    assert not shown["modify_date"]["sort"]
    assert "meta_data" not in desk.page()
    other = Desk(seed=8)
    other.store.switches.change({"columns": ["Onboarding.Customer Number"]})
    assert not set(other.page("global_metadata")["meta_data"]["properties"]) & set(special)


def test_columns_keep_the_zeros_of_numbers_and_show_emptiness_as_stored(desk: Desk) -> None:
    desk.store.switches.change({"columns": ["Onboarding.Customer Number", "Onboarding.Contract Approved On"]})
    desk.make("Alpha", {"Onboarding.Customer Number": "0000050031"})
    row = desk.page("where_name=Alpha")["results"][0]["data"]["properties"]
    values = [value for name, value in row.items() if name.startswith("wnf_att_")]
    assert values == ["0000050031", "0000050031", None]


def test_related_items_are_seen_from_both_ends_with_their_own_paging(desk: Desk) -> None:
    card = next(i for i in ids(desk.page(type_name="Customer")) if desk.store.links.of(i))
    down = desk.get(f"/v2/businessworkspaces/{card}/relateditems")
    child = down["results"][0]["data"]["properties"]
    assert child["rel_type"] == "child"
    assert down["paging"]["actions"] == {}
    up = desk.get(f"/v2/businessworkspaces/{child['id']}/relateditems?where_rel_types={{'parent'}}")
    assert ids(up) == [card]
    assert ids(desk.get(f"/v2/businessworkspaces/{child['id']}/relateditems?where_rel_types={{'child'}}")) == []
    types = f"where_workspace_type_ids={{{desk.type_id('Customer')}}}"
    assert ids(desk.get(f"/v2/businessworkspaces/{child['id']}/relateditems?{types}")) == [card]


def test_relations_can_be_made_and_undone(desk: Desk) -> None:
    one, other = ids(desk.page())[:2]
    desk.post(f"/v2/businessworkspaces/{one}/relateditems", {"rel_bw_id": other, "rel_type": "child"})
    assert other in ids(desk.get(f"/v2/businessworkspaces/{one}/relateditems?where_rel_types={{'child'}}"))
    path = f"/v2/businessworkspaces/{one}/relateditems/{other}?rel_type=child"
    assert desk.ask("DELETE", path).status_code == 200
    assert desk.refused("DELETE", path)[0] == 400
