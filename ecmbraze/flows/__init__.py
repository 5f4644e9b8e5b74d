"""The register: every flow there is, in the order of priority when they share a person."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ecmbraze.flow import Flow

# One line per flow: the name of its module here, of its command and of its section.
_NAMES = (
    "onboarding",
    "cases",
    "lifecycle",
    "approvals",
    "consent",
    "assets",
    "feedback",
    "success",
)
FLOWS: tuple[Flow[Any], ...] = tuple(import_module(f"{__name__}.{name}").FLOW for name in _NAMES)
BY_NAME = {flow.name: flow for flow in FLOWS}
