"""The sandbox as a process, steered through its control API."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from ecmbraze.sandbox import process
from ecmbraze.sandbox.remote import ControlError, RemoteSandbox
from tests.forking.client import fork, piped, read_all
from tests.forking.programs import run_program
from tests.sandbox.desk import NOW, ONBOARDING

COMMAND = [sys.executable, "-m", "ecmbraze.sandbox"]


def ask(url: str, form: dict[str, str] | None = None, ticket: str | None = None) -> tuple[int, Any]:
    request = Request(url, data=urlencode(form).encode() if form else None, headers={"OTCSTicket": ticket or "-"})
    try:
        with urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def log_in(sandbox: RemoteSandbox) -> str:
    form = {"username": sandbox.username, "password": sandbox.password}
    return str(ask(f"{sandbox.ecm}/api/v1/auth", form)[1]["ticket"])


def test_one_line_of_json_says_where_it_listens(sandbox: RemoteSandbox) -> None:
    assert sandbox.ecm.startswith("http://127.0.0.1:")
    assert sandbox.ecm.endswith("/otcs/cs.exe")
    assert sandbox.call("GET", "/health")["ok"]
    assert len({url.split("/")[2] for url in (sandbox.ecm, sandbox.braze, sandbox.control)}) == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_quietly(number: signal.Signals) -> None:
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        json.loads(process.stdout.readline())
        process.send_signal(number)
        rest, errors = process.communicate(timeout=60)
    assert (process.returncode, rest, errors) == (0, b"", b"")


def test_it_dies_with_its_parent() -> None:
    command = [*COMMAND, "--exit-with-parent"]
    inner = (
        "import os, subprocess\n"
        f"p = subprocess.Popen({command!r}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "p.stdout.readline(); print(p.pid, flush=True); os._exit(1)"
    )
    child = int(subprocess.run([sys.executable, "-c", inner], stdout=subprocess.PIPE, check=False).stdout)
    for _ in range(2400):
        if not _alive(child):
            break
        time.sleep(0.05)
    assert not _alive(child)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_clock_is_set_moved_and_frozen(sandbox: RemoteSandbox) -> None:
    sandbox.freeze()
    sandbox.set_clock(NOW)
    sandbox.advance(86_400)
    assert sandbox.now() == NOW + timedelta(days=1)
    sandbox.freeze(False)
    sandbox.advance(-3600)
    assert NOW < sandbox.now() < NOW + timedelta(days=1)


def test_switches_are_checked(sandbox: RemoteSandbox) -> None:
    sandbox.switch(page_cap=7, server_tz="America/New_York")
    assert sandbox.switches()["page_cap"] == 7
    for wrong in ({"page_cab": 7}, {"page_cap": "7"}, {"server_tz": "Mars/Base"}, {"columns": "x"}):
        with pytest.raises(ControlError, match=r"unknown|wants"):
            sandbox.switch(**wrong)
    sandbox.switch(page_cap=500, server_tz="Europe/Berlin", ticket_ttl_requests=None)


def test_people_create_edit_hide_delete_and_restore(sandbox: RemoteSandbox) -> None:
    first = sandbox.create_workspace(ONBOARDING, name="Neu", values={"Onboarding.Stage": "Started"})
    sandbox.edit_workspace(first, {"Onboarding.Stage": "Contract", "Onboarding.Contract Approved On": "2026-06-01"})
    sandbox.act(first, "hide")
    shown = sandbox.workspace(first)
    assert (shown["hidden"], shown["values"]["Onboarding.Contract Approved On"]) == (True, "2026-06-01T00:00:00")
    sandbox.act(first, "show")
    sandbox.delete_workspace(first)
    assert sandbox.workspace(first)["deleted"]
    sandbox.act(first, "restore")
    second = sandbox.bulk([{"do": "create", "type": ONBOARDING}, {"do": "edit", "id": first, "name": "Alt"}])
    assert second[1] == first
    assert sandbox.workspace(first)["name"] == "Alt"
    book = [edit["what"] for edit in sandbox.edits() if edit["workspace"] == first]
    assert book == [
        "created",
        "Onboarding.Stage",
        "Onboarding.Stage",
        "Onboarding.Contract Approved On",
        "hidden",
        "shown",
        "deleted",
        "restored",
        "renamed",
    ]


def test_an_operation_that_makes_no_sense_is_explained(sandbox: RemoteSandbox) -> None:
    with pytest.raises(ControlError, match=r"no attribute 'Onboarding\.Stgae'"):
        sandbox.create_workspace(ONBOARDING, values={"Onboarding.Stgae": "x"})
    with pytest.raises(ControlError, match="no workspace type"):
        sandbox.create_workspace("Nonsense")
    with pytest.raises(ControlError, match="no workspace 1"):
        sandbox.edit_workspace(1, {})


def test_definitions_are_extended_and_changed(sandbox: RemoteSandbox) -> None:
    sandbox.add_category("Case", [{"name": "Case Number"}, {"name": "Rows", "rows": [{"name": "Text"}]}])
    sandbox.add_type("Claim", ["Case"])
    sandbox.rename_type("Claim", "Case")
    sandbox.add_attribute("Case", name="Severity", type="Integer")
    sandbox.rename_attribute("Case.Case Number", "Number")
    sandbox.change_attribute("Case.Severity", multi_value=True)
    made = sandbox.create_workspace(
        "Case", values={"Case.Number": "7", "Case.Rows": [{"Text": "a"}], "Case.Severity": [1, 2]}
    )
    assert sandbox.workspace(made)["values"] == {
        "Case.Number": "7",
        "Case.Rows": [{"Text": "a"}],
        "Case.Severity": [1, 2],
    }
    sandbox.drop_attribute("Case.Severity")
    assert "Case.Severity" not in sandbox.workspace(made)["values"]


def test_a_fault_hits_the_running_server_and_the_journal_tells(sandbox: RemoteSandbox) -> None:
    ticket = log_in(sandbox)
    sandbox.fault("html200", system="ecm", path="businessworkspaces", query="page=2")
    pages = [f"{sandbox.ecm}/api/v2/businessworkspaces?expanded_view=true&limit=7&page={page}" for page in (1, 2)]
    assert ask(pages[0], ticket=ticket)[0] == 200
    with pytest.raises(ValueError, match="Expecting value"):
        ask(pages[1], ticket=ticket)
    assert sandbox.faults()[0]["left"] == 0
    entries = sandbox.journal(system="ecm")
    assert [(e["fault"], e["status"]) for e in entries] == [(None, 200), (None, 200), ("html200", 200)]
    assert ticket not in json.dumps(entries)
    assert sandbox.journal(since=entries[-1]["seq"]) == []
    assert sandbox.most_in_flight("ecm") == 1


def test_a_row_is_deleted_while_a_client_pages(sandbox: RemoteSandbox) -> None:
    ticket = log_in(sandbox)
    url = f"{sandbox.ecm}/api/v2/businessworkspaces?expanded_view=true&limit=7&page="
    gone = ask(f"{url}1", ticket=ticket)[1]["results"][0]["data"]["properties"]["id"]
    sandbox.fault("edit", path="businessworkspaces", when="after", edits=[{"do": "delete", "id": gone}])
    before = ask(f"{url}1", ticket=ticket)[1]["paging"]["total_count"]
    assert ask(f"{url}2", ticket=ticket)[1]["paging"]["total_count"] == before - 1
    sandbox.act(gone, "restore")


def test_both_systems_know_the_same_customers(sandbox: RemoteSandbox) -> None:
    number = sandbox.workspaces(ONBOARDING)[0]["values"]["Onboarding.Customer Number"]
    content = json.dumps({"external_ids": [number], "fields_to_export": ["external_id", "email"]}).encode()
    headers = {"Authorization": f"Bearer {sandbox.api_key}", "Content-Type": "application/json"}
    request = Request(f"{sandbox.braze}/users/export/ids", data=content, headers=headers, method="POST")
    with urlopen(request, timeout=60) as answer:
        users = json.load(answer)["users"]
    assert users[0]["external_id"] == number
    entry = sandbox.journal(system="braze")[-1]
    assert entry["json"]["external_ids"] == [number]
    assert sandbox.api_key not in json.dumps(entry)


@pytest.mark.parametrize("command", ["module", "command"])
@pytest.mark.parametrize("option", ["--ecm-port", "--braze-port", "--control-port"])
@pytest.mark.parametrize("port", ["taken", "70000", "-1"])
def test_a_taken_or_impossible_port_is_exit_2_with_a_sentence(
    sandbox: RemoteSandbox, command: str, option: str, port: str
) -> None:
    port = sandbox.ecm.split(":")[2].split("/")[0] if port == "taken" else port
    run = {
        "module": partial(process.main, [option, port]),
        "command": partial(run_program, ["sandbox", option, port], time=None, ahead=timedelta()),
    }[command]
    with piped() as (out, out_end), piped() as (err, err_end):
        with out_end, err_end:
            child = fork(run, environ=os.environ, stdout=out_end.fileno(), stderr=err_end.fileno())
        said = [text.decode() for text in read_all(out, err, timeout=30)]

    assert (child.wait(timeout=30), said[0]) == (2, "")
    assert port in said[1]
    assert "Traceback" not in said[1]


def test_one_port_cannot_serve_two_systems() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    done = subprocess.run(
        [*COMMAND, "--ecm-port", port, "--braze-port", port], capture_output=True, timeout=30, check=False, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert port in done.stderr


def test_latency_applies_to_every_request_of_the_ecm(sandbox: RemoteSandbox) -> None:
    sandbox.switch(latency_ms=1)
    assert ask(f"{sandbox.ecm}/api/v1/ping")[0] == 200
    sandbox.switch(latency_ms=0)


def test_a_process_that_cannot_start_is_reported() -> None:
    with pytest.raises(RuntimeError, match="did not start"):
        RemoteSandbox.start("--world", "moon")
