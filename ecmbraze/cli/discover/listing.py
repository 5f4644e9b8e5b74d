"""What `discover` found, and how it is printed: a table on a terminal, else a line each, or JSON; asks nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress

import typer

from ecmbraze.cli.shared import console
from ecmbraze.errors import EcmbrazeError
from ecmbraze.model import Json
from ecmbraze.report.plain import printable

Row = Mapping[str, Json]
# Columns of a table that are copied, or hold one short word: they are not broken.
_UNBROKEN = ("id", "type", "attribute", "state", "kind", "channel")
# Lists whose entries are long: each has a line of its own in a table, and in a line this stands between them.
_LONG = {"examples": " or ", "used": ", "}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Rows of one sort, by name. ``columns`` are those that people see, heading → field; JSON has every field."""

    what: str
    columns: Mapping[str, str]
    rows: Sequence[Row]
    notes: Sequence[str] = ()
    lacking: EcmbrazeError | None = None
    """What kept the rows from being complete."""
    there: int | None = None
    """How many there are where ``rows`` are those that match already."""

    def matching(self, text: str) -> Listing:
        """Return the rows that have a text in their name, upper and lower case aside."""
        kept = [row for row in self.rows if matches(str(row["name"] or row["id"]), text)]
        there = len(self.rows) if self.there is None else self.there
        return replace(self, rows=kept, there=there)


def matches(name: str, text: str) -> bool:
    return text.casefold() in name.casefold()


def show(listing: Listing, match: str, *, as_json: bool) -> None:
    """Print the rows on stdout, what there is to say of them on stderr."""
    if as_json:
        typer.echo(json.dumps([dict(row) for row in listing.rows], indent=2, ensure_ascii=False))
    elif sys.stdout.isatty():
        _table(listing)
    else:
        for line in lines(listing):
            typer.echo(line)
    if not listing.rows and listing.there:
        typer.echo(f"None of {listing.there} {listing.what} has {printable(repr(match))} in its name.", err=True)
    for note in listing.notes:
        typer.echo(printable(note), err=True)


def lines(listing: Listing) -> list[str]:
    """Return the headings and a line for each row, in columns, cut nowhere."""
    cells = [tuple(listing.columns), *(_cells(listing, row, _LONG) for row in listing.rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def _table(listing: Listing) -> None:
    from rich.table import Table  # only a terminal has a table
    from rich.text import Text

    shown = console()
    table = Table(title=f"{listing.what}: {len(listing.rows)}", title_justify="left")
    cells = [_cells(listing, row, dict.fromkeys(_LONG, "\n")) for row in listing.rows]
    used = [any(row[number] for row in cells) or not cells for number in range(len(listing.columns))]
    for heading in compress(listing.columns, used):  # a column that is empty throughout takes the room of the others
        table.add_column(heading, overflow="fold", no_wrap=heading in _UNBROKEN)
    for row in cells:
        table.add_row(*map(Text, compress(row, used)))
    shown.print(table)


def _cells(listing: Listing, row: Row, between: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(_text(row[field], between.get(field, ", ")) for field in listing.columns.values())


def _text(value: Json, between: str) -> str:
    match value:
        case None | False:
            return ""
        case True:
            return "yes"
        case list():
            return between.join(printable(str(entry)) for entry in value)
        case _:
            return printable(str(value))
