"""The twins against the sandbox: the same script gives the same typed answers from both, through the product's clients.

The sandbox shares no code with the product, and knows the two APIs; so what the twins get wrong shows here.
"""

from __future__ import annotations

import inspect
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ecmbraze import ports
from ecmbraze.model import (
    Assignee,
    FollowUp,
    Kind,
    Priority,
    Team,
    TrackBatch,
    TriggerBatch,
    TriggerRecipient,
    WorkspaceRow,
)
from tests.rehearsal import START
from tests.twins.braze import TwinBraze
from tests.twins.ecm import TwinEcm
from tests.twins.pair import CAMPAIGN, CANVAS, DRAFT, GROUP, PAUSED, SCRATCH, ZONE, Pair


def _plain(row: WorkspaceRow) -> WorkspaceRow:
    """Leave out of a row what a tenant chooses: its folders, its columns, who its people are."""
    return replace(row, parent=None, modified_by=None, columns={}, type_id=0)


class TestEcm:
    def test_a_workspace_tells_the_same_of_every_kind_of_attribute(self, pair: Pair) -> None:
        full = {
            f"{SCRATCH}.{name}": value
            for name, value in (
                ("Number", "C-0815"),
                ("Day", "2026-11-02"),
                ("Count", 7),
                ("Flag", True),
                ("Tags", ["a", "b"]),
                ("Word", "Open"),
            )
        }
        rows = [{"Role": "Primary", "Number": "C-1"}, {"Role": "Guarantor", "Number": "C-2"}]
        for number in (
            pair.make(full, "full", rows),
            pair.make({}, "empty"),
            pair.make({f"{SCRATCH}.Tags": ["x"]}, "t"),
        ):
            told = pair.same(lambda ecm, _, number=number: ecm.workspace(number).facts)
            pair.same(lambda ecm, _, number=number: dict(ecm.workspace(number).sets))
            pair.same(lambda ecm, _, number=number: _plain(ecm.workspace(number).row))
            assert f"{SCRATCH}.Number" in told
        pair.same(lambda ecm, _: dict(ecm.attributes(number)))

    def test_an_edit_shows_in_the_listing_and_in_the_details(self, pair: Pair) -> None:
        number = pair.make({f"{SCRATCH}.Word": "Open"}, "edited")
        pair.advance(90)
        pair.edit(number, {f"{SCRATCH}.Word": "Closed", f"{SCRATCH}.Day": None})

        for _ in range(2):
            pair.same(lambda ecm, _: ecm.workspace(number).facts)
            pair.same(lambda ecm, _: _listed(ecm))
        pair.same(lambda ecm, _: ecm.server_now())

    def test_a_follow_up_is_made_once_for_whom_there_is_and_completed(self, pair: Pair) -> None:
        number, role = pair.make({}, "followed up"), "Account Manager"
        for name in ("ann", "bob"):
            pair.stage.box.staff(do="user", name=name)
        pair.stage.box.put_in_role(number, role, "bob")
        pair.twin_ecm.office.users |= {"ann", "bob"}
        pair.twin_ecm.office.roles[number, role] = {"bob"}
        made = FollowUp(
            mark="ecmbraze 0123456789ab",
            type="Follow-up",
            text="Call.",
            due=START.date(),
            priority=Priority.LOW,
            assign=Assignee(team=Team.ROLE, name=role),
        )
        nobody = replace(made, mark="other", assign=Assignee(team=Team.GROUP, name="Nobody"))

        for one in (made, made, nobody, replace(nobody, otherwise=Assignee(team=Team.USER, name="ann"))):
            pair.same(lambda ecm, _, one=one: ecm.add_follow_up(number, one))
            pair.same(lambda ecm, _: [(found.description, found.completed) for found in ecm.follow_ups(number)])
        pair.same(lambda ecm, _: ecm.add_follow_up(number, replace(made, mark="third", type="Unheard of")))
        for mark in (made.mark, made.mark, "unknown"):
            pair.same(lambda ecm, _, mark=mark: ecm.complete_follow_up(number, mark))
        there = pair.same(lambda ecm, _: [(one.description, one.completed) for one in ecm.follow_ups(number)])
        assert [completed for _, completed in there] == [True, False]
        pair.same(lambda ecm, _: ecm.follow_ups(1))

    def test_a_task_is_made_once_and_completed_and_is_no_reminder(self, pair: Pair) -> None:
        number, listed = pair.make({}, "with tasks"), "Follow-ups"
        for name in ("dora", "emil"):
            pair.stage.box.staff(do="user", name=name)
        pair.stage.box.put_in_role(number, "Member", "dora", "emil")
        pair.twin_ecm.office.users |= {"dora", "emil"}
        pair.twin_ecm.office.roles[number, "Member"] = {"dora", "emil"}
        made = FollowUp(
            mark="ecmbraze 0123456789ab",
            task_list=listed,
            text="Call.",
            due=START.date(),
            priority=Priority.MEDIUM,
            assign=Assignee(team=Team.ROLE, name="Member"),
        )
        nobody = replace(made, mark="other", assign=Assignee(team=Team.GROUP, name="Nobody"))

        for one in (made, made, nobody, replace(nobody, otherwise=Assignee(team=Team.USER, name="emil"))):
            pair.same(lambda ecm, _, one=one: ecm.add_follow_up(number, one))
            for mark in (made.mark, nobody.mark):
                pair.same(lambda ecm, _, mark=mark: _bearing(ecm.follow_ups(number, listed), mark))
        assert pair.same(lambda ecm, _: len(ecm.follow_ups(number))) == 0
        for mark in (made.mark, made.mark, "unknown"):
            pair.same(lambda ecm, _, mark=mark: ecm.complete_follow_up(number, mark, listed))
        assert pair.same(lambda ecm, _: _bearing(ecm.follow_ups(number, listed), made.mark)) == [True]
        assert pair.same(lambda ecm, _: _bearing(ecm.follow_ups(number, listed), nobody.mark)) == [False]
        pair.same(lambda ecm, _: ecm.follow_ups(1, listed))

    def test_a_listing_comes_in_pages_with_its_total(self, pair: Pair) -> None:
        for place in range(5):
            pair.make({}, f"page {place}")

        pages = pair.same(lambda ecm, _: [(len(page.rows), page.total) for page in _pages(ecm)])
        assert len(pages) > 1

    def test_what_is_gone_or_hidden_is_not_listed_and_cannot_be_read(self, pair: Pair) -> None:
        gone, hidden = pair.make({}, "gone"), pair.make({}, "hidden")
        pair.stage.box.delete_workspace(gone)
        pair.stage.box.act(hidden, "hide")
        pair.twin_ecm.delete(gone)
        pair.twin_ecm.spaces[hidden].hidden = True

        pair.same(lambda ecm, _: _listed(ecm))
        for number in (gone, hidden, 999_999_999):
            refused = pair.same(lambda ecm, _, number=number: ecm.workspace(number))
            assert isinstance(refused, type)
            pair.same(lambda ecm, _, number=number: list(ecm.documents(number)))

    def test_documents_lie_in_folders_and_have_versions_values_and_moves(self, pair: Pair) -> None:
        home, other = pair.make({}, "home"), pair.make({}, "other")
        top = pair.file(home, "Top.pdf")
        deep = pair.file(home, "Deep.txt", "Incoming", mime="text/plain", values={f"{SCRATCH}.Word": "Open"})
        pair.advance(60)
        pair.stage.box.filed(do="version", id=top)
        pair.twin_ecm.revise(top)
        pair.advance(60)
        pair.stage.box.filed(do="move", id=deep, parent=other)
        pair.twin_ecm.move(deep, other)
        pair.stage.box.filed(do="edit", id=deep, name="Renamed.txt", values={f"{SCRATCH}.Word": "Closed"})
        pair.twin_ecm.mark(deep, {f"{SCRATCH}.Word": "Closed"}, name="Renamed.txt")

        for number in (home, other):
            rows = pair.same(lambda ecm, _, number=number: sorted(ecm.documents(number), key=lambda one: one.id))
            for row in rows:
                pair.same(lambda ecm, _, row=row: ecm.document(row, classified=True))
        pair.same(lambda ecm, _: dict(ecm.document_rows([top, deep, 999_999_999])))

    def test_the_search_finds_what_changed_and_where_it_lies(self, pair: Pair) -> None:
        home = pair.make({}, "searched")
        paper = pair.file(home, "Found.pdf")
        pair.stage.box.flush_index()
        day = pair.clock.now().astimezone(ZONE).date()

        found = pair.same(lambda ecm, _: _found(ecm, day, paper))
        assert found == (pair.twin_ecm.papers[paper].modified, True)
        assert pair.same(lambda ecm, _: _found(ecm, day + timedelta(days=2), paper)) is None

    def test_a_type_that_is_not_there_is_a_configuration_error(self, pair: Pair) -> None:
        number = pair.make({}, "lonely")

        assert isinstance(pair.same(lambda ecm, _: ecm.related(number, "No Such Type")), type)
        assert pair.same(lambda ecm, _: ecm.related(number, SCRATCH)) == ()


