"""What is kept of a person or a workspace can be removed, all of it, and does not come back by any way."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlite_utils import Database

from ecmbraze.ledger import compacting, erasing, schema, storedreports
from ecmbraze.ledger.backup import back_up
from ecmbraze.ledger.codec import dump, load
from ecmbraze.ledger.history import Deed
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.storedreports import Lines
from ecmbraze.ledger.subject import Subject, subject_of
from ecmbraze.ledger.tombstones import ERASED
from ecmbraze.ledger.verifying import checks
from ecmbraze.model import Fact, PersonKey, Record, State, WorkspaceKey
from tests.ledger.test_keeping import _CONTRACT, _NUMBER, _STAGE, Office, _count
from tests.offline import Offline

_WHO, _MAIL = "Kunde-0815", "erika@example.com"


def _erase(office: Office, subject: str = _WHO) -> erasing.Kept:
    ledger = Ledger.open(office.house.state)
    named = subject_of(subject, ledger.database, ledger.history)
    kept = erasing.find(named, ledger.database, ledger.history, ledger.path)
    deed = Deed(by="ann", host="h", reason=f"{subject} asked for it")
    erasing.erase(kept, ledger.database, ledger.history, office.house.clock.now(), deed)
    ledger.close()
    compacting.compact(office.house.state)
    return kept


def _holds(folder: Path, *names: str) -> list[str]:
    """Return the files of a folder that hold one of the names anywhere in their bytes."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if any(name.encode() in path.read_bytes() for name in names)]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """A person with a message sent, another with one waiting, and workspaces of each and of both."""
    found = Office(tmp_path)
    found.house.braze.add(_WHO, email=_MAIL)
    found.make(_WHO, name=f"Loan of {_WHO}")
    found.make("Other-1")
    found.make("Other-1")
    found.start()
    assert found.events == 3
    assert _holds(found.house.folder, _WHO) == ["state.db"]
    return found


def test_d08_l_4_nothing_of_them_is_left_in_the_bytes_and_the_history_still_verifies(office: Office) -> None:
    kept = _erase(office)

    assert _holds(office.house.folder, _WHO, _MAIL) == []
    said = {one.what: one.found for one in checks(office.house.state)}
    assert "each follows from the one before" in said["history"]
    assert kept.counts["intended writes and messages"] == 2
    assert kept.counts["workspaces that name them"] == 1


def test_what_the_systems_took_is_counted_value_by_value_and_that_of_a_longer_name_stays(office: Office) -> None:
    longer, now = f"{_WHO}/west", office.house.clock.now()
    ledger = Ledger.open(office.house.state)
    before = len(_taken(ledger, _WHO))
    for person in (_WHO, longer):
        for name in ("ecm_x", "ecm_y", "ecm_z"):
            ledger.outbox.note_accepted(person, name, "v", now)
    ledger.close()

    kept = _erase(office)

    ledger = Ledger.open(office.house.state)
    assert kept.counts["values that the systems took"] == before + 3
    assert (_taken(ledger, _WHO), set(_taken(ledger, longer).values())) == ({}, {"v"})
    ledger.close()


def _taken(ledger: Ledger, person: str) -> dict[str, object]:
    found = ledger.database.execute("SELECT value FROM accepted WHERE target = ?", (f"{person}/attribute/@",))
    return {name: value for (text,) in found for name, value in load(text).items()}


def test_d08_whom_a_workspace_still_names_gets_and_leaves_nothing_and_the_report_says_erased(office: Office) -> None:
    (number,) = [one.id for one in office.house.ecm.spaces.values() if one.values[_NUMBER] == _WHO]
    _erase(office)
    writes, events = len(office.house.braze.book), office.events
    for changes in ({_STAGE: "Active"}, {_CONTRACT: "Draft"}, {_CONTRACT: "Approved", _STAGE: "Closed"}):
        office.house.ecm.edit(number, changes)
        report = office.start()
        assert report.exit_code == 3
        (skip,) = [one for one in report.skipped if one.record == f"ws:{number}"]
        assert "erased" in skip.reason
    office.house.ecm.create("Loan", {_NUMBER: _WHO, _STAGE: "Draft", _CONTRACT: "Approved"}, name="again")
    office.start()
    quiet = office.later(2)

    assert (len(office.house.braze.book), office.events) == (writes, events)
    assert _holds(office.house.folder, _WHO) == []
    assert (quiet.exit_code, quiet.counts["changed"]) == (0, 0)


def test_the_neighbours_keep_what_they_have_and_get_what_is_theirs(office: Office) -> None:
    before = _count(office.house.state, "outbox", "recipient = 'Other-1'")
    (_, number) = [one.id for one in office.house.ecm.spaces.values() if one.values[_NUMBER] == "Other-1"]
    _erase(office)
    office.house.ecm.edit(number, {_STAGE: "Active"})

    report = office.start()

    assert _count(office.house.state, "outbox", "recipient = 'Other-1'") == before + 1
    assert report.counts["sent"] == 1


def test_who_takes_the_place_of_an_erased_person_gets_no_old_news(office: Office) -> None:
    (number,) = [one.id for one in office.house.ecm.spaces.values() if one.values[_NUMBER] == _WHO]
    _erase(office)
    events = office.events
    office.house.braze.add("New-1")
    office.house.ecm.edit(number, {_NUMBER: "New-1", _STAGE: "Active"})

    report = office.start()

    assert office.events == events
    assert report.counts["first_seen_late"] == 1
    assert [(line.name, line.customer) for line in report.actions if line.state == State.SENT] == [
        ("ecm_stage", "New-1")
    ]


def test_of_a_report_about_many_only_the_lines_about_them_are_emptied(office: Office) -> None:
    _erase(office)
    ledger = Ledger.open(office.house.state, read_only=True)
    lines = [line for report in ledger.reports(9) for line in report["actions"]]
    ledger.close()

    emptied = [line for line in lines if line["customer"] == "(erased)"]
    assert {line["workspace"] for line in emptied} == {"(erased)"}
    assert len(emptied) == 2
    assert [line["customer"] for line in lines if line not in emptied].count("Other-1") == 3


def test_a_workspace_can_be_erased_and_its_person_stays(office: Office) -> None:
    first, second = [one.id for one in office.house.ecm.spaces.values() if one.values[_NUMBER] == "Other-1"]
    _erase(office, f"ws:{first}")
    office.house.ecm.edit(first, {_STAGE: "Active"})
    office.house.ecm.edit(second, {_STAGE: "Closed"})

    report = office.start()

    assert [(line.record, line.customer) for line in report.actions] == [(f"ws:{second}", "Other-1")]
    assert _count(office.house.state, "record", f"key = 'ws:{first}' AND name = '(erased)'") == 1


def test_the_reason_does_not_bring_the_name_back(office: Office) -> None:
    _erase(office)
    ledger = Ledger.open(office.house.state, read_only=True)
    texts = [json.loads(row[0]) for row in ledger.database.execute("SELECT text FROM remark WHERE text LIKE '{%'")]
    ledger.close()

    assert {"by": "ann", "host": "h", "reason": "(erased) asked for it"} in texts


def test_one_address_leads_to_one_person_and_of_several_to_none(tmp_path: Path) -> None:
    office = Offline(tmp_path)
    with office.ledger() as ledger, ledger.database.atomic():
        for person, address in (("C-1", "one@x.org"), ("C-2", "two@x.org"), ("C-3", "two@x.org")):
            values = (ledger.history.address(address), f"person:{person}")
            ledger.database.conn.execute("INSERT INTO address VALUES (?, ?)", values)
        for asked, people in (
            ("One@x.org", ("One@x.org", "email:one@x.org", "C-1")),
            ("two@x.org", ("two@x.org", "email:two@x.org")),
            ("email:One@x.org", ("email:one@x.org",)),
            ("alias:crm:7", ("alias:crm:7",)),
            ("C-2", ("C-2",)),
        ):
            assert subject_of(asked, ledger.database, ledger.history).people == people
        kept = erasing.find(
            subject_of("C-2", ledger.database, ledger.history), ledger.database, ledger.history, ledger.path
        )
    assert kept.also == ("C-3",)


def test_of_several_people_of_a_workspace_only_the_erased_one_is_left_out(office: Office) -> None:
    _erase(office)
    ledger = Ledger.open(office.house.state)
    plan = ledger.new_plan("t")
    facts: dict[str, Fact] = {"customer: x": (_WHO, "Other-1"), "Loan.Number": _WHO, "Loan.Stage": "Active"}
    now = office.house.clock.now()
    record = Record(
        key=WorkspaceKey(id=9),
        stream="workspaces/Loan",
        name="Both",
        created_at=now,
        modified_at=now,
        facts=facts,
        customers=(_WHO, "Other-1"),
    )

    plan.put_record(record, {"customer: x": (_WHO, "Other-1")})
    plan.put_record(replace(record, key=PersonKey(recipient=_WHO), stream="people"), {}, addresses=[_MAIL])

    rows = plan.database.execute("SELECT key, name, facts FROM record").fetchall()
    people = plan.database.execute("SELECT customer FROM recipient").fetchall()
    reasons = plan.database.execute("SELECT reason FROM skip").fetchall()
    plan.discard()
    ledger.close()
    assert rows == [("ws:9", "Both", '{"Loan.Number":null,"Loan.Stage":"Active","customer: x":["Other-1"]}')]
    assert people == [("Other-1",)]
    assert reasons == [("erased: nothing is kept of them or goes to them",)]


# The command


def test_show_lists_and_changes_nothing_and_erase_asks_for_a_reason(tmp_path: Path) -> None:
    office = Offline(tmp_path)
    office.messages((State.IN_FLIGHT, State.SENT))
    before = office.state.read_bytes()

    shown = office.ecmbraze("erase", "C-0", "--show", "--json")
    refused = office.ecmbraze("erase", "C-0")

    assert (shown.code, refused.code) == (0, 2)
    assert json.loads(shown.stdout)["kept"]["intended writes and messages"] == 1
    assert "--reason" in refused.stderr
    assert office.state.read_bytes() == before


def test_erase_names_or_removes_the_backups_and_says_who_did_it(tmp_path: Path) -> None:
    office, folder = Offline(tmp_path), tmp_path / "backups"
    folder.mkdir(mode=0o700)
    office.messages((State.IN_FLIGHT, State.SENT))
    back_up(office.state, folder / "monday.db")
    office.config["keep"] = {"backups": str(folder)}
    left = folder / ".tuesday.db.ecmbraze-copy"  # by a kill
    left.mkdir()
    (left / "copy").write_text("C-0")
    shown = office.ecmbraze("erase", "C-0", "--show")

    named = office.ecmbraze("erase", "C-0", "--reason", "art. 17", "--by", "ann")
    there = (folder / "monday.db").exists()
    removed = office.ecmbraze("erase", "C-0", "--reason", "art. 17", "--unknown", "--remove-backups")

    assert (named.code, removed.code, there) == (0, 0, True)
    assert f"May still hold them: {left}" in shown.stdout
    assert str(left) not in named.stdout
    assert f"May still hold them: {folder / 'monday.db'}" in named.stdout
    assert list(folder.iterdir()) == []
    with office.ledger() as ledger:
        assert '"by":"ann"' in "".join(row[0] for row in ledger.database.execute("SELECT text FROM remark"))


def test_what_a_killed_run_had_planned_of_them_goes_too(tmp_path: Path) -> None:
    office = Offline(tmp_path)
    office.messages((State.IN_FLIGHT, State.SENT))
    with office.ledger() as ledger:
        left = ledger.plan_path("dead")
    left.write_text("C-0")

    done = office.ecmbraze("erase", "C-0", "--reason", "art. 17")

    assert (done.code, left.exists()) == (0, False)


def test_what_a_killed_erasure_left_of_them_goes_when_it_is_typed_again(tmp_path: Path) -> None:
    office = Offline(tmp_path)
    office.messages((State.IN_FLIGHT, State.SENT))
    assert office.ecmbraze("erase", "C-0", "--reason", "art. 17").code == 0
    with office.ledger() as ledger:
        left = ledger.plan_path("waited")  # its row went in the transaction, and then came the kill
    left.write_text("C-0")

    again = office.ecmbraze("erase", "C-0", "--reason", "art. 17")

    assert (again.code, left.exists()) == (2, False)
    assert _holds(tmp_path, "C-0") == []


def test_whom_nobody_knows_is_taken_for_a_slip_of_the_pen(tmp_path: Path) -> None:
    office = Offline(tmp_path)

    done = office.ecmbraze("erase", "C-77", "--reason", "x")

    assert done.code == 2
    assert "Nothing is kept of 'C-77'" in done.stderr
    assert _count(office.state, "erased") == 0


def test_a_withdrawal_that_has_not_reached_braze_is_not_lost_unasked(tmp_path: Path) -> None:
    office = Offline(tmp_path)
    (row,) = office.messages(())
    with office.ledger() as ledger, ledger.database.atomic():
        ledger.database.conn.execute(
            "UPDATE outbox SET kind = 'withdrawal', delivery = 'latest', phase = 1 WHERE id = ?", (row.id,)
        )

    refused = office.ecmbraze("erase", "C-0", "--reason", "x")
    done = office.ecmbraze("erase", "C-0", "--reason", "x", "--lose-withdrawals")

    assert (refused.code, done.code) == (2, 0)
    assert "have not reached Braze yet" in refused.stderr


@pytest.mark.parametrize("name", ["7", "a.b", "x(y", "Müller"])
def test_a_short_name_is_not_taken_out_of_longer_ones(tmp_path: Path, name: str) -> None:
    office = Offline(tmp_path)
    with office.ledger() as ledger:
        ledger.waiting.pause("f", office.now, f"{name}7", f"for {name}: and {name}7, {name}-2, 2{name}")
        subject = Subject(people=(name,))
        kept = erasing.find(subject, ledger.database, ledger.history, ledger.path)
        erasing.erase(kept, ledger.database, ledger.history, office.now + timedelta(1), Deed(by="b", host="h"))
        row = ledger.database.execute("SELECT by, reason FROM pause").fetchone()

    assert row == (f"{name}7", f"for (erased): and {name}7, {name}-2, 2{name}")


def test_nothing_that_a_stored_line_says_of_the_erased_stays_where_it_shares_it_with_others() -> None:
    """Lines of a page share what is alike in all of them."""
    fields = ("record", "customer", "reason", "why")
    rows = [("ws:1", _WHO, "Draft", ""), ("ws:2", "C-9", "Draft", "")]
    alone = [("ws:1", _WHO, "Draft", why) for why in ("", "late")]
    subject = Subject(people=(_WHO,))
    database = Database(memory=True)
    database.conn.executescript(schema.LEDGER)
    lists = {"actions": Lines(fields=fields, pages=[rows, alone]), "skipped": Lines(fields=fields, pages=[])}
    run = {"run_id": "r", "flow": "f", "mode": "live", "started_at": "2026-03-02T08:00:00Z", "exit_code": 0}
    storedreports.store(database, {**run, **lists}, datetime(2026, 3, 2, 8, tzinfo=UTC))

    for n, page in database.execute("SELECT n, page FROM run_lines").fetchall():
        left = dump(erasing._replaced(load(page), subject, subject.pattern))
        database.conn.execute("UPDATE run_lines SET page = ? WHERE n = ?", (left, n))

    (row,) = database.execute("SELECT id, report FROM run").fetchall()
    lines = storedreports.whole(database, *row)["actions"]
    erased = [(one["record"], one["customer"], one["reason"], one["why"]) for one in lines]
    assert erased == [("ws:1", *[ERASED] * 3), ("ws:2", "C-9", "Draft", ""), *[("ws:1", *[ERASED] * 3)] * 2]
