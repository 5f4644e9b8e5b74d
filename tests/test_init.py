"""The guided `init` as an operator uses it: asked at a sandbox over HTTP, what it writes is loaded, checked and run."""

from __future__ import annotations

import errno
import io
import json
import os
import pty
import random
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
import yaml

from ecmbraze.cli.app import run
from ecmbraze.cli.init import guided
from ecmbraze.flows import BY_NAME, NAMES
from ecmbraze.sandbox.remote import RemoteSandbox
from tests.forking.client import fork, piped, read_all
from tests.forking.programs import run_program
from tests.forking.sandboxes import sandbox
from tests.rehearsal import CAMPAIGN, KYC_CAMPAIGN, START, Result

ZONE = "Europe/Berlin"
FLOW = "flow to set up"


@pytest.fixture(scope="module")
def running() -> Iterator[RemoteSandbox]:
    with sandbox("--seed", "11", "--world", "example", now=START) as started:
        yield started


@pytest.fixture
def box(running: RemoteSandbox) -> Iterator[RemoteSandbox]:
    yield running
    running.reset()


class Person:
    """Somebody at a terminal: reads each question, answers some of them, and types Enter at all others."""

    def __init__(self, answers: Mapping[str, Sequence[str]], *, leaves: int | None = None, by: str = "") -> None:
        self._answers = {part: list(lines) for part, lines in answers.items()}
        self._leaves, self._by = leaves, by
        self.screen, self.asked = io.StringIO(), list[str]()
        self._typed = b""

    def readline(self, most: int) -> bytes:
        if not self._typed:
            self._typed = self._line()
        line, self._typed = self._typed[:most], self._typed[most:]
        return line

    def _line(self) -> bytes:
        question = self.screen.getvalue().rpartition("\n")[2]
        if self._leaves == len(self.asked):
            if self._by == "Ctrl-C":
                raise KeyboardInterrupt
            return b""
        self.asked.append(question)
        self.screen.write("\n")  # as the terminal does
        for part, lines in self._answers.items():
            if part in question and lines:
                return f"{lines.pop(0)}\n".encode()
        return b"\n"

    def isatty(self) -> bool:
        return True


