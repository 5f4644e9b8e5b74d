"""The history says who decided what, where and why, and on which consent each message left; it names no customer."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from ecmbraze.ledger.codec import moment
from ecmbraze.ledger.history import Deed
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.model import Kind, State
from tests.ledger.test_keeping import _CONTRACT, _FLOW, _NUMBER, _STAGE, Office
from tests.offline import TO_DOUBT, Offline
from tests.twins.house import House, settings

_WHY = "C-0 called: erika@example.com"
_BY = ("--by", "ann", "--reason", _WHY)


def _told(state: Path, kind: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return the body of each row of a kind, with who decided it, from beside the chain."""
    ledger = Ledger.open(state, read_only=True)
    found = []
    for (text,) in ledger.database.execute("SELECT body FROM history WHERE kind = ? ORDER BY seq", (kind,)).fetchall():
        body = json.loads(text)
        row = ledger.database.execute("SELECT text FROM remark WHERE digest = ?", (body.get("remark"),)).fetchone()
        found.append((body, json.loads(row[0]) if row else {}))
    ledger.close()
    return found


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state file in which each decision was made once, by the same person for the same reason."""
    folder = tmp_path_factory.mktemp("decided")
    office = Offline(folder)
    held, refused = office.messages(TO_DOUBT, (State.IN_FLIGHT, State.REFUSED))
    for arguments in (
        ("pause", *_BY),
        ("resume", *_BY),
        ("holds", "resolve", str(held.id), "sent", *_BY),
        ("quarantine", "replay", str(refused.id), *_BY),
        ("erase", "C-1", *_BY),
        ("state", "backup", str(folder / "b.db"), "--by", "ann"),
        ("state", "compact", "--by", "ann"),
    ):
        done = office.ecmbraze(*arguments)
        assert done.code == 0, done.stderr
    return office.state


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("pause", {"flow": "*"}),
        ("resume", {"flow": "*"}),
        ("holds", {"decision": "sent"}),
        ("quarantine", {"decision": "replay"}),
        ("erase", {"rows": 1}),
        ("state", {"what": "backup"}),
    ],
)
def test_each_decision_says_who_where_and_why(decided: Path, kind: str, said: dict[str, Any]) -> None:
    body, who = _told(decided, kind)[0]

    assert said.items() <= body.items()
    assert (who["by"], who["host"]) == ("ann", socket.gethostname())
    assert who["reason"] == ("" if kind == "state" else _WHY)


def test_compacting_is_in_the_history_too(decided: Path) -> None:
    assert [body["what"] for body, _ in _told(decided, "state")] == ["backup", "compact"]


def test_l_3_no_reason_and_no_name_stands_in_the_chain(decided: Path) -> None:
    ledger = Ledger.open(decided, read_only=True)
    chain = " ".join(row[0] for row in ledger.database.execute("SELECT body FROM history"))
    ledger.close()

    assert [word for word in ("ann", "called", "erika", "C-0", socket.gethostname()) if f'"{word}' in chain] == []
    assert "example.com" not in chain


def test_who_does_not_say_who_they_are_is_the_login_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    office = Offline(tmp_path)
    monkeypatch.setenv("LOGNAME", "svc-ecmbraze")

    office.ecmbraze("pause")

    assert _told(office.state, "pause")[0][1]["by"] == "svc-ecmbraze"


def test_who_confirms_a_plan_is_in_the_history(tmp_path: Path) -> None:
    house = House(tmp_path, settings({"onboarding": _FLOW}, guards={"max_messages": 1}))
    house.ecm.add_category("Loan", ["Number", "Stage", "Status"])
    house.ecm.add_type("Loan", ["Loan"])
    house.start()
    for person in ("C-1", "C-2"):
        house.clock.advance(60)
        house.braze.add(person)
        house.ecm.create("Loan", {_NUMBER: person, _STAGE: "Draft", _CONTRACT: "Approved"})
    house.clock.advance(3600)
    guarded = house.start()
    assert guarded.codes == (6,)

    done = house.start(confirm=guarded.report.plan_hash, deed=Deed(by="ann", host="h", reason="a campaign"))

    assert done.codes == (0,)
    (body, who) = _told(house.state, "plan")[-1]
    assert (body["end"], body["plan"]) == ("confirmed", guarded.report.plan_hash)
    assert who == {"by": "ann", "host": "h", "reason": "a campaign"}


def test_each_message_that_left_says_on_which_consent_when_it_was_read_and_what_it_was(tmp_path: Path) -> None:
    office = Office(tmp_path)
    campaign = "3f0c0000-0000-4000-8000-000000000001"
    send = {"event": "approved", "campaign": campaign, "consent": {"email": "subscribed"}}
    flow = {**_FLOW, "milestones": [{**_FLOW["milestones"][0], "send": send}]}
    office.house.config = settings({"onboarding": flow}, guards={"max_audience_share": 1.0, "max_gap": "3650d"})
    office.house.braze.add("C-1", email="erika@example.com", email_subscribe="opted_in")
    office.house.braze.launch(Kind.CAMPAIGN, campaign)
    office.make("C-1")
    before = office.house.clock.now()
    report = office.start()
    assert report.counts["sent"] == 3

    steps = {
        step["kind"]: step
        for body, _ in _told(office.house.state, "outbox")
        for step in body["steps"]
        if step["to"] == "in flight"
    }

    assert steps["campaign"]["consent"] == {"email": "opted_in"}
    assert steps["event"]["consent"] == {}
    assert moment(steps["campaign"]["consent_read_at"]) >= before
    assert len({steps["event"]["payload"], steps["campaign"]["payload"], steps["attribute"]["digest"]}) == 3
    assert steps["attribute"]["rows"] == 1
    assert all(len(steps[kind]["payload"]) == 64 for kind in ("event", "campaign"))
    assert "consent" not in steps["attribute"]
