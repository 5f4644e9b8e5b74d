"""Templates, Content Blocks, campaigns and Canvases with what is in them (api/braze.md 7.1 to 7.4, 13.7)."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.sandbox.braze_desk import CAMPAIGN, CANVAS, Braze

TEXT = "Dear {{${first_name}}}, {{content_blocks.${footer}}}"
EMAIL = {"channel": "email", "name": "Variant 1", "subject": "Hello", "body": TEXT, "from": "a <a@example.com>"}
STEPS = [
    {
        "id": "s1",
        "name": "First",
        "type": "message",
        "messages": {"v1": EMAIL},
        "next_paths": [{"name": "opened", "next_step_id": "s2"}, {"name": "else", "next_step_id": "s1"}],
    },
    {"id": "s2", "name": "Second", "messages": {"v2": {"channel": "sms", "body": "Hi"}, "v3": EMAIL}},
]


def template(control: FlaskClient, key: str, **more: Any) -> None:
    assert control.put(f"/templates/{key}", json=more).status_code == 200


def block(control: FlaskClient, key: str, **more: Any) -> None:
    assert control.put(f"/blocks/{key}", json=more).status_code == 200


def templates(braze: Braze, **query: Any) -> list[str]:
    told = braze.get("/templates/email/list", **query).get_json()
    assert told["count"] == len(told["templates"])
    return [row["email_template_id"] for row in told["templates"]]


def blocks(braze: Braze, **query: Any) -> list[str]:
    told = braze.get("/content_blocks/list", **query).get_json()
    assert told["count"] == len(told["content_blocks"])
    return [row["content_block_id"] for row in told["content_blocks"]]


def details(braze: Braze, kind: str = "campaign", **query: Any) -> dict[str, Any]:
    path, key = ("/campaigns/details", CAMPAIGN) if kind == "campaign" else ("/canvas/details", CANVAS)
    return dict(braze.get(path, **{f"{kind}_id": key, **query}).get_json())


# templates


def test_a_template_is_listed_without_its_text_and_told_with_it(braze: Braze, control: FlaskClient) -> None:
    template(control, "t1", name="Welcome", subject="Hello", body="<p>", tags=["approved"])

    (row,) = braze.get("/templates/email/list").get_json()["templates"]
    told = braze.get("/templates/email/info", email_template_id="t1").get_json()

    assert row == {
        "email_template_id": "t1",
        "template_name": "Welcome",
        "created_at": "2026-11-24T10:00:00.000+00:00",
        "updated_at": "2026-11-24T10:00:00.000+00:00",
        "tags": ["approved"],
    }
    assert (told["body"], told["subject"], told["preheader"], told["should_inline_css"]) == ("<p>", "Hello", "", False)
    assert not [name for name in told if "approv" in name or name in ("archived", "draft")]


def test_a_drag_and_drop_template_never_appears(braze: Braze, control: FlaskClient) -> None:
    template(control, "t1", drag_and_drop=True, body="x")

    assert templates(braze) == []
    assert braze.get("/templates/email/info", email_template_id="t1").status_code == 400
    assert braze.get("/templates/email/info", email_template_id="x").status_code == 400
    assert [one["id"] for one in control.get("/templates").get_json()] == ["t1"]


@pytest.mark.parametrize("kind", ["templates", "blocks"])
def test_a_span_of_edits_includes_both_its_ends(braze: Braze, control: FlaskClient, kind: str) -> None:
    for day in (20, 21, 22):
        control.put(f"/{kind}/e{day}", json={"at": f"2026-11-{day}T10:00:00Z"})

    ask = templates if kind == "templates" else blocks
    assert ask(braze, modified_after="2026-11-21T10:00:00Z") == ["e21", "e22"]
    assert ask(braze, modified_before="2026-11-21T10:00:00Z") == ["e20", "e21"]


@pytest.mark.parametrize("path", ["/templates/email/list", "/content_blocks/list"])
@pytest.mark.parametrize("query", [{"limit": 1001}, {"limit": 0}, {"modified_after": "soon"}, {"offset": "-1"}])
def test_a_wrong_question_for_content_is_400(braze: Braze, path: str, query: dict[str, Any]) -> None:
    assert braze.get(path, **query).status_code == 400


def test_an_edit_between_two_pages_lets_a_template_slip_through(braze: Braze, control: FlaskClient) -> None:
    for i in range(4):
        template(control, f"t{i}", at=f"2026-11-2{i}T08:00:00Z")
    first = templates(braze, limit=2)
    template(control, "t0", body="new")

    assert (first, templates(braze, limit=2, offset=2)) == (["t0", "t1"], ["t3", "t0"])  # t2 is on neither page


def test_a_hundred_come_when_nothing_else_is_asked(braze: Braze, control: FlaskClient) -> None:
    for i in range(101):
        template(control, f"t{i:03}")

    assert (len(templates(braze)), len(templates(braze, limit=1000)), len(templates(braze, offset=100))) == (
        100,
        101,
        1,
    )


def test_an_edit_can_leave_the_date_and_a_date_can_move_without_an_edit(braze: Braze, control: FlaskClient) -> None:
    template(control, "t1", body="old")
    braze.later(60)
    template(control, "t1", body="new", unlisted=True)
    assert templates(braze, modified_after="2026-11-24T10:00:30Z") == []
    assert braze.get("/templates/email/info", email_template_id="t1").get_json()["body"] == "new"

    template(control, "t1")

    assert templates(braze, modified_after="2026-11-24T10:00:30Z") == ["t1"]


@pytest.mark.parametrize("kind", ["templates", "blocks"])
def test_what_is_deleted_is_gone(braze: Braze, control: FlaskClient, kind: str) -> None:
    control.put(f"/{kind}/e1", json={})

    assert control.delete(f"/{kind}/e1").status_code == 200

    assert (templates(braze), blocks(braze)) == ([], [])
    assert control.delete(f"/{kind}/e1").status_code == 400


# Content Blocks


def test_a_block_tells_its_liquid_tag_and_who_includes_it(braze: Braze, control: FlaskClient) -> None:
    block(control, "b1", name="footer", content="Bye", description="At the end")
    control.put(f"/campaigns/{CAMPAIGN}", json={"messages": {"v1": EMAIL}})
    control.put(f"/canvases/{CANVAS}", json={"steps": STEPS})

    (row,) = braze.get("/content_blocks/list").get_json()["content_blocks"]
    told = braze.get("/content_blocks/info", content_block_id="b1", include_inclusion_data="true").get_json()

    assert (row["liquid_tag"], row["inclusion_count"], "content" in row) == ("{{content_blocks.${footer}}}", 3, False)
    assert (told["content"], told["description"]) == ("Bye", "At the end")
    assert {"campaign_id": CAMPAIGN, "message_variation_id": "v1"} in told["inclusion_data"]
    assert {"canvas_step_id": "s2", "message_variation_id": "v3"} in told["inclusion_data"]
    assert "inclusion_data" not in braze.get("/content_blocks/info", content_block_id="b1").get_json()

    control.put(f"/canvases/{CANVAS}", json={"archived": True})
    assert braze.get("/content_blocks/list").get_json()["content_blocks"][0]["inclusion_count"] == 1


def test_an_offset_of_0_is_refused_for_blocks_unless_the_tenant_takes_it(braze: Braze, control: FlaskClient) -> None:
    block(control, "b1")
    assert braze.get("/content_blocks/list", offset=0).status_code == 400
    assert blocks(braze, offset=1) == []

    braze.store.switches.change({"block_offset_zero": "take"})

    assert blocks(braze, offset=0) == ["b1"]


def test_a_draft_of_a_block_is_not_served_and_no_state_is_told(braze: Braze, control: FlaskClient) -> None:
    block(control, "b1")
    block(control, "b2", state="draft")

    assert blocks(braze) == ["b1"]
    assert braze.get("/content_blocks/info", content_block_id="b2").status_code == 400
    assert "state" not in braze.get("/content_blocks/info", content_block_id="b1").get_json()


def test_the_name_of_a_block_is_unique_and_plain(control: FlaskClient) -> None:
    block(control, "b1", name="footer")

    wrong: list[dict[str, Any]] = [
        {"name": "footer"},
        {"name": "a b"},
        {"name": "x" * 100},
        {"name": 1},
        {"content": "x" * 50 * 1024},
    ]
    assert [control.put("/blocks/b2", json=one).status_code for one in wrong] == [400] * 5
    block(control, "b1", name="footer", content="changed")


# campaigns and Canvases


def test_a_campaign_tells_every_field_of_each_message_by_variation(braze: Braze, control: FlaskClient) -> None:
    hook = {"channel": "webhook", "url": "https://example.com", "type": "json", "headers": {"Authorization": "secret"}}
    control_group = {"channel": "email", "type": "control"}
    control.put(f"/campaigns/{CAMPAIGN}", json={"messages": {"v1": EMAIL, "v2": hook, "v3": control_group}})

    told = details(braze)

    assert told["messages"]["v1"] == {
        **dict.fromkeys(("extras", "reply_to", "title", "amp_body", "preheader", "custom_plain_text")),
        **dict.fromkeys(("should_inline_css", "should_whitespace_header", "email_headers")),
        **EMAIL,
    }
    assert told["messages"]["v2"]["headers"] == {"Authorization": "secret"}  # to be redacted before it is kept
    assert told["messages"]["v3"] == control_group
    assert told["channels"] == ["email", "webhook"]


def test_content_cards_and_in_app_messages_are_told_without_their_text(braze: Braze, control: FlaskClient) -> None:
    written = {
        "c": {"channel": "content_cards", "name": "Card", "message": "Buy"},
        "i": {"channel": "in_app_message", "message": "Now"},
    }
    control.put(f"/campaigns/{CAMPAIGN}", json={"messages": written})

    assert details(braze)["messages"] == {
        "c": {"channel": "content_cards", "name": "Card", "extras": None},
        "i": {"channel": "in_app_message"},
    }


def test_a_canvas_tells_variants_and_steps_that_lead_in_circles(braze: Braze, control: FlaskClient) -> None:
    variants = [{"id": "a", "name": "A", "first_step_ids": ["s1", "s2"]}]
    control.put(f"/canvases/{CANVAS}", json={"steps": STEPS, "variants": variants})

    told = details(braze, "canvas")

    assert told["variants"] == [{"name": "A", "id": "a", "first_step_ids": ["s1", "s2"], "first_step_id": "s1"}]
    first, second = told["steps"]
    assert (first["next_step_ids"], first["next_paths"][1]["next_step_id"]) == (["s2", "s1"], "s1")
    assert (second["channels"], second["next_step_ids"], list(second["messages"])) == (
        ["email", "sms"],
        [],
        ["v2", "v3"],
    )
    assert told["channels"] == ["email", "sms"]
    assert "messages" not in told  # a Canvas has them in its steps only


def test_who_entered_a_canvas_received_its_first_step(braze: Braze, control: FlaskClient) -> None:
    control.put(
        f"/canvases/{CANVAS}",
        json={"steps": STEPS[::-1], "variants": [{"id": "a", "name": "A", "first_step_ids": ["s1"]}]},
    )
    braze.trigger({"external_user_id": "u1"}, kind="canvas")

    (told,) = braze.export("canvases_received", external_ids=["u1"]).get_json()["users"]

    (step,) = told["canvases_received"][0]["steps_received"]
    assert (step["api_canvas_step_id"], step["name"]) == ("s1", "First")


def test_a_draft_behind_a_live_campaign_is_told_only_when_asked_for(braze: Braze, control: FlaskClient) -> None:
    control.put(f"/campaigns/{CAMPAIGN}", json={"messages": {"v1": EMAIL}})
    assert details(braze)["has_post_launch_draft"] is False
    draft = {"messages": {"v1": {**EMAIL, "body": "not approved yet"}}}
    control.put(f"/campaigns/{CAMPAIGN}", json={"launched_draft": draft})

    live, coming = details(braze), details(braze, post_launch_draft_version="true")

    assert (live["has_post_launch_draft"], live["messages"]["v1"]["body"]) == (True, TEXT)
    assert coming["messages"]["v1"]["body"] == "not approved yet"
    control.put(f"/campaigns/{CAMPAIGN}", json={"launched_draft": None})
    assert details(braze)["has_post_launch_draft"] is False


def test_an_edit_of_a_campaign_can_be_dated_or_leave_the_date(braze: Braze, control: FlaskClient) -> None:
    control.put("/campaigns/c9", json={"at": "2026-10-01T08:00:00Z", "tags": ["approved"]})
    control.put("/campaigns/c9", json={"tags": [], "unlisted": True})

    told = braze.get("/campaigns/details", campaign_id="c9").get_json()

    assert told["created_at"] == told["updated_at"] == "2026-10-01T08:00:00+00:00"
    assert told["tags"] == []


@pytest.mark.parametrize("kind", ["campaign", "canvas"])
def test_a_deleted_campaign_or_canvas_is_gone_from_lists_and_details(
    braze: Braze, control: FlaskClient, kind: str
) -> None:
    plural, path = ("campaigns", "/campaigns/list") if kind == "campaign" else ("canvases", "/canvas/list")

    control.delete(f"/{plural}/{CAMPAIGN if kind == 'campaign' else CANVAS}")

    assert braze.get(path, include_archived="true").get_json()[plural] == []
    assert "must be a string" in details(braze, kind)["message"]


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("campaigns", {"messages": {"v1": {"channel": "email", "sujbect": "x"}}}),
        ("campaigns", {"messages": {"v1": {"channel": "fax"}}}),
        ("campaigns", {"messages": {"v1": {"subject": "x"}}}),
        ("campaigns", {"messages": {"v1": "x"}}),
        ("campaigns", {"steps": []}),
        ("campaigns", {"launched_draft": {"paused": True}}),
        ("canvases", {"messages": {}}),
        ("canvases", {"steps": [{"id": "a", "name": "A", "next_step_ids": ["b"]}]}),
        ("canvases", {"steps": [{"name": "A"}]}),
        ("canvases", {"variants": [{"id": "a", "name": "A"}]}),
    ],
)
def test_wrong_content_is_400_and_changes_nothing(
    braze: Braze, control: FlaskClient, kind: str, wrong: dict[str, Any]
) -> None:
    key = CAMPAIGN if kind == "campaigns" else CANVAS
    before = control.get(f"/{kind}").get_json()

    assert control.put(f"/{kind}/{key}", json={"name": "Other", **wrong}).status_code == 400

    assert control.get(f"/{kind}").get_json() == before
