"""`ecmbraze explain` of a workspace and of a customer: what was decided, when, on which facts, and why not."""

from __future__ import annotations

import json
from pathlib import Path

from tests.rehearsal import CONTRACT, rehearsal


def test_a_workspace_and_its_customer_are_explained_from_the_state_file_alone(tmp_path: Path) -> None:
    with rehearsal(tmp_path) as stage:
        stage.set_up()
        number = stage.open_workspaces()[0]
        customer = stage.customer(number)
        stage.box.edit_workspace(number, {CONTRACT: "Approved"})
        stage.run()
        before = len(stage.box.journal())

        workspace = json.loads(stage.ecmbraze("explain", str(number), "--json").stdout)
        person = stage.ecmbraze("explain", customer)
        nobody = stage.ecmbraze("explain", "nobody-of-this-name")

        assert workspace["facts"][CONTRACT] == "Approved"
        assert [one for one in workspace["writes"] if "sent: event contract_approved" in one and customer in one]
        assert f"because {CONTRACT} is Approved" in person.stdout
        assert f"ws:{number}: " in person.stdout
        assert (nobody.code, "Nothing was looked up" in nobody.stderr) == (2, True)
        assert not [one for one in stage.box.journal()[before:] if "serverinfo" not in one["path"]]


def test_a_message_is_explained_with_the_consent_it_demanded_and_what_braze_said_of_it(tmp_path: Path) -> None:
    with rehearsal(tmp_path) as stage:
        stage.set_up()
        number = stage.open_workspaces()[0]
        customer = stage.customer(number)
        stage.box.edit_workspace(number, {CONTRACT: "Approved"})
        stage.run()
        state = stage.box.call("GET", f"/braze/users/{customer}")["email_subscribe"]

        told = stage.ecmbraze("explain", customer).stdout

        [message] = [line for line in told.splitlines() if "sent: campaign" in line]
        assert f"; consent: at least email subscribed; Braze said email {state}, read 20" in message
        [event] = [line for line in told.splitlines() if "sent: event" in line]
        assert "consent" not in event
