"""Look whether the folder of Currents files is there and can be read; opens no file and asks no system."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from ecmbraze.cli.check.findings import WRONG_NAME, Finding, Level, well
from ecmbraze.config import Settings
from ecmbraze.errors import ConfigurationError, TemporaryError
from ecmbraze.flow import Flow
from ecmbraze.model import CurrentsFile
from ecmbraze.planning.currents import FILES_READ
from ecmbraze.ports import CurrentsReader


def findings(
    config: Settings, flows: Mapping[str, Flow[Any]], reader: CurrentsReader, now: datetime
) -> Iterator[Finding]:
    """Yield how the folder of each flow stands that names one; a run does without it, so that only `check` fails."""
    for name, section in config.flows.items():
        needs = flows[name].needs(section)
        if needs.rotation and needs.rotation.currents:
            yield from _folder(config, (name, "currents"), needs.rotation.currents, "choices", reader.files, now)
        if needs.silence and needs.silence.currents_files:
            where = (name, "currents_files")
            yield from _folder(config, where, needs.silence.currents_files, "e-mails", reader.mail_files, now)


def _folder(
    config: Settings,
    setting: tuple[str, str],
    folder: str,
    about: str,
    files_of: Callable[[str, datetime], Sequence[CurrentsFile]],
    now: datetime,
) -> Iterator[Finding]:
    where = config.places.of(("flows", *setting))
    try:
        files = files_of(folder, now - FILES_READ)
    except (ConfigurationError, TemporaryError) as error:
        said = " ".join(" ".join((error.happened, error.advice)).split())
        yield Finding(level=Level.WRONG, where=where, said=said, code=WRONG_NAME)
        return
    if files:
        newest = f"{files[-1].modified_at:%F %R} UTC"
        yield well(where, f"{len(files)} Currents files about {about}, the newest of {newest}")
    else:
        said = f"no Currents file about {about} is there from the last {FILES_READ.days} days: does the sync run?"
        yield Finding(level=Level.NOTE, where=where, said=said)
