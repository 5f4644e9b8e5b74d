"""`--probe`: says what it would write and where, has it confirmed, keeps runs out meanwhile; judges no answer."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass

import typer

from ecmbraze.cli import composition, opening
from ecmbraze.cli.check.findings import Finding
from ecmbraze.cli.check.probe import place as places
from ecmbraze.cli.check.probe import told
from ecmbraze.cli.check.probe.place import MARK, UNDONE, Place
from ecmbraze.cli.check.probe.steps import Probe, Seen
from ecmbraze.cli.clock import WallClock, new_id
from ecmbraze.cli.signals import Budget, listening
from ecmbraze.config import Settings
from ecmbraze.errors import EcmbrazeError, Interrupted, TemporaryError, UsageError
from ecmbraze.flows import BY_NAME
from ecmbraze.ledger.file import check
from ecmbraze.ledger.lock import run_lock
from ecmbraze.report.plain import printable
from ecmbraze.systems.ecm.client import EcmClient
from ecmbraze.systems.ecm.probing import Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line asks to be probed."""

    workspace: str
    attribute: str = ""
    wait_s: float = 120.0
    confirmed: bool = False


class _PausedError(TemporaryError):
    """Somebody paused every flow."""


def refuse_alone(asked: Asked | None, *, offline: bool, others: Sequence[str]) -> None:
    """Raise UsageError where options of the probe stand without it, or it stands beside what asks no system."""
    if asked is None and others:
        raise UsageError(f"{others[0]} belongs to --probe.", undone=UNDONE, advice="Add --probe WORKSPACE.")
    if asked is not None and offline:
        raise UsageError(
            "--probe writes to Extended ECM, and --offline asks no system.",
            undone=UNDONE,
            advice="Leave out one of them.",
        )


def findings(config: Settings, ecm: EcmClient, wall: WallClock, asked: Asked) -> list[Finding]:
    """Probe the workspace, if a person wants it after all; return what was found.

    Raises UsageError for what cannot be probed so, Locked while a run goes on, Interrupted after everything was taken
    back.
    """
    token = new_id()[:8]
    try:
        place = places.find(ecm, asked.workspace)
        if why := places.danger(config, ecm, place):
            return [told.refused(place, why)]
        found = places.trials(config, ecm, place, token)
        if why := places.left_in(found):
            return [told.refused(place, why)]
        trial = places.chosen(config, place, found, asked.attribute)
    except UsageError:
        raise
    except EcmbrazeError as error:  # told by the checks of ECM, with its code
        return [told.not_done(error.happened)]
    if not _confirmed(config, place, trial, token, asked):
        return [told.not_done("it was not confirmed")]
    return _probed(config, ecm, wall, asked, place, trial, token)


def _confirmed(config: Settings, place: Place, trial: Trial | None, token: str, asked: Asked) -> bool:
    """Say on stderr what would be written and where; return whether somebody wants that."""
    typer.echo("\n".join(map(printable, _plan(config, place, trial, token, asked))), err=True)
    if asked.confirmed:
        return True
    if not sys.stdin.isatty():
        raise UsageError(
            "A probe writes to Extended ECM, and nobody is here to confirm it.", undone=UNDONE, advice="Add --yes."
        )
    return typer.confirm("Go on?", err=True)


def _plan(config: Settings, place: Place, trial: Trial | None, token: str, asked: Asked) -> Iterator[str]:
    yield f"The probe writes to {place} at {config.ecm.url}, and nowhere else:"
    if trial is None:
        yield "- no attribute: it has none that no flow names and that could be put back"
    else:
        former = "is empty" if trial.was_empty else f"is {trial.former!r}"
        yield f"- {trial.name} {former}: it becomes {trial.value!r}, and then again what it was"
    yield f"- a folder and two documents named '{MARK} {token} …': made, versioned, moved and deleted again"
    yield "  (the recycle bin of ECM keeps them; its history and audit show all of it)"
    runs = " Runs that start meanwhile end with 11 (another run) and lose nothing." if config.state.exists() else ""
    yield f"No flow finds a customer there.{runs}"
    yield f"It takes half a minute, and up to {asked.wait_s:.0f} s more until the search index shows a document."


def _probed(
    config: Settings, ecm: EcmClient, wall: WallClock, asked: Asked, place: Place, trial: Trial | None, token: str
) -> list[Finding]:
    budget = Budget(wall.monotonic, None)
    with listening(budget), _alone(config) as paused:
        if why := paused():
            return [told.not_done(why)]
        try:
            if why := places.danger(config, ecm, place):  # somebody may have thought for an hour
                return [told.refused(place, why)]
        except EcmbrazeError as error:
            return [told.not_done(error.happened)]

        def tick() -> None:
            budget.tick()
            if why := paused():
                raise _PausedError(f"Every flow is {why}.", advice="`ecmbraze resume`, then probe again.")

        probe = Probe(
            ecm=ecm,
            renewed=lambda: composition.clients(config, wall, Budget(wall.monotonic, None)).ecm,
            place=place,
            trial=trial,
            token=token,
            wait_s=asked.wait_s,
            clock=wall,
            tick=tick,
        )
        probe.run()
        try:
            budget.tick()  # a signal that came while everything was taken back
        except Interrupted as error:
            probe.ended = error
    totals = {} if isinstance(probe.ended, Interrupted) else _totals(config, ecm)
    found = list(told.findings(config, place, trial, probe.seen, probe.ended, totals))
    if isinstance(probe.ended, Interrupted):
        raise _interrupted(probe.ended, probe.seen, found)
    return found


@contextmanager
def _alone(config: Settings) -> Iterator[Callable[[], str | None]]:
    """Keep runs of this state file out, so that none sees half a probe; yield what tells whether all flows are paused.

    Before `init` there is no state file, and nothing to keep out.
    """
    with ExitStack() as stack:
        if not config.state.exists():
            yield lambda: None
            return
        check(config.state)
        stack.enter_context(run_lock(config.state))
        ledger = stack.enter_context(closing(opening.ledger(config, read_only=True)))
        yield lambda: ledger.waiting.paused("*")


def _totals(config: Settings, ecm: EcmClient) -> dict[str, int]:
    """Return how many workspaces there are of each type that flows read; a listing that fails tells nothing here."""
    found: dict[str, int] = {}
    try:
        types = ecm.workspace_types()
        names = {name for flow, section in config.flows.items() for name in BY_NAME[flow].needs(section).types}
        for name in sorted(names & types.keys()):
            page = next(iter(ecm.list_workspaces(types[name])), None)
            found[name] = (page.total or 0) if page else 0
    except EcmbrazeError:  # the checks of ECM tell it
        pass
    return found


def _interrupted(error: Interrupted, seen: Seen, found: Sequence[Finding]) -> Interrupted:
    """Return the interruption with what became of what was written."""
    wrong = [f"{one.where}: {one.said}" for one in found if one.code and one.where.startswith("probe:")]
    undone = (
        f"Not everything could be taken back. {'; '.join(wrong)}." if wrong else "All that was written is taken back."
    )
    if seen.edited:
        undone += " " + " ".join(one.said for one in found if one.where == "probe: put back")
    return Interrupted(error.exit_code - 128, undone=undone, advice="Probe again when there is time.")
