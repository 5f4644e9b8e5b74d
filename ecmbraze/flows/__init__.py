"""The register: every flow there is, in the order of priority when they share a person."""

from __future__ import annotations

from typing import Any

from ecmbraze.flow import Flow
from ecmbraze.flows import lifecycle, onboarding

FLOWS: tuple[Flow[Any], ...] = (onboarding.FLOW, lifecycle.FLOW)
BY_NAME = {flow.name: flow for flow in FLOWS}
