"""What an answer of the guided init must be: addresses, where secrets come from, zones, files; asks nobody."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from ecmbraze.config.urls import checked
from ecmbraze.errors import StateUnusable
from ecmbraze.ledger.file import check_folder
from ecmbraze.ledger.mounts import networked
from ecmbraze.planning.zones import zone_named
from ecmbraze.suggest import nearest

_VARIABLE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")
# Where the programs of Content Server end: what stands behind is a page of it, copied from a browser.
_BEHIND_PROGRAM = re.compile(r"(.*/(?:cs|livelink|llisapi)(?:\.exe|\.dll)?)/.+")
_LONGEST_NAME = 200
_LOCAL_TIME = Path("/etc/localtime")


def ecm_url(answer: str) -> str:
    """Return the base URL of Extended ECM; raises ValueError with what is missing or too much."""
    url = checked(answer)
    if found := _BEHIND_PROGRAM.fullmatch(url):
        raise ValueError(f"that is a page below the address: write {found[1]}")
    if not urlsplit(url).path:
        raise ValueError(f"its path is missing, as in {url}/otcs/cs.exe")
    return url


def braze_url(answer: str) -> str:
    """Return the REST endpoint of Braze; raises ValueError for the page that people log in to."""
    url = checked(answer)
    if (urlsplit(url).hostname or "").startswith("dashboard"):
        raise ValueError("that is the dashboard: the REST endpoint is named there under Settings, APIs and Identifiers")
    return url


def secret_from(environ: Mapping[str, str]) -> Callable[[str], str]:
    """Return what takes the answer where a secret comes from; it raises ValueError, never repeating the answer.

    A bare word counts as the name of a variable only while that variable is set: else it may be the secret itself.
    """

    def take(answer: str) -> str:
        way, _, name = (part.strip() for part in answer.partition(":"))
        if _VARIABLE.fullmatch(answer):
            return answer
        if _VARIABLE.fullmatch(f"${{{answer}}}") and answer in environ:
            return f"${{{answer}}}"
        if way == "file" and name:
            if not Path(name).is_absolute():
                raise ValueError("name the file with its whole path, as in file:/etc/ecmbraze/password")
            return f"file:{name}"
        if way == "credential" and name and "/" not in name:
            return f"credential:{name}"
        if way == "command" and _words(name):
            return f"command:{name}"
        raise ValueError(
            "write ${NAME}, file:/path, credential:NAME or command:PROGRAM, never the secret itself: it is kept nowhere"
        )

    return take


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        raise ValueError("a quotation mark of the command has no partner") from None


def _short(answer: str) -> str:
    """Return a path of which each name leaves room for the endings of the files beside it."""
    if answer.startswith("~"):
        raise ValueError("write the whole path: ~ is only read by a shell")
    if any(len(os.fsencode(part)) > _LONGEST_NAME for part in Path(some_text(answer)).parts):
        raise ValueError(f"a name in it is longer than {_LONGEST_NAME} bytes")
    return answer


def some_text(answer: str) -> str:
    """Return a name; raises ValueError for none."""
    if not answer:
        raise ValueError("it cannot be empty")
    return answer


def zone(answer: str) -> str:
    """Return the name of a time zone; raises ValueError with the nearest one."""
    zone_named(answer)
    return answer


def system_zone(environ: Mapping[str, str]) -> str:
    """Return the time zone of this machine, UTC where it does not say."""
    local = str(_LOCAL_TIME.resolve()).partition("/zoneinfo/")[2]
    for name in (environ.get("TZ", "").removeprefix(":"), local):
        try:
            return zone(name) if name else "UTC" if not local else zone(local)
        except ValueError:
            continue
    return "UTC"


def new_file(answer: str) -> Path:
    """Return the place of a configuration that is to be written; raises ValueError where it cannot be."""
    path = Path(_short(answer))
    if os.path.lexists(path):
        raise ValueError(f"{path} is there already; it stays as it is")
    if not path.name or answer.endswith("/"):
        raise ValueError("name a file, not a folder")
    if why := _no_place(path.parent):
        raise ValueError(why)
    return path


def state_file(base: Path) -> Callable[[str], Path]:
    """Return what takes the place of a state file, relative to ``base``; its folder may still be missing."""

    def take(answer: str) -> Path:
        path = base / _short(answer)
        if answer.endswith("/") or path.is_dir():
            raise ValueError(f"{path} is a folder: name a file in it, such as {path / 'state.db'}")
        for there in (path, path.with_name(f"{path.name}.key")):
            if os.path.lexists(there):
                raise ValueError(f"{there} is there already: a state file is never written over")
        folder = nearest_folder(path.parent)
        if why := _no_place(folder):
            raise ValueError(why)
        try:
            if folder == path.parent:
                check_folder(path)
        except StateUnusable as error:
            raise ValueError(f"{error.happened} {error.advice}") from None
        if kind := networked(folder / path.name):
            raise ValueError(f"{folder} lies on a network file system ({kind}), where locks are not reliable")
        return path

    return take


def nearest_folder(folder: Path) -> Path:
    """Return the folder, or the nearest above it that is there."""
    return next(place for place in (folder, *folder.parents) if os.path.lexists(place))


def like(folder: Path) -> Path | None:
    """Return the folder that may have been meant by one that is missing."""
    there = nearest_folder(folder)
    near = nearest(folder.relative_to(there).parts[0], (entry.name for entry in there.iterdir() if entry.is_dir()))
    return there / near if near else None


def _no_place(folder: Path) -> str:
    """Return why no file can be made in a folder; empty where it can."""
    if not folder.exists():
        return f"the folder {folder} does not exist"
    if not folder.is_dir():
        return f"{folder} is no folder"
    return "" if os.access(folder, os.W_OK | os.X_OK) else f"this account may not write in {folder}"
