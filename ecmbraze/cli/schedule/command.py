"""The commands of `ecmbraze schedule`: load the configuration, print one kind of files; asks nobody, writes nothing."""

from __future__ import annotations

import typer

from ecmbraze.cli import opening
from ecmbraze.cli.groups import Group
from ecmbraze.cli.schedule import files, kubernetes
from ecmbraze.cli.schedule.installation import Installation, installation
from ecmbraze.cli.shared import ConfigOption, config_path
from ecmbraze.config.secret import Way

schedule = typer.Typer(
    help="Print what starts `ecmbraze run` again and again: for cron, systemd or Kubernetes.",
    no_args_is_help=True,
    cls=Group,
)


def register(app: typer.Typer) -> None:
    app.add_typer(schedule, name="schedule")


@schedule.command("cron")
def cron(context: typer.Context, config: ConfigOption = None) -> int:
    """Print a crontab for the account that owns the state file."""
    at = _at(context, config)
    typer.echo(files.crontab(at), nl=False)
    _next(
        "Add it with `crontab -e`, logged in as the account that owns the state file; nothing was installed. "
        "`ecmbraze schedule cron | crontab -` takes away what that crontab held."
    )
    if names := at.named(Way.CREDENTIAL):
        _next(f"cron gives no credentials: write file:PATH instead of credential: for {', '.join(names)}.")
    return 0


@schedule.command("systemd")
def systemd(context: typer.Context, config: ConfigOption = None) -> int:
    """Print a service and a timer for systemd."""
    at = _at(context, config)
    units = {"/etc/systemd/system/ecmbraze.service": files.service(at), files.TIMER: files.timer(at)}
    typer.echo("\n".join(f"# {place}\n{text}" for place, text in units.items()), nl=False)
    _next(
        "Save each part under the name above it, then `systemctl daemon-reload` and `systemctl enable --now "
        "ecmbraze.timer`; nothing was installed. The account of User= must own the state file, its "
        "folder and each file:PATH with a secret."
    )
    if names := at.named(Way.ENVIRONMENT):
        _next(
            f"{files.environment_file(at)} (0600, of root) must set {', '.join(names)}; "
            "credential:NAME in the configuration keeps secrets out of the environment."
        )
    if names := at.named(Way.CREDENTIAL):
        _next(f"Put the secrets {', '.join(names)} into files of these names in {at.config.parent} (0600, of root).")
    if files.below_tmp(at):
        _next("PrivateTmp= hides /tmp and /var/tmp from the service: move what it needs elsewhere.")
    return 0


@schedule.command("kubernetes")
def in_kubernetes(context: typer.Context, config: ConfigOption = None) -> int:
    """Print a CronJob for Kubernetes, with a volume for the state file and a pod for people."""
    at = _at(context, config)
    typer.echo(kubernetes.manifests(at), nl=False)
    _next(
        f"Save it, write your image for {kubernetes.IMAGE}, make the ConfigMap and the Secret as its comments "
        "say, then `kubectl apply -f FILE`; nothing was installed."
    )
    return 0


def _at(context: typer.Context, config: ConfigOption) -> Installation:
    return installation(opening.settings(config_path(context, config), secrets=False))


def _next(sentence: str) -> None:
    typer.echo(sentence, err=True)
