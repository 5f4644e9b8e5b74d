"""The crontab and the units of systemd, with every path quoted as each of them reads it; writes nothing."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from ecmbraze.cli.schedule.installation import BUDGET, Installation, filled, refuse_odd
from ecmbraze.config.secret import Way
from ecmbraze.errors import ConfigurationError

TIMER = "/etc/systemd/system/ecmbraze.timer"
# What cron takes as one command, on Debian; more is cut off.
_LONGEST = 998
_HOMES = tuple(map(Path, ("/home", "/root", "/run/user")))
_TMP = tuple(map(Path, ("/tmp", "/var/tmp")))  # noqa: S108 nothing is written there
# A folder below /var/lib that systemd makes itself, with the account of the unit as its owner.
_STATE_FOLDER = re.compile(r"/var/lib/([A-Za-z0-9_-][A-Za-z0-9_.-]*)")
_CREDENTIAL = re.compile(r"[A-Za-z0-9_.-]{1,255}")
_PLAIN = re.compile(r"[\w@+=:,./-]+")


def crontab(at: Installation) -> str:
    """Return the crontab, for the account that owns the state file."""
    refuse_odd(*at.program, at.config, at.state)
    text = filled(
        "ecmbraze.crontab",
        state=at.state,
        minutes=at.minutes,
        program=_in_cron(*at.program),
        config=_in_cron(str(at.config)),
        budget=BUDGET,
        secrets=_secrets_of_cron(at),
    )
    if len(text.encode().splitlines()[-1]) > _LONGEST:
        raise ConfigurationError(
            f"The line would be longer than cron takes ({_LONGEST} letters).",
            undone="Nothing was printed.",
            advice="Move the configuration to a shorter path, such as /etc/ecmbraze/ecmbraze.yaml.",
        )
    return text


def service(at: Installation) -> str:
    """Return the unit of one run."""
    refuse_odd(*at.program, at.config, at.state)
    return filled(
        "ecmbraze.service",
        program=" ".join(map(_in_unit, at.program)),
        config=_in_unit(str(at.config)),
        budget=BUDGET,
        secrets=_secrets_of_unit(at),
        place=_place(at.state.parent),
        home="read-only" if _below(at, _HOMES) else "true",
    )


def timer(at: Installation) -> str:
    """Return the unit that starts the service."""
    return filled("ecmbraze.timer", minutes=at.minutes)


def environment_file(at: Installation) -> Path:
    """Return the file with the variables of the configuration: secrets never stand in a unit, which all may read."""
    return at.config.with_name("ecmbraze.env")


def below_tmp(at: Installation) -> bool:
    """Say whether something lies where the service sees a folder of its own."""
    return _below(at, _TMP)


def _below(at: Installation, folders: tuple[Path, ...]) -> bool:
    needed = [at.config, at.state, *map(Path, (at.program[0], *at.named(Way.FILE)))]
    return any(path.is_relative_to(folder) for path in needed for folder in folders)


def _in_cron(*words: str) -> str:
    """Return words for the shell, and for cron, to which an unescaped ``%`` is the end of the command."""
    return shlex.join(words).replace("%", "\\%")


def _in_unit(word: str) -> str:
    word = word.replace("%", "%%")
    return word if _PLAIN.fullmatch(word.replace("%", "")) else f'"{word}"'


def _secrets_of_cron(at: Installation) -> str:
    names = at.named(Way.ENVIRONMENT)
    if not names:
        return ""
    return (
        f"# The configuration takes from the environment: {', '.join(names)}. cron knows only what\n"
        "# stands here as NAME=VALUE; file:/path (mode 0600) in the configuration keeps secrets out of it.\n"
    )


def _secrets_of_unit(at: Installation) -> str:
    lines = []
    for name in at.named(Way.CREDENTIAL):
        if not _CREDENTIAL.fullmatch(name):
            raise ConfigurationError(
                f"systemd takes no credential of the name {name!r}.",
                undone="Nothing was printed.",
                advice="Name it with letters, digits, `_`, `-` and `.` in the configuration.",
            )
        lines.append(f"LoadCredential={name}:{str(at.config.with_name(name)).replace('%', '%%')}\n")
    if at.named(Way.ENVIRONMENT):
        lines.append(f"EnvironmentFile={str(environment_file(at)).replace('%', '%%')}\n")
    return "".join(lines)


def _place(folder: Path) -> str:
    """Return the lines that let the service write where the state file is, and nowhere else."""
    if made := _STATE_FOLDER.fullmatch(str(folder)):
        return f"StateDirectory={made[1]}\nStateDirectoryMode=0700\n"
    return f"ReadWritePaths={_in_unit(str(folder))}\n"