class TestWrites:
    """To Extended ECM, and withdrawals in Braze."""

    def test_values_are_written_once_and_what_a_person_typed_stays(self, pair: Pair) -> None:
        number, word, since = pair.make({f"{SCRATCH}.Number": "C-1"}, "written"), f"{SCRATCH}.Word", f"{SCRATCH}.Since"
        first = {word: "Open", since: "2026-11-20T08:05:00Z", f"{SCRATCH}.Day": "2026-11-20"}
        pair.advance(60)
        tries: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
            (first, {}),
            (first, {}),
            ({since: "2026-11-21T08:05:00"}, first),  # as flows write it: the time of the tenant
            ({since: "2026-11-22T00:00:00"}, {since: "2026-11-21T08:05:00"}),
            ({word: "Closed"}, {word: "Open"}),
            ({word: "Open"}, {word: "Open"}),
            ({word: None}, {word: "Closed"}),
            ({f"{SCRATCH}.Number": "C-2"}, {}),
            ({word: "Perhaps"}, {}),
            ({f"{SCRATCH}.None": "x"}, {}),
        )
        verdicts = []
        for values, expected in tries:
            told = pair.same(lambda ecm, _, values=values, expected=expected: ecm.set_values(number, values, expected))
            pair.same(lambda ecm, _: ecm.workspace(number).facts)
            pair.same(lambda ecm, _: _plain(ecm.workspace(number).row))
            verdicts.append((str(told[0]), told[4]))
        assert ("refused", "edited_in_ecm") in verdicts
        assert verdicts[:3] == [("accepted", "")] * 3

    def test_nothing_is_written_to_what_is_held_or_not_there(self, pair: Pair) -> None:
        number = pair.make({}, "held")
        pair.stage.box.act(number, "hold")
        pair.twin_ecm.spaces[number].held = "on hold"

        for one in (number, 999_999_999):
            pair.same(lambda ecm, _, one=one: ecm.set_values(one, {f"{SCRATCH}.Word": "Open"}, {}))
            pair.same(lambda ecm, _, one=one: ecm.put_document(one, "", "h.txt", b"h", "text/plain"))
            pair.same(lambda ecm, _, one=one: ecm.put_document(one, "In", "h.txt", b"h", "text/plain"))

    def test_a_document_is_filed_once_and_found_by_its_name_in_its_folder(self, pair: Pair) -> None:
        number = pair.make({}, "filed")
        for folder, name, content in (
            ("History", "a.txt", b"one"),
            ("History", "a.txt", b"one"),
            ("History", "a.txt", b"2"),
            ("", "a.txt", b"3"),
        ):
            pair.same(lambda ecm, _, told=(folder, name, content): ecm.put_document(number, *told, "text/plain"))
            pair.same(lambda ecm, _, folder=folder: ecm.document_content(number, folder, "a.txt"))
        pair.same(lambda ecm, _: ecm.document_content(number, "Nowhere", "a.txt"))
        pair.same(lambda ecm, _: ecm.document_content(number, "History", "b.txt"))
        pair.same(lambda ecm, _: ecm.document_content(999_999_999, "", "a.txt"))

    def test_a_withdrawal_takes_everybody_of_the_address_along_and_subscribes_nobody(self, pair: Pair) -> None:
        for name, address in (("W-1", "w1@example.com"), ("W-2", "w1@example.com"), ("W-3", "w3@example.com")):
            pair.person(name, email=address, email_subscribe="opted_in", groups={GROUP: "subscribed"})
        for channel in ("push", f"group:{GROUP}", "email", "group:ed060000-0000-4000-8000-0000000000ff", "fax"):
            pair.same(lambda _, braze, channel=channel: braze.withdraw(["W-1", "W-none"], channel))
            pair.same(lambda _, braze: dict(braze.profiles(["W-1", "W-2", "W-3", "W-none"])))
            pair.same(lambda _, braze: dict(braze.group_states(GROUP, ["W-1", "W-2", "W-3"])))


