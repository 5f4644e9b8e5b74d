"""`ecmbraze run`: the enabled flows whose time has come, in one scan and one plan; what cron calls."""

from __future__ import annotations

from typing import Annotated

import typer

from ecmbraze.cli import flow_names
from ecmbraze.cli.shared import ConfigOption, PersonalOption, ReportOption, config_path


def register(app: typer.Typer) -> None:
    app.command("run")(run)


def run(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="FLOW", help="only these flows", autocompletion=flow_names.complete)
    ] = None,
    config: ConfigOption = None,
    now: Annotated[bool, typer.Option("--now", help="whether or not their `every` has passed")] = False,
    dry_run: Annotated[bool, typer.Option("-n", "--dry-run", help="the whole run without one write")] = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="a dry run with changes pending exits 9")] = False,
    limit_listing: Annotated[
        int | None, typer.Option(min=0, help="rows shown (terminal: 200; JSON, CSV and HTML: all)")
    ] = None,
    max_duration: Annotated[str | None, typer.Option(help='time budget, e.g. "10m"; the rest waits, exit 8')] = None,
    report: ReportOption = None,
    show_personal_data: PersonalOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="the run reports on stdout as JSON: {runs: [...]}")] = False,
) -> int:
    """Run the enabled flows whose `every` has passed, in one scan and one plan; this is what cron calls."""
    from ecmbraze.cli import opening, report_file, rounds  # not before: the shell completes the names of flows
    from ecmbraze.engine.setting import Options
    from ecmbraze.flows import BY_NAME, NAMES

    rounds.refuse_lone_exit_code(exit_code, dry_run=dry_run)
    for name in names or ():
        flow_names.known(name, undone="Nothing was done.")
    report_file.check(report, personal=show_personal_data)
    loaded = opening.settings(config_path(context, config))
    flows = [
        BY_NAME[name]
        for name in NAMES
        if (name in names if names else name in loaded.flows and loaded.flows[name].enabled)  # type: ignore[attr-defined]  # every section has it
    ]
    options = Options(dry_run=dry_run)
    done = rounds.start(flows, loaded, options, seconds=rounds.seconds(max_duration), due=not now)
    if not done and not as_json:
        typer.echo("No flow is due; nothing was done. `ecmbraze run --now` runs them anyway.")
    rounds.tell_result(done, as_json=as_json, limit=limit_listing, together=True)
    code = rounds.exit_code(done, pending=exit_code)
    return report_file.write(done, report, code, personal=show_personal_data)
