"""`ecmbraze erase`: show or remove what is kept of a person or a workspace; writes to neither system."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ecmbraze.cli import opening
from ecmbraze.cli.shared import ByOption, ConfigOption, config_path, deed
from ecmbraze.config import Settings
from ecmbraze.errors import UsageError
from ecmbraze.ledger import compacting, erasing
from ecmbraze.ledger.copying import remove_unfinished, unfinished
from ecmbraze.ledger.erasing import Kept
from ecmbraze.ledger.file import is_state_file
from ecmbraze.ledger.lock import run_lock
from ecmbraze.ledger.subject import subject_of
from ecmbraze.report.plain import printable

_NOTHING = "Nothing was erased."


def register(app: typer.Typer) -> None:
    app.command("erase")(erase)


def erase(
    context: typer.Context,
    subject: Annotated[
        str, typer.Argument(metavar="SUBJECT", help="an external id, email:ADDRESS, alias:LABEL:NAME, or ws:NUMBER")
    ],
    config: ConfigOption = None,
    show: Annotated[bool, typer.Option("--show", help="list what is kept and change nothing")] = False,
    reason: Annotated[str, typer.Option(help="why; goes into the history, without the person's name")] = "",
    by: ByOption = None,
    remove_backups: Annotated[
        bool, typer.Option("--remove-backups", help="remove the backups that are listed, too")
    ] = False,
    unknown: Annotated[bool, typer.Option("--unknown", help="keep somebody out of whom nothing is kept yet")] = False,
    lose_withdrawals: Annotated[
        bool, typer.Option("--lose-withdrawals", help="erase a withdrawal that has not reached Braze yet")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="what is kept as JSON, with --show")] = False,
) -> int:
    """Remove a person or a workspace from everything that is kept here, and never keep or write to them again."""
    loaded = opening.settings(config_path(context, config), secrets=False)
    if show:
        ledger = opening.ledger(loaded, read_only=True)
        named = subject_of(subject, ledger.database, ledger.history)
        kept = erasing.find(named, ledger.database, ledger.history, ledger.path)
        ledger.close()
        _tell(kept, _backups(loaded), as_json=as_json)
        return 0
    if not reason:
        raise UsageError(
            "Say why: --reason TEXT.", undone=_NOTHING, advice=f"Look first: `ecmbraze erase {subject} --show`."
        )
    with run_lock(loaded.state):
        ledger = opening.ledger(loaded)
        try:
            ledger.clear_garbage()  # a killed run left what it had planned, and of whom; a killed erasure too
            named = subject_of(subject, ledger.database, ledger.history)
            kept = erasing.find(named, ledger.database, ledger.history, ledger.path)
            _refuse(subject, kept, unknown=unknown, lose_withdrawals=lose_withdrawals)
            erasing.erase(kept, ledger.database, ledger.history, opening.wall_clock(loaded).now(), deed(by, reason))
        finally:
            ledger.close()
        for folder in _folders(loaded):
            remove_unfinished(folder)
        compacting.compact(loaded.state)  # what was deleted leaves the free pages of the file, too
    backups = _backups(loaded)
    for backup in backups if remove_backups else ():
        for path in (backup, backup.with_name(f"{backup.name}.seal"), backup.with_name(f"{backup.name}.key")):
            path.unlink(missing_ok=True)
    _tell(kept, () if remove_backups else backups, as_json=as_json, done=True)
    if remove_backups:
        typer.echo(f"{len(backups)} backups were removed.")
    return 0


def _refuse(subject: str, kept: Kept, *, unknown: bool, lose_withdrawals: bool) -> None:
    if not kept.anything and not unknown:
        raise UsageError(
            f"Nothing is kept of {subject!r}.",
            undone=_NOTHING,
            advice="Is it written as the reports write it? To keep them out before they ever come: --unknown.",
        )
    if kept.withdrawals and not lose_withdrawals:
        raise UsageError(
            f"{kept.withdrawals} withdrawals of {subject!r} have not reached Braze yet, which would go on sending.",
            undone=_NOTHING,
            advice="Let `ecmbraze consent` send them, or unsubscribe them in Braze by hand and add --lose-withdrawals.",
        )


def _backups(loaded: Settings) -> tuple[Path, ...]:
    """Return the state files that may still hold them: those that migrations left, and those in `keep: backups`.

    What a kill left of one is named with them until it is removed, whether or not they are.
    """
    found = sorted(loaded.state.parent.glob(f"{loaded.state.name}.backup-v*"))
    for folder in _folders(loaded)[1:]:
        found += sorted(path for path in folder.iterdir() if is_state_file(path))
    found += [path for folder in _folders(loaded) for path in unfinished(folder)]
    return tuple(path for path in found if path.resolve() != loaded.state.resolve())


def _folders(loaded: Settings) -> list[Path]:
    """Return where copies of the state file are made: beside it, and in `keep: backups` if that is elsewhere."""
    folder = loaded.path.parent / loaded.keep.backups if loaded.keep.backups else None
    return [loaded.state.parent, *([folder] if folder is not None and folder.is_dir() else [])]


def _tell(kept: Kept, backups: tuple[Path, ...], *, as_json: bool, done: bool = False) -> None:
    told: dict[str, object] = {
        "names": list(kept.subject.names),
        "kept": dict(kept.counts),
        "workspaces": list(kept.workspaces),
        "emptied": list(kept.alone),
        "documents_in_ecm": list(kept.documents),
        "open_follow_ups": list(kept.follow_ups),
        "also_known_as": list(kept.also),
        "waiting_withdrawals": kept.withdrawals,
        "backups": [str(path) for path in backups],
    }
    if as_json:
        typer.echo(json.dumps(told | {"erased": done}, indent=2, ensure_ascii=False))
        return
    typer.echo(f"{'Erased' if done else 'Kept'} of {printable(', '.join(kept.subject.names))}:")
    for name, n in kept.counts.items():
        typer.echo(f"{n:>8,}  {name}")
    for line in _lines(kept, backups):
        typer.echo(printable(line))


def _lines(kept: Kept, backups: tuple[Path, ...]) -> list[str]:
    """Return what is not ours to erase, or not here."""
    same = "has the same e-mail address: if it is the same person, then also"
    lines = [f"{name} {same} `ecmbraze erase {name}`" for name in kept.also]
    if kept.workspaces:
        lines.append(f"Yours to decide, in Extended ECM: the workspaces {', '.join(kept.workspaces)} name them")
    lines += [f"Yours to decide, in Extended ECM: {name}" for name in kept.documents]
    lines += [f"Yours to complete, in Extended ECM: the follow-up {name}" for name in kept.follow_ups]
    if kept.subject.people:
        lines.append("Yours to decide, in Braze: the profile itself, its attributes and events")
    lines += [f"May still hold them: {path} (--remove-backups, or remove it by hand)" for path in backups]
    lines.append("May still hold them: what `state backup`, `plan -o` and `--report` wrote elsewhere, and your logs")
    return lines
