"""`ecmbraze state`: save the state file, check it, make it smaller, go on with a copy, look again, give it out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from ecmbraze.cli import composition, flow_names, opening
from ecmbraze.cli.clock import instant_of
from ecmbraze.cli.groups import Group
from ecmbraze.cli.shared import ByOption, ConfigOption, config_path, deed
from ecmbraze.config import Settings
from ecmbraze.errors import StateUnusable, StorageError, UsageError
from ecmbraze.ledger import adopting, compacting, exporting, file, historykey, rekeying, rewinding
from ecmbraze.ledger.backup import back_up
from ecmbraze.ledger.history import Deed
from ecmbraze.ledger.lock import held, run_lock
from ecmbraze.ledger.verifying import Checked, checks

state = typer.Typer(
    help="The state file: save it, check it, go on with a copy, look again.", no_args_is_help=True, cls=Group
)
_UNDONE = "Nothing was changed."

_Json = Annotated[bool, typer.Option("--json", help="what was checked as JSON")]


def register(app: typer.Typer) -> None:
    app.add_typer(state, name="state")


@state.command("backup")
def save(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="where the backup goes; never overwritten")],
    config: ConfigOption = None,
    by: ByOption = None,
) -> int:
    """Save the state file, also while a run is live, and check the copy."""
    loaded = opening.settings(config_path(context, config), secrets=False)
    found = back_up(loaded.state, file)
    with suppress(StorageError):  # a state file that can only be read is saved all the same
        _note(loaded, "backup", deed(by))
    _tell(found)
    typer.echo(f"Saved {loaded.state} as {file}, with {file}.seal and {file}.key.")
    typer.echo("They hold personal data and a secret: keep them 0600.")
    return 0


@state.command("compact")
def compact(context: typer.Context, config: ConfigOption = None, by: ByOption = None) -> int:
    """Write the state file anew without the room it no longer needs; no run may be under way."""
    loaded = opening.settings(config_path(context, config), secrets=False)
    with run_lock(loaded.state):
        _note(loaded, "compact", deed(by))
        before, after = compacting.compact(loaded.state)
    typer.echo(f"{loaded.state}: {before:,} bytes before, {after:,} now.")
    return 0


@state.command("verify")
def verify(
    context: typer.Context,
    backup: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="a backup; else the state file")] = None,
    config: ConfigOption = None,
    offline: Annotated[bool, typer.Option("--offline", help="do not ask Extended ECM for the claim")] = False,
    as_json: _Json = False,
) -> int:
    """Check a state file or a backup through and through: its place, seal, pages, history, values, and its claim."""
    if backup is not None and not backup.exists():  # its error would say how a first state file is made
        raise UsageError(
            f"There is no file {backup}.", undone="Nothing was checked.", advice="Name a backup that is there."
        )
    loaded = None if backup else opening.settings(config_path(context, config), secrets=False)
    path = backup or (loaded.state if loaded else Path())
    found = chain(checks(path), _claim(loaded) if loaded and not offline else ())
    if as_json:
        told = {"file": str(path), "checked": {one.what: one.found for one in found}}
        sys.stdout.write(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
        return 0
    typer.echo(str(path))
    _tell(found)
    typer.echo("Nothing is wrong with it.")
    return 0


def _claim(loaded: Settings) -> Iterator[Checked]:
    """Yield what the claim in Extended ECM says of the file: whose it is, and how the history ended when it moved.

    Raises Fenced (13) when another file has sent since, StateUnusable (12) when the history is not the one filed.
    """
    if held(loaded.state):
        yield Checked(what="fence", found="not judged: a run is writing")
        return
    with closing(opening.ledger(loaded, read_only=True)) as ledger:
        yield Checked(what="fence", found=composition.fence(loaded, ledger, opening.wall_clock(loaded)).told())


@state.command("adopt")
def adopt(
    context: typer.Context,
    restored_from: Annotated[Path, typer.Option(help="the backup that was put in the place of the state file")],
    reason: Annotated[str, typer.Option(help="why; goes into the history")],
    config: ConfigOption = None,
    by: ByOption = None,
) -> int:
    """Go on with a restored or copied state file; what may have been sent since it was saved is held, not sent."""
    loaded = opening.settings(config_path(context, config), secrets=False)
    wall = opening.wall_clock(loaded)
    file.check(loaded.state)
    with run_lock(loaded.state), closing(opening.ledger(loaded)) as ledger:
        copied = adopting.look_at(restored_from, loaded.state)
        if not ledger.history.holds(copied.head):
            raise UsageError(
                f"{restored_from} is not what stands at {loaded.state}: its history ends otherwise.",
                undone=_UNDONE,
                advice=f"Put it in place first (cp {restored_from} {loaded.state}), or name the backup it came from.",
            )
        fence = composition.fence(loaded, ledger, wall)
        if fence.store is not None and fence.stands_for_us():
            raise UsageError(
                "The claim in Extended ECM is of this state file: no other has sent since. There is nothing to adopt.",
                undone=_UNDONE,
                advice="`ecmbraze run` goes on.",
            )
        who = deed(by, reason)
        done = adopting.adopt(ledger, copied, wall.now(), by=who.by, host=who.host, reason=reason)
        fence.overtake()
    typer.echo(f"Adopted {loaded.state} as it was at {done.copied_at:%Y-%m-%d %H:%M} UTC.")
    typer.echo(
        f"{done.held} messages are held: another state file may have sent them. `ecmbraze holds list` shows them."
    )
    typer.echo("What happened in between is planned and held by the next run. Next: `ecmbraze run --now`.")
    return 0


@state.command("rekey")
def rekey(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="how the key was lost; goes into the history")],
    config: ConfigOption = None,
    by: ByOption = None,
) -> int:
    """Give the history another key where its own is lost for good; nothing vouches any more for what it says so far."""
    loaded = opening.settings(config_path(context, config), secrets=False)
    wall = opening.wall_clock(loaded)
    file.check(loaded.state)
    with run_lock(loaded.state):
        last = rekeying.rekey(loaded.state, wall.now(), deed(by, reason))
        with closing(opening.ledger(loaded)) as ledger:
            fence = composition.fence(loaded, ledger, wall)
            try:
                ours = fence.store is None or not ledger.claims.place or fence.stands_for_us()
            except StateUnusable:  # the claim is of this file, its digest is by the lost key
                fence.overtake()
                ours = True
    typer.echo(f"{loaded.state} has a new key, {historykey.beside(loaded.state)}: save it with the backups.")
    typer.echo(
        f"Up to row {last:,} of its history nothing tells any more whether it was changed; from there on it does."
    )
    if not ours:
        typer.echo(
            "The claim in Extended ECM is another file's: runs end with 13. `ecmbraze state adopt` is the way on."
        )
    return 0


@state.command("rewind")
def rewind(
    context: typer.Context,
    stream: Annotated[str, typer.Argument(help="as `ecmbraze runs` names it, e.g. workspaces/Contract or people")],
    to: Annotated[str, typer.Option(help="from when on it is looked at again, e.g. 2026-11-01")],
    reason: Annotated[str, typer.Option(help="why; goes into the history")],
    flow: Annotated[str | None, typer.Option(help="one flow only", autocompletion=flow_names.complete)] = None,
    config: ConfigOption = None,
    by: ByOption = None,
) -> int:
    """Set a watermark back: records modified since are read and planned again. Nothing that was sent goes again."""
    if flow is not None:
        flow_names.known(flow, undone=_UNDONE)
    loaded = opening.settings(config_path(context, config), secrets=False)
    wall = opening.wall_clock(loaded)
    file.check(loaded.state)
    with run_lock(loaded.state), closing(opening.ledger(loaded)) as ledger:
        moment = instant_of(to, "--to")
        done = rewinding.rewind(ledger, stream, moment, wall.now(), flow=flow, by=deed(by).by, reason=reason)
    typer.echo(f"{stream}: {done.watermarks} watermarks set back to {moment:%Y-%m-%d %H:%M} UTC.")
    typer.echo(f"The next run reads {done.records} records again.")
    return 0


@state.command("export")
def export(
    context: typer.Context,
    full: Annotated[bool, typer.Option("--full", help="with people, their values and texts")] = False,
    config: ConfigOption = None,
) -> int:
    """Print every row of every table as a line of JSON, people as digests; for auditors."""
    loaded = opening.settings(config_path(context, config), secrets=False)
    with closing(opening.ledger(loaded, read_only=True)) as ledger:
        for row in exporting.rows(ledger, full=full):
            sys.stdout.write(exporting.as_line(row) + "\n")
    return 0


def _note(loaded: Settings, what: str, who: Deed) -> None:
    with closing(opening.ledger(loaded)) as ledger, ledger.database.atomic():
        ledger.history.decide(opening.wall_clock(loaded).now(), "state", who, {"what": what})


def _tell(found: Iterable[Checked]) -> None:
    for one in found:
        typer.echo(f"{one.what:>10}  {one.found}")
