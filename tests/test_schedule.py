"""`ecmbraze schedule`: what it prints can be installed as it is, holds no secret, and is what `cron/` ships."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from ecmbraze.cli.app import run
from ecmbraze.cli.schedule import files, kubernetes
from ecmbraze.cli.schedule.installation import Installation
from ecmbraze.config.secret import Origin, Way
from ecmbraze.errors import ConfigurationError
from tests.offline import Offline

ROOT = Path(__file__).parents[1]
KINDS = ["cron", "systemd", "kubernetes"]
PROGRAM = str(Path(sys.executable).with_name("ecmbraze"))
AT = Installation(
    program=("/opt/ecmbraze/bin/ecmbraze",),
    config=Path("/etc/ecmbraze/ecmbraze.yaml"),
    state=Path("/var/lib/ecmbraze/state.db"),
    state_place="ecmbraze.yaml:9: state",
    secrets=(Origin(way=Way.ENVIRONMENT, name="ECM_PASSWORD"), Origin(way=Way.CREDENTIAL, name="braze_api_key")),
)
WRITERS: list[Callable[[Installation], str]] = [files.crontab, files.service, kubernetes.manifests]


@pytest.fixture
def office(tmp_path: Path) -> Offline:
    office = Offline(tmp_path)
    office.config["state"] = "/var/lib/ecmbraze/state.db"
    return office


def _cronjobs(text: str) -> list[Any]:
    return [part for part in yaml.safe_load_all(text) if part["kind"] == "CronJob"]


def _container(cronjob: Any) -> Any:
    return cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_printed_for_the_example_is_what_is_shipped(
    kind: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ECMBRAZE_CONFIG", raising=False)
    example = ROOT / "config.example.yaml"

    assert run(["schedule", kind, "-c", str(example)]) == 0

    printed = capsys.readouterr().out.replace(str(example), "/etc/ecmbraze/ecmbraze.yaml")
    shipped = {path.name.removeprefix("ecmbraze."): path.read_text(encoding="utf-8") for path in ROOT.glob("cron/*")}
    if kind == "cron":
        assert printed.replace(PROGRAM, "ecmbraze") == shipped["crontab"]
    elif kind == "kubernetes":
        assert printed == shipped["kubernetes.yaml"]
    else:  # the shipped unit shows credentials, where the example takes its secrets from the environment
        printed = printed.replace(PROGRAM, "/usr/bin/env ecmbraze")
        printed = printed.replace("ProtectHome=read-only", "ProtectHome=true")  # where this clone lies in a home
        own = re.sub(r"EnvironmentFile=.*\n", "", printed)
        places = [f"# /etc/systemd/system/ecmbraze.{part}\n" for part in ("service", "timer")]
        service = re.sub(r"LoadCredential=.*\n", "", shipped["service"])
        assert own == f"{places[0]}{service}\n{places[1]}{shipped['timer']}"


@pytest.mark.parametrize("kind", KINDS)
def test_it_needs_no_secret_tells_none_and_writes_nothing(office: Offline, kind: str) -> None:
    before = sorted(office.path.parent.iterdir())
    office.secrets = {"ECM_PASSWORD": "hunter2-ecm"}  # the other one is not there at all

    done = office.ecmbraze("schedule", kind)

    assert done.code == 0, done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    assert "ECM_PASSWORD" in done.stdout + done.stderr
    assert "BRAZE_API_KEY" in done.stdout + done.stderr
    assert "nothing was installed" in done.stderr
    assert sorted({*office.path.parent.iterdir()} - {office.path}) == before


def test_the_schedule_has_one_line_with_whole_paths(office: Offline) -> None:
    done = office.ecmbraze("schedule", "cron")

    lines = [line for line in done.stdout.splitlines() if line.startswith("*")]
    assert lines == [f"*/5 * * * * {PROGRAM} -c {office.path} --log-format json run --max-duration 14m > /dev/null"]


@pytest.mark.parametrize(("every", "minutes"), [("10s", 1), ("60s", 1), ("3m", 3), ("5m", 5), ("7m", 5), ("24h", 5)])
def test_it_starts_as_often_as_the_most_frequent_flow_needs(office: Offline, every: str, minutes: int) -> None:
    office.flow["every"] = every

    cron, systemd, cluster = (office.ecmbraze("schedule", kind).stdout for kind in KINDS)

    assert f"\n*/{minutes} * * * * " in cron
    assert f"\nOnCalendar=*-*-* *:00/{minutes}:00 UTC\n" in systemd
    assert _cronjobs(cluster)[0]["spec"]["schedule"] == f"*/{minutes} * * * *"


def test_a_flow_that_is_switched_off_is_not_started_for(office: Offline) -> None:
    office.flow.update(every="1m", enabled=False)

    assert "\n*/5 * * * * " in office.ecmbraze("schedule", "cron").stdout


def test_cron_starts_a_program_whose_path_has_blanks_and_percent_signs(tmp_path: Path) -> None:
    folder = tmp_path / "a b; 100 %d & more"
    folder.mkdir()
    program, config = folder / "ecmbraze", folder / "my %s.yaml"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > "$(dirname "$0")/arguments"\n', encoding="utf-8")
    program.chmod(0o700)

    text = files.crontab(replace(AT, program=(str(program),), config=config))

    command = text.splitlines()[-1].split(maxsplit=5)[5]
    assert re.search(r"(?<!\\)%", command) is None  # where cron would end the command
    subprocess.run(["/bin/sh", "-c", command.replace("\\%", "%")], check=True, cwd=tmp_path)
    arguments = (folder / "arguments").read_text(encoding="utf-8").splitlines()
    assert arguments == ["-c", str(config), "--log-format", "json", "run", "--max-duration", "14m"]


def test_systemd_gets_blanks_in_quotes_and_percent_signs_twice() -> None:
    folder = Path("/srv/a b/100 %n")

    unit = files.service(replace(AT, program=(str(folder / "ecmbraze"),), config=folder / "c", state=folder / "s"))

    assert '\nExecStart="/srv/a b/100 %%n/ecmbraze" -c "/srv/a b/100 %%n/c" --log-format' in unit
    assert '\nReadWritePaths="/srv/a b/100 %%n"\n' in unit
    assert "\nEnvironmentFile=/srv/a b/100 %%n/ecmbraze.env\n" in unit
    assert "\nLoadCredential=braze_api_key:/srv/a b/100 %%n/braze_api_key\n" in unit
    assert re.search(r"(?<!%)%(?!%)", unit) is None


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("letter", ["'", '"', "\\", "\n", "\r", "$", "`", "\u202e", "\udcff"])
def test_a_path_that_could_mean_something_else_is_refused(letter: str, write: Callable[[Installation], str]) -> None:
    for field in ("config", "state"):
        with pytest.raises(ConfigurationError, match="Nothing was printed"):
            write(replace(AT, **{field: Path(f"/srv/a{letter}b/file")}))  # type: ignore[arg-type]


def test_a_line_that_cron_would_cut_off_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="longer than cron takes"):
        files.crontab(replace(AT, config=Path("/srv" + "/folder" * 140 + "/ecmbraze.yaml")))


def test_the_unit_may_write_only_where_the_state_is() -> None:
    usual, elsewhere = files.service(AT), files.service(replace(AT, state=Path("/srv/ecmbraze/state.db")))

    assert "\nStateDirectory=ecmbraze\n" in usual
    assert "ReadWritePaths" not in usual
    assert "\nReadWritePaths=/srv/ecmbraze\n" in elsewhere
    assert "StateDirectory" not in elsewhere
    assert "\nProtectHome=true\n" in elsewhere


@pytest.mark.parametrize("field", ["program", "config", "state", "secrets"])
def test_what_lies_in_a_home_is_seen_by_the_unit(field: str) -> None:
    home = "/home/ada/ecmbraze"
    there: Any = {
        "program": (home,),
        "secrets": (Origin(way=Way.FILE, name=home),),
    }.get(field, Path(home))

    assert "\nProtectHome=read-only\n" in files.service(replace(AT, **{field: there}))


def test_what_the_unit_cannot_see_is_told(office: Offline) -> None:
    office.config["state"] = "/tmp/ecmbraze/state.db"

    assert "PrivateTmp= hides /tmp" in office.ecmbraze("schedule", "systemd").stderr


def test_credentials_come_from_systemd_and_cron_is_said_to_have_none(office: Offline) -> None:
    office.config["braze"]["api_key"] = "credential:braze_api_key"

    cron, systemd = office.ecmbraze("schedule", "cron"), office.ecmbraze("schedule", "systemd")

    assert "cron gives no credentials: write file:PATH instead of credential: for braze_api_key." in cron.stderr
    assert f"\nLoadCredential=braze_api_key:{office.path.parent}/braze_api_key\n" in systemd.stdout
    assert "Put the secrets braze_api_key into files" in systemd.stderr


def test_the_unit_counts_what_needs_nobody_as_success_and_a_plan_that_waits_as_failure() -> None:
    codes = re.search(r"^SuccessExitStatus=(.*)$", files.service(AT), re.MULTILINE)

    assert codes
    assert codes[1].split() == ["8", "11", "130", "143"]


def test_one_pod_writes_the_state_file_and_is_locked_down() -> None:
    claim, *_ = yaml.safe_load_all(text := kubernetes.manifests(AT))
    schedule, shell = _cronjobs(text)

    assert claim["spec"]["accessModes"] == ["ReadWriteOncePod"]
    assert (schedule["spec"]["suspend"], shell["spec"]["suspend"]) == (False, True)
    for job in (schedule, shell):
        spec = job["spec"]["jobTemplate"]["spec"]
        pod = spec["template"]["spec"]
        assert (job["spec"]["concurrencyPolicy"], spec["backoffLimit"], pod["restartPolicy"]) == ("Forbid", 0, "Never")
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch"
        for container in (*pod["initContainers"], *pod["containers"]):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["image"] == kubernetes.IMAGE
            assert set(container["resources"]) == {"requests", "limits"}
        mounted = {entry["name"] for entry in pod["volumes"]}
        assert {entry["name"] for entry in pod["containers"][0]["volumeMounts"]} == mounted
    # The run ends by its own budget before the cluster ends it.
    assert schedule["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"] > 14 * 60


def test_a_pod_gets_its_secrets_by_name() -> None:
    job = _cronjobs(kubernetes.manifests(AT))[0]

    environment = {entry["name"]: entry for entry in _container(job)["env"]}
    reference = environment["ECM_PASSWORD"]["valueFrom"]["secretKeyRef"]
    assert reference == {"name": "ecmbraze", "key": "ECM_PASSWORD"}
    folder = environment["CREDENTIALS_DIRECTORY"]["value"]
    volumes = {entry["name"]: entry for entry in job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["volumes"]}
    assert {"name": "credentials", "mountPath": folder, "readOnly": True} in _container(job)["volumeMounts"]
    assert [item["key"] for item in volumes["credentials"]["secret"]["items"]] == ["braze_api_key"]


@pytest.mark.parametrize("folder", ["/srv/a b: c # d, {e}", "/srv/yes", "/srv/ünï"])
def test_a_folder_with_signs_of_yaml_stays_a_folder(folder: str) -> None:
    if ":" in folder:
        with pytest.raises(ConfigurationError, match="no volume can be mounted"):
            kubernetes.manifests(replace(AT, state=Path(folder) / "state.db"))
        folder = folder.replace(":", "")

    job = _cronjobs(kubernetes.manifests(replace(AT, state=Path(folder) / "state.db")))[0]

    assert folder in [mount["mountPath"] for mount in _container(job)["volumeMounts"]]


def test_a_pod_refuses_what_it_could_not_run_with(office: Offline) -> None:
    def refused(said: str) -> None:
        done = office.ecmbraze("schedule", "kubernetes")
        assert (done.code, done.stdout) == (15, "")
        assert said in " ".join(done.stderr.split())

    office.config["state"] = "state.db"
    refused("the path is relative to the configuration")
    for state in ("/etc/ecmbraze/state.db", "/tmp/state.db", "/state.db"):
        office.config["state"] = state
        refused("no volume can be mounted")
    office.config["state"] = "/var/lib/ecmbraze/state.db"
    office.config["braze"]["api_key"] = "file:/etc/ecmbraze/key"
    refused("credential:NAME or ${NAME}")
    office.config["braze"]["api_key"] = "credential:a key"
    refused("No key of a Secret can have the name 'a key'")
    assert "systemd takes no credential of the name 'a key'" in office.ecmbraze("schedule", "systemd").stderr


def test_what_the_image_must_bring_besides_is_named(office: Offline) -> None:
    office.config["ecm"]["ca_file"] = "/etc/ssl/private-ca.pem"
    office.config["braze"]["api_key"] = {"command": ["pass", "braze token"]}

    text = office.ecmbraze("schedule", "kubernetes").stdout

    assert "#      'ecm.ca_file: /etc/ssl/private-ca.pem'\n" in text
    assert "#      'the command pass'\n" in text


@pytest.mark.parametrize(("typed", "meant"), [("corn", "cron"), ("system", "systemd"), ("kubernets", "kubernetes")])
def test_a_misspelt_kind_gets_the_nearest_one(office: Offline, typed: str, meant: str) -> None:
    done = office.ecmbraze("schedule", typed)

    assert done.code == 2
    assert f"'{meant}'" in done.stderr
    assert done.stdout == ""


def test_the_kinds_complete() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from ecmbraze.cli.app import main; import sys; sys.argv[0] = 'ecmbraze'; main()"],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "_ECMBRAZE_COMPLETE": "complete_bash",
            "COMP_WORDS": "ecmbraze schedule ",
            "COMP_CWORD": "2",
        },
    )

    assert done.stdout.split() == KINDS


def test_a_variable_that_yaml_would_read_as_something_else_keeps_its_name() -> None:
    secrets = (Origin(way=Way.ENVIRONMENT, name="NO"), Origin(way=Way.ENVIRONMENT, name="Y"))

    (cronjob, *_) = _cronjobs(kubernetes.manifests(replace(AT, secrets=secrets)))

    held = {
        one["name"]: one["valueFrom"]["secretKeyRef"]["key"] for one in _container(cronjob)["env"] if "valueFrom" in one
    }
    assert held == {"NO": "NO", "Y": "Y"}
