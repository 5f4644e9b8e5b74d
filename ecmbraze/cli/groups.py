"""How groups of commands look and answer: whole sentences in the help, and what may have been meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from typer.core import TyperGroup

from ecmbraze.errors import UsageError
from ecmbraze.flows import NAMES
from ecmbraze.suggest import did_you_mean

# The commands of the program by what somebody wants of it; every command stands in one section.
SECTIONS: Mapping[str, tuple[str, ...]] = {
    "See it on simulated systems": ("demo", "sandbox"),
    "Set up": ("init", "discover", "check"),
    "Flows": NAMES,
    "Run them": ("run", "schedule", "plan", "apply", "forecast", "pause", "resume"),
    "See what was done": ("status", "runs", "explain"),
    "Decide what waits for a person": ("holds", "quarantine"),
    "Look after the data": ("state", "erase"),
}


class Group(TyperGroup):
    """Commands whose help stands whole, not cut at a width."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(self.described(ctx, self.list_commands(ctx)))

    def described(self, ctx: Any, names: Iterable[str]) -> list[tuple[str, str]]:
        """Return each command with its sentence, the first paragraph of its help."""
        shown = [(name, self.get_command(ctx, name)) for name in names]
        return [
            (name, " ".join((command.help or "").partition("\n\n")[0].split())) for name, command in shown if command
        ]


def no_such_command(name: str, there: list[str]) -> UsageError:
    """Return what to say of a command that does not exist."""
    return UsageError(
        f"There is no command {name!r}{did_you_mean(name, there) or '.'}",
        undone="Nothing was done.",
        advice="`ecmbraze --help` lists them.",
    )
