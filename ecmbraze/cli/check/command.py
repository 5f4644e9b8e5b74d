"""`ecmbraze check`: puts the checks in order, prints what they find and what to type next; judges nothing itself."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ecmbraze.cli import composition, opening
from ecmbraze.cli.check import in_braze, in_currents, in_ecm, in_success, outbound, probe, writing
from ecmbraze.cli.check.findings import Finding, Level, doubt, failed, notes, well
from ecmbraze.cli.clock import WallClock
from ecmbraze.cli.shared import ConfigOption, config_path
from ecmbraze.cli.signals import Budget
from ecmbraze.config import Settings
from ecmbraze.config.names import Named, named
from ecmbraze.config.schema import schema
from ecmbraze.engine.deliver.clock_faults import TOLERANCE, ClockFaults
from ecmbraze.engine.scan import discovery
from ecmbraze.errors import (
    ConfigurationError,
    CredentialRefused,
    EcmbrazeError,
    Fenced,
    RecordUnreadable,
    StateMissing,
    StateNewer,
    StateUnusable,
    StorageError,
    TemporaryError,
    UsageError,
    strongest,
)
from ecmbraze.flows import BY_NAME
from ecmbraze.needs import together
from ecmbraze.report.plain import printable
from ecmbraze.systems.currents import CurrentsFolder

_INDENT = 6


def register(app: typer.Typer) -> None:
    app.command("check")(check)


def check(
    context: typer.Context,
    config: ConfigOption = None,
    offline: Annotated[bool, typer.Option("--offline", help="only the configuration and the state file")] = False,
    show_outbound: Annotated[
        bool, typer.Option("--outbound", help="list everything that leaves ECM, where to, by which rule")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="the same as JSON")] = False,
    show_schema: Annotated[
        bool, typer.Option("--schema", help="print the JSON Schema of the configuration, for editors")
    ] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="with --outbound: the same as CSV")] = False,
    workspace: Annotated[
        str | None,
        typer.Option(
            "--probe",
            metavar="WORKSPACE",
            help="find out what this tenant does, by writing to a workspace set aside for that (node id or name): an "
            "attribute, a folder, documents; all of it is taken back",
        ),
    ] = None,
    attribute: Annotated[
        str, typer.Option("--probe-attribute", metavar="CATEGORY.ATTRIBUTE", help="with --probe: what is written")
    ] = "",
    wait_s: Annotated[
        int | None,
        typer.Option("--probe-wait", min=0, max=3600, help="with --probe: seconds to wait for the search index (120)"),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="with --probe: write without asking")] = False,
) -> int:
    """Check the configuration, both systems and the state file; writes nothing, but for --probe."""
    if as_csv and not show_outbound:
        raise UsageError("--csv belongs to --outbound.", undone="Nothing was checked.", advice="Add --outbound.")
    asked = _asked(workspace, attribute, wait_s, yes=yes)
    given = {"--probe-attribute": attribute, "--probe-wait": wait_s is not None, "--yes": yes}
    alone = offline or show_schema or show_outbound
    probe.refuse_alone(asked, offline=alone, others=[name for name, value in given.items() if value])
    if show_schema:
        typer.echo(json.dumps(schema(BY_NAME), indent=2))
        return 0
    path = config_path(context, config)
    if show_outbound:
        _outbound(opening.settings(path, secrets=False), as_json=as_json, as_csv=as_csv)
        return 0
    loaded = _load(path, of_systems=not offline)
    state, step = _state(loaded)
    found = [well("configuration", f"{loaded.path}, flows: {', '.join(loaded.flows) or 'none'}"), state]
    found += _unfenced(loaded)
    found += [note for name in loaded.flows for note in notes(loaded, BY_NAME[name])]
    found += [] if offline else _systems(loaded, asked)
    code = strongest(finding.code for finding in found if finding.level is Level.WRONG)
    if as_json:
        typer.echo(json.dumps({"exit_code": code, "next": step, "findings": [asdict(one) for one in found]}, indent=2))
    else:
        _print(found, step, wrote=asked is not None)
    return code


def _asked(workspace: str | None, attribute: str, wait_s: int | None, *, yes: bool) -> probe.Asked | None:
    if workspace is None:
        return None
    wait = {} if wait_s is None else {"wait_s": float(wait_s)}
    return probe.Asked(workspace=workspace, attribute=attribute, confirmed=yes, **wait)


def _load(path: Path | None, *, of_systems: bool) -> Settings:
    """Return the settings; where the file does not load, say what was not checked for that reason."""
    try:
        return opening.settings(path)
    except ConfigurationError as error:
        if not of_systems:
            raise
        raise ConfigurationError(
            error.happened.partition("\n")[0],
            problems=error.problems,
            advice=error.advice,
            undone="Neither Extended ECM nor Braze was asked: what only they know is checked once the file loads.",
        ) from None


def _outbound(loaded: Settings, *, as_json: bool, as_csv: bool) -> None:
    if as_json:
        typer.echo(outbound.as_json(loaded))
    elif as_csv:
        typer.echo(outbound.as_csv(loaded), nl=False)
    else:
        outbound.show(loaded)


def _state(loaded: Settings) -> tuple[Finding, str]:
    """Return how the state file stands, and what to type next."""
    file = "" if loaded.path == Path("ecmbraze.yaml").resolve() else f" -c {loaded.path}"
    try:
        with closing(opening.ledger(loaded, read_only=True)) as ledger:
            ledger.verify()
            first = not ledger.runs(1)
    except StateMissing:
        said = f"{loaded.state} is not made yet (if there was one, restore it: docs/operations.md)"
        return well("state file", said), f"ecmbraze init --non-interactive{file}"
    except EcmbrazeError as error:
        said = " ".join(str(error).split())
        return Finding(level=Level.WRONG, where="state file", said=said, code=error.exit_code), ""
    step = f"ecmbraze run{file}" if first else f"ecmbraze run --now --dry-run{file}"
    return well("state file", f"{loaded.state}, readable and whole"), step


def _unfenced(loaded: Settings) -> list[Finding]:
    said = "none: restoring an older state file, or running two copies of it, is not protected (`fence:`)"
    return [] if composition.setting(loaded).fence is not None else [well("fence", said)]


def _fence(loaded: Settings, made: composition.Clients, wall: WallClock) -> Finding:
    """Return how the claim stands that keeps a restored or copied state file from sending. Raises TemporaryError."""
    where = loaded.places.of(("fence",))
    try:
        with closing(opening.ledger(loaded, read_only=True)) as ledger:
            told = composition.fence(loaded, ledger, wall).told()
            return well("fence", told) if ledger.claims.place else _addable(loaded, made, where, told)
    except StateMissing:
        return _unclaimed(loaded, made, where)
    except (Fenced, ConfigurationError, StateUnusable) as error:
        return Finding(level=Level.WRONG, where=where, said=" ".join(str(error).split()), code=error.exit_code)
    except (StateNewer, StorageError):
        return doubt(where, "the state file cannot be read, so that its claim was not looked for")


def _unclaimed(loaded: Settings, made: composition.Clients, where: str) -> Finding:
    """Return whether a claim can be made there, before there is a state file."""
    place = composition.setting(loaded).fence
    assert place is not None, "asked only where one is configured"
    if place.canary:
        return well("fence", "the first live run makes the claim in the canary profile")
    try:
        taken = made.ecm.find_claim(place.folder or made.ecm.workspace_named(place.workspace))
    except (ConfigurationError, RecordUnreadable) as error:
        said = " ".join(str(error).split())
        return Finding(level=Level.WRONG, where=where, said=said, code=ConfigurationError.exit_code)
    if taken is None:
        return _addable(loaded, made, where, "the first live run makes the claim")
    said = f"the claim of another state file lies there (node {taken}): a new one would be fenced (13)"
    return Finding(level=Level.WRONG, where=where, said=said, code=Fenced.exit_code)


def _addable(loaded: Settings, made: composition.Clients, where: str, told: str) -> Finding:
    """Return whether the account may add the claim where it is to lie; ``told`` says so where it may."""
    place = composition.setting(loaded).fence
    assert place is not None, "asked only where one is configured"
    if place.canary:
        return well("fence", told)
    number = place.folder or made.ecm.workspace_named(place.workspace)
    if lacking := made.ecm.obstacles(number, {}, files=True):
        said = f"no claim can be made in node {number}: {lacking[0].said}; the first live run would end with 7"
        return Finding(level=Level.WRONG, where=where, said=said, code=CredentialRefused.exit_code)
    return well("fence", told)


def _systems(loaded: Settings, asked: probe.Asked | None) -> list[Finding]:
    wall = opening.wall_clock(loaded)
    made = composition.clients(loaded, wall, Budget(wall.monotonic, None))
    probed = probe.findings(loaded, made.ecm, wall, asked) if asked else []
    names = {flow: list(named(flow, section)) for flow, section in loaded.flows.items()}
    return [
        *_until_it_fails(loaded, "ecm", _of_ecm(loaded, made, wall, names)),
        *_until_it_fails(loaded, "braze", _of_braze(loaded, made, wall, names)),
        *_clock(made, wall),
        *in_currents.findings(loaded, BY_NAME, CurrentsFolder(), wall.now()),
        *probed,
    ]


def _until_it_fails(loaded: Settings, section: str, checks: Iterable[Finding]) -> Iterator[Finding]:
    """Yield what is found; an unreachable system or a refused login is told once, not by every check."""
    try:
        yield from checks
    except EcmbrazeError as error:
        system = "ECM" if section == "ecm" else "Braze"
        yield failed(loaded, section, error, rest=f"Nothing else of {system} was checked.")


def _of_ecm(
    loaded: Settings, made: composition.Clients, wall: WallClock, names: dict[str, list[Named]]
) -> Iterator[Finding]:
    yield well("ECM login", f"{made.ecm.whoami()} at {loaded.ecm.url}")
    now = made.ecm.server_now()
    skew = made.ecm.skew() or 0
    told = f"{now:%Y-%m-%d %H:%M:%S} UTC, ours is {skew:+.0f} s from it"
    near = abs(skew) <= TOLERANCE.total_seconds()
    yield well("ECM clock", told) if near else doubt("ECM clock", f"{told}: one of them is wrong")
    if composition.setting(loaded).fence is not None:
        yield _fence(loaded, made, wall)
    broken = False
    for flow, mine in names.items():
        for finding in in_ecm.findings(loaded, made.ecm, flow, mine):
            broken = broken or finding.level is Level.WRONG
            yield finding
        yield from writing.findings(loaded, made.ecm, BY_NAME[flow], mine)
        yield from in_success.in_ecm(loaded, made.ecm, flow)
    if broken:  # how changes are found rests on the names being right
        return
    types = made.ecm.workspace_types()
    for need in together([BY_NAME[name].needs(section) for name, section in loaded.flows.items()]):
        said = discovery.told(made.ecm, need, types[need.name], loaded.ecm.date_query_from)
        yield well(f"changes of {need.name!r}", f"found {said}")


def _clock(made: composition.Clients, wall: WallClock) -> Iterator[Finding]:
    """Yield that a run does next to nothing by our clock, where both systems disagree with it."""
    skews = [skew for skew in (made.ecm.skew(), made.braze.skew()) if skew is not None]
    if why := ClockFaults(clock=wall, skews=lambda: skews, last=None).told():
        said = f"{why}: by it a run plans and sends withdrawals alone; set it right (NTP)"
        yield Finding(level=Level.WRONG, where="our clock", said=said, code=TemporaryError.exit_code)


def _of_braze(
    loaded: Settings, made: composition.Clients, wall: WallClock, names: dict[str, list[Named]]
) -> Iterator[Finding]:
    paths = in_braze.needed(loaded, BY_NAME, [entry for mine in names.values() for entry in mine])
    yield from in_braze.permissions(loaded, made.braze, paths)
    objects = in_braze.Objects(config=loaded, braze=made.braze)
    for flow, mine in names.items():
        yield from objects.findings(flow, mine)
        yield from in_success.in_braze(loaded, made.braze, flow)


def lines(found: Iterable[Finding], width: int) -> list[str]:
    """Return a text per finding, what is to do last; folded to ``width`` columns, or whole with 0."""
    ordered = sorted(found, key=lambda finding: list(Level).index(finding.level))
    texts = [f"{finding.level:<5} {printable(f'{finding.where}: {finding.said}')}" for finding in ordered]
    fold = textwrap.TextWrapper(width=width or 80, subsequent_indent=" " * _INDENT, break_long_words=False)
    return [fold.fill(text) if width else text for text in texts]


def _print(found: list[Finding], step: str, *, wrote: bool) -> None:
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    for text in lines(found, width):
        typer.echo(text)
    counted = Counter(finding.level for finding in found)
    typer.echo(_sum(counted[Level.WRONG], counted[Level.DOUBT], step, wrote=wrote))


def _sum(problems: int, doubts: int, step: str, *, wrote: bool) -> str:
    if problems:
        unchanged = "" if wrote else ", nothing was changed"
        return f"{problems} problem{'s' * (problems > 1)} found{unchanged}; correct and check again"
    well_or_not = f"nothing wrong found, but {doubts} could not be checked (?)" if doubts else "all well"
    return f"{well_or_not}; next: {step}"
