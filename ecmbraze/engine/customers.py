"""What rules of every flow may know of a person: what is open of them, by what the mirror holds; asks no system."""

from __future__ import annotations

from collections.abc import Callable

from ecmbraze.engine.context import RoundContext
from ecmbraze.errors import RecordUnreadable
from ecmbraze.flow import Context
from ecmbraze.model import Facts, keys


def customers(of: RoundContext) -> Callable[[str], Facts]:
    """Return what says it, by the flow that makes it and with its settings.

    What it returns raises RecordUnreadable while that flow has not taken in all its workspaces: unknown is not empty.
    """
    if of.setting.customers is None:
        return lambda person: {}
    flow, section = of.setting.customers
    needs, ask = flow.needs(section), flow.of_customer
    view = of.ledger.view(of.plan, flow.name, needs)
    context = Context(now=of.clock.now(), zone=of.setting.zone, prefix=of.setting.prefix)

    def told(person: str) -> Facts:
        streams = [keys.workspaces(name) for name in needs.types]
        if any(view.baseline(one) is None and one not in of.plan.complete() for one in streams):
            raise RecordUnreadable(f"nobody knows what is open of this person before `ecmbraze {flow.name}` has run")
        return ask(section, person, view, context) if ask else {}

    return told
