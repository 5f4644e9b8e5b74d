"""`ecmbraze discover WORD`: opens the configuration, asks one system and prints; decides nothing itself."""

from __future__ import annotations

from typing import Annotated

import typer

from ecmbraze.cli import composition, opening
from ecmbraze.cli.discover import in_braze, in_ecm
from ecmbraze.cli.discover.listing import Listing, show
from ecmbraze.cli.groups import Group
from ecmbraze.cli.shared import ConfigOption, config_path
from ecmbraze.cli.signals import Budget
from ecmbraze.config import Settings

discover = typer.Typer(
    help="List what there is in Extended ECM and Braze to name in a configuration, and how it is written; only reads.",
    no_args_is_help=True,
    cls=Group,
)

JsonOption = Annotated[bool, typer.Option("--json", help="the same as JSON")]
MatchOption = Annotated[str, typer.Option("--match", metavar="TEXT", help="only those with this in their name")]


def register(app: typer.Typer) -> None:
    app.add_typer(discover, name="discover")


@discover.command("types")
def types(
    context: typer.Context, config: ConfigOption = None, match: MatchOption = "", as_json: JsonOption = False
) -> int:
    """List the workspace types of Extended ECM that the account sees, with their ids."""
    _, made = _reach(context, config)
    return _show(in_ecm.types(made.ecm), match, as_json=as_json)


@discover.command("attributes")
def attributes(
    context: typer.Context,
    type_name: Annotated[str, typer.Argument(metavar="TYPE", help="a workspace type by name, see `discover types`")],
    config: ConfigOption = None,
    match: MatchOption = "",
    as_json: JsonOption = False,
) -> int:
    """List the attributes of a workspace type as rules write them, with their kind and what a popup offers."""
    _, made = _reach(context, config)
    return _show(in_ecm.attributes(made.ecm, type_name), match, as_json=as_json)


@discover.command("campaigns")
def campaigns(
    context: typer.Context, config: ConfigOption = None, match: MatchOption = "", as_json: JsonOption = False
) -> int:
    """List the campaigns of Braze: id, name, whether they send, tags; one request for the state of each."""
    _, made = _reach(context, config)
    return _show(in_braze.messages(made.braze, "campaign", match), match, as_json=as_json)


@discover.command("canvases")
def canvases(
    context: typer.Context, config: ConfigOption = None, match: MatchOption = "", as_json: JsonOption = False
) -> int:
    """List the Canvases of Braze: id, name, whether they send, tags; one request for the state of each."""
    _, made = _reach(context, config)
    return _show(in_braze.messages(made.braze, "canvas", match), match, as_json=as_json)


@discover.command("groups")
def groups(
    context: typer.Context, config: ConfigOption = None, match: MatchOption = "", as_json: JsonOption = False
) -> int:
    """List the subscription groups that the configuration names: Braze has no list of all of them."""
    loaded, made = _reach(context, config)
    return _show(in_braze.groups(loaded, made.braze), match, as_json=as_json)


@discover.command("segments")
def segments(
    context: typer.Context, config: ConfigOption = None, match: MatchOption = "", as_json: JsonOption = False
) -> int:
    """List the segments of Braze that are not archived: id, name, tags."""
    _, made = _reach(context, config)
    return _show(in_braze.segments(made.braze), match, as_json=as_json)


def _reach(context: typer.Context, config: ConfigOption) -> tuple[Settings, composition.Clients]:
    """Return the configuration, whose flows may still be half written, and the clients; nothing is asked yet."""
    loaded = opening.settings(config_path(context, config), drafted=True)
    wall = opening.wall_clock(loaded)
    return loaded, composition.clients(loaded, wall, Budget(wall.monotonic, None))


def _show(listing: Listing, match: str, *, as_json: bool) -> int:
    """Print what fits; raises what kept the listing from being complete, after it."""
    show(listing.matching(match), match, as_json=as_json)
    if listing.lacking is not None:
        raise listing.lacking
    return 0
