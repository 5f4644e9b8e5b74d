"""`ecmbraze check`: is the configuration right, are both systems reachable, may we do what the rules need."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ecmbraze.cli import composition
from ecmbraze.cli.shared import ConfigOption, config_path
from ecmbraze.cli.signals import Budget
from ecmbraze.config import Settings
from ecmbraze.engine import discovery
from ecmbraze.engine.records import TypeNeeds, together
from ecmbraze.errors import EcmbrazeError, strongest
from ecmbraze.flow import Flow
from ecmbraze.flows import BY_NAME
from ecmbraze.model import BY_US
from ecmbraze.planning.rules import Rule
from ecmbraze.report.plain import printable


def register(app: typer.Typer) -> None:
    app.command("check")(check)


def check(
    context: typer.Context,
    config: ConfigOption = None,
    offline: Annotated[bool, typer.Option(help="only the configuration and the state file")] = False,
    outbound: Annotated[bool, typer.Option(help="list every field that leaves ECM, where to, by which rule")] = False,
) -> int:
    """Check the configuration, both systems and the state file; writes nothing."""
    loaded = composition.settings(config_path(context, config))
    if outbound:
        _outbound(loaded)
        return 0
    codes = []
    for what, probe in _probes(loaded, offline=offline):
        try:
            typer.echo(f"ok    {what}: {printable(probe())}")
        except EcmbrazeError as error:
            codes.append(error.exit_code)
            typer.echo(f"FAIL  {what}: {printable(str(error))}")
    typer.echo("all well" if not codes else f"{len(codes)} checks failed; nothing was changed")
    return strongest(codes)


def _probes(config: Settings, *, offline: bool) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "configuration", lambda: f"{config.path}, flows: {', '.join(config.flows) or 'none'}"
    yield "state file", lambda: _state(config)
    if offline:
        return
    wall = composition.wall_clock(config)
    made = composition.clients(config, wall, Budget(wall.monotonic, None))
    yield "ECM login", lambda: f"{made.ecm.whoami()} at {config.ecm.url}"
    yield "ECM clock", lambda: f"{made.ecm.server_now():%Y-%m-%d %H:%M:%S} UTC"
    for name, section in config.flows.items():
        yield f"{name}: workspace types and attributes", lambda n=name, s=section: _types(made, BY_NAME[n], s)  # type: ignore[misc]
        for kind, message in _messages(BY_NAME[name].rules(section)):
            yield f"{name}: {kind} {message}", lambda k=kind, m=message: str(made.braze.names(k, m).get("name", ""))  # type: ignore[misc]
        for group in _groups(BY_NAME[name].rules(section)):
            yield f"{name}: group {group}", lambda g=group: _group(made, g)  # type: ignore[misc]
    for need in together([BY_NAME[name].needs(section) for name, section in config.flows.items()]):
        yield f"changes of {need.name!r}", lambda n=need: _changes(made, n, config.ecm.date_query_from)  # type: ignore[misc]
    yield "Braze: users.export.ids", lambda: _readable(made.braze.profiles(["ecmbraze-check"]))
    yield "Braze: email.hard_bounces", lambda: f"{len(made.braze.hard_bounces(wall.now()))} bounced today"


def _state(config: Settings) -> str:
    ledger = composition.ledger(config, read_only=True)
    try:
        ledger.verify()
    finally:
        ledger.close()
    return f"{config.state}, history whole"


def _types(made: composition.Clients, flow: Flow[Any], section: Any) -> str:
    needs = flow.needs(section)
    for name in needs.types:
        for page in made.ecm.list_workspaces(_type_id(made, name)):
            carried = {name for row in page.rows[:5] for name in made.ecm.attributes(row.id)}
            for fact in sorted(needs.of(name) - carried - {BY_US}) if page.rows else ():
                raise composition.unknown(f"attribute on {name!r}", fact, carried)
            break
    return f"{len(needs.types)} types, {len(needs.facts)} attributes"


def _changes(made: composition.Clients, need: TypeNeeds, smallest: int) -> str:
    return f"found {discovery.told(made.ecm, need, _type_id(made, need.name), smallest)}"


def _type_id(made: composition.Clients, name: str) -> int:
    types = made.ecm.workspace_types()
    if name not in types:
        raise composition.unknown("workspace type", name, types)
    return types[name]


def _messages(rules: Sequence[Rule]) -> Iterator[tuple[str, str]]:
    for rule in rules:
        for kind in ("campaign", "canvas"):
            if message := getattr(rule.send, kind):
                yield kind, message


def _groups(rules: Sequence[Rule]) -> list[str]:
    consents = [rule.send.consent for rule in rules if rule.send.consent]
    channels = [getattr(consent, name) for consent in consents for name in ("email", "sms", "whatsapp", "push")]
    return sorted({channel.group for channel in channels if channel and channel.group})


def _group(made: composition.Clients, group: str) -> str:
    return f"readable, {len(made.braze.group_states(group, ['ecmbraze-check']))} asked"


def _readable(_answer: object) -> str:
    return "may be read"


def _outbound(config: Settings) -> None:
    table = Table(title="What leaves ECM", title_justify="left")
    for column in ("flow", "field", "where to", "by rule"):
        table.add_column(column, overflow="fold")
    for name, section in config.flows.items():
        for row in BY_NAME[name].outbound(section, config.attribute_prefix):
            table.add_row(name, *(printable(text) for text in row))
    Console().print(table)
