"""`ecmbraze check --outbound`: everything that is written, as a table, JSON or CSV; asks no system."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

from rich.table import Table

from ecmbraze.cli.shared import console
from ecmbraze.config import Settings
from ecmbraze.engine.deliver.channels.marking import marker
from ecmbraze.engine.recover.canary import ATTRIBUTE
from ecmbraze.flows import BY_NAME
from ecmbraze.planning.outbound import Direction, Outbound, Sort
from ecmbraze.report.plain import printable

_COLUMNS = ("flow", "sort", "name", "fact", "rule")
_ALL_FLOWS = "every flow"


def rows(config: Settings) -> list[dict[str, str]]:
    """Return what each flow writes, and what the program writes of its own."""
    return [
        {"flow": flow, "sort": str(row.sort), "name": row.name, "fact": row.fact, "rule": row.rule}
        for flow, row in _rows(config)
    ]


def _rows(config: Settings) -> Iterator[tuple[str, Outbound]]:
    for name, section in config.flows.items():
        declared = BY_NAME[name].outbound(section, config.attribute_prefix)
        yield from ((name, row) for row in dict.fromkeys(declared))
        if config.braze.marker and any(row.sort in (Sort.EVENT, Sort.CAMPAIGN, Sort.CANVAS) for row in declared):
            yield name, _own(marker(name), "the id of the attempt, nothing of ECM", "braze.marker")
    if config.verify.canary:
        person = f"the time of the run, on the profile {config.verify.canary}"
        yield _ALL_FLOWS, _own(ATTRIBUTE, f"{person}, nothing of ECM", "verify.canary")


def _own(name: str, fact: str, rule: str) -> Outbound:
    return Outbound(sort=Sort.ATTRIBUTE, name=name, fact=fact, rule=rule)


def as_json(config: Settings) -> str:
    return json.dumps(rows(config), indent=2, ensure_ascii=False)


def as_csv(config: Settings) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, _COLUMNS, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: printable(value) for name, value in row.items()} for row in rows(config))
    return out.getvalue()


def show(config: Settings) -> None:
    """Print the tables: by flow and direction, what of one side goes where on the other, by which rule."""
    tables: dict[tuple[str, Direction], Table] = {}
    for flow, row in _rows(config):
        way = row.sort.direction
        if (flow, way) not in tables:
            tables[flow, way] = _table(flow, way)
        tables[flow, way].add_row(*map(printable, (row.fact, f"{row.sort} {row.name}", row.rule)))
    for table in tables.values():
        console().print(table)


def _table(flow: str, way: Direction) -> Table:
    source, sink = way.split(" → ")
    table = Table(title=f"{flow}: what leaves {source}", title_justify="left", title_style="bold")
    for column in (f"of {source}", f"to {sink}", "by rule"):
        table.add_column(column, overflow="fold")
    return table
