"""The manifests for Kubernetes: a volume with one writer, the schedule, and a pod for people; writes nothing."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

from ecmbraze.cli.schedule.installation import BUDGET, Installation, filled, refuse_odd
from ecmbraze.config.secret import Way
from ecmbraze.errors import ConfigurationError

# Names no image: until somebody writes another, no pod starts.
IMAGE = "registry.example.invalid/ecmbraze:VERSION"
_CONFIG = Path("/etc/ecmbraze/ecmbraze.yaml")
_CREDENTIALS = "/run/ecmbraze/credentials"
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_RUN = ("ecmbraze", "--log-format", "json", "run", "--max-duration", BUDGET)
# A pod for people is gone at the end of their day: as long as it is there, no run starts.
_PERSON_S = 8 * 3600
_RUN_S = 20 * 60
# What a volume may not cover: the program, and what the pod mounts itself.
_TAKEN = tuple(map(Path, ("/etc/ecmbraze", "/tmp", "/run", "/usr", "/opt", "/volume")))  # noqa: S108 only compared


def manifests(at: Installation) -> str:
    """Return one stream of manifests; raises ConfigurationError for what no pod could run with."""
    refuse_odd(at.config, at.state)
    _refuse_state(at)
    _refuse_secrets(at)
    keys = [*at.named(Way.ENVIRONMENT), *at.named(Way.CREDENTIAL)]
    return filled(
        "ecmbraze.kubernetes.yaml",
        image=IMAGE,
        in_pod=_CONFIG,
        config=shlex.quote(str(at.config)),
        keys=", ".join(dict.fromkeys(keys)) or "none, it is not needed",
        further=_further(at),
        cronjob=_cronjob(at, "ecmbraze", list(_RUN), _RUN_S),
        shell=_cronjob(at, "ecmbraze-shell", ["sleep", str(_PERSON_S)], _PERSON_S),
    )


def _cronjob(at: Installation, name: str, command: list[str], deadline: int) -> str:
    suspended = command[0] != "ecmbraze"
    credentials = at.named(Way.CREDENTIAL)
    mounted = f"                - {{name: credentials, mountPath: {_CREDENTIALS}, readOnly: true}}\n"
    # Not all of the Secret: what comes by the environment lies in no file.
    items = ", ".join(f"{{key: {json.dumps(one)}, path: {json.dumps(one)}}}" for one in credentials)
    volume = f"            - name: credentials\n              secret: {{secretName: ecmbraze, items: [{items}]}}\n"
    return filled(
        "cronjob.yaml",
        name=name,
        schedule=f"*/{at.minutes} * * * *",
        suspend=f"true  # only for `kubectl create job --from=cronjob/{name}`" if suspended else "false",
        # Less than a period: after an outage one start is made up for, not all of them.
        starting=max(at.minutes * 60 - 10, 30),
        deadline=deadline,
        image=IMAGE,
        command=json.dumps(command),
        in_pod=_CONFIG,
        in_pod_folder=_CONFIG.parent,
        folder=json.dumps(str(at.state.parent), ensure_ascii=False),
        env=_environment(at),
        mounts=mounted if credentials else "",
        volumes=volume if credentials else "",
    )


def _environment(at: Installation) -> str:
    before = " " * 16
    lines = [
        f"{before}- {{name: {name}, valueFrom: {{secretKeyRef: {{name: ecmbraze, key: {name}}}}}}}\n"
        for name in map(json.dumps, at.named(Way.ENVIRONMENT))  # quoted: YAML reads NO as false
    ]
    if at.named(Way.CREDENTIAL):
        lines.append(f"{before}- {{name: CREDENTIALS_DIRECTORY, value: {_CREDENTIALS}}}\n")
    return "".join(lines)


def _further(at: Installation) -> str:
    """Return what else the pod needs and these manifests do not bring."""
    needed = [*at.also_read, *(f"the command {name.split()[0]}" for name in at.named(Way.COMMAND) if name.split())]
    lines = "".join(f"#      {need!r}\n" for need in needed)
    return f"# 5. The image, or a mount of your own, must bring what the configuration names besides:\n{lines}" * bool(
        needed
    )


def _refuse_state(at: Installation) -> None:
    if at.state_relative:
        raise ConfigurationError(
            f"{at.state_place}: the path is relative to the configuration, which nobody can write beside in a pod.",
            undone="Nothing was printed.",
            advice="Write `state: /var/lib/ecmbraze/state.db`.",
        )
    folder = at.state.parent
    taken = [path for path in _TAKEN if folder.is_relative_to(path) or path.is_relative_to(folder)]
    if taken or ":" in str(folder):
        raise ConfigurationError(
            f"{at.state_place}: no volume can be mounted at {folder} in a pod; it would cover {folder} of the image.",
            undone="Nothing was printed.",
            advice="Write `state: /var/lib/ecmbraze/state.db`.",
        )


def _refuse_secrets(at: Installation) -> None:
    """Raise for secrets that a pod cannot have: files of a Secret can be read by the group, which ecmbraze refuses."""
    if files := at.named(Way.FILE):
        raise ConfigurationError(
            f"In a pod no file is readable for its account alone, so file:{files[0]} would be refused there.",
            undone="Nothing was printed.",
            advice="Write credential:NAME or ${NAME} in the configuration; the Secret `ecmbraze` then brings it.",
        )
    for name in at.named(Way.CREDENTIAL):
        if not _KEY.fullmatch(name) or name.startswith(".."):
            raise ConfigurationError(
                f"No key of a Secret can have the name {name!r}.",
                undone="Nothing was printed.",
                advice="Name the credential with letters, digits, `_`, `-` and `.` in the configuration.",
            )
