"""What leaves for Braze: bodies that can neither broadcast nor create, and one judged answer per attempt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import responses

from ecmbraze.errors import CredentialRefused, EcmbrazeError, TimeBudgetUsed
from ecmbraze.model import Kind, TrackBatch, TriggerBatch, TriggerRecipient, Verdict
from ecmbraze.systems.braze import writes
from ecmbraze.systems.braze.client import BrazeClient
from tests.systems.rig import BRAZE_URL, FakeClock, answer, http, replying, serving

TRACK, SEND, CANVAS = (
    f"{BRAZE_URL}/users/track",
    f"{BRAZE_URL}/campaigns/trigger/send",
    f"{BRAZE_URL}/canvas/trigger/send",
)
KEY = "fake-key-1234"
ATTRIBUTES = TrackBatch(attributes=(("C-1", {"ecm_stage": "Approved"}),))
EVENTS = TrackBatch(events=(("C-1", {"name": "approved", "time": "2026-03-10T09:00:00+00:00"}),))


@pytest.fixture
def net() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mocked:
        yield mocked


def braze(clock: FakeClock | None = None, **options: Any) -> BrazeClient:
    return BrazeClient(http(BRAZE_URL, clock=clock, **options), api_key=KEY)


def body(net: responses.RequestsMock, number: int = 0) -> Any:
    return json.loads(net.calls[number].request.body or b"")


def person(recipient: str, **attributes: Any) -> TriggerRecipient:
    return TriggerRecipient(recipient=recipient, properties={"stage": "Approved"}, attributes=attributes)


def campaign(*recipients: TriggerRecipient, kind: Kind = Kind.CAMPAIGN) -> TriggerBatch:
    return TriggerBatch(kind=kind, message_id="3f0c", recipients=recipients)


def test_every_object_updates_existing_people_only(net: responses.RequestsMock) -> None:
    net.add(responses.POST, TRACK, status=201, json={"message": "success"})
    batch = TrackBatch(
        attributes=(("C-1", {"a": 1}), ("alias:crm:A:1", {"a": 2}), ("email:ann@example.com", {"a": 3})),
        events=(("C-1", {"name": "e", "time": "2026-03-10T09:00:00Z"}),),
    )
    assert braze().track(batch).verdict is Verdict.ACCEPTED
    assert body(net) == {
        "attributes": [
            {"a": 1, "external_id": "C-1", "_update_existing_only": True},
            {"a": 2, "user_alias": {"alias_label": "crm", "alias_name": "A:1"}, "_update_existing_only": True},
            {"a": 3, "email": "ann@example.com", "_update_existing_only": True},
        ],
        "events": [{"name": "e", "time": "2026-03-10T09:00:00Z", "external_id": "C-1", "_update_existing_only": True}],
    }
    assert net.calls[0].request.headers["Authorization"] == f"Bearer {KEY}"
    assert net.calls[0].request.headers["Content-Type"] == "application/json"


def test_only_the_attributes_of_named_people_may_create_a_profile(net: responses.RequestsMock) -> None:
    net.add(responses.POST, TRACK, status=201, json={"message": "success"})
    event = {"name": "e", "time": "2026-03-10T09:00:00Z"}
    braze().track(
        TrackBatch(
            attributes=(("C-1", {"a": 1}), ("C-2", {"a": 1})),
            events=(("C-1", event),),
            create_profiles=frozenset({"C-1"}),
        )
    )
    sent = body(net)
    assert [entry["_update_existing_only"] for entry in sent["attributes"]] == [False, True]
    assert sent["events"][0]["_update_existing_only"] is True


def test_an_attribute_can_never_take_the_place_of_the_identifier() -> None:
    told, _ = writes.track(TrackBatch(attributes=(("C-1", {"external_id": "C-9", "_update_existing_only": False}),)))
    assert told["attributes"] == [{"external_id": "C-1", "_update_existing_only": True}]


def test_a_campaign_goes_to_named_people_and_is_no_broadcast(net: responses.RequestsMock) -> None:
    net.add(responses.POST, SEND, status=201, json={"message": "success", "dispatch_id": "x"})
    batch = campaign(person("C-1", ecm_stage="Approved"), person("alias:crm:A-1"), person("email:ann@example.com"))
    assert braze().trigger(batch).verdict is Verdict.ACCEPTED
    properties = {"trigger_properties": {"stage": "Approved"}}
    assert body(net) == {
        "campaign_id": "3f0c",
        "broadcast": False,
        "recipients": [
            {
                "external_user_id": "C-1",
                **properties,
                "attributes": {"ecm_stage": "Approved"},
                "send_to_existing_only": True,
            },
            {"user_alias": {"alias_label": "crm", "alias_name": "A-1"}, **properties},
            {
                "email": "ann@example.com",
                "prioritization": ["identified", "most_recently_updated"],
                **properties,
                "send_to_existing_only": True,
            },
        ],
    }


def test_a_canvas_gets_its_facts_as_context(net: responses.RequestsMock) -> None:
    net.add(responses.POST, CANVAS, status=201, json={"message": "success"})
    braze().trigger(campaign(person("C-1"), kind=Kind.CANVAS))
    sent = body(net)
    assert (sent["canvas_id"], sent["broadcast"]) == ("3f0c", False)
    assert sent["recipients"] == [
        {"external_user_id": "C-1", "context": {"stage": "Approved"}, "send_to_existing_only": True}
    ]


@pytest.mark.parametrize("objects", [0, 76])
def test_b12_a_track_request_of_another_size_is_a_bug_and_is_not_sent(objects: int) -> None:
    with responses.RequestsMock() as net:
        told = braze().track(TrackBatch(attributes=tuple((f"C-{number}", {"a": 1}) for number in range(objects))))
        assert len(net.calls) == 0
    assert told.verdict is Verdict.NOT_PROCESSED
    assert isinstance(told.stop, EcmbrazeError)
    assert told.stop.exit_code == 1


def test_75_objects_of_both_arrays_fit_and_76_do_not() -> None:
    attributes = tuple((f"C-{number}", {"a": 1}) for number in range(40))
    event = {"name": "e", "time": "2026-03-10T09:00:00Z"}
    _, sizes = writes.track(TrackBatch(attributes=attributes, events=tuple((f"C-{n}", event) for n in range(35))))
    assert sizes == {"attributes": 40, "events": 35}
    with pytest.raises(EcmbrazeError, match="76 objects"):
        writes.track(TrackBatch(attributes=attributes, events=tuple((f"C-{n}", event) for n in range(36))))


def test_b13_a_trigger_without_people_or_with_51_cannot_be_made() -> None:
    for count in (0, 51):
        with pytest.raises(ValueError, match="1 to 50 distinct"):
            campaign(*(person(f"C-{number}") for number in range(count)))


def test_b17_a_rate_limited_write_was_not_processed_and_goes_after_the_wait(net: responses.RequestsMock) -> None:
    clock = FakeClock()
    client = braze(clock)
    net.add(responses.POST, TRACK, status=429, headers={"X-Ratelimit-Retry-After": "20"})
    net.add(responses.POST, TRACK, status=201, json={"message": "success"})

    refused = client.track(EVENTS)
    assert (refused.verdict, refused.limited, refused.stop) == (Verdict.NOT_PROCESSED, True, None)
    assert "/users/track" in client.closed_windows()
    client.wait_for_turn(Kind.EVENT)

    assert 20 <= clock.slept <= 22
    assert client.track(EVENTS).verdict is Verdict.ACCEPTED


def test_a_write_never_waits_and_asks_nothing_of_a_window_that_is_used_up(net: responses.RequestsMock) -> None:
    clock = FakeClock()
    client = braze(clock)
    net.add(responses.POST, SEND, status=429)

    answers = [client.trigger(campaign(person("C-1"))) for _ in range(3)]

    assert all(answer.limited and answer.verdict is Verdict.NOT_PROCESSED for answer in answers)
    assert clock.slept == 0
    assert len(net.calls) == 1
    assert list(client.closed_windows()) == ["/campaigns/trigger/send"]  # each endpoint has a window of its own


def test_b19_a_rate_limit_that_outlasts_the_run_is_waited_for_by_nobody(net: responses.RequestsMock) -> None:
    clock = FakeClock()
    client = braze(clock, deadline=lambda: 30 - clock.elapsed)
    net.add(responses.POST, SEND, status=429, headers={"X-Ratelimit-Retry-After": "40"})
    client.trigger(campaign(person("C-1")))

    with pytest.raises(TimeBudgetUsed) as stop:
        client.wait_for_turn(Kind.CAMPAIGN)

    assert stop.value.exit_code == 8


def test_b18_b19_limits_without_an_end_are_waited_for_with_growing_patience_and_not_for_ever(
    net: responses.RequestsMock,
) -> None:
    clock = FakeClock()
    client = braze(clock)
    net.add(responses.POST, SEND, status=429)
    waits: list[float] = []

    def again() -> None:
        client.trigger(campaign(person("C-1")))
        before = clock.slept
        client.wait_for_turn(Kind.CAMPAIGN)
        waits.append(clock.slept - before)

    with pytest.raises(TimeBudgetUsed):
        for _ in iter(again, "never"):
            pass

    assert waits[0] < 3
    assert max(waits) > 20
    assert 600 < clock.slept <= 900


@pytest.mark.parametrize("status", [500, 503, 408])
def test_b20_a_write_is_never_repeated_after_a_server_error(status: int, net: responses.RequestsMock) -> None:
    net.add(responses.POST, SEND, status=status, json={"message": "Internal error"})
    assert braze().trigger(campaign(person("C-1"))).verdict is Verdict.UNKNOWN
    assert len(net.calls) == 1


def test_b05_a_write_whose_answer_is_cut_off_is_unknown_and_was_sent_once() -> None:
    with serving(replying(answer(201, b'{"message":"success"}')[:-3])) as server:
        told = BrazeClient(http(server.url, timeout_s=0.15), api_key=KEY).track(EVENTS)
        assert (told.verdict, len(server.requests)) == (Verdict.UNKNOWN, 1)


def test_b01_a_write_to_nobody_is_not_processed_and_may_go_again() -> None:
    with serving(replying(answer(201))) as server:
        url = server.url
    told = BrazeClient(http(url), api_key=KEY).track(EVENTS)
    assert (told.verdict, told.stop) == (Verdict.NOT_PROCESSED, None)
    assert "nothing was sent" in told.reason


def test_events_use_a_young_connection_only_and_attributes_any() -> None:
    clock = FakeClock()
    with serving(replying(answer(201, b'{"message":"success"}'))) as server:
        client = BrazeClient(http(server.url, clock=clock), api_key=KEY)
        for batch, connections in ((EVENTS, 1), (ATTRIBUTES, 1), (EVENTS, 2)):
            assert client.track(batch).verdict is Verdict.ACCEPTED
            assert server.connections == connections
            clock.advance(30)


def test_b14_a_refused_key_is_an_answer_and_not_an_exception(net: responses.RequestsMock) -> None:
    net.add(responses.POST, TRACK, status=401, json={"message": f"Invalid API key: {KEY}"})
    told = braze().track(ATTRIBUTES)
    assert isinstance(told.stop, CredentialRefused)
    assert KEY not in f"{told}{told.stop}"
