"""What rules of every flow may know of a person: what is open of them, by what this round listed; asks no system."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ecmbraze.engine.context import RoundContext
from ecmbraze.engine.setting import Setting
from ecmbraze.errors import OtherUnreadable
from ecmbraze.flow import Context, Flow
from ecmbraze.model import Facts, keys


def asked_types(setting: Setting, flow: Flow[Any], section: Any) -> tuple[str, ...]:
    """Return the workspace types that must be listed before rules of a flow may ask what is open of a person."""
    if setting.customers is None or not any(rule.asks_of_customers for rule in flow.rules(section)):
        return ()
    making, its = setting.customers
    return tuple(making.of_customers.types(its)) if making.of_customers else ()


def customers(of: RoundContext) -> Callable[[str], Facts]:
    """Return what says it, by the flow that makes it and with its settings.

    What it returns raises OtherUnreadable where this round did not list all the workspaces it rests on: unknown is not
    empty, and what an earlier round saw may have been overtaken.
    """
    if of.setting.customers is None:
        return lambda person: {}
    flow, section = of.setting.customers
    made = flow.of_customers
    view = of.ledger.view(of.plan, flow.name, flow.needs(section))
    context = Context(now=of.clock.now(), zone=of.setting.zone, prefix=of.setting.prefix)

    def told(person: str) -> Facts:
        if made is None:
            return {}
        if not {keys.workspaces(name) for name in made.types(section)} <= of.plan.looked_through():
            raise OtherUnreadable("the workspaces that tell what is open of this person were not listed in this run")
        return made.facts(section, person, view, context)

    return told
