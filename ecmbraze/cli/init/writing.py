"""Write the configuration that was asked for: its text, and the file in one go or not at all; asks nobody."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import indent

from ecmbraze.cli.init.editing import as_comment
from ecmbraze.cli.init.questions import NOTHING
from ecmbraze.config.strict_yaml import written_block
from ecmbraze.errors import StorageError, UsageError
from ecmbraze.flows import BY_NAME, NAMES

_HEAD = """\
# Written by `ecmbraze init`. `ecmbraze check --schema` describes every setting; secrets never stand here.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was answered. ``ecm`` and ``braze`` are their sections of the file, setting → value."""

    path: Path
    ecm: Mapping[str, object]
    braze: Mapping[str, object]
    zone: str = "UTC"
    state: str = "state.db"
    sections: Mapping[str, str] = field(default_factory=dict)
    """Flow → its section, as text."""


def text(asked: Asked) -> str:
    """Return the whole file: flows without a section stand in it as a comment that shows one."""
    head = {"ecm": {**asked.ecm, "timezone": asked.zone}, "braze": dict(asked.braze), "state": asked.state}
    sections = [asked.sections.get(flow) or as_comment(BY_NAME[flow].example, "") for flow in NAMES]
    return "".join((_HEAD, written_block(head), "flows:\n", *(indent(section, "  ") for section in sections)))


@contextmanager
def new_files(path: Path, content: str, folder: Path, check: Callable[[Path], object]) -> Iterator[None]:
    """Write a file, 0600, in one go, and take it away again when the block fails; nothing is ever written over.

    ``check`` looks at it under another name first, and raises where it will not do. ``folder`` is made where it is
    missing, 0700. Raises UsageError where a file came meanwhile, StorageError where it cannot be written.
    """
    made: list[Path] = []
    try:
        for missing in reversed([place for place in (folder, *folder.parents) if not place.exists()]):
            missing.mkdir(mode=0o700)
            made.append(missing)
        scratch = _scratch(path, content, made)
        check(scratch)
        _named(scratch, path)
        made.append(path)
        yield
        scratch.unlink(missing_ok=True)
    except BaseException as error:
        for place in reversed(made):
            with suppress(OSError):
                place.rmdir() if place.is_dir() else place.unlink()
        if isinstance(error, FileExistsError):
            raise UsageError(
                f"{path} came to be meanwhile.", undone=f"It was not touched. {NOTHING}", advice="Name another file."
            ) from None
        if isinstance(error, OSError):
            raise StorageError(
                f"{error.filename or path} cannot be written: {error.strerror}.",
                undone=NOTHING,
                advice="Mend that, then begin again with `ecmbraze init`.",
            ) from None
        raise


def _scratch(path: Path, content: str, made: list[Path]) -> Path:
    number, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent)  # 0600
    made.append(Path(name))
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(number)
    return Path(name)


def _named(scratch: Path, path: Path) -> None:
    """Give the file its name; unlike a rename a link never replaces what came meanwhile."""
    try:
        os.link(scratch, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        scratch.rename(path)