def _pages(ecm: Any) -> Any:
    return ecm.list_workspaces(ecm.workspace_types()[SCRATCH])


def _listed(ecm: Any) -> list[WorkspaceRow]:
    return sorted((_plain(row) for page in _pages(ecm) for row in page.rows), key=lambda row: row.id)


def _found(ecm: Any, day: Any, number: int) -> tuple[datetime, bool] | None:
    mine = [hit for hit in ecm.documents_changed_since(day) if hit.id == number]
    listed = {row.id for row in _listed(ecm)}
    return (mine[0].modified_at, any(listed & set(path) for path in mine[0].paths)) if mine else None


class TestBraze:
    def test_people_are_told_alike_and_strangers_not_at_all(self, pair: Pair) -> None:
        pair.person("T-1", email="t1@example.com", email_subscribe="opted_in", groups={GROUP: "subscribed"})
        pair.person("T-2", email="t2@example.com", email_subscribe="unsubscribed", groups={GROUP: "unsubscribed"})
        pair.person("T-3")

        pair.same(lambda _, braze: dict(braze.profiles(["T-1", "T-2", "T-3", "T-none"])))
        pair.same(lambda _, braze: dict(braze.profiles(["email:t1@example.com"])))
        pair.same(lambda _, braze: dict(braze.group_states(GROUP, ["T-1", "T-2", "T-3", "T-none"])))
        pair.same(lambda _, braze: braze.group_states("ed060000-0000-4000-8000-0000000000ff", ["T-1"]))

    def test_a_bounce_is_told(self, pair: Pair) -> None:
        pair.person("T-bounced", email="Bounced@example.com")
        pair.stage.box.call("PUT", "/braze/users/T-bounced", {"hard_bounced": True})
        pair.twin_braze.bounced.add("bounced@example.com")

        found = pair.same(
            lambda _, braze: "bounced@example.com" in braze.hard_bounces(datetime(2026, 1, 1, tzinfo=UTC))
        )
        assert found

    def test_attributes_keep_their_type_and_strangers_are_passed_over_in_silence(self, pair: Pair) -> None:
        pair.person("T-4", email="t4@example.com")
        values: tuple[Any, ...] = (
            "a",
            "2026-11-20",
            7,
            True,
            ["x", "y", "x"],
            None,
            "x" * 300,
            "2026-11-20T10:00:00+01:00",
        )
        for place, value in enumerate(values):
            batch = TrackBatch(attributes=(("T-4", {f"twin_{place}": value, "twin_same": value}), ("T-none", {"a": 1})))
            pair.same(lambda _, braze, batch=batch: braze.track(batch))
            pair.same(lambda _, braze: dict(braze.profiles(["T-4", "T-none"])))

    def test_a_profile_is_made_only_where_the_batch_says_so(self, pair: Pair) -> None:
        batch = TrackBatch(
            attributes=(("T-new", {"a": "b"}), ("T-not", {"a": "b"})), create_profiles=frozenset({"T-new"})
        )
        pair.same(lambda _, braze: braze.track(batch))

        assert set(pair.same(lambda _, braze: dict(braze.profiles(["T-new", "T-not"])))) == {"T-new"}

    def test_events_are_counted_and_bad_ones_are_refused_one_by_one(self, pair: Pair) -> None:
        pair.person("T-5")
        good: dict[str, Any] = {"name": "came", "time": "2026-11-20T07:00:00+00:00", "properties": {"n": 1}}
        bad = ({**good, "time": "soon"}, {**good, "properties": {"$x": 1}}, {**good, "name": ""})
        batch = TrackBatch(events=(("T-5", good), *(("T-5", one) for one in bad), ("T-5", good), ("T-none", good)))

        verdict = pair.same(lambda _, braze: braze.track(batch))
        pair.same(lambda _, braze: dict(braze.profiles(["T-5", "T-none"])))
        assert verdict[1] == {("events", 1), ("events", 2), ("events", 3)}

    def test_an_id_that_is_too_long_is_refused_alone(self, pair: Pair) -> None:
        pair.person("T-6")
        batch = TrackBatch(attributes=(("T-6", {"a": 1}), ("x" * 1000, {"a": 1})))

        assert pair.same(lambda _, braze: braze.track(batch))[1] == {("attributes", 1)}

    @pytest.mark.parametrize("kind", [Kind.CAMPAIGN, Kind.CANVAS])
    @pytest.mark.parametrize("message", [CAMPAIGN, PAUSED, DRAFT, "3f0c0000-0000-4000-8000-0000000001ff"])
    def test_a_triggered_message_goes_or_rests_alike(self, pair: Pair, kind: Kind, message: str) -> None:
        pair.person("T-7", email="t7@example.com")
        people = tuple(
            TriggerRecipient(recipient=name, properties={"n": 1}, attributes={"last": message})
            for name in ("T-7", "T-none")
        )
        before = _got(pair)
        pair.same(lambda _, braze: braze.message(kind, message))
        pair.same(lambda _, braze: braze.trigger(TriggerBatch(kind=kind, message_id=message, recipients=people)))

        assert _got(pair) == before or message == CAMPAIGN
        assert _got(pair) == _taken(pair)

    def test_two_entries_into_a_canvas_within_a_second_are_one(self, pair: Pair) -> None:
        pair.person("T-8", email="t8@example.com")
        one = TriggerRecipient(recipient="T-8", properties={}, attributes={})
        for seconds in (0, 0, 3):
            pair.advance(seconds)
            pair.same(
                lambda _, braze: braze.trigger(TriggerBatch(kind=Kind.CANVAS, message_id=CANVAS, recipients=(one,)))
            )

        assert sum(entry[0] == "T-8" for entry in _got(pair)) == 2
        assert _got(pair) == _taken(pair)

    def test_what_somebody_received_and_did_is_told_alike_and_of_canvases_nothing(self, pair: Pair) -> None:
        for name in ("T-9", "T-10"):
            pair.person(name, email=f"{name.lower()}@example.com")
        one = TriggerRecipient(recipient="T-9", properties={}, attributes={})
        for kind, message in ((Kind.CAMPAIGN, CAMPAIGN), (Kind.CANVAS, CANVAS)):
            pair.same(lambda _, braze, to=(kind, message): braze.trigger(_to(one, *to)))
        shown = [pair.same(lambda _, braze: _received(braze, "T-9", "T-10", "T-none"))]
        pair.advance(3600)
        pair.stage.box.change({"external_id": "T-9", "engaged": {CAMPAIGN: ["opened_email"]}})
        pair.twin_braze.receive("T-9", CAMPAIGN, engaged=True)
        pair.stage.box.change({"external_id": "T-10", "received": [{"id": PAUSED, "engaged": ["clicked_email"]}]})
        pair.twin_braze.receive("T-10", PAUSED)
        pair.twin_braze.receive("T-10", PAUSED, engaged=True)

        shown.append(pair.same(lambda _, braze: _received(braze, "T-9", "T-10", "T-none")))

        assert shown == [
            {"T-9": [(CAMPAIGN, False)], "T-10": []},
            {"T-9": [(CAMPAIGN, True)], "T-10": [(PAUSED, True)]},
        ]

    def test_an_empty_request_is_not_sent(self, pair: Pair) -> None:
        pair.same(lambda _, braze: braze.track(TrackBatch()))


