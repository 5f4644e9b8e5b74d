"""The register: every flow there is, in the order of priority when they share a person."""

from __future__ import annotations

from typing import Any

from ecmbraze.flow import Flow
from ecmbraze.flows import approvals, cases, lifecycle, onboarding

FLOWS: tuple[Flow[Any], ...] = (onboarding.FLOW, cases.FLOW, lifecycle.FLOW, approvals.FLOW)
BY_NAME = {flow.name: flow for flow in FLOWS}
