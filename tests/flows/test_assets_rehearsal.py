"""The flow assets as its users run it: over HTTP, on the sandbox, from the template to the document of an auditor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from ecmbraze.flows import BY_NAME
from tests.rehearsal import Rehearsal, rehearsal

TEMPLATE = "7e000000-0000-4000-8000-0000000000aa"
_GOVERNANCE = "Marketing Governance"


def _section(**more: Any) -> dict[str, Any]:
    section: dict[str, Any] = yaml.safe_load(BY_NAME["assets"].example)["assets"]
    return {**section, **more}


def _documents(stage: Rehearsal) -> list[dict[str, Any]]:
    place = stage.box.workspaces(_GOVERNANCE)[0]["id"]
    found: list[dict[str, Any]] = stage.box.call("GET", f"/ecm/documents?below={place}")
    return found


def _put_away_the_content_of_the_world(stage: Rehearsal) -> None:
    for what in ("templates", "blocks"):
        for one in stage.box.call("GET", f"/braze/{what}"):
            if one["id"] != TEMPLATE:
                stage.box.call("PUT", f"/braze/{what}/{one['id']}", {"tags": ["draft"]})


def _explained(stage: Rehearsal, *arguments: str) -> dict[str, Any]:
    done = stage.ecmbraze("explain", *arguments, "--json")
    assert done.code == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_an_approved_template_becomes_a_document_and_its_new_text_a_version_of_it(tmp_path: Path) -> None:
    with rehearsal(tmp_path, "--world", "example", "--workspaces", "2") as stage:
        stage.config["flows"] = {"assets": _section()}
        body = {"name": "Spring: offer/2026", "subject": "Hello", "body": "<p>Hi {{${first_name}}}</p>"}
        stage.box.call("PUT", f"/braze/templates/{TEMPLATE}", {**body, "tags": ["approved"]})
        _put_away_the_content_of_the_world(stage)
        assert stage.ecmbraze("init", "--non-interactive").code == 0

        waits = stage.ecmbraze("assets", "--json")
        assert (waits.code, _documents(stage)) == (6, [])
        first = stage.ecmbraze("assets", "--json", "--confirm", waits.report["plan_hash"][:12])
        assert first.code == 0, first.stderr
        second = stage.ecmbraze("assets", "--json").report
        stage.box.advance(3600)
        stage.box.call("PUT", f"/braze/templates/{TEMPLATE}", {"subject": "Good morning"})
        third = stage.ecmbraze("assets", "--json").report

        assert (second["counts"]["planned"], second["requests"]["ecm"] < 10) == (0, True)
        assert third["by_action"]["versions"] == 2  # of the document, and of the page beside it
        found, page = sorted(_documents(stage), key=lambda one: one["name"], reverse=True)
        assert (page["name"], page["versions"][1]["mime"]) == (found["name"].replace(".json", ".html"), "text/html")
        assert found["name"] == f"Spring_ offer_2026 [{TEMPLATE}].json"
        assert found["path"][-1:] == ["E-mail Templates"]
        assert len(found["versions"]) == 2
        assert found["values"]["Content.Status"] == "approved"
        assert found["values"]["Content.SHA-256"] == found["versions"][-1]["sha256"]

        digests = [one["sha256"] for one in found["versions"]]
        now = _explained(stage, "Spring: offer/2026", "--verify")
        assert (now["version"], now["sha256"], now["verified"]) == (2, digests[1], True)
        day = stage.box.now().isoformat()[:10]
        then = _explained(stage, TEMPLATE, "--at", f"{day}T09:30:00+01:00", "--verify")
        assert (then["version"], then["sha256"], then["verified"]) == (1, digests[0], True)
        assert then["other_content_seen"] > then["last_seen"] >= then["first_seen"]
        before = _explained(stage, TEMPLATE, "--at", "2026-11-01")
        assert before["archived"].startswith("not yet")
        assert then["between_looks"].endswith("already")
        assert "between_looks" not in now
        assert _explained(stage, TEMPLATE, "--at", day)["between_looks"].startswith("nobody has looked since")
        stage.box.advance(3600)
        renamed = {"name": "Summer", "body": "<p>Not approved</p>", "tags": []}
        stage.box.call("PUT", f"/braze/templates/{TEMPLATE}", renamed)
        stage.ecmbraze("assets", "--json")
        later = _explained(stage, "spring: offer/2026", "--at", stage.box.now().isoformat())
        assert (later["version"], later["last_seen"]) == (2, now["last_seen"])
        assert later["between_looks"].endswith("not seen as approved: then it may have had other content")
        stage.box.call("POST", "/ecm/documents", [{"do": "delete", "id": found["id"]}])
        gone = stage.ecmbraze("explain", TEMPLATE, "--verify")
        assert (gone.code, "there is no such document" in gone.stdout) == (3, True)
        assert stage.ecmbraze("explain", "nothing").code == 2
