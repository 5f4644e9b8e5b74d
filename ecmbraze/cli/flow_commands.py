"""One command per flow, made from the register: parses options, runs, prints; knows no flow by name."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ecmbraze.cli import composition, report_file, rounds
from ecmbraze.cli.clock import instant_of
from ecmbraze.cli.shared import ByOption, ConfigOption, config_path, deed
from ecmbraze.engine.setting import Options
from ecmbraze.errors import UsageError
from ecmbraze.flow import Flow
from ecmbraze.flows import FLOWS


def register(app: typer.Typer) -> None:
    """Add one command per flow."""
    for flow in FLOWS:
        app.command(flow.name, help=f"{flow.summary} ({flow.direction})")(_command(flow))


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
        report: report_file.ReportOption = None,
        show_personal_data: report_file.PersonalOption = False,
        as_json: Annotated[bool, typer.Option("--json", help="the run report on stdout as JSON")] = False,
    ) -> int:
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
                f"--since {since} does not lie before --until {until}.", undone="Nothing was done.",
                advice="The span goes from --since up to --until, without that instant: swap them.",
            )  # fmt: skip
        options = Options(
            dry_run=dry_run, limit=limit, include_messages=include_messages, confirm=confirm, as_if_new=as_if_new,
            since=begin, until=end, deed=deed(by, reason) if confirm else None,
        )  # fmt: skip
        report_file.check(report, personal=show_personal_data)
        loaded = composition.settings(config_path(context, config))
        done = rounds.start([flow], loaded, options, seconds=rounds.seconds(max_duration))
        rounds.tell_result(done, done[0].as_json(limit_listing), as_json=as_json, limit=limit_listing)
        code = rounds.exit_code(done, pending=exit_code)
        return report_file.write(done, report, code, personal=show_personal_data)

    return command
