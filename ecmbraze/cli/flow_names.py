"""Flow names on the command line: completed by the shell, looked up in the register, refused with the nearest one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ecmbraze import flows
from ecmbraze.cli.commands import helps
from ecmbraze.errors import UsageError
from ecmbraze.suggest import did_you_mean

if TYPE_CHECKING:
    from ecmbraze.flow import Flow


def complete(incomplete: str) -> Iterator[tuple[str, str]]:
    """Yield (name, what it does) of the flows that begin so, for the shell."""
    return ((name, helps()[name]) for name in flows.NAMES if name.startswith(incomplete))


def known(name: str, *, undone: str) -> Flow[Any]:
    """Return the flow of this name; raises UsageError with the nearest one."""
    if name in flows.NAMES:
        return flows.BY_NAME[name]
    near = did_you_mean(name, flows.NAMES)
    raise UsageError(f"There is no flow {name!r}{near or '.'}", undone=undone, advice=_there())


def _there() -> str:
    return f"The flows are {', '.join(flows.NAMES)}."
