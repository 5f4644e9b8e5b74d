"""`check --probe` against the simulated ECM: what it says of a tenant, where it refuses, that it leaves nothing."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ecmbraze.ledger.lock import run_lock
from tests.probe_bench import NOTE, VALUE, Bench, Probed, standing, writes
from tests.rehearsal import TYPE, Rehearsal, rehearsal

CUSTOMER = "Onboarding.Customer Number"
FILED = ("new document", "new document in a folder", "new version", "moved document")


@pytest.fixture
def bench(fresh: Rehearsal) -> Bench:
    return Bench(fresh)


@pytest.fixture
def cases(tmp_path: Path) -> Iterator[Bench]:
    """A workspace of type Case, under a configuration with rules over documents and an archive of content."""
    with rehearsal(tmp_path, "--world", "example") as stage:
        stage.config["flows"]["cases"] = {
            "workspace_types": ["Case"],
            "customer": "Case.Customer Number",
            "rules": [
                {
                    "name": "claim",
                    "document": {"name": "Claim*"},
                    "arrival": ["added", "moved"],
                    "send": {"event": "claim", "consent": {"transactional": "contract"}},
                }
            ],
        }
        yield Bench(stage, "Case")


def test_a_probe_says_what_the_tenant_does_and_leaves_nothing(bench: Bench) -> None:
    probed = bench.probed()

    assert probed.code == 0
    assert bench.is_as_before
    assert probed.found["edit of an attribute"].startswith("ok moves the modify date of the workspace")
    assert probed.found["listing"] == "ok shows the modify date of the workspace at once"
    assert probed.found["search index"] == "ok shows a new document within 2 s; no flow relies on it"
    assert probed.found["dates"] == "ok what was written now is dated now, in whole seconds: ecm.timezone is right"
    assert {probed.found[step] for step in FILED} == {
        "ok moves no modify date of the workspace; the search index finds it"
    }
    assert probed.found["probe"].startswith(f"ok workspace {bench.workspace} 'Probe' of type '{TYPE}': all that was")


def test_a_probe_says_beforehand_what_it_writes_and_writes_nothing_else(bench: Bench) -> None:
    done = bench.probe()

    plan = done.stderr.partition("info:")[0]
    assert (
        f"writes to workspace {bench.workspace} 'Probe' of type '{TYPE}' at {bench.box.ecm}, and nowhere else" in plan
    )
    assert f"- {VALUE} is empty: it becomes 'ecmbraze probe " in plan
    assert "a folder and two documents named 'ecmbraze probe " in plan
    edits = [(one["what"], one["old"], one["new"]) for one in bench.box.edits() if one["workspace"] == bench.workspace]
    (first, before, mark), (second, again, after) = edits[-2:]
    assert (first, before, second, again, after) == (VALUE, "", VALUE, mark, "")
    assert mark.startswith("ecmbraze probe ")
    assert {one["workspace"] for one in bench.box.edits() if one["by"] == "api"} == {bench.workspace}
    made = [one for one in writes(bench.box) if one.startswith("POST") and one.endswith("/v2/nodes")]
    assert len(made) == 3


def test_an_edit_that_moves_no_date_is_left_to_the_sweep_for_as_long_as_the_configuration_says(bench: Bench) -> None:
    bench.box.switch(category_write_bumps_modify_date=False)
    bench.stage.config["sweep_every"] = "2h"
    quick = bench.probed()
    bench.stage.config["ecm"]["sweep_requests"] = 2
    slow = bench.probed()
    bench.stage.config["ecm"]["sweep_requests"] = 0
    never = bench.probed()

    assert [one.code for one in (quick, slow, never)] == [0, 0, 0]
    assert quick.found["edit of an attribute"].startswith("note moves no modify date of the workspace")
    assert quick.found["edit of an attribute"].endswith("the sweep finds it, within 2 h (sweep_every)")
    assert (
        f", of '{TYPE}' within 3 h (26 workspaces, 2 a run by ecm.sweep_requests)" in slow.found["edit of an attribute"]
    )
    assert "nothing finds it, since the sweep is off" in never.found["edit of an attribute"]
    assert "the server's clock agrees with ecm.timezone" in quick.found["dates"]
    assert bench.is_as_before


def test_documents_that_move_the_date_of_their_workspace_are_found_by_it(bench: Bench) -> None:
    bench.box.switch(child_change_bumps_parent=True)

    found = bench.probed().found

    assert found["new document"].startswith("ok moves the modify date of the workspace")
    assert found["new version"].startswith("ok moves the modify date of the workspace")
    assert found["moved document"].startswith("ok moves the modify date of the workspace")
    assert found["new document in a folder"].startswith("ok moves no modify date")  # that of the folder alone


def test_a_move_that_moves_no_date_at_all_is_told_with_the_rules_that_count_moved_documents(cases: Bench) -> None:
    cases.box.switch(move_bumps_modify_date=False)

    found = cases.probed().found["moved document"]

    assert found == (
        "note moves no modify date of the workspace, nor its own: only the sweep finds it, within 24 h (sweep_every); "
        "rules of flows.cases count moved documents"
    )


@pytest.mark.parametrize(
    ("switches", "said"),
    [
        ({"index_lag_s": 30}, "ok shows a new document within 30 s; flows.cases relies on it"),
        ({"index_lag_s": 300}, "note does not show the document yet (--probe-wait): until it does documents are found"),
        ({"index_stopped": True}, "note does not show the document yet"),
    ],
)
def test_the_search_index_is_timed_and_no_longer_than_asked(cases: Bench, switches: dict[str, Any], said: str) -> None:
    cases.box.switch(**switches)

    done = cases.probed("--probe-wait", "60")

    assert done.found["search index"].startswith(said)
    assert ("note" in said) == done.found["new document"].startswith("note moves no modify date")
    assert "what=the search index" in done.done.stderr
    assert cases.is_as_before


def test_a_search_that_fails_is_of_no_use_and_the_probe_goes_on(cases: Bench) -> None:
    cases.box.fault("status", system="ecm", path="/v2/search", status=500, json={"error": "no index"}, times=None)

    found = cases.probed().found

    assert found["search index"].startswith("note of no use (Extended ECM")
    assert "flows.cases relies on it" in found["search index"]
    assert "moved document" in found
    assert cases.is_as_before


@pytest.mark.parametrize("switches", [{}, {"category_write_bumps_modify_date": False}])
def test_a_wrong_zone_is_found_by_the_dates_of_what_was_written_or_by_the_clock(
    bench: Bench, switches: dict[str, Any]
) -> None:
    bench.box.switch(server_tz="Asia/Kolkata", **switches)

    done = bench.probe()

    wrong = [one["said"] for one in json.loads(done.stdout)["findings"] if "ecm.timezone" in one["where"]]
    what = "the server's clock" if switches else "the edit of an attribute"
    assert done.code == 15
    assert wrong == [
        f"read in the zone Europe/Berlin, {what} is dated +4:30 h off the time it had: set ecm.timezone to the zone of "
        "the Content Server"
    ]
    assert bench.is_as_before


def test_a_listing_column_that_shows_the_new_value_is_told_and_one_that_does_not_too(bench: Bench) -> None:
    bench.box.add_attribute("Onboarding", name="Note")
    bench.before = standing(bench.box, bench.workspace)
    bench.box.switch(columns=[NOTE])
    shown = bench.probed("--probe-attribute", NOTE).found["listing"]
    bench.box.switch(columns=[NOTE], columns_cut=4)
    cut = bench.probed("--probe-attribute", NOTE).found["listing"]

    assert shown == "ok shows the modify date of the workspace at once, and the new value in its column"
    assert cut.startswith("note its column does not show what was just written")
    assert bench.is_as_before


@pytest.mark.parametrize("former", [None, "kept as it is", "Größe\nund mehr"])
def test_a_text_gets_back_exactly_what_it_held(bench: Bench, former: str | None) -> None:
    bench.box.add_attribute("Onboarding", name="Note", max_length=40)
    bench.box.edit_workspace(bench.workspace, {NOTE: former})
    bench.before = standing(bench.box, bench.workspace)

    assert bench.probed("--probe-attribute", NOTE).found["edit of an attribute"].startswith("ok")
    assert bench.is_as_before


def test_attributes_that_would_not_come_back_as_they_were_are_not_written(bench: Bench) -> None:
    bench.box.edit_workspace(bench.workspace, {VALUE: " around "})
    more: dict[str, dict[str, Any]] = {
        "Locked": {"read_only": True}, "Must": {"required": True}, "Several": {"multi_value": True},
        "Tongues": {"multilingual": True}, "Choice": {"valid_values": ["a", "b"]}, "Day": {"type": "Date"},
        "Short": {"max_length": 3},
    }  # fmt: skip
    for name, how in more.items():
        bench.box.add_attribute("Onboarding", name=name, **how)

    refused = bench.probe("--probe-attribute", "Onboarding.Tongues")

    assert refused.code == 2
    assert "no flow names: Onboarding.Contract Value. " in refused.stderr
    assert writes(bench.box) == []


@pytest.mark.parametrize(
    ("right", "step", "said"),
    [
        ("edit_attributes", "edit of an attribute", "ECM does not let this account edit the attributes of"),
        ("create", "new document", "ECM does not let this account add anything to"),
        ("add_major_version", "new version", "ECM does not let this account add a version to"),
        ("modify", "moved document", "ECM does not let this account move"),
    ],
)
def test_what_the_account_may_not_do_is_told_and_the_rest_is_probed(
    bench: Bench, right: str, step: str, said: str
) -> None:
    bench.box.act(bench.workspace, "deny", rights=[right])

    probed = bench.probed()

    assert probed.code == 0
    assert said in probed.found[step]
    assert probed.found[step].startswith("? ")
    assert bench.is_as_before


def test_what_the_account_may_not_delete_is_named_with_its_node_and_found_by_the_next_probe(bench: Bench) -> None:
    bench.box.act(bench.workspace, "deny", rights=["delete"])

    done = bench.probe()
    left = bench.ours()
    again = bench.probe()

    told = [one["said"] for one in json.loads(done.stdout)["findings"] if one["where"] == "probe: left behind"]
    assert (done.code, again.code) == (7, 15)
    assert "The account may not delete what it makes in this workspace" in done.stdout
    assert len(told) == len(left) == 1
    assert all(any(f"node {number} '{name}' is still there" in one for one in told) for name, number in left.items())
    assert "an earlier probe left 'ecmbraze probe " in again.stdout
    assert standing(bench.box, bench.workspace)["values"] == bench.before["values"]


def test_what_a_killed_probe_left_is_named_by_the_next_one_which_writes_nothing(bench: Bench) -> None:
    with bench.held_at("POST", "/v2/search") as ended:
        bench.child.send_signal(signal.SIGKILL)
        assert ended.result().code == -signal.SIGKILL
    left = bench.ours()
    bench.box.clear_journal()
    files = bench.probe()
    for number in left.values():
        bench.box.filed(do="delete", id=number)
    bench.box.edit_workspace(bench.workspace, {VALUE: "ecmbraze probe 0123abcd"})
    value = bench.probe()

    assert (files.code, value.code) == (15, 15)
    assert len(left) == 2
    assert all(f"'{name}' (node {number})" in Probed(files).found["probe"] for name, number in left.items())
    assert f"an earlier probe left {VALUE} holding 'ecmbraze probe 0123abcd'" in value.stdout
    assert writes(bench.box) == []


# where it refuses


def _customer(stage: Rehearsal) -> dict[str, Any]:
    return {"values": {CUSTOMER: stage.box.workspaces(TYPE)[0]["values"][CUSTOMER]}}


@pytest.mark.parametrize("off", [False, True])
def test_a_workspace_that_names_a_customer_of_a_flow_is_refused(fresh: Rehearsal, off: bool) -> None:
    fresh.flow["enabled"] = not off
    bench = Bench(fresh, **_customer(fresh))

    done = bench.probe()

    assert done.code == 15
    assert "onboarding reads this type, and it names a customer, who could be messaged because of" in done.stdout
    assert "Make a workspace for probes that names no customer" in done.stdout
    assert writes(bench.box) == []


def test_a_customer_who_stands_elsewhere_is_found_as_runs_find_them(fresh: Rehearsal) -> None:
    fresh.flow["customer"] = "business_object"
    by_object = Bench(fresh, references=[["SAP", "KNA1", "0000050031"]]).probe()
    fresh.flow["customer"] = {"related": "Customer", "attribute": "Customer.Customer Number"}
    customer = fresh.box.workspaces("Customer")[0]["id"]
    by_relation = Bench(fresh, name="Probe 2", related_to=[customer]).probe()
    nobody = Bench(fresh, name="Probe 3").probe()

    assert (by_object.code, by_relation.code) == (15, 15)
    assert "it names a customer" in by_object.stdout
    assert "it names a customer" in by_relation.stdout
    assert nobody.code == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"customer": "Onboarding.Customer No"}, "whom it belongs to cannot be told"),
        ({"workspace_types": [TYPE, "Custmer"]}, "ECM has no workspace type 'Custmer'"),
    ],
)
def test_where_nobody_can_say_who_is_led_to_nothing_is_written(
    fresh: Rehearsal, change: dict[str, Any], said: str
) -> None:
    fresh.flow.update(change)
    bench = Bench(fresh)

    done = bench.probe()

    assert done.code == 15
    assert said in done.stdout
    assert writes(bench.box) == []


def test_a_type_that_no_flow_reads_may_be_probed_whomever_it_names(fresh: Rehearsal) -> None:
    bench = Bench(fresh, "Customer Onboarding Archive", **_customer(fresh))

    assert bench.probed().found["edit of an attribute"].startswith("ok")
    assert bench.is_as_before


def test_the_workspace_of_the_archive_and_of_the_fence_are_not_for_probes(cases: Bench) -> None:
    content = cases.box.workspaces("Marketing Governance")[0]
    cases.stage.config["fence"] = {"workspace": "Probe"}
    cases.stage.config["flows"]["assets"] = {
        "workspace": {"type": content["type"], "name": content["name"]},
        "tag": "approved",
        "kinds": ["email_templates"],
    }

    fence = cases.probe()
    cases.box.clear_journal()
    archive = cases.probe(workspace=content["name"])

    assert (fence.code, archive.code) == (15, 15), fence.stderr + archive.stderr
    assert "the claim of the fence lies there" in fence.stdout
    assert "the archive of flows.assets" in archive.stdout
    assert writes(cases.box) == []


@pytest.mark.parametrize("attribute", ["Onboarding.Stage", CUSTOMER, "Onboarding.Contract Approved On"])
def test_an_attribute_that_a_flow_names_is_not_written(bench: Bench, attribute: str) -> None:
    done = bench.probe("--probe-attribute", attribute)

    assert done.code == 2
    assert f"--probe-attribute {attribute!r}: onboarding names it" in done.stderr
    assert writes(bench.box) == []


def test_a_workspace_is_found_by_its_id_its_key_or_its_whole_name_and_several_are_named(bench: Bench) -> None:
    assert bench.probe(workspace=f"ws:{bench.workspace}").code == 0
    assert bench.probe(workspace="Probe").code == 0
    other = bench.box.create_workspace("Customer", name="Probe", values={"Customer.Customer Number": "C-1"})
    bench.box.clear_journal()

    several, none = bench.probe(workspace="Probe"), bench.probe(workspace="Prob")
    unknown, blank = bench.probe(workspace="17"), bench.probe(workspace=" ")

    assert [one.code for one in (several, none, unknown, blank)] == [2, 2, 2, 2]
    assert f"ws:{bench.workspace} ({TYPE})" in several.stderr
    assert f"ws:{other} (Customer)" in several.stderr
    assert "did you mean 'Probe'?" in none.stderr
    assert "node 17 is no workspace that the account may see" in unknown.stderr
    assert writes(bench.box) == []


@pytest.mark.parametrize(
    "arguments",
    [["--offline"], ["--outbound"], ["--schema"]],
)
def test_what_asks_no_system_cannot_probe(bench: Bench, arguments: list[str]) -> None:
    done = bench.probe(*arguments)

    assert done.code == 2
    assert bench.box.journal(system="ecm") == []


@pytest.mark.parametrize("arguments", [["--yes"], ["--probe-wait", "3"], ["--probe-attribute", VALUE]])
def test_the_options_of_the_probe_mean_nothing_without_it(bench: Bench, arguments: list[str]) -> None:
    done = bench.stage.ecmbraze("check", *arguments)

    assert done.code == 2
    assert f"{arguments[0]} belongs to --probe" in done.stderr


def test_without_a_terminal_and_without_yes_nothing_is_written_and_it_is_said_what_would_be(bench: Bench) -> None:
    done = bench.probe(yes=False)

    assert done.code == 2
    assert "nobody is here to confirm it" in done.stderr
    assert f"- {VALUE} is empty: it becomes " in done.stderr
    assert writes(bench.box) == []


def test_a_system_that_cannot_be_reached_is_told_once_and_nothing_is_probed(bench: Bench) -> None:
    bench.stage.secrets["ECM_PASSWORD"] = "wrong"

    done = bench.probed()

    logins = [one for one in bench.box.journal(system="ecm") if one["path"].endswith("/v1/auth")]
    assert (done.code, len(logins)) == (7, 1)
    assert done.found["probe"].startswith("? not done, nothing was written")


# beside others


def test_no_probe_while_a_run_goes_on_and_no_run_while_a_probe_does(stage: Rehearsal) -> None:
    bench = Bench(stage)
    with run_lock(stage.state):
        assert bench.probe().code == 11
    assert writes(bench.box) == []

    with bench.held_at("POST", "/v2/search") as ended:
        assert stage.ecmbraze("onboarding").code == 11
    assert ended.result().code == 0
    assert stage.run()["counts"]["planned"] == 0
    assert stage.messages() == {}


def test_a_pause_stops_a_probe_before_and_while_it_writes(stage: Rehearsal) -> None:
    bench = Bench(stage)
    with bench.held_at("POST", "/v2/search") as ended:
        assert stage.ecmbraze("pause", "--reason", "ECM is moved").code == 0
    before = len(writes(bench.box))
    during, later = ended.result(), bench.probed()

    assert during.code == 5
    assert "ECM is moved. The probe ended there" in during.stdout
    assert bench.is_as_before
    assert later.found["probe"].startswith("? not done, nothing was written: paused since")
    assert later.code == 0
    assert len(writes(bench.box)) > before - 1


def test_what_a_person_writes_into_the_attribute_meanwhile_stays(bench: Bench) -> None:
    edit = {"do": "edit", "id": bench.workspace, "values": {VALUE: "By hand"}}
    bench.box.fault("edit", system="ecm", method="PUT", path="/categories/", when="after", edits=[edit])

    probed = bench.probed()

    assert probed.code == 0
    assert standing(bench.box, bench.workspace)["values"][VALUE] == "By hand"
    assert probed.found["put back"].startswith(f"note {VALUE} holds what the probe did not write, somebody did")
    assert "'By hand'" in probed.found["put back"]
    assert probed.found["put back"].endswith("before the probe it was empty")


def test_what_a_person_writes_between_our_look_and_our_write_stays(bench: Bench) -> None:
    edit = {"do": "edit", "id": bench.workspace, "values": {VALUE: "By hand"}}
    bench.box.fault("edit", system="ecm", method="PUT", path="/categories/", when="before", skip=1, edits=[edit])

    probed = bench.probed()

    assert standing(bench.box, bench.workspace)["values"][VALUE] == "By hand"
    assert probed.found["put back"].startswith("note")


def test_what_others_file_into_our_folder_stays_with_it(bench: Bench) -> None:
    with bench.held_at("POST", "/v2/search") as ended:
        [folder] = [number for name, number in bench.ours().items() if not name.endswith(".txt")]
        bench.box.file(folder, "Minutes.pdf")
    done = ended.result()

    assert done.code == 3
    assert f"node {folder} 'ecmbraze probe " in done.stdout
    assert "somebody put 'Minutes.pdf' into it" in done.stdout
    assert [name.rpartition("/")[2] for name in standing(bench.box, bench.workspace)["below"]][-1] == "Minutes.pdf"
    assert len(standing(bench.box, bench.workspace)["below"]) == 2


def test_what_others_move_out_of_the_workspace_is_left_to_them_and_named(bench: Bench) -> None:
    elsewhere = bench.box.folder(bench.box.create_workspace("Customer Onboarding Archive", name="Elsewhere"), "In")
    with bench.held_at("POST", "/v2/search") as ended:
        [document] = [number for name, number in bench.ours().items() if name.endswith(".txt")]
        bench.box.filed(do="move", id=document, parent=elsewhere)
    done = ended.result()

    assert done.code == 3
    assert f"node {document} " in done.stdout
    assert "somebody moved it elsewhere or renamed it" in done.stdout
    assert bench.is_as_before


def test_of_two_probes_at_once_the_later_one_takes_its_own_back_and_goes(bench: Bench) -> None:
    other = {"do": "folder", "parent": bench.workspace, "name": "ecmbraze probe 0123abcd"}
    bench.box.fault("edit", system="ecm", method="POST", path="/v2/nodes$", when="before", edits=[other])

    done = bench.probe()

    assert done.code == 3
    assert "Another probe works in this workspace ('ecmbraze probe 0123abcd')" in done.stdout
    assert standing(bench.box, bench.workspace)["below"] == ["ecmbraze probe 0123abcd"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/categories/"), ("POST", "/v2/search"), ("POST", "/versions$"), ("DELETE", "")]
)
def test_a_signal_takes_everything_back_first(
    bench: Bench, method: str, path: str, number: signal.Signals, code: int
) -> None:
    with bench.held_at(method, path) as ended:
        before = len(writes(bench.box))  # the one that is held is not in the journal yet
        bench.child.send_signal(number)
    done = ended.result()

    assert done.code == code
    assert "Interrupted. All that was written is taken back." in done.stderr
    assert bench.is_as_before
    held = 1 if path != "/v2/search" else 0
    assert not [one for one in writes(bench.box)[before + held :] if one.startswith("POST")]


def test_a_signal_names_what_could_not_be_taken_back(bench: Bench) -> None:
    with bench.held_at("POST", "/v2/search") as ended:
        for number in bench.ours().values():
            bench.box.filed(do="deny", id=number, rights=["delete"])
        bench.child.send_signal(signal.SIGINT)
    done = ended.result()

    assert done.code == 130
    assert "Not everything could be taken back" in done.stderr
    assert all(f"node {number} '{name}'" in done.stderr for name, number in bench.ours().items())


def test_somebody_at_a_terminal_is_asked_and_a_no_writes_nothing(bench: Bench) -> None:
    done = Probed(bench.stage.ecmbraze(*bench.line(yes=False), before=_no_at_a_terminal))

    assert done.code == 0
    assert "Go on? [y/N]" in done.done.stderr
    assert done.found["probe"] == "? not done, nothing was written: it was not confirmed"
    assert writes(bench.box) == []


def _no_at_a_terminal() -> None:
    """Put a terminal before the process, at which somebody has typed a no."""
    ours, theirs = os.openpty()
    os.write(ours, b"n\n")
    os.dup2(theirs, 0)
