"""The commands of the program: which module holds each, imported once the command is called; holds none itself.

What `--help` and the shell's completion say of a command stands in `commands.json`, which `make docs` makes from the
commands, so that they import nothing of the product: a person waits for them.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand

from ecmbraze.cli.groups import SECTIONS, Group, no_such_command
from ecmbraze.flows import NAMES as FLOW_NAMES

_FLOWS = "flow_commands"
# Each command and its module here, in the order of `--help`.
_MODULES: Mapping[str, str] = {
    "init": "init",
    "discover": "discover",
    "check": "check",
    **dict.fromkeys(FLOW_NAMES, _FLOWS),
    "run": "run_command",
    "schedule": "schedule",
    "plan": "plans",
    "apply": "plans",
    "status": "status",
    "explain": "explain",
    "forecast": "forecast",
    "pause": "pausing",
    "resume": "pausing",
    "runs": "runs",
    "erase": "erase",
    "sandbox": "rehearsal",
    "demo": "rehearsal",
    "holds": "holds",
    "quarantine": "quarantine",
    "state": "state",
}


@contextmanager
def _without_collector() -> Iterator[None]:
    """Import without looking for garbage: there is none, and to see that took a tenth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()


class _Commands(Mapping[str, Any]):
    """The commands by name, each made when it is first asked for."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            part = typer.Typer(rich_markup_mode=None)
            with _without_collector():
                module = import_module(f"ecmbraze.cli.{_MODULES[name]}")
            module.register(part, *([name] if name in FLOW_NAMES else ()))
            made: Mapping[str, Any] = typer.main.get_group(part).commands
            self._made |= made
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


class Root(Group):
    """The commands of the program itself, by what somebody wants of it."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands: Any = _Commands()

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.commands)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return what a list shows of a command: its name and what it does."""
        if cmd_name not in _MODULES:
            return None
        return TyperCommand(cmd_name, help=helps()[cmd_name])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0]
        if name not in _MODULES:
            raise no_such_command(name, list(_MODULES))
        return name, self.commands[name], args[1:]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        widest = max(map(len, self.commands))
        for title, names in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(widest), said) for name, said in self.described(ctx, names)])


def import_all() -> None:
    """Import every command and flow, and make their models, for who is going to fork programs that use them."""
    for _ in _Commands().values():
        pass
    for flow in import_module("ecmbraze.flows").FLOWS:
        flow.options.model_rebuild()
    import_module("ecmbraze.config").Settings.model_rebuild()


def described() -> str:
    """Return what `commands.json` is to hold."""
    return (
        json.dumps({name: command.help for name, command in _Commands().items()}, indent=2, ensure_ascii=False) + "\n"
    )


@cache
def helps() -> Mapping[str, str]:
    """Return what each command does, whether it is made or not."""
    text = Path(__file__).with_name("commands.json").read_text(encoding="utf-8")
    written: dict[str, str] = json.loads(text)
    return {name: written.get(name, "") for name in _MODULES}  # a flow that was added just now has no line yet