class Office:
    """The folder in which `init` is typed, and the environment."""

    def __init__(self, box: RemoteSandbox, folder: Path) -> None:
        self.box, self.folder, self.path = box, folder, folder / "ecmbraze.yaml"
        self.environ = {
            "ECM_URL": box.ecm,
            "ECM_USERNAME": box.username,
            "ECM_PASSWORD": box.password,
            "BRAZE_URL": box.braze,
            "BRAZE_API_KEY": box.api_key,
            "TZ": ZONE,
            "ECMBRAZE_NOW": box.now().isoformat(),
            "COLUMNS": "200",
        }

    def init(
        self, answers: Mapping[str, Sequence[str]] | None = None, *words: str, person: Person | None = None
    ) -> Result:
        """Let a person answer; of what is not told here they type Enter."""
        self.person = person or Person(answers or {})
        return self.ecmbraze("init", *words, answers=self.person, screen=self.person.screen)

    def ecmbraze(self, *words: str, answers: Any = None, screen: io.StringIO | None = None) -> Result:
        out, err = io.StringIO(), screen or io.StringIO()
        stdin = SimpleNamespace(buffer=answers or io.BytesIO())
        with (
            patch.dict(os.environ, self.environ),
            patch("sys.stdin", stdin),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            code = run(list(words))
        return Result(code, out.getvalue(), err.getvalue())

    def flows(self) -> dict[str, Any]:
        loaded: dict[str, Any] = yaml.safe_load(self.path.read_text(encoding="utf-8"))
        return loaded["flows"] or {}

    def files(self) -> list[str]:
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*"))

    def findings(self) -> list[dict[str, Any]]:
        done = self.ecmbraze("check", "--json")
        return [one for one in json.loads(done.stdout)["findings"] if one["level"] in ("FAIL", "?")]


@pytest.fixture
def office(box: RemoteSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setattr(guided, "_SYSTEM_STATE", tmp_path / "none" / "state.db")
    monkeypatch.delenv("ECMBRAZE_CONFIG", raising=False)
    folder = tmp_path / "office"
    folder.mkdir(mode=0o700)
    monkeypatch.chdir(folder)
    return Office(box, folder)


def test_enter_at_every_question_gives_a_file_that_loads_and_a_state_file(office: Office) -> None:
    done = office.init()

    assert done.code == 0, done.stderr
    assert office.files() == ["ecmbraze.yaml", "state.db", "state.db.key", "state.db.seal"]
    assert office.path.stat().st_mode & 0o777 == 0o600
    assert office.ecmbraze("check", "--offline").code == 0
    assert office.ecmbraze("discover", "types").code == 0
    assert office.flows() == {}
    text = office.path.read_text(encoding="utf-8")
    assert all(f"  # {line}".rstrip() + "\n" in text for name in NAMES for line in BY_NAME[name].example.splitlines())
    assert "ecmbraze check\n" in done.stdout
    assert "ecmbraze discover types" in done.stdout


def test_questions_stand_on_stderr_and_what_was_done_on_stdout(office: Office) -> None:
    done = office.init()

    assert "Time zone of dates" in done.stderr
    assert done.stdout.startswith("Wrote ecmbraze.yaml")
    assert "[" not in done.stdout


@pytest.mark.parametrize("flow", NAMES)
def test_a_flow_that_is_chosen_is_its_example_and_check_finds_nothing_wrong(office: Office, flow: str) -> None:
    done = office.init({FLOW: [flow], "Is that so?": ["y", "y"]})

    assert done.code == 0, done.stderr
    assert office.flows() == yaml.safe_load(BY_NAME[flow].example)
    assert office.findings() == []
    step = next(line.strip() for line in done.stdout.splitlines() if "--as-if-new" in line)
    shown = office.ecmbraze(*step.split()[1:])
    assert shown.code in (0, 6), shown.stderr  # 6: the first plan of `assets` waits for a person


def test_all_flows_stand_in_one_file_and_the_first_run_is_a_baseline(office: Office) -> None:
    office.init({FLOW: [*reversed(NAMES)]})

    assert tuple(office.flows()) == NAMES
    assert office.findings() == []
    assert office.ecmbraze("run", "--json").code == 6  # the first plan of `assets` waits for a person


def test_a_dry_run_shows_who_would_get_what(office: Office) -> None:
    done = office.init({FLOW: ["onboarding"]})

    step = next(line.strip() for line in done.stdout.splitlines() if "--as-if-new" in line)
    shown = office.ecmbraze(*step.split()[1:], "--json")

    assert shown.code == 0, shown.stderr
    assert json.loads(shown.stdout)["counts"]["planned"] > 0
    assert office.box.call("GET", "/braze/received")["messages"] == []


def test_a_message_without_marketing_consent_is_confirmed_by_whoever_answers(office: Office) -> None:
    office.init({FLOW: ["onboarding"]})

    sends = [one["send"]["consent"] for one in office.flows()["onboarding"]["milestones"]]

    assert "would go out without marketing consent" in office.person.screen.getvalue()
    assert sends[2] == {"email": "opted_in"}


def test_another_type_is_asked_about_name_by_name_and_what_it_cannot_say_is_left_out(office: Office) -> None:
    done = office.init(
        {
            FLOW: ["lifecycle"],
            "Workspace type": ["Custmer", "case"],
            "Write instead": ["Case.Opend On", "Case.Opened On", "", "Case.Status", "Case.Last Contact", ""],
            "Case.Status is": ["Nonsense", "Open"],
            "its name": ["Contract", "case_silent", "case_reviewed"],
        }
    )

    said, section = done.stderr, office.flows()["lifecycle"]
    assert "there is no 'Custmer'; did you mean 'Customer'?" in said
    assert "'Case.Opend On'; did you mean 'Case.Opened On'?" in said
    assert "there is no 'Nonsense'" in said
    assert section["workspace_types"] == ["Case"]
    assert section["customer"] == "Case.Customer Number"
    assert section["attributes"] == {"contract_end": "Case.Opened On"}
    assert [rule["name"] for rule in section["rules"]] == ["case_silent", "case_reviewed"]
    assert section["rules"][1]["when"] == {"Case.Status": "Open"}
    assert section["rules"][1]["send"]["event"] == "case_reviewed"
    assert "# Left out: no workspace of type 'Case' carries 'Contract.Status'" in office.path.read_text()
    assert office.findings() == []


def test_what_is_left_out_widens_no_rule(office: Office) -> None:
    office.init({FLOW: ["lifecycle"], "Workspace type": ["Case"]})

    assert office.flows() == {}
    assert "lifecycle stays a comment" in office.person.screen.getvalue()


VALUES = ["22:00", "NO", "0123", "1.10", "1.2.3", "a: b #c", "'", '"', "${x}", "{}", "- x", "true"]


def test_names_that_yaml_reads_otherwise_arrive_as_they_are(office: Office) -> None:
    attribute = {"category": "Case", "name": "NO: #1 - 22:00", "valid_values": VALUES}
    office.box.call("POST", "/ecm/attributes", attribute)
    office.box.call("POST", "/ecm/types/rename", {"from": "Case", "to": "{Case}: 1.10 #x"})
    name = "Case.NO: #1 - 22:00"
    for number, value in enumerate(VALUES, 1):
        answers = {FLOW: ["lifecycle"], "Workspace type": ["{Case}: 1.10 #x"], "Write instead": ["", "", "", "", name]}
        done = office.init(answers | {f"{name} is": [str(number)]}, "-c", f"{number}.yaml")

        written = yaml.safe_load((office.folder / f"{number}.yaml").read_text(encoding="utf-8"))
        assert done.code == 0, done.stderr
        assert written["flows"]["lifecycle"]["workspace_types"] == ["{Case}: 1.10 #x"]
        assert written["flows"]["lifecycle"]["rules"][0]["when"] == {name: value}
        for file in office.folder.glob("state.db*"):
            file.unlink()


@pytest.mark.parametrize("name", ["a\x1b[2Jb", "a\nflows: {x: y}", "a\u2028b: c", "\u202eabc", "x" * 300, "# -"])
def test_a_name_of_a_system_is_neither_a_command_to_the_terminal_nor_a_line_of_the_file(
    office: Office, name: str
) -> None:
    office.box.call("POST", "/ecm/types/rename", {"from": "Case", "to": name})
    office.box.call("POST", "/ecm/attributes/rename", {"from": "Case.Status", "to": name})

    for number, instead in enumerate(("Case." + name if name.isprintable() else "2", "")):
        answers = {
            FLOW: ["lifecycle"],
            "Workspace type": [str(one) for one in (1, 6)],
            "Write instead": ["", "", "", "", instead],
        }
        done = office.init(answers | {" is [": ["1"]}, "-c", f"{number}.yaml")
        for file in office.folder.glob("state.db*"):
            file.unlink()

        assert done.code == 0, done.stderr
        assert "\x1b" not in done.stderr + (office.folder / f"{number}.yaml").read_text(encoding="utf-8")
        assert "\u202e" not in done.stderr
        assert office.ecmbraze("check", "--offline", "-c", f"{number}.yaml").code == 0


REFUSED = {
    "Configuration file": (
        ["~/x.yaml", "no/such/folder/x.yaml", "/", "\x1b[D", "x" * 3000, "x" * 300],
        "does not exist",
    ),
    "Address, with its path": (
        ["ecm.example.com", "http://ecm.example.com/otcs/cs.exe", "https://ecm.example.com", "https://a/otcs/cs.exe?x"],
        "https://host/path",
    ),
    "Log in as": (["3", "ots", "0"], "there is no number 3"),
    "Its password comes from": (
        ["hunter2", "S3cret!", "file:relative", "command:", "command:'", "credential:a/b"],
        "${NAME}",
    ),
    "REST endpoint": (["https://dashboard-01.braze.eu", "rest.fra-01.braze.eu"], "dashboard"),
    "The REST key comes from": (["3f0c0000-0000-4000-8000-000000000001", "${}", "$BRAZE_API_KEY"], "${NAME}"),
    "Time zone": (["Europe/Berln", "CET+1", "../etc"], "did you mean 'Europe/Berlin'?"),
    "State file": (["/", "~/state.db", "/dev/null/state.db", "/no/where/at/all/\x00", "ecmbraze/"], "folder"),
    FLOW: (["onbording", "9", "e"], "did you mean 'onboarding'?"),
    "Write ecmbraze.yaml": (["perhaps"], "y or n"),
}


@pytest.mark.parametrize("question", REFUSED)
def test_an_answer_that_cannot_be_is_refused_with_its_reason_and_asked_again(office: Office, question: str) -> None:
    answers, reason = REFUSED[question]

    done = office.init({question: answers})

    asked = sum(question in one for one in office.person.asked)
    assert done.code == 0, done.stderr
    assert asked == len(answers) + 1
    assert reason in done.stderr
    assert office.ecmbraze("check", "--offline").code == 0


@pytest.mark.parametrize("question", ["Its password comes from", "The REST key comes from"])
@pytest.mark.parametrize("typed", ["hunter2", "Pa55_w0rd", "7be00000-0000-4000-8000-00000000dead", "p:a$s{s}"])
def test_a_secret_that_is_typed_is_neither_taken_nor_repeated(office: Office, question: str, typed: str) -> None:
    done = office.init({question: [typed]})

    assert done.code == 0
    assert typed not in done.stdout + done.stderr
    assert all(typed.encode() not in (office.folder / name).read_bytes() for name in office.files())


def test_no_secret_of_the_environment_is_written_or_shown(office: Office) -> None:
    done = office.init({FLOW: list(NAMES)})

    said = done.stdout + done.stderr + office.path.read_text(encoding="utf-8")
    assert [one for one in (office.box.password, office.box.api_key) if one in said] == []


@pytest.mark.parametrize(("how", "code"), [("the end of the answers", 2), ("Ctrl-C", 130)])
def test_whoever_leaves_at_any_question_leaves_nothing_behind(office: Office, how: str, code: int) -> None:
    answers = {FLOW: ["lifecycle", "assets"], "Workspace type": ["Case"], "State file": ["deep/er/state.db"]}
    office.environ.pop("BRAZE_API_KEY")
    first = Person(answers)
    assert office.init(person=first).code == 0
    shown = set(office.files())
    for name in sorted(shown, reverse=True):
        place = office.folder / name
        place.rmdir() if place.is_dir() else place.unlink()

    for number in range(len(first.asked)):
        done = office.init(person=Person(answers, leaves=number, by=how))
        assert (done.code, done.stdout) == (code, ""), first.asked[number]
        assert "Nothing was written." in done.stderr
        assert office.files() == []

    assert shown == {"deep", "deep/er", "ecmbraze.yaml", *(f"deep/er/state.db{end}" for end in ("", ".key", ".seal"))}


def test_leaving_at_any_question_about_a_flow_leaves_nothing_behind(office: Office) -> None:
    answers = {FLOW: ["lifecycle", "assets", "success"], "Workspace type": ["Case"], "Write instead": ["1"] * 9}
    whole = Person(answers)
    assert office.init(person=whole).code == 0
    for name in office.files():
        (office.folder / name).unlink()
    first = next(number for number, question in enumerate(whole.asked) if FLOW in question)

    for number in range(first, len(whole.asked)):
        done = office.init(person=Person(answers, leaves=number))
        assert (done.code, office.files()) == (2, []), whole.asked[number]


def test_who_does_not_confirm_gets_nothing(office: Office) -> None:
    done = office.init({"Write ecmbraze.yaml": ["n"]})

    assert done.code == 2
    assert "Nothing was written." in done.stderr
    assert office.files() == []


def test_with_nobody_to_ask_it_says_what_to_type(office: Office) -> None:
    for nobody in (io.BytesIO(), None):
        done = office.ecmbraze("init", answers=nobody)

        assert (done.code, office.files()) == (2, [])
        assert "There is nobody to ask" in done.stderr
        assert "`ecmbraze init --non-interactive -c FILE`" in done.stderr


def test_a_configuration_that_is_there_is_refused_before_anything_is_asked(office: Office) -> None:
    office.path.write_text("mine", encoding="utf-8")

    for words in ((), ("-c", str(office.path))):
        done = office.init({}, *words)
        assert done.code == 2
        assert office.person.asked == []
        assert "--non-interactive" in done.stderr
    other = office.init({}, "-c", "other.yaml")

    assert office.path.read_text(encoding="utf-8") == "mine"
    assert other.code == 0
    assert "ecmbraze check -c other.yaml" in other.stdout
    assert office.ecmbraze("check", "--offline", "-c", "other.yaml").code == 0


def test_a_place_that_is_taken_is_asked_for_again(office: Office) -> None:
    for name in ("taken.yaml", "old.db.key", "there.db"):
        (office.folder / name).write_text("mine", encoding="utf-8")

    done = office.init({"Configuration": ["taken.yaml", "new.yaml"], "State file": ["there.db", "old.db", "new.db"]})

    assert done.code == 0, done.stderr
    assert done.stderr.count("is there already") == 3
    assert (office.folder / "new.db").exists()
    assert (office.folder / "there.db").read_text(encoding="utf-8") == "mine"


def test_a_folder_that_others_may_write_keeps_no_state_file(office: Office) -> None:
    office.folder.chmod(0o770)

    done = office.init({"State file": ["state.db"]})

    assert done.code == 0, done.stderr
    assert "that others may write" in done.stderr
    assert (office.folder / "state" / "state.db").exists()
    assert (office.folder / "state").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_is_missing_is_made_only_when_that_was_said(office: Office) -> None:
    (office.folder / "ecmbraze").mkdir(mode=0o700)

    done = office.init({"State file": ["ecmbrze/state.db", "ecmbraze/state.db"], "Make the folder": ["n"]})

    assert done.code == 0
    assert f"did you mean {office.folder / 'ecmbraze'}?" in done.stderr
    assert (office.folder / "ecmbraze" / "state.db").exists()
    assert not (office.folder / "ecmbrze").exists()


def test_without_secrets_the_file_is_written_and_says_what_is_missing(office: Office) -> None:
    for name in ("ECM_PASSWORD", "BRAZE_API_KEY"):
        office.environ.pop(name)

    done = office.init({"Its password comes from": ["credential:ecm"]})

    assert done.code == 0, done.stderr
    assert "CREDENTIALS_DIRECTORY is not set" in done.stderr
    assert "The flows stand in the file as comments" in done.stderr
    assert not any(FLOW in question for question in office.person.asked)
    assert yaml.safe_load(office.path.read_text(encoding="utf-8"))["ecm"]["password"] == "credential:ecm"
    assert office.ecmbraze("status").code in (0, 20)
    assert "ecmbraze discover types" in done.stdout


def test_the_name_of_a_variable_may_be_typed_bare_only_while_it_is_set(office: Office) -> None:
    office.environ |= {"OTHER_PASSWORD": office.box.password}

    done = office.init({"Its password comes from": ["OTHER_PASSWRD", "OTHER_PASSWORD"]})

    assert done.code == 0
    assert yaml.safe_load(office.path.read_text(encoding="utf-8"))["ecm"]["password"] == "${OTHER_PASSWORD}"


def test_a_secret_may_come_from_a_file_or_a_command(office: Office, tmp_path: Path) -> None:
    file, key = tmp_path / "pass: #word", tmp_path / "the key"
    for path, secret in ((file, office.box.password), (key, office.box.api_key)):
        path.write_text(secret, encoding="utf-8")
        path.chmod(0o600)
    for name in ("ECM_PASSWORD", "BRAZE_API_KEY"):
        office.environ.pop(name)

    done = office.init({"Its password": [f"file:{file}"], "The REST key": [f"command: cat '{key}'"]})

    assert done.code == 0
    assert "Extended ECM: logged in" in done.stderr
    assert "Braze: the key is taken" in done.stderr
    assert office.ecmbraze("discover", "types").code == 0


def test_a_system_that_refuses_may_be_answered_for_again(office: Office) -> None:
    office.environ["WRONG"] = "wrong"

    done = office.init({"The REST key": ["WRONG", "${BRAZE_API_KEY}"], "Answer for Braze": ["y"], FLOW: ["onboarding"]})

    assert done.code == 0
    assert list(office.flows()) == ["onboarding"]


def test_a_type_without_workspaces_leaves_the_flow_a_comment(office: Office) -> None:
    office.box.call("POST", "/ecm/types", {"name": "Claim", "categories": ["Case"]})

    done = office.init({FLOW: ["cases"], "Workspace type": ["Claim"]})

    assert "The account sees no workspace of type 'Claim'" in done.stderr
    assert (done.code, office.flows()) == (0, {})
    assert "# Left out: it was not said for which workspaces" in office.path.read_text(encoding="utf-8")


def test_a_campaign_that_is_not_there_is_picked_from_those_that_are(office: Office) -> None:
    office.box.call("PUT", f"/braze/campaigns/{CAMPAIGN}", {"archived": True})

    done = office.init({FLOW: ["onboarding"], "Write instead": ["KYC complted", "KYC completed"]})

    milestones = office.flows()["onboarding"]["milestones"]
    assert done.code == 0
    assert "did you mean 'KYC completed'?" in done.stderr
    assert milestones[0]["send"]["campaign"] == KYC_CAMPAIGN
    assert office.findings() == []


def test_what_could_not_be_looked_up_stays_only_when_somebody_says_so(office: Office) -> None:
    office.box.call("POST", "/braze/keys", {"key": "poor", "permissions": ["users.export.ids", "campaigns.list"]})
    office.environ["BRAZE_API_KEY"] = "poor"

    office.init({FLOW: ["onboarding"], "Keep it all the same?": ["y", "", ""]})

    names = [one["name"] for one in office.flows()["onboarding"]["milestones"]]
    assert names == ["contract_approved"]


def test_a_system_that_fails_meanwhile_leaves_the_flow_a_comment(office: Office) -> None:
    class Failing(Person):
        def _line(self) -> bytes:
            line = super()._line()
            if "Customer" in self.asked[-1]:
                office.box.fault("status", system="braze", times=200, status=401, json={"message": "no"})
            return line

    done = office.init(person=Failing({FLOW: ["onboarding"]}))

    assert done.code == 0
    assert "onboarding stays a comment" in done.stderr
    assert office.flows() == {}


class Careless(Person):
    """Types what comes to mind where flows are set up, and Enter once that went on for long."""

    POOL = (
        "",
        "",
        "",
        "1",
        "2",
        "3",
        "7",
        "n",
        "y",
        "onboarding",
        "lifecycle",
        "consent",
        "feedback",
        "success",
        "cases",
    )
    JUNK = (
        "Case",
        "Contract.Status",
        "Open",
        "x: y #z",
        "'",
        "{a",
        "- b",
        "!t",
        "&a",
        "*a",
        "${x}",
        "0123",
        "22:00",
        "é",
    )

    def __init__(self, seed: int) -> None:
        super().__init__({})
        self._random = random.Random(seed)

    def _line(self) -> bytes:
        line = super()._line()
        begun = any(FLOW in one for one in self.asked)
        if not begun or len(self.asked) > 150 or "Write /" in self.asked[-1]:
            return line
        pool = self.POOL if self._random.random() < 0.7 else self.JUNK
        return f"{self._random.choice(pool)}\n".encode()


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_typed_what_is_written_loads_and_check_finds_nothing_wrong(office: Office, seed: int) -> None:
    done = office.init(None, "-c", str(office.path), person=Careless(seed))

    assert done.code == 0, done.stderr
    assert office.ecmbraze("check", "--offline").code == 0
    assert [one for one in office.findings() if one["level"] == "FAIL"] == []


def test_a_system_that_does_not_answer_keeps_nobody_from_writing_the_file(office: Office) -> None:
    office.box.fault("status", system="braze", times=200, status=503, json={})

    done = office.init({"Its password comes from": [""]})

    assert done.code == 0
    assert "Extended ECM: logged in" in done.stderr
    assert office.flows() == {}


def test_no_state_file_is_made_for_the_address_of_the_example(office: Office) -> None:
    for name in ("ECM_URL", "BRAZE_URL"):
        office.environ.pop(name)

    done = office.init()

    assert done.code == 0
    assert office.files() == ["ecmbraze.yaml"]
    assert "ecmbraze init --non-interactive" in done.stdout
    assert office.ecmbraze("check", "--offline").code == 0


def test_a_client_of_otds_is_asked_for_its_secret_alone(office: Office) -> None:
    office.environ["OTDS_SECRET"] = "x"

    done = office.init({"Log in as": ["otds"], "Address of OTDS": ["http://127.0.0.1:9"]})

    written = yaml.safe_load(office.path.read_text(encoding="utf-8"))["ecm"]
    assert done.code == 0
    assert written["otds"] == {"url": "http://127.0.0.1:9", "client_id": "ecmbraze", "client_secret": "${OTDS_SECRET}"}
    assert "password" not in written


def test_the_clock_of_the_server_tells_a_wrong_zone(office: Office) -> None:
    done = office.init({"Time zone": ["America/New_York", ZONE], "Keep it all the same?": ["n"]})

    assert done.code == 0
    assert "minutes" in done.stderr
    assert yaml.safe_load(office.path.read_text(encoding="utf-8"))["ecm"]["timezone"] == ZONE


def test_what_cannot_be_made_at_the_end_takes_the_rest_back(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    done = office.init({"State file": ["deep/state.db"]})

    assert done.code == 16
    assert office.files() == []


def test_a_state_file_that_cannot_be_made_takes_the_configuration_back(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("ecmbraze.ledger.historykey.make", full)
    done = office.init({"State file": ["deep/state.db"]})

    assert (done.code, done.stdout) == (16, ""), done.stderr
    assert office.files() == []


def test_a_file_that_came_meanwhile_is_not_touched(office: Office) -> None:
    class Slow(Person):
        def readline(self, size: int) -> bytes:
            if "Write ecmbraze.yaml" in self.screen.getvalue().rpartition("\n")[2]:
                office.path.write_text("theirs", encoding="utf-8")
            return super().readline(size)

    done = office.init(person=Slow({}))

    assert done.code == 2
    assert office.path.read_text(encoding="utf-8") == "theirs"
    assert office.files() == ["ecmbraze.yaml"]


def test_answers_may_be_piped_and_the_program_is_forked(office: Office) -> None:
    with piped() as (out, out_end), piped() as (err, err_end), piped() as (answers, typed):
        with out_end, err_end:
            child = fork(
                partial(run_program, ["init", "-c", str(office.path)], time=None, ahead=START - START),
                environ={**os.environ, **office.environ},
                stdin=answers.fileno(),
                stdout=out_end.fileno(),
                stderr=err_end.fileno(),
            )
        typed.write(b"\n" * 30)
        typed.close()
        told, screen = (text.decode() for text in read_all(out, err, timeout=120))

    assert child.wait(timeout=120) == 0, screen
    assert "Wrote" in told
    assert office.path.exists()


@pytest.mark.parametrize("key", ["Ctrl-C", "Enter"])
def test_in_a_terminal_somebody_reads_and_types(office: Office, key: str) -> None:
    ours, theirs = pty.openpty()
    run_it = partial(
        run_program, ["init", "-c", str(office.path)], time=None, ahead=START - START, before=_of_a_terminal
    )
    child = fork(
        run_it, environ={**os.environ, **office.environ, "COLUMNS": "80"}, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    screen = ""
    while question := _until(ours, "]: "):
        screen += question
        if key == "Ctrl-C" and "State file" in question:
            child.send_signal(signal.SIGINT)
        elif question.endswith("]: "):
            os.write(ours, b"\n")
    code = child.wait(timeout=120)
    os.close(ours)

    assert code == (130 if key == "Ctrl-C" else 0), screen
    assert office.path.exists() == (key == "Enter")
    assert ("Nothing was written." in screen) == (key == "Ctrl-C")
    assert max(map(len, screen.replace("\r", "").partition("Wrote ")[0].splitlines()[:-1])) <= 80


def _of_a_terminal() -> None:
    """Let Ctrl-C be what it is in a program that was started: the warm process may ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _until(terminal: int, text: str) -> str:
    """Read a terminal until a text stands there, or, without one, to its end."""
    seen = b""
    ends = time.monotonic() + 120
    while time.monotonic() < ends and not (text and text.encode() in seen):
        try:
            part = os.read(terminal, 1 << 16)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        seen += part
    return seen.decode()
