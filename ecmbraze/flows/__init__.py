"""The register: every flow there is, in the order of priority when they share a person.

The names are there at once; the flows are imported when somebody takes ``FLOWS`` or ``BY_NAME``.
"""

from __future__ import annotations

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
BY_NAME: dict[str, Flow[Any]]


def __getattr__(name: str) -> Any:
    """Import every flow, for whoever asks for them first."""
    if name not in ("FLOWS", "BY_NAME"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    flows = tuple(import_module(f"{__name__}.{flow}").FLOW for flow in NAMES)
    globals().update(FLOWS=flows, BY_NAME={flow.name: flow for flow in flows})
    return globals()[name]
