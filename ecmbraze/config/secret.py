"""Secrets: where they come from, and a type that never shows them; they never stand in the file."""

from __future__ import annotations

import os
import re
import shlex
import stat
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, NoReturn

from ecmbraze.errors import ConfigurationError
from ecmbraze.suggest import did_you_mean

_ENV = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_COMMAND_S = 10


class Way(StrEnum):
    """How a secret comes to the program."""

    ENVIRONMENT = "environment"
    FILE = "file"
    CREDENTIAL = "credential"
    COMMAND = "command"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a secret comes from, without it: the name of the variable or credential, the path, or the command."""

    way: Way
    name: str
    argv: tuple[str, ...] = ()


class Secret:
    """A value that prints as ``***``; :meth:`reveal` gives it out, pickling is refused."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret itself; hand it on, never print it."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


class Deferred(Secret):
    """A secret that is looked for only when it is needed: most commands ask no system, and their user may have none."""

    __slots__ = ("_source", "origin")

    def __init__(self, source: Callable[[], Secret], origin: Origin) -> None:
        self._source, self.origin = source, origin

    def reveal(self) -> str:
        """Return the secret; raises ConfigurationError where it is not to be had."""
        try:
            return self._source().reveal()
        except ValueError as error:
            raise ConfigurationError(
                f"A secret of the configuration is missing: {error}.",
                undone="Nothing was asked of the system that needs it.",
                advice="Start the command where that secret is to be had, as the schedule does.",
            ) from None


def resolve(raw: object, environ: Mapping[str, str]) -> Secret:
    """Return the secret a setting points to; raises ValueError with a sentence for the operator."""
    return raw if isinstance(raw, Secret) else _source(_origin(raw), environ)()


def defer(raw: object, environ: Mapping[str, str]) -> Secret:
    """Return a secret that is looked for when it is needed; raises ValueError for what points to none."""
    if isinstance(raw, Secret):
        return raw
    origin = _origin(raw)
    return Deferred(_source(origin, environ), origin)


def _origin(raw: object) -> Origin:
    """Return where the secret a setting points to comes from."""
    if isinstance(raw, Mapping) and list(raw) == ["command"] and isinstance(raw["command"], list):
        argv = _argv(raw["command"])
        return Origin(way=Way.COMMAND, name=shlex.join(argv), argv=tuple(argv))
    if not isinstance(raw, str):
        raise ValueError('write "${NAME}", "file:/path", "credential:NAME" or {command: [program, argument]}')
    if match := _ENV.fullmatch(raw):
        return Origin(way=Way.ENVIRONMENT, name=match[1])
    for way in (Way.FILE, Way.CREDENTIAL, Way.COMMAND):
        if raw.startswith(f"{way}:"):
            return Origin(way=way, name=raw.removeprefix(f"{way}:"))
    raise ValueError('a secret never stands in the file: write "${NAME}", "file:/path" or "credential:NAME"')


def _source(origin: Origin, environ: Mapping[str, str]) -> Callable[[], Secret]:
    """Return what finds a secret."""
    match origin.way:
        case Way.ENVIRONMENT:
            return lambda: _from_environment(origin.name, environ)
        case Way.FILE:
            return lambda: _filled(_file(Path(origin.name)), "the file is empty")
        case Way.CREDENTIAL:
            return lambda: _credential(origin.name, environ)
        case Way.COMMAND:
            return lambda: _filled(_command(origin.argv or shlex.split(origin.name)), "the command printed nothing")


def _credential(name: str, environ: Mapping[str, str]) -> Secret:
    folder = environ.get("CREDENTIALS_DIRECTORY", "")
    if not folder:
        raise ValueError("CREDENTIALS_DIRECTORY is not set: systemd's LoadCredential= gives it")
    return _filled(_read(Path(folder) / name), "the credential is empty")


def _from_environment(name: str, environ: Mapping[str, str]) -> Secret:
    if value := environ.get(name, "").rstrip("\r\n"):  # names are compared only where one is missing
        return Secret(value)
    near = did_you_mean(name, environ.keys() - {name})
    raise ValueError(f"the environment variable {name} is empty or not set{near}")


def _filled(value: str, otherwise: str) -> Secret:
    text = value.rstrip("\r\n")
    if not text:
        raise ValueError(otherwise)
    return Secret(text)


def _file(path: Path) -> str:
    try:
        entry = path.stat()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    if stat.S_IMODE(entry.st_mode) & 0o077:
        raise ValueError(f"{path} can be read by others (mode {stat.S_IMODE(entry.st_mode):04o}): chmod 600 it")
    if entry.st_uid not in (0, os.geteuid()):
        raise ValueError(f"{path} belongs to user {entry.st_uid}")
    return _read(path)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {type(error).__name__}") from None


def _argv(parts: Sequence[object]) -> list[str]:
    """Return the words of a command, none of which YAML may have read as something else."""
    if not all(isinstance(part, str) for part in parts):
        raise ValueError("quote every word of the command that is no plain text: numbers, true, false, null")
    return [str(part) for part in parts]


def _command(argv: Sequence[str]) -> str:
    if not argv:
        raise ValueError("the command is empty")
    try:
        done: Any = subprocess.run(argv, capture_output=True, timeout=_COMMAND_S, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ValueError(f"the command {argv[0]!r} failed: {type(error).__name__}") from None
    if done.returncode:
        raise ValueError(f"the command {argv[0]!r} ended with {done.returncode}")
    return str(done.stdout.decode("utf-8", "replace"))
