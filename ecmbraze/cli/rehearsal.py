"""`ecmbraze sandbox` and `ecmbraze demo`: rehearse on simulated systems; needs the extra `sandbox`."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from ecmbraze.cli.clock import instant_of
from ecmbraze.errors import UsageError


def register(app: typer.Typer) -> None:
    app.command("sandbox")(sandbox)
    app.command("demo")(demo)


def sandbox(
    ecm_port: Annotated[int, typer.Option(help="0 takes any free port")] = 0,
    braze_port: Annotated[int, typer.Option(help="0 takes any free port")] = 0,
    control_port: Annotated[int, typer.Option(help="0 takes any free port")] = 0,
    seed: Annotated[int, typer.Option(help="same seed, same world")] = 7,
    world: Annotated[str, typer.Option(help="what is in it: example, onboarding, onboarding-odd, empty")] = "example",
    workspaces: Annotated[int | None, typer.Option(min=1, help="onboarding workspaces")] = None,
    now: Annotated[str | None, typer.Option(help="instant at which its clock starts, ISO 8601")] = None,
    env: Annotated[Path | None, typer.Option(help="write addresses and credentials here as shell lines")] = None,
) -> int:
    """Run the simulated Extended ECM and Braze on loopback, with data, until Ctrl-C; see docs/rehearsal.md."""
    _installed()
    from ecmbraze.sandbox.process import CannotStart, Options, serve  # heavy, and only here

    start = instant_of(now, "--now") if now else None
    options = Options(
        ecm_port=ecm_port,
        braze_port=braze_port,
        control_port=control_port,
        seed=seed,
        world=world,
        workspaces=workspaces,
        now=start,
        env=env,
    )
    try:
        return serve(options)
    except CannotStart as error:
        advice = "Choose another; `ecmbraze sandbox --help` says what there is."
        raise UsageError(str(error), undone="Nothing was started.", advice=advice) from None


def demo(
    fast: Annotated[bool, typer.Option("--fast", help="do not pause between the steps for somebody to read")] = False,
    keep: Annotated[
        Path | None, typer.Option(help="keep the configuration, the state file and the report page in this folder")
    ] = None,
) -> int:
    """Tell the story of five customers through all flows on simulated systems, with evidence from both.

    Takes less than a minute, needs no network and no account. Exit code 1: a step did not show what it claims.
    """
    _installed()
    from ecmbraze.cli.demo.play import play  # heavy, and only here

    if keep:
        if (keep / "state.db").exists():
            raise UsageError(
                f"{keep} holds the state file of an earlier demo.",
                undone="Nothing was started.",
                advice="Name another folder, or remove that one.",
            )
        keep.mkdir(mode=0o700, parents=True, exist_ok=True)  # the state file refuses a folder others may write
        return play(keep, fast=fast, kept=f"Kept in {keep}: ecmbraze.yaml, state.db, report.html.")
    with TemporaryDirectory(prefix="ecmbraze-demo-") as folder:
        return play(Path(folder), fast=fast, kept="To keep the state file and the report: `ecmbraze demo --keep DIR`.")


def _installed() -> None:
    if importlib.util.find_spec("flask") is None:
        raise UsageError(
            "The sandbox is not installed.", undone="Nothing was started.", advice="pip install 'ecmbraze[sandbox]'"
        )
