"""`ecmbraze consent --initial-load` as its users type it, over the sandbox: the estimate, the requests, the pace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.crashing.test_consent_beside_onboarding import CONSENT, STATUS
from tests.rehearsal import Rehearsal, Result, rehearsal

_PEOPLE = 7


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    with rehearsal(tmp_path_factory.mktemp("load"), "--world", "onboarding", "--workspaces", "12") as stage:
        load = {"slice": 3, "ecm_requests_per_minute": 600}
        stage.config["flows"] = {"consent": {**CONSENT, "initial_load": load}}
        stage.box.add_category("Client", [{"name": "Number"}])
        stage.box.add_category("Choice", [{"name": "Email Status"}, {"name": "Email Source"}])
        stage.box.add_type("Client", ["Client", "Choice"])
        for person in people(stage):
            stage.box.create_workspace("Client", values={"Client.Number": person})
            stage.box.change({"external_id": person, "email_subscribe": "subscribed"})
        assert stage.ecmbraze("init", "--non-interactive").code == 0
        stage.box.advance(60)
        yield stage


def people(stage: Rehearsal) -> list[str]:
    users = stage.box.call("GET", "/braze/users")
    return sorted(user["external_id"] for user in users if user["external_id"])[:_PEOPLE]


def load(stage: Rehearsal, *options: str) -> Result:
    return stage.ecmbraze("consent", "--initial-load", "--json", *options)


def requests(stage: Rehearsal) -> Counter[tuple[str, str]]:
    """Return (system, what) → how often, of what was asked since the journal was cleared; logins left out."""
    found = Counter[tuple[str, str]]()
    for entry in stage.box.journal():
        if "auth" not in entry["path"]:
            found[entry["system"], entry["method"]] += 1
    return found


def test_it_is_estimated_confirmed_done_in_slices_within_its_pace_and_asked_for_no_more_than_estimated(
    stage: Rehearsal,
) -> None:
    offered = load(stage)
    assert offered.code == 6, (offered.stdout, offered.stderr)
    report: dict[str, Any] = offered.report
    (said,) = report["notes"]
    assert f"{_PEOPLE} people, {_PEOPLE} workspaces" in said
    assert "at most 42 to Extended ECM" in said
    assert "--confirm" in said
    assert "an estimate of an initial load waits" in stage.ecmbraze("status").stdout
    assert load(stage, "--dry-run").report["counts"]["planned"] == 6  # of the first slice: values and documents
    assert [one["values"][STATUS] for one in stage.box.workspaces("Client")] == [None] * _PEOPLE

    stage.box.clear_journal()
    began = stage.box.now()
    done = load(stage, "--confirm", report["plan_hash"][:12], "--by", "A. Person")

    assert done.code == 0, (done.stdout, done.stderr)
    assert (done.report["counts"]["sent"], done.report["by_action"]["documents"]) == (2 * _PEOPLE, _PEOPLE)
    asked = requests(stage)
    assert asked.pop(("ecm", "GET")) <= 3 * _PEOPLE  # which category it is, a connection asks once
    assert asked == {("ecm", "PUT"): _PEOPLE, ("ecm", "POST"): 2 * _PEOPLE}
    assert (stage.box.now() - began).total_seconds() >= 5 * _PEOPLE / 10 - 1  # 600 a minute
    assert [one["values"][STATUS] for one in stage.box.workspaces("Client")] == ["Not objected"] * _PEOPLE
    assert "initial load: 3 of 7 people, about" in done.stderr
    assert "initial load: done, 7 people" in done.stderr
    assert "initial load" not in stage.ecmbraze("status").stdout


def test_of_one_change_three_requests_a_workspace_and_those_of_the_document_are_written_and_nothing_of_none(
    stage: Rehearsal,
) -> None:
    first, *_ = people(stage)
    for state, wanted in (("unsubscribed", {"PUT": 1, "POST": 1}), (None, {})):
        if state:
            stage.box.change({"external_id": first, "email_subscribe": state})
        stage.box.advance(3600)
        stage.box.clear_journal()
        done = stage.ecmbraze("consent", "--json")
        assert done.code == 0, done.stderr
        entries = [one for one in stage.box.journal(system="ecm") if "auth" not in one["path"]]
        assert Counter(one["method"] for one in entries if one["method"] != "GET") == wanted
        about = [one for one in entries if "/forms/" in one["path"] or "/categories/" in one["path"]]
        assert len(about) <= 3
