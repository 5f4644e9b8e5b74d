"""Rows D and E of the fault matrix as users meet them: the program against the sandbox, one customer per row."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from tests.crashing.test_consent_beside_onboarding import CONSENT, STATUS
from tests.rehearsal import CONTRACT, TYPE, Rehearsal, Result, rehearsal

_FOLDER, _MANY = "Consent History", 24


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    with rehearsal(tmp_path_factory.mktemp("rows"), "--world", "onboarding", "--workspaces", "90") as stage:
        stage.flow["every"] = "1s"
        stage.config["flows"]["consent"] = CONSENT
        stage.config["guards"] = {"max_messages": 5}
        stage.box.add_category("Client", [{"name": "Number"}])
        stage.box.add_category("Choice", [{"name": "Email Status"}, {"name": "Email Source"}])
        stage.box.add_type("Client", ["Client", "Choice"])
        drafts = [one["id"] for one in stage.box.workspaces(TYPE)]
        stage.box.bulk({"do": "edit", "id": one, "values": {CONTRACT: "Draft"}} for one in drafts)
        for number in stage.open_workspaces()[:_MANY]:
            person = stage.customer(number)
            stage.box.create_workspace("Client", name=f"Client {person}", values={"Client.Number": person})
            stage.box.change({"external_id": person, "email_subscribe": "subscribed"})
        assert stage.ecmbraze("init", "--non-interactive").code == 0
        for _ in range(3):
            assert run(stage).code == 0
        yield stage


@pytest.fixture(scope="module")
def clients(ground: Rehearsal) -> Iterator[tuple[str, int]]:
    """Hand out (person, their client workspace), nobody twice."""
    found = ((str(one["values"]["Client.Number"]), int(one["id"])) for one in ground.box.workspaces("Client"))
    return iter(list(found))


@pytest.fixture
def stage(ground: Rehearsal) -> Iterator[Rehearsal]:
    ground.box.advance(3600)
    yield ground
    ground.box.clear_faults()


def run(stage: Rehearsal, *options: str, seconds: float = 90) -> Result:
    stage.box.advance(seconds)
    return stage.ecmbraze("run", "--now", "--json", *options)


def status(stage: Rehearsal, number: int) -> Any:
    return stage.box.workspace(number)["values"][STATUS]


def history(stage: Rehearsal, number: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stage.box.call("GET", "/ecm/documents", below=number)
    return found


def state(stage: Rehearsal, person: str) -> str:
    return str(stage.box.call("GET", f"/braze/users/{person}")["email_subscribe"])


def approve(stage: Rehearsal, person: str) -> None:
    mine = next(one for one in stage.box.workspaces(TYPE) if one["values"]["Onboarding.Customer Number"] == person)
    stage.box.edit_workspace(mine["id"], {CONTRACT: "Approved"})


def told(stage: Rehearsal, person: str) -> int:
    """Return how many campaigns and Canvases Braze sent to a person."""
    return sum(one["recipient"] == person for one in stage.received()["messages"])


def test_d01_who_opts_out_in_the_run_of_a_message_gets_none(
    stage: Rehearsal, clients: Iterator[tuple[str, int]]
) -> None:
    person, number = next(clients)
    stage.box.edit_workspace(number, {STATUS: "Withdrawn"})
    approve(stage, person)

    assert run(stage).code == 0

    assert (state(stage, person), told(stage, person), len(history(stage, number))) == ("unsubscribed", 0, 1)


def test_d02_while_an_opt_out_has_not_reached_braze_its_person_gets_no_message(
    stage: Rehearsal, clients: Iterator[tuple[str, int]]
) -> None:
    person, number = next(clients)
    stage.box.edit_workspace(number, {STATUS: "Withdrawn"})
    approve(stage, person)
    stage.box.fault("reset_before", system="braze", path="/users/track", query="unsubscribed", times=None)
    for _ in range(2):
        assert run(stage).code == 5
        assert (state(stage, person), told(stage, person)) == ("subscribed", 0)
    stage.box.clear_faults()

    assert run(stage).code == 0

    assert (state(stage, person), told(stage, person), len(history(stage, number))) == ("unsubscribed", 0, 1)


def test_d02_k01_an_opt_out_reaches_braze_also_by_a_clock_that_is_wrong(
    stage: Rehearsal, clients: Iterator[tuple[str, int]]
) -> None:
    person, number = next(clients)
    stage.box.edit_workspace(number, {STATUS: "Withdrawn"})
    approve(stage, person)
    stage.ahead = timedelta(days=2)

    wrong = run(stage)

    stage.ahead = timedelta()
    assert (wrong.code, state(stage, person), told(stage, person)) == (5, "unsubscribed", 0)
    assert history(stage, number) == []  # what is dated waits
    assert run(stage).code == 0
    assert (state(stage, person), told(stage, person), len(history(stage, number))) == ("unsubscribed", 0, 1)


def test_k01_what_was_looked_at_by_a_clock_that_was_ahead_is_looked_at_again_in_its_turn(
    stage: Rehearsal, clients: Iterator[tuple[str, int]]
) -> None:
    person, number = next(clients)
    approve(stage, person)
    paused = {"status": 400, "json": {"message": "campaign is paused"}}
    stage.box.fault("status", system="braze", path="/trigger/send", times=1, **paused)
    assert run(stage).code == 15  # the next one looks at this person before it finds that the clock is wrong
    for days in (-3, 3):
        stage.ahead = timedelta(days=days)
        assert run(stage).code == 5
    stage.ahead = timedelta()

    with closing(sqlite3.connect(stage.state)) as file:
        stamps = {
            f"{table}.{column}": file.execute(f"SELECT max({column}) FROM {table}").fetchone()[0] or ""
            for table, column in (("record", "read_at"), ("looked", "at"), ("position", "at"))
        }
    now = f"{stage.box.now() + timedelta(minutes=1):%Y-%m-%dT%H:%M:%S}"
    assert {name: stamp for name, stamp in stamps.items() if stamp > now} == {}
    stage.box.change({"external_id": person, "email_subscribe": "unsubscribed"})
    assert run(stage).code == 0
    assert status(stage, number) == "Withdrawn"


def test_d03_an_opt_out_in_braze_after_what_ecm_says_is_recorded_and_nothing_turns_it_around(
    stage: Rehearsal, clients: Iterator[tuple[str, int]]
) -> None:
    person, number = next(clients)
    for chosen in ("opted_in", "unsubscribed"):
        stage.box.change({"external_id": person, "email_subscribe": chosen})
        assert run(stage, seconds=3600).code == 0

    assert (status(stage, number), state(stage, person), len(history(stage, number))) == (
        "Withdrawn",
        "unsubscribed",
        2,
    )


def test_d04_a_grant_typed_in_ecm_releases_nothing(stage: Rehearsal, clients: Iterator[tuple[str, int]]) -> None:
    person, number = next(clients)
    stage.box.change({"external_id": person, "email_subscribe": "unsubscribed"})
    assert run(stage).code == 0
    stage.box.edit_workspace(number, {STATUS: "Opted in"})
    approve(stage, person)

    assert run(stage).code == 3  # edited_in_ecm

    assert (state(stage, person), told(stage, person), status(stage, number)) == ("unsubscribed", 0, "Opted in")
    stage.box.edit_workspace(number, {STATUS: "Withdrawn"})


def test_e25_another_document_of_that_name_is_kept_and_ours_is_put_aside(
    stage: Rehearsal, clients: Iterator[tuple[str, int]]
) -> None:
    person, number = next(clients)
    digest = hashlib.sha256(f"consent/person:{person}/email/1/document/ws:{number}".encode()).hexdigest()[:12]
    name = f"{stage.box.now():%Y-%m-%d} email unsubscribed {digest}.txt"
    stage.box.file(stage.box.folder(number, _FOLDER), name, mime="text/plain", content="somebody's own")
    stage.box.change({"external_id": person, "email_subscribe": "unsubscribed"})

    done = run(stage)

    assert done.code == 3, done.stderr
    assert "a different document named" in done.stdout
    (kept,) = history(stage, number)
    assert (kept["name"], len(kept["versions"])) == (name, 1)
    assert status(stage, number) == "Withdrawn"


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"kind": "cut_request", "bytes": 200}, id="e26"),
        pytest.param({"kind": "reset_after"}, id="e27"),
        pytest.param({"kind": "html500"}, id="e29"),
    ],
)
def test_e26_e27_e29_a_document_that_was_cut_off_or_whose_answer_was_lost_is_there_once(
    stage: Rehearsal, clients: Iterator[tuple[str, int]], fault: dict[str, Any]
) -> None:
    person, number = next(clients)
    stage.box.folder(number, _FOLDER)
    stage.box.change({"external_id": person, "email_subscribe": "unsubscribed"})
    stage.box.fault(**fault, system="ecm", method="POST", path="/api/v2/nodes$")

    assert run(stage).code in (4, 5)
    assert stage.box.faults()[-1]["hits"] == 1
    assert run(stage).code == 0

    (filed,) = history(stage, number)
    assert (len(filed["versions"]), status(stage, number)) == (1, "Withdrawn")


def test_e28_what_somebody_has_reserved_waits_and_goes_when_it_is_free(
    stage: Rehearsal, clients: Iterator[tuple[str, int]]
) -> None:
    person, number = next(clients)
    stage.box.act(number, "reserve")
    stage.box.change({"external_id": person, "email_subscribe": "unsubscribed"})
    waits = run(stage)
    assert (waits.code, status(stage, number)) == (5, None)
    assert "reserved" in waits.stdout

    stage.box.act(number, "unreserve")

    assert run(stage).code == 0
    assert (status(stage, number), len(history(stage, number))) == ("Withdrawn", 1)


def test_e30_what_a_person_types_between_our_read_and_our_write_stands(
    stage: Rehearsal, clients: Iterator[tuple[str, int]]
) -> None:
    person, number = next(clients)
    edit = {"do": "edit", "id": number, "values": {STATUS: "By phone"}}
    stage.box.change({"external_id": person, "email_subscribe": "unsubscribed"})
    stage.box.fault("edit", system="ecm", method="PUT", path="/categories/", when="before", edits=[edit])

    done = run(stage)

    assert (done.code, status(stage, number)) == (3, "By phone")
    assert "edited_in_ecm" in done.stdout
    assert len(history(stage, number)) == 1
    stage.box.edit_workspace(number, {STATUS: None})
    run(stage)


def test_d06_d07_most_people_may_leave_at_once_but_not_come_back_unseen(
    stage: Rehearsal, clients: Iterator[tuple[str, int]]
) -> None:
    many = [next(clients) for _ in range(6)]
    for person, _ in many:
        stage.box.change({"external_id": person, "email_subscribe": "unsubscribed"})
    assert run(stage).code == 0
    assert {status(stage, number) for _, number in many} == {"Withdrawn"}

    for person, _ in many:
        stage.box.change({"external_id": person, "email_subscribe": "opted_in"})
    stopped = run(stage, seconds=3600)

    assert stopped.code == 6
    assert {status(stage, number) for _, number in many} == {"Withdrawn"}
    (report,) = (one for one in stopped.report["runs"] if one["flow"] == "consent")
    assert stage.ecmbraze("consent", "--confirm", report["plan_hash"][:12], "--by", "ann").code == 0
    assert {status(stage, number) for _, number in many} == {"Opted in"}
