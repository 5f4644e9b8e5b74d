"""Find what is well-formed and yet cannot be meant: unknown facts, two writers of one attribute; asks no system."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from ecmbraze.config.names import Named, named
from ecmbraze.config.places import Path, Places
from ecmbraze.config.repeat import shown
from ecmbraze.flow import Flow
from ecmbraze.planning.flow_options import MappedOptions
from ecmbraze.planning.naming import CUSTOMER_FACTS, Names
from ecmbraze.planning.outbound import Outbound, Sort
from ecmbraze.planning.rules import Section
from ecmbraze.suggest import did_you_mean

Problem = tuple[Path, str]

# What every workspace, document and reminder has beside category attributes (model.Record.named, Document.named).
WORKSPACE = tuple(f"workspace.{name}" for name in ("id", "name", "type", "created", "modified"))
DOCUMENT = tuple(f"document.{name}" for name in ("id", "name", "folder", "mime", "version", "created"))
REMINDER = ("reminder.days", "reminder.date")
FEEDBACK = ("feedback.token",)
CUSTOMER = CUSTOMER_FACTS
_OURS = "ecmbraze_"
_COMPARED = 500  # names a suggestion is looked for in, at most: comparing takes its time, and real files have a hundred


def problems(
    places: Places, flows: Mapping[str, Flow[Any]], sections: Mapping[str, Section], prefix: str
) -> Iterator[Problem]:
    """Yield (path, sentence) for each thing that cannot be meant."""
    if prefix.startswith(_OURS):
        yield ("attribute_prefix",), f"attributes that begin with {_OURS} are the program's own: take another prefix"
    making = [one for name, one in sections.items() if flows[name].of_customers and getattr(one, "enabled", False)]
    for name, section in sections.items():
        names = list(named(name, section))
        yield from _facts(names, made=bool(making))
        yield from _strangers(names, section, making)
    written = [(name, row) for name, section in sections.items() for row in flows[name].outbound(section, prefix)]
    yield from _writers(places, [(name, row) for name, row in written if row.sort.has_one_writer], prefix)


def no_such_flow(name: str, flows: Mapping[str, object]) -> str:
    """Return the sentence for a flow that does not exist."""
    return f"no such flow{did_you_mean(name, flows) or ': there are ' + ', '.join(flows)}"


def _facts(names: Sequence[Named], *, made: bool) -> Iterator[Problem]:
    attributes = (entry.name for entry in names if _is_attribute(entry.name) and entry.sort is not Names.TYPE)
    known = set(islice(dict.fromkeys(attributes), _COMPARED))
    for entry in names:
        plain = entry.sort is Names.CUSTOMER and entry.customer and not entry.customer.row()
        if (plain or entry.sort in (Names.ATTRIBUTE, Names.DATE, Names.IN_TEXT)) and (
            why := _unknown(entry, known, made=made)
        ):
            yield entry.path, why


def _unknown(entry: Named, known: set[str], *, made: bool) -> str:
    """Return why a fact can never have a value; empty when it may. ``made`` says whether those of customers are."""
    if entry.name in CUSTOMER and not entry.waits:
        return _of_customers(entry, made=made)
    text, mine = entry.name, (*_built_in(entry), *(CUSTOMER if entry.waits else ()))
    if text in mine:
        return ""
    family = text.partition(".")[0]
    if text in (*WORKSPACE, *DOCUMENT, *REMINDER, *FEEDBACK) or (family == "document" and _is_attribute(text)):
        return f"{text} is not known here: {_belongs(family)}"
    if family in ("workspace", "document", "reminder", "feedback"):
        near = did_you_mean(text, mine) or f": there are {', '.join(mine) or 'none of them here'}"
        return f"unknown fact {shown(entry.path, text)}{near}"
    if not _is_attribute(text):
        return f"{shown(entry.path, text)} is no fact: write Category.Attribute{did_you_mean(text, {*known, *mine})}"
    return ""


def _strangers(names: Sequence[Named], section: Section, making: Sequence[Section]) -> Iterator[Problem]:
    """Yield where a rule asks what is open of people whom the flow that knows it calls by another kind of id."""
    kinds = _kinds([section])
    for kind in _kinds(making):
        for entry in names:
            if entry.name in CUSTOMER and "suppress_when" in entry.path and kinds != {kind}:
                mine = " and ".join(sorted(kinds))
                why = f"{entry.name} is told of people by {kind} (flow `success`), and this flow knows them by {mine}"
                yield entry.path, f"{why}: what is open of them would never be found; write the same `as` in both"


def _kinds(sections: Sequence[Section]) -> set[str]:
    """Return by which kinds of id sections name their customers."""
    return {
        one.kind for section in sections if isinstance(section, MappedOptions) for one in section.customers.values()
    }


def _of_customers(entry: Named, *, made: bool) -> str:
    if "suppress_when" not in entry.path:
        return f"{entry.name} is not known here: of a customer only `suppress_when` may name it"
    return "" if made else f"{entry.name} is made by the flow `success`: add its section, and leave it enabled"


def _built_in(entry: Named) -> tuple[str, ...]:
    """Return the facts that are no category attributes and known at this place."""
    if entry.documents or entry.sort in (Names.DATE, Names.CUSTOMER):
        return ()
    texts = (DOCUMENT if entry.about else ()) + (REMINDER if entry.timed else ()) + (FEEDBACK if entry.asks else ())
    return WORKSPACE + (texts if entry.sort is Names.IN_TEXT else ())


def _belongs(family: str) -> str:
    match family:
        case "document":
            return "it belongs into the `properties` of a rule with a `document`, or of a gate"
        case "reminder":
            return "it belongs into the `properties` of a rule with `before`, `after` or `inactive`"
        case "feedback":
            return "it belongs into the `properties` of a rule of `feedback`"
    return "write Category.Attribute"


def _is_attribute(text: str) -> bool:
    category, _, attribute = text.partition(".")
    return bool(category.strip() and attribute.strip())


def _writers(places: Places, written: Sequence[tuple[str, Outbound]], prefix: str) -> Iterator[Problem]:
    """Yield each thing that two flows, or two rules of one flow, would write in turns: it has one source."""
    writers: dict[tuple[Sort, str], tuple[str, str]] = {}
    for flow, row in written:
        other, rule = writers.setdefault((row.sort, row.name), (flow, row.rule))
        if (other, rule) == (flow, row.rule):
            continue
        section: Path = ("flows", flow)
        path: Path = (*section, "attributes", row.name.removeprefix(prefix))
        if places.written(path) != path:
            named = places.find(section, row.name)
            path = named if named != section else places.find(section, row.rule)
        yield path, f"{other} writes the {row.sort} {row.name} as well (by {rule}): rename it in one of the two"
