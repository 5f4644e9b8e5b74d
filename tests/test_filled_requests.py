"""What a round of sending asks for: filled requests, several on their way, and no person twice."""

from __future__ import annotations

import json
import socket
import threading
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

from ecmbraze.engine.deliver.rereading import Rereading
from ecmbraze.ledger.codec import load
from ecmbraze.model import Action, Answer, Kind, State, Verdict, WorkspaceDetail, WorkspaceRow
from ecmbraze.needs import Needs
from ecmbraze.planning.customers import Customer
from ecmbraze.systems.braze.client import BrazeClient
from tests.channels.desk import LOST, TAKEN, Desk, action_of, attributes_of
from tests.systems.rig import FakeClock, answer, http, serving

_LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def _attribute(person: str, name: str) -> Action:
    return action_of(Kind.ATTRIBUTE, person, name, "new", rule=name)


def _event(person: str) -> Action:
    return action_of(Kind.EVENT, person, "done", {"name": "done", "time": _LONG_AGO.isoformat()}, rule="r")


def _unscreened(desk: Desk) -> Desk:
    desk.push.screen = SimpleNamespace(
        look=lambda rows: [], later=(), outdated=lambda row: False, seen={}, configured=lambda row: True
    )  # type: ignore[assignment]  # all may leave
    return desk


def test_attributes_of_many_people_fill_their_requests_and_ask_of_each_person_once(tmp_path: Path) -> None:
    people = [f"C-{number:03}" for number in range(160)]
    desk = Desk(tmp_path, *people)
    desk.stage(*(_attribute(person, name) for person in people for name in ("ecm_a", "ecm_b", "ecm_c")))

    desk.send()

    assert [len(batch.attributes) for batch in desk.braze.tracked] == [75, 75, 10]
    assert sorted(desk.braze.asked) == people
    assert set(desk.states()) == {State.SENT}


def test_a_rate_limit_within_a_look_asks_of_nobody_again(tmp_path: Path) -> None:
    people = [f"C-{number:03}" for number in range(600)]
    desk = Desk(tmp_path, *people)
    desk.braze.answers = [TAKEN, *[Answer(verdict=Verdict.NOT_PROCESSED, reason="limited", limited=True)] * 7]
    desk.stage(*(_attribute(person, "ecm_a") for person in people))

    desk.send()

    assert len(desk.braze.tracked) == 8 + 7
    assert sorted(desk.braze.asked) == people
    assert set(desk.states()) == {State.SENT}


def test_after_a_rate_limit_one_request_is_on_its_way_at_a_time(tmp_path: Path) -> None:
    desk = Desk(tmp_path, *(f"C-{number:03}" for number in range(300)))
    desk.braze.answers = [Answer(verdict=Verdict.NOT_PROCESSED, reason="limited", limited=True)]
    desk.stage(*(_attribute(person, "ecm_a") for person in desk.braze.known))

    desk.send()

    waves = "SELECT count(DISTINCT attempt) FROM outbox"  # each has an attempt of its own
    assert desk.ledger.database.execute(waves).fetchone() == (4,)
    desk.stage(*(_attribute(person, "ecm_b") for person in desk.braze.known))
    desk.send()
    assert desk.ledger.database.execute(waves).fetchone() == (4 + 4,)


def test_where_braze_is_out_of_order_the_first_request_shows_it(tmp_path: Path) -> None:
    people = [f"C-{number:03}" for number in range(200)]
    desk = _unscreened(Desk(tmp_path, *people))
    desk.braze.answers = [LOST]
    desk.stage(*map(_event, people))

    desk.send()

    assert Counter(desk.states()) == {State.IN_DOUBT: 37, State.READY: 163}  # with a marker each, 37 fill a request


