"""The command line: takes the options that all commands share, and turns every ending into its exit code."""

from __future__ import annotations

import errno
import resource
import sys
import traceback
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer

from ecmbraze.cli import streams
from ecmbraze.cli.commands import Root
from ecmbraze.cli.logs import LOG, set_up
from ecmbraze.cli.shared import CONFIG_VARIABLE, Shared
from ecmbraze.errors import STRENGTH, EcmbrazeError, StorageError, UsageError, strongest

# Newer versions of typer carry their own copy of click: this is the base class of whichever copy is in use.
_WRONG_COMMAND_LINE: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")

# What a full disk, or a limit of the account, does to whatever is opened or written just then.
_REFUSED_BY_THE_SYSTEM = frozenset(
    (errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
)

app = typer.Typer(
    name="ecmbraze",
    cls=Root,
    help="Keep OpenText Extended ECM business workspaces and Braze in step: one subcommand per data flow.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from ecmbraze import __version__

        typer.echo(f"ecmbraze {__version__}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            "-c",
            "--config",
            readable=False,
            envvar=CONFIG_VARIABLE,
            help="configuration file (default: ecmbraze.yaml)",
        ),
    ] = None,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="log every request and decision on stderr")] = False,
    log_format: Annotated[str, typer.Option(help="text or json", metavar="text|json")] = "text",
    _show: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    """Take the options that every command shares."""
    if log_format not in ("text", "json"):
        raise typer.BadParameter("--log-format is text or json")
    set_up(verbose=verbose, log_format=log_format)
    context.obj = Shared(config=config, verbose=verbose)


def main() -> None:
    """Run the program; every ending is an exit code of interface.md."""
    streams.hold()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # what is in memory, secrets among it, never goes to a disk
    code = run(sys.argv[1:])
    if failure := streams.not_taken():
        code = strongest([StorageError.exit_code, *({code} & set(STRENGTH))])
        said = (
            "The command is done, but what it printed was not taken: %s. Nothing it did is undone. Make room where its "
            "output goes; `ecmbraze runs --json` prints the reports of runs again."
        )
        LOG.error(said, failure.strerror, extra={"fields": {"exit_code": code, "name": "output"}})
    sys.exit(code)


@cache
def _command() -> Any:
    """Return the commands, made once a process: a good part of what a short command costs."""
    return typer.main.get_command(app)


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code."""
    set_up(verbose=False, log_format="text")  # what is wrong with the command line itself is told like the rest
    try:
        _refuse_undecoded(arguments)
        result = _command().main(args=arguments, prog_name="ecmbraze", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except typer.Exit as error:
        return error.exit_code
    except _WRONG_COMMAND_LINE as error:
        error.show()
        return 2
    except (typer.Abort, KeyboardInterrupt):
        LOG.error("Interrupted; nothing was sent after that.")
        return 130
    except EcmbrazeError as error:
        LOG.error("%s", error, extra={"fields": {"exit_code": error.exit_code, "name": error.name}})
        return error.exit_code
    except OSError as error:
        if error.errno not in _REFUSED_BY_THE_SYSTEM:
            return _bug(error)
        where = f"{error.filename}: " if error.filename else ""
        refused = StorageError(
            f"{where}{error.strerror}.",
            undone="What was not committed did not happen.",
            advice="Make room or remove the cause, then run the same command again.",
        )
        LOG.error("%s", refused, extra={"fields": {"exit_code": refused.exit_code, "name": refused.name}})
        return refused.exit_code
    except Exception as error:
        return _bug(error)


def _refuse_undecoded(arguments: list[str]) -> None:
    """Raise UsageError for an argument that is no UTF-8: of a terminal that is set to another encoding, say."""
    for word in arguments:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise UsageError(
                f"{word!r} is not UTF-8 text.", undone="Nothing was done.", advice="Set the terminal to UTF-8."
            ) from None


def _bug(error: Exception) -> int:
    """Say so, keep the code of the contract, never print locals."""
    said = "bug: %s: %s. It ended there, the state is consistent. Run it again with `ecmbraze -v`, and report that."
    LOG.error(said, type(error).__name__, error, extra={"fields": {"exit_code": 1, "name": "bug"}})
    if LOG.isEnabledFor(10):
        traceback.print_exc()
    return 1
