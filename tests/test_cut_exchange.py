"""One exchange cut at every byte of its request and of its answer: each judged right, held against Braze's own book."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from ecmbraze.model import Answer, Kind, TrackBatch, TriggerBatch, TriggerRecipient, Verdict
from ecmbraze.systems.braze.client import BrazeClient
from tests.checker import check
from tests.cutting import Cut, Proxy, cutting
from tests.rehearsal import CAMPAIGN, CONTRACT, START, Rehearsal, rehearsal
from tests.systems.rig import http


def _client(stage: Rehearsal, proxy: Proxy) -> BrazeClient:
    return BrazeClient(http(proxy.url, timeout_s=120), api_key=stage.box.api_key)


def _every_cut(proxy: Proxy, path: bytes, send: Callable[[], Answer]) -> tuple[int, int]:
    """Cut at every byte and check the verdicts; return how many requests Braze got whole, and how many were sent."""
    assert send().verdict is Verdict.ACCEPTED
    request, answer = proxy.lengths
    assert request > 200
    assert answer > 50
    for byte in range(request):
        proxy.cut = Cut(path, request=byte)
        assert send().verdict is Verdict.UNKNOWN, byte
    for byte in range(answer):
        proxy.cut = Cut(path, answer=byte)
        assert send().verdict is Verdict.UNKNOWN, byte
    assert send().verdict is Verdict.ACCEPTED
    return answer + 2, request + answer + 2


def test_an_event_cut_at_every_byte_is_never_taken_for_unsent_or_for_accepted(fresh: Rehearsal) -> None:
    person = fresh.box.call("GET", "/braze/users")[0]["external_id"]
    batch = TrackBatch(events=((person, {"name": "cut", "time": START.isoformat()}),))
    with cutting(fresh.box.braze) as proxy:
        client = _client(fresh, proxy)

        whole, sent = _every_cut(proxy, b"/users/track", lambda: client.track(batch))

    assert fresh.messages()[(person, "cut")] == whole < sent


def test_a_campaign_cut_at_every_byte_is_never_taken_for_unsent_or_for_accepted(fresh: Rehearsal) -> None:
    person = next(u for u in fresh.box.call("GET", "/braze/users") if u["email_subscribe"] != "unsubscribed")
    recipient = TriggerRecipient(recipient=person["external_id"], properties={"n": 1}, attributes={})
    batch = TriggerBatch(kind=Kind.CAMPAIGN, message_id=CAMPAIGN, recipients=(recipient,))
    with cutting(fresh.box.braze) as proxy:
        client = _client(fresh, proxy)

        whole, sent = _every_cut(proxy, b"/campaigns/trigger", lambda: client.trigger(batch))

    assert fresh.messages()[(person["external_id"], CAMPAIGN)] == whole < sent


def test_a_server_that_is_not_there_was_sent_nothing(fresh: Rehearsal) -> None:
    with cutting(fresh.box.braze) as proxy:
        url = proxy.url
    batch = TrackBatch(events=(("C-1", {"name": "cut", "time": START.isoformat()}),))

    assert BrazeClient(http(url), api_key="k").track(batch).verdict is Verdict.NOT_PROCESSED


def test_ten_cuts_of_the_whole_program_repeat_nothing_and_lose_nothing(tmp_path: Path) -> None:
    rng, due = random.Random(9), set()
    with rehearsal(tmp_path, "--workspaces", "120", "--customers", "120") as stage, cutting(stage.box.braze) as proxy:
        stage.config["braze"]["url"] = proxy.url
        stage.set_up()
        for number, workspace in enumerate(stage.open_workspaces()[:10]):
            stage.box.edit_workspace(workspace, {CONTRACT: "Approved"})
            due |= {(stage.customer(workspace), name) for name in ("contract_approved", CAMPAIGN)}
            path = rng.choice((b"/users/track", b"/campaigns/trigger"))
            cut = {"request": rng.randrange(1, 300)} if number % 2 else {"answer": rng.randrange(1, 100)}
            proxy.cut = Cut(path, **cut)
            assert stage.ecmbraze("onboarding").code == 4
            stage.box.advance(60)
        for seconds in (400, 2000, 22_000, 60):
            stage.box.advance(seconds)
            stage.ecmbraze("onboarding")

        books, got = check(stage, due), stage.messages()

    assert (books.repeated, books.lost, books.unexpected) == ((), (), ())
    assert len(books.held) >= 5  # what the five requests carried that never arrived whole
    assert not got.keys() & set(books.held)
