"""The crash harness over consent beside onboarding: values and documents in ECM, withdrawals and messages in Braze."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest

from tests.crashing.harness import Harness, Work, ground
from tests.crashing.warm import warm
from tests.rehearsal import CAMPAIGN, CONTRACT, KYC, SOAK, TYPE, Rehearsal

# `make test` kills at some six points, evenly over the run, each outcome in turn, and lets each outcome befall one
# write without a kill; `make soak` kills at each point, and at as many more as there are people for, with outcomes that
# chance picks, and lets each outcome befall each write.
_PEOPLE, _SCENARIOS = (2400, 380) if SOAK else (100, 7)
STATUS = "Choice.Email Status"
CONSENT: dict[str, Any] = {
    "every": "1s",
    "everybody_within": "1s",
    "workspace_types": ["Client"],
    "customer": "Client.Number",
    "after_own_write": "1s",
    "channels": [
        {"name": "email", "watch": "email", "purpose": "Offers", "status": STATUS, "source": "Choice.Email Source"},
    ],
}
# What ECM does to a write at the time.
OUTCOMES: dict[str, Mapping[str, Any] | None] = {
    "answered": None,
    "dropped before it was processed": {"kind": "reset_before"},
    "processed, connection dropped": {"kind": "reset_after"},
    "answer cut": {"kind": "cut_answer", "bytes": 60, "process": True},
    "500 although stored": {"kind": "html500", "process": True},
    "500, not stored": {"kind": "html500"},
    "409": {"kind": "status", "status": 409, "json": {"error": "The node was changed by another user."}},
    "HTML": {"kind": "html200"},
}


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    with ground(tmp_path_factory.mktemp("crash"), _PEOPLE) as stage:
        stage.flow["every"] = "1s"
        stage.config["flows"]["consent"] = CONSENT
        stage.box.add_category("Client", [{"name": "Number"}])
        stage.box.add_category("Choice", [{"name": "Email Status"}, {"name": "Email Source"}])
        stage.box.add_type("Client", ["Client", "Choice"])
        start = {CONTRACT: "Draft", KYC: "Open", "Onboarding.Service Status": "Pending"}
        stage.box.bulk({"do": "edit", "id": one["id"], "values": start} for one in stage.box.workspaces(TYPE))
        due = stage.open_workspaces()[: _SCENARIOS + 1 + (3 if SOAK else 1) * len(OUTCOMES)]
        asked = {stage.customer(number) for number in due}
        known = [user["external_id"] for user in stage.box.call("GET", "/braze/users") if user["external_id"]]
        people = [person for person in known if person not in asked]
        clients = {person: stage.box.create_workspace("Client", values={"Client.Number": person}) for person in people}
        for person in people:
            stage.box.change({"external_id": person, "email_subscribe": "subscribed"})
        done = stage.ecmbraze("init", "--non-interactive")
        assert done.code == 0, done.stderr
        for _ in range(3):  # the workspaces, the people they name, and nothing more
            stage.box.advance(60)
            done = stage.ecmbraze("run", "--now")
            assert done.code == 0, done.stderr
        contracts, rest = iter(due), iter(people)
        with warm(stage) as program:
            yield Harness(
                stage,
                program,
                lambda: _work(stage, next(contracts), next(rest), next(rest), clients),
                command=("run", "onboarding", "consent"),
                attribute="ecm_stage",
                fault=_fault,
            )


_VICTIMS: tuple[Mapping[str, Any], ...] = (
    {"method": "POST", "path": "/api/v2/nodes$", "skip": 1},  # the first document
    {"method": "POST", "path": "/api/v2/nodes$", "skip": 0},  # the folder for it
    {"method": "PUT", "path": r"/api/v2/nodes/\d+/categories/\d+$", "skip": 0},  # the values of a category
)


def _fault(outcome: str, victim: int) -> Mapping[str, Any] | None:
    """Return what befalls one of the writes."""
    way = OUTCOMES[outcome]
    if outcome == "409":  # of an upload it is a refusal, which waits in quarantine for a person
        victim = len(_VICTIMS) - 1
    return {**way, **_VICTIMS[victim], "system": "ecm"} if way else None


def _work(stage: Rehearsal, contract: int, web: str, letter: str, clients: Mapping[str, int]) -> Work:
    """Let a customer unsubscribe on the web, another by letter, and a third have a contract approved."""
    stage.box.edit_workspace(contract, {CONTRACT: "Approved"})
    stage.box.change({"external_id": web, "email_subscribe": "unsubscribed"})
    stage.box.edit_workspace(clients[letter], {STATUS: "Withdrawn"})
    due = {(stage.customer(contract), name) for name in ("contract_approved", CAMPAIGN)}
    return Work(due, {}, lambda: _wrong(stage, (web, letter), clients))


def _wrong(stage: Rehearsal, people: Iterable[str], clients: Mapping[str, int]) -> Iterator[str]:
    """Yield what is not as each of these people chose: in Braze, in the record, in its history."""
    for person in people:
        state = stage.box.call("GET", f"/braze/users/{person}")["email_subscribe"]
        status = stage.box.workspace(clients[person])["values"][STATUS]
        papers = stage.box.call("GET", "/ecm/documents", below=clients[person])
        if state != "unsubscribed" or status != "Withdrawn":
            yield f"{person} is {state} in Braze and {status} in ECM"
        if len(papers) != 1:
            yield f"the history of {person} holds {[one['name'] for one in papers]}"


@pytest.mark.soak
def test_o01_a_kill_in_a_round_with_consent_files_nothing_twice_and_loses_nothing(harness: Harness) -> None:
    points, rng, names = len(harness.points()), random.Random(20261128), list(OUTCOMES)
    most = _SCENARIOS
    every = [(point, rng.choice(names)) for point in range(1, points + 1)]
    every += [(rng.randint(1, points), rng.choice(names)) for _ in range(most)]
    if not SOAK:
        every = [(point, names[n % len(names)]) for n, point in enumerate(range(3, points + 1, max(points // 6, 1)))]
    for point, outcome in every[:most]:
        harness.scenario(point, outcome, rng.randrange(len(_VICTIMS)))

    print(points, harness.figures)
    assert harness.figures.wrong == []
    assert harness.figures.kills > 0.5 * len(every[:most])


@pytest.mark.soak
def test_whatever_becomes_of_a_write_to_ecm_without_a_kill_all_is_there_once(harness: Harness) -> None:
    every = [(outcome, victim) for outcome in OUTCOMES for victim in range(len(_VICTIMS))]
    turns = [(outcome, number % len(_VICTIMS)) for number, outcome in enumerate(OUTCOMES)]
    for outcome, victim in every if SOAK else turns:
        harness.scenario(None, outcome, victim)

    assert harness.figures.wrong == []
