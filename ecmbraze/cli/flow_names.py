"""Flow names on the command line: completed by the shell, looked up in the register, refused with the nearest one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ecmbraze.errors import UsageError
from ecmbraze.flow import Flow
from ecmbraze.flows import BY_NAME, FLOWS
from ecmbraze.suggest import did_you_mean


def complete(incomplete: str) -> Iterator[tuple[str, str]]:
    """Yield (name, what it does) of the flows that begin so, for the shell."""
    return ((flow.name, flow.summary) for flow in FLOWS if flow.name.startswith(incomplete))


def known(name: str, *, undone: str) -> Flow[Any]:
    """Return the flow of this name; raises UsageError with the nearest one."""
    if name in BY_NAME:
        return BY_NAME[name]
    near = did_you_mean(name, BY_NAME)
    raise UsageError(f"There is no flow {name!r}{near or '.'}", undone=undone, advice=_there())


def _there() -> str:
    return f"The flows are {', '.join(BY_NAME)}."