def _bearing(found: Any, mark: str) -> list[bool]:
    """Return of each follow-up with a mark whether it is completed."""
    return [one.completed for one in found if one.bears(mark)]


def _to(one: TriggerRecipient, kind: Kind, message: str) -> TriggerBatch:
    return TriggerBatch(kind=kind, message_id=message, recipients=(one,))


def _received(braze: Any, *people: str) -> dict[str, list[tuple[str, bool]]]:
    found = braze.received(people)
    return {person: [(row.campaign, row.engaged) for row in rows] for person, rows in found.items()}


def _got(pair: Pair) -> list[tuple[str, str, str]]:
    """What the twin's book has of campaigns and Canvases."""
    return [(entry.recipient, entry.kind, entry.name) for entry in pair.twin_braze.messages if entry.kind != "event"]


def _taken(pair: Pair) -> list[tuple[str, str, str]]:
    """What the sandbox's has."""
    return [(one["recipient"], one["kind"], one["id"]) for one in pair.stage.received()["messages"]]


@pytest.mark.parametrize(
    ("port", "twin"),
    [(ports.WorkspaceReader, TwinEcm), (ports.PeopleReader, TwinBraze), (ports.MessageSink, TwinBraze)]
    + [(ports.EngagementReader, TwinBraze)]
    + [(getattr(ports, name), TwinEcm) for name in ("RecordSink", "RecordReader") if hasattr(ports, name)],
)
def test_every_method_of_the_ports_is_there_with_its_arguments(port: type, twin: type) -> None:
    for name, promised in inspect.getmembers(port, inspect.isfunction):
        if not name.startswith("_"):
            kept = inspect.signature(getattr(twin, name))
            assert list(kept.parameters) == list(inspect.signature(promised).parameters), name


def test_a_row_of_a_listing_is_the_row_of_the_details(pair: Pair) -> None:
    number = pair.make({}, "twice")

    assert pair.same(lambda ecm, _: _plain(ecm.workspace(number).row)) in pair.same(lambda ecm, _: _listed(ecm))
