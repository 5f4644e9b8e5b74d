"""Let a person choose flows one by one, each with its workspace type and customer; writes no file."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ecmbraze.cli.discover.in_ecm import in_a_row
from ecmbraze.cli.init import editing
from ecmbraze.cli.init.adapting import Adapting, Load
from ecmbraze.cli.init.questions import Dialogue
from ecmbraze.cli.init.systems import Systems
from ecmbraze.config.strict_yaml import parse, written
from ecmbraze.engine.scan.names import place_of
from ecmbraze.errors import ConfigurationError, EcmbrazeError
from ecmbraze.flows import BY_NAME, NAMES
from ecmbraze.model import AttributeInfo
from ecmbraze.planning.customers import BUSINESS_OBJECT
from ecmbraze.suggest import nearest

_NONE_FITS = "none of these; the flow stays a comment"


def sections(
    dialogue: Dialogue, systems: Systems, zone: str, load: Callable[[Mapping[str, str], str], Load]
) -> dict[str, str]:
    """Return the sections of the flows that were chosen, in the order of the register.

    ``load`` returns what reads a section behind those that stand already.
    """
    chosen: dict[str, str] = {}
    dialogue.numbered([f"{name.ljust(11)} {BY_NAME[name].summary}" for name in NAMES])
    while len(chosen) < len(NAMES):
        question = f"{'Another' if chosen else 'A'} flow to set up, by number or name"
        picked = dialogue.choose(question, {name: name for name in NAMES}, otherwise="that is all", show=False)
        if not picked:
            break
        if picked in chosen:
            dialogue.say(f"{picked} was answered for: change it in the file.", indent=2)
            continue
        dialogue.head(picked)
        try:
            one = _section(dialogue, systems, picked, zone, load(dict(chosen), picked))
        except EcmbrazeError as error:
            one = editing.as_comment(BY_NAME[picked].example, error.happened)
            dialogue.say(error.happened)
        chosen[picked] = one
        used = parse(one).value is not None
        dialogue.say(
            f"{picked} is set up." if used else f"{picked} stays a comment in the file, to be completed there."
        )
    return {name: chosen[name] for name in NAMES if name in chosen}


def _section(dialogue: Dialogue, systems: Systems, flow: str, zone: str, load: Load) -> str:
    """Return a section of a flow, or all of it as a comment. Raises EcmbrazeError where a system fails."""
    text = BY_NAME[flow].example
    for path in parse(text).lines:
        if path[-1:] == ("zone",):
            text = editing.with_value(text, path, written(zone))
    placed = _archive(dialogue, systems, text) if flow == "assets" else _about(dialogue, systems, flow, text)
    if placed is None:
        return editing.as_comment(text, "it was not said for which workspaces")
    return Adapting(dialogue=dialogue, systems=systems, load=load, flow=flow, text=placed).finish()


def _about(dialogue: Dialogue, systems: Systems, flow: str, text: str) -> str | None:
    """Ask for the workspace type and the customer; return None where none was named."""
    shown = str(editing.value(text, (flow, "workspace_types", 0)).value)
    type_name = _type(dialogue, systems, shown)
    if not type_name:
        return None
    for path in parse(text).lines:
        if path[-2:-1] == ("workspace_types",) and editing.value(text, path).value == shown:
            text = editing.with_value(text, path, written(type_name))
    if not systems.samples.rows(type_name):
        dialogue.say(f"The account sees no workspace of type {type_name!r}: what its workspaces carry is not known.")
        return None
    choices = {name: name for name in customers(systems.samples.carried(type_name))}
    choices[BUSINESS_OBJECT] = f"{BUSINESS_OBJECT} (the id of the business object that the workspace belongs to)"
    here = str(editing.value(text, (flow, "customer")).value)
    near = here if here in choices else nearest(here, choices) or ""
    dialogue.say()
    dialogue.say("Which attribute is the customer's external_id in Braze?")
    customer = dialogue.choose("Customer", choices, default=near, otherwise=_NONE_FITS)
    return editing.with_value(text, (flow, "customer"), written(customer)) if customer else None


def _archive(dialogue: Dialogue, systems: Systems, text: str) -> str | None:
    """Ask for the one workspace of the archive; return None where none was named."""
    at = ("assets", "workspace")
    type_name = _type(dialogue, systems, str(editing.value(text, (*at, "type")).value))
    if not type_name:
        return None

    def take(answer: str) -> str:
        try:
            return answer if not answer or place_of(systems.made.ecm, type_name, answer) else ""
        except ConfigurationError as error:
            raise ValueError(error.happened.removeprefix("assets: ")) from None

    name = str(editing.value(text, (*at, "name")).value)
    try:
        take(name)
    except ValueError:
        name = ""
    name = dialogue.ask("Name of the workspace that keeps the archive", name, take, shown="" if name else _NONE_FITS)
    if not name:
        return None
    return editing.with_value(editing.with_value(text, (*at, "type"), written(type_name)), (*at, "name"), written(name))


def _type(dialogue: Dialogue, systems: Systems, shown: str) -> str:
    default = shown if shown in systems.types else nearest(shown, systems.types) or ""
    choices = {name: name for name in sorted(systems.types, key=str.casefold)}
    return dialogue.choose("Workspace type", choices, default=default, otherwise=_NONE_FITS)


def customers(carried: Mapping[str, AttributeInfo]) -> list[str]:
    """Return the attributes that may name one customer, as `customer:` is written."""
    infos = sorted(carried.values(), key=lambda one: one.name.casefold())
    single = [
        one.name
        for one in infos
        if one.type_name in ("String", "Integer") and not (one.set_name or one.multi_value or one.valid_values)
    ]
    in_sets = [in_a_row(one, carried) for one in infos]
    return [*single, *(one for one in in_sets if one and "COLUMN=VALUE" not in one)]
