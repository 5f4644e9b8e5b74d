"""The register: every flow there is, in the order of priority when they share a person.

The names are there at once; a flow is imported when somebody takes it from ``BY_NAME``, all are with ``FLOWS``.
"""

from __future__ import annotations

from collections import UserDict
from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ecmbraze.flow import Flow

# One line per flow: the name of its module here, of its command and of its section.
NAMES = (
    "onboarding",
    "cases",
    "lifecycle",
    "approvals",
    "consent",
    "assets",
    "feedback",
    "success",
)
FLOWS: tuple[Flow[Any], ...]


class _Register(UserDict[str, "Flow[Any]"]):
    """The flows by name, each imported when it is first asked for: a run of one needs no other."""

    def __missing__(self, name: str) -> Flow[Any]:
        if name not in NAMES:
            raise KeyError(name)
        self[name] = import_module(f"{__name__}.{name}").FLOW
        return self[name]

    def __contains__(self, name: object) -> bool:
        return name in NAMES

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


BY_NAME = _Register()


def __getattr__(name: str) -> Any:
    """Import every flow, for whoever asks for them first."""
    if name != "FLOWS":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = tuple(BY_NAME.values())
    return globals()[name]