def test_requests_go_one_by_two_by_four_until_as_many_are_on_their_way_as_may_be(tmp_path: Path) -> None:
    desk = Desk(tmp_path, *(f"C-{number:04}" for number in range(1125)))
    desk.stage(*(_attribute(person, "ecm_a") for person in desk.braze.known))

    desk.send()

    sizes = "SELECT count(*) FROM outbox GROUP BY attempt ORDER BY min(id)"
    assert [row[0] for row in desk.ledger.database.execute(sizes)] == [75, 150, 300, 600]


def test_events_are_looked_at_in_portions_that_fill_requests(tmp_path: Path) -> None:
    people = [f"C-{number:03}" for number in range(200)]
    desk = _unscreened(Desk(tmp_path, *people))
    desk.stage(*(one for person in people for one in (_attribute(person, "ecm_a"), _event(person))))

    desk.send()

    assert [len(batch.attributes) + len(batch.events) for batch in desk.braze.tracked] == [74, 74, 74, 74, 74, 30]
    assert set(desk.states()) == {State.SENT}


def test_the_history_tells_attributes_by_their_wave_and_messages_one_by_one(tmp_path: Path) -> None:
    people = [f"C-{number}" for number in range(5)]
    desk = _unscreened(Desk(tmp_path, *people))
    desk.stage(
        *(one for person in people for one in attributes_of(person, {"ecm_a": "new", "ecm_b": "new"})), _event("C-1")
    )

    desk.send()

    told = desk.ledger.database.execute("SELECT body FROM history WHERE kind = 'outbox' ORDER BY seq").fetchall()
    steps = [step for (body,) in told for step in load(body)["steps"]]
    leaving, sent = ([step for step in steps if step["to"] == to] for to in (State.IN_FLIGHT, State.SENT))
    assert [(step.get("rows"), step["kind"]) for step in leaving] == [(None, "event"), (5, "attributes")]
    assert [(step.get("rows"), step["kind"]) for step in sent] == [(None, "event"), (5, "attributes")]


def test_exports_are_on_their_way_at_once() -> None:
    together = threading.Barrier(3)

    def script(connection: socket.socket, request: bytes) -> None:
        together.wait(timeout=60)
        asked = json.loads(request.partition(b"\r\n\r\n")[2])["external_ids"]
        found = {"users": [{"external_id": one} for one in asked], "message": "success"}
        connection.sendall(answer(201, json.dumps(found).encode(), "Content-Type: application/json"))

    people = [f"C-{number}" for number in range(150)]
    with serving(script) as server:
        client = BrazeClient(http(server.url, clock=FakeClock(), connections=3), api_key="fake-key-1234")
        found = client.profiles(people)

    assert list(found) == people
    assert len(server.requests) == 3


class _Together:
    """Workspaces that are only read while another one is."""

    def __init__(self, readers: int) -> None:
        self.barrier, self.read = threading.Barrier(readers), list[int]()

    def workspace(self, number: int) -> WorkspaceDetail:
        self.barrier.wait(timeout=60)
        self.read.append(number)
        row = WorkspaceRow(id=number, type_id=1, name="W", created_at=_LONG_AGO, modified_at=_LONG_AGO)
        return WorkspaceDetail(row=row, facts={"Case.Number": f"C-{number}"})


def test_the_records_behind_messages_are_read_again_at_once_and_once_a_minute() -> None:
    reader, clock = _Together(2), FakeClock()
    records = Rereading(
        reader=reader,  # type: ignore[arg-type]  # of the reader only this is asked
        needs=Needs(customers={"Case": Customer(attribute="Case.Number")}),
        fresh={},
        clock=clock,
        connections=2,
    )
    behind = dict.fromkeys(["ws:1", "ws:2", "ws:3", "ws:4"])

    records.read(behind, in_time=True)
    records.read(behind, in_time=True)

    assert sorted(reader.read) == [1, 2, 3, 4]
    clock.advance(61)
    records.read(behind, in_time=True)
    assert len(reader.read) == 8
    clock.advance(61)
    records.read(dict.fromkeys(["ws:5", "ws:6"]), in_time=True)
    assert sorted(records.fresh) == [5, 6]  # what is too old to be used is in nobody's memory
