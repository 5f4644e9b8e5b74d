"""`ecmbraze forecast`: what comes due per day although nothing changes, and a peak confirmed ahead; asks no system."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.table import Table

from ecmbraze.cli import opening
from ecmbraze.cli.shared import ByOption, ConfigOption, config_path, console, deed
from ecmbraze.config import Settings
from ecmbraze.errors import UsageError
from ecmbraze.flows import FLOWS
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.planning.guards import Expected


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What comes due under one rule on one day."""

    day: str
    flow: str
    rule: str
    people: int
    messages: int


def register(app: typer.Typer) -> None:
    app.command("forecast")(forecast)


def forecast(
    context: typer.Context,
    config: ConfigOption = None,
    days: Annotated[int, typer.Option(min=1, max=3660, help="how far to look")] = 60,
    confirm: Annotated[str | None, typer.Option(metavar="DAY", help="what comes due that day is expected")] = None,
    by: ByOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="the same as JSON")] = False,
) -> int:
    """List what comes due per day: by the facts of the last look, for every workspace that leads to somebody."""
    loaded = opening.settings(config_path(context, config), secrets=False)
    now = opening.wall_clock(loaded).now()
    ledger = opening.ledger(loaded, read_only=confirm is None)
    rows = list(_rows(loaded, ledger, now, days))
    if confirm is not None:
        _confirm(ledger, _day(confirm), rows, now, by)
    ledger.close()
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        _show(rows, days)
    return 0


def _rows(config: Settings, ledger: Ledger, now: datetime, days: int) -> Iterator[Row]:
    zone, found = config.ecm.timezone or UTC, Counter[tuple[str, str, str]]()
    sizes = Counter[tuple[str, str]]()  # what is asked of people in ECM is no message
    for flow in FLOWS:
        section: Any = config.flows.get(flow.name)
        if section is None or not section.enabled or flow.ahead is None:
            continue
        for rule in flow.rules(section):
            sends = (rule.send.event, rule.send.campaign, rule.send.canvas)
            sizes[flow.name, rule.name] = sum(map(bool, sends))
        for record in ledger.mirror.records(flow.needs(section)):
            noted = ledger.mirror.noted(flow.name, record.key.text)
            for due, name in flow.ahead(section, record, noted, zone):
                if record.customers and now < due <= now + timedelta(days=days):
                    found[f"{due.astimezone(zone):%Y-%m-%d}", flow.name, name] += len(record.customers)
    for (day, flow_name, name), people in sorted(found.items()):
        each = sizes.get((flow_name, name), 0)  # what comes due in Extended ECM alone messages nobody
        yield Row(day=day, flow=flow_name, rule=name, people=people, messages=people * each)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"--confirm {text!r} is no day.", undone="Nothing was confirmed.", advice="Write it as 2027-01-01."
        ) from None


def _confirm(ledger: Ledger, day: date, rows: list[Row], now: datetime, by: str | None) -> None:
    """Note the figures of one day as expected, so that no guard stops them on it."""
    for name in sorted({row.flow for row in rows if row.day == day.isoformat()}):
        mine = [row for row in rows if (row.flow, row.day) == (name, day.isoformat())]
        figures = Expected(messages=sum(row.messages for row in mine), people=sum(row.people for row in mine))
        ledger.waiting.expect(name, day, figures, now, deed(by))
        typer.echo(
            f"Confirmed: {name} may send {figures.messages} messages to {figures.people} people on {day}.", err=True
        )
    if not any(row.day == day.isoformat() for row in rows):
        raise UsageError(
            f"Nothing comes due on {day}.",
            undone="Nothing was confirmed.",
            advice="`ecmbraze forecast` lists the days; --days looks further.",
        )


def _show(rows: list[Row], days: int) -> None:
    table = Table(title=f"due in the next {days} days", title_justify="left")
    for column in ("day", "flow", "rule", "people", "messages"):
        table.add_column(column, justify="right" if column in ("people", "messages") else "left")
    for row in rows:
        table.add_row(*(str(value) for value in asdict(row).values()))
    console().print(table)
