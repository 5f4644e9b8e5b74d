"""Look whether the folder of Currents files is there and can be read; opens no file and asks no system."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from ecmbraze.cli.check.findings import WRONG_NAME, Finding, Level, well
from ecmbraze.config import Settings
from ecmbraze.errors import ConfigurationError, TemporaryError
from ecmbraze.flow import Flow
from ecmbraze.planning.currents import FILES_READ
from ecmbraze.ports import CurrentsReader


def findings(
    config: Settings, flows: Mapping[str, Flow[Any]], reader: CurrentsReader, now: datetime
) -> Iterator[Finding]:
    """Yield how the folder of each flow stands that names one; a run does without it, so that only `check` fails."""
    for name, section in config.flows.items():
        rotation = flows[name].needs(section).rotation
        if rotation is None or not rotation.currents:
            continue
        where = config.places.of(("flows", name, "currents"))
        try:
            files = reader.files(rotation.currents, now - FILES_READ)
        except (ConfigurationError, TemporaryError) as error:
            said = " ".join(" ".join((error.happened, error.advice)).split())
            yield Finding(level=Level.WRONG, where=where, said=said, code=WRONG_NAME)
            continue
        if files:
            yield well(
                where, f"{len(files)} Currents files about choices, the newest of {files[-1].modified_at:%F %R} UTC"
            )
        else:
            said = f"no Currents file about choices is there from the last {FILES_READ.days} days: does the sync run?"
            yield Finding(level=Level.NOTE, where=where, said=said)
