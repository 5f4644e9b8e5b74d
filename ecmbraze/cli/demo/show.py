"""How the demo looks: aligned, as wide as there is room, in colours only for who watches; decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ecmbraze.cli.demo.customers import EVERYBODY
from ecmbraze.cli.demo.rows import BRAZE, ECM, Row
from ecmbraze.cli.demo.step import Step

_MOST = 120
_WHAT, _NAME = 23, 17
"""Columns of what a row is about and of its name, so that the rows of all steps are aligned."""
_STYLES = {ECM: "cyan", BRAZE: "magenta"}


def console() -> Console:
    """Return the terminal, or what stands for it."""
    found = Console(highlight=False)
    return Console(highlight=False, width=min(found.width, _MOST))


def opening(to: Console) -> None:
    """Say what is about to be seen, and who is in it."""
    to.print("[bold]Five customers, eight flows, two simulated systems. Nothing leaves this machine.[/bold]")
    table = Table.grid(padding=(0, 2))
    for customer in EVERYBODY:
        table.add_row(Text(customer.name, style="bold"), Text(customer.number, style="dim"), customer.about)
    to.print(Padding(table, (1, 0, 0, 2), expand=False))


def step(to: Console, number: int, of: int, told: Step, evidence: Sequence[Row], at: datetime) -> None:
    """Print a step: which it is, its sentence, its evidence."""
    place = Text.assemble((f"{number}/{of}", "bold"), (f"  {told.flow} · {at:%A} {at.day} {at:%B %Y, %H:%M}", "dim"))
    to.print("", place, Text(told.sentence, style="bold"), _table(evidence), sep="\n")


def _table(evidence: Sequence[Row]) -> Padding:
    table = Table.grid(padding=(0, 1))
    table.add_column(width=1)
    table.add_column(width=8)
    table.add_column(width=_WHAT, overflow="fold")
    table.add_column(width=_NAME, overflow="fold")
    table.add_column(overflow="fold")
    for row in evidence:
        mark = Text("✓", style="green") if row.holds else Text("✗", style="bold red")
        found = Text(row.found) if row.holds else Text(f"{row.found}\n(should be: {row.wanted})", style="red")
        system = Text(row.system, style=_STYLES.get(row.system, "dim"))
        table.add_row(mark, system, Text(row.what), Text(row.name, style="dim"), found)
    return Padding(table, (0, 0, 0, 1), expand=False)


def ending(to: Console, steps: int, wrong: Sequence[int], kept: str) -> None:
    """Say whether every step showed what it claims, and what is kept of it."""
    if wrong:
        which = f"Step {wrong[0]}" if len(wrong) == 1 else f"Steps {', '.join(map(str, wrong[:-1]))} and {wrong[-1]}"
        claims = "it claims" if len(wrong) == 1 else "they claim"
        said = f"{which} of {steps} did not show what {claims}: see the rows marked ✗. Please report them."
        to.print("", Text(said, style="bold red"), sep="\n")
    else:
        said = f"All {steps} steps showed what they claim, in both systems."
        to.print("", Text(said, style="bold green"), sep="\n")
    to.print(kept)
