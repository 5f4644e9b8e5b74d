"""One command per flow, made from the register: parses options, runs, prints; knows no flow by name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from inspect import signature
from typing import Annotated, Any

import typer

from ecmbraze.cli import opening, report_file
from ecmbraze.cli.clock import instant_of
from ecmbraze.cli.shared import ByOption, ConfigOption, PersonalOption, ReportOption, config_path, deed
from ecmbraze.engine.setting import Options
from ecmbraze.errors import UsageError
from ecmbraze.flow import Flow
from ecmbraze.flows import BY_NAME


def register(app: typer.Typer, name: str) -> None:
    """Add the command of a flow."""
    flow = BY_NAME[name]
    made = _with_initial_load(flow) if flow.initial else _command(flow)
    app.command(flow.name, help=f"{flow.summary} ({flow.direction})")(made)


def _with_initial_load(flow: Flow[Any]) -> Any:
    """Return the command of a flow that can also write at once what it would write when something changes."""
    ordinary = _command(flow)

    def command(
        initial_load: Annotated[
            bool,
            typer.Option("--initial-load", help="write everybody's record once: estimate, confirm, slice by slice"),
        ] = False,
        **options: Any,
    ) -> int:
        return _load(flow, options) if initial_load else int(ordinary(**options))

    read = partial(signature, eval_str=True)  # as typer reads it, of a function that somebody else wrote
    own = [one for one in read(command).parameters.values() if one.kind is not one.VAR_KEYWORD]
    usual = list(read(ordinary).parameters.values())
    command.__signature__ = read(command).replace(parameters=[usual[0], *own, *usual[1:]])  # type: ignore[attr-defined]  # functions may have it
    return command


def _load(flow: Flow[Any], options: Mapping[str, Any]) -> int:
    """Do what `--initial-load` asks, with those of the usual options that make sense beside it."""
    for name in ("exit_code", "since", "until", "limit", "include_messages", "as_if_new"):
        if options[name]:
            option = f"--{name.replace('_', '-')}"
            raise UsageError(
                f"{option} does not go with --initial-load.", undone="Nothing was done.", advice=f"Leave {option} out."
            )
    from ecmbraze.cli import initial_load, rounds  # an ordinary run needs none of it, the help no clients

    dry_run, confirm, limit = (options[name] for name in ("dry_run", "confirm", "limit_listing"))
    if confirm and dry_run:
        raise UsageError("A dry run confirms nothing.", undone="Nothing was done.", advice="Leave --dry-run out.")
    who = deed(options["by"], options["reason"])
    report_file.check(options["report"], personal=options["show_personal_data"])
    loaded = opening.settings(config_path(options["context"], options["config"]))
    seconds = rounds.seconds(options["max_duration"])
    done = [initial_load.start(flow, loaded, dry_run=dry_run, confirm=confirm, deed=who, seconds=seconds)]
    rounds.tell_result(done, as_json=options["as_json"], limit=limit)
    code = rounds.exit_code(done, pending=False)
    return report_file.write(done, options["report"], code, personal=options["show_personal_data"])


def _command(flow: Flow[Any]) -> Any:
    def command(
        context: typer.Context,
        config: ConfigOption = None,
        dry_run: Annotated[bool, typer.Option("-n", "--dry-run", help="the whole run without one write")] = False,
        exit_code: Annotated[bool, typer.Option("--exit-code", help="a dry run with changes pending exits 9")] = False,
        limit_listing: Annotated[
            int | None, typer.Option(min=0, help="rows shown (terminal: 200; JSON, CSV and HTML: all)")
        ] = None,
        max_duration: Annotated[
            str | None, typer.Option(help='time budget, e.g. "10m"; the rest waits, exit 8')
        ] = None,
        since: Annotated[str | None, typer.Option(help="backfill from here; the watermark stays")] = None,
        until: Annotated[str | None, typer.Option(help="backfill up to this instant")] = None,
        limit: Annotated[int | None, typer.Option(min=1, help="plan at most N records")] = None,
        include_messages: Annotated[
            bool, typer.Option("--include-messages", help="let a backfill send messages")
        ] = False,
        as_if_new: Annotated[
            bool, typer.Option("--as-if-new", help="a dry run in which today's records are news: who would be told?")
        ] = False,
        confirm: Annotated[
            str | None, typer.Option(metavar="HASH", help="send the waiting plan that a guard stopped")
        ] = None,
        reason: Annotated[str, typer.Option(help="with --confirm: why; goes into the history")] = "",
        by: ByOption = None,
        report: ReportOption = None,
        show_personal_data: PersonalOption = False,
        as_json: Annotated[bool, typer.Option("--json", help="the run report on stdout as JSON")] = False,
    ) -> int:
        from ecmbraze.cli import rounds  # the clients and the engine, which the help needs not

        rounds.refuse_lone_exit_code(exit_code, dry_run=dry_run)
        if confirm and dry_run:
            raise UsageError("A dry run confirms nothing.", undone="Nothing was done.")
        if as_if_new and (not dry_run or since or until):
            raise UsageError(
                "--as-if-new belongs to a dry run.",
                undone="Nothing was done.",
                advice=f"`ecmbraze {flow.name} --dry-run --as-if-new`",
            )
        if include_messages and not (since or until):
            raise UsageError("--include-messages belongs to a backfill: name --since.", undone="Nothing was done.")
        begin, end = (
            (instant_of(since, "--since") if since else None),
            (instant_of(until, "--until") if until else None),
        )
        if begin and end and begin >= end:
            raise UsageError(
                f"--since {since} does not lie before --until {until}.",
                undone="Nothing was done.",
                advice="The span goes from --since up to --until, without that instant: swap them.",
            )
        options = Options(
            dry_run=dry_run,
            limit=limit,
            include_messages=include_messages,
            confirm=confirm,
            as_if_new=as_if_new,
            since=begin,
            until=end,
            deed=deed(by, reason) if confirm else None,
        )
        report_file.check(report, personal=show_personal_data)
        loaded = opening.settings(config_path(context, config))
        done = rounds.start([flow], loaded, options, seconds=rounds.seconds(max_duration))
        rounds.tell_result(done, as_json=as_json, limit=limit_listing)
        code = rounds.exit_code(done, pending=exit_code)
        return report_file.write(done, report, code, personal=show_personal_data)

    return command
