"""Every way a run can end badly, each with its exit code; raises nothing and knows no system.

A message always says what happened, what was *not* done, and what to type next.
The codes and their order of strength are the contract of ``interface.md``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class EcmbrazeError(Exception):
    """Carry one failure to the operator."""

    exit_code = 1
    name = "bug"

    def __init__(self, happened: str, *, undone: str = "", advice: str = "") -> None:
        self.happened, self.undone, self.advice = happened, undone, advice
        super().__init__(" ".join(part for part in (happened, undone, advice) if part))


class UsageError(EcmbrazeError):
    """The command line asks for something that does not exist."""

    exit_code, name = 2, "usage"


class TemporaryError(EcmbrazeError):
    """A system is unreachable, answers nonsense or the clock is off; the next run tries again."""

    exit_code, name = 5, "temporary"


class GuardTripped(EcmbrazeError):
    """The plan is unusual; a person must look at it."""

    exit_code, name = 6, "guard"


class CredentialRefused(EcmbrazeError):
    """A credential, a permission or a certificate was refused."""

    exit_code, name = 7, "credential"


class TimeBudgetUsed(EcmbrazeError):
    """The time budget ran out; the rest waits."""

    exit_code, name = 8, "time_budget"


class StateMissing(EcmbrazeError):
    """There is no state file; it is never made by a run."""

    exit_code, name = 10, "no_state"


class Locked(EcmbrazeError):
    """Another run holds the lock."""

    exit_code, name = 11, "locked"


class StateUnusable(EcmbrazeError):
    """The state file is corrupt, foreign, or readable by others."""

    exit_code, name = 12, "state_unusable"


class Fenced(EcmbrazeError):
    """A newer or another runner exists."""

    exit_code, name = 13, "fenced"


class StateNewer(EcmbrazeError):
    """The state file was written by a newer version."""

    exit_code, name = 14, "state_newer"


class ConfigurationError(EcmbrazeError):
    """The configuration, or an object it names in ECM or Braze, is wrong."""

    exit_code, name = 15, "configuration"

    def __init__(
        self,
        happened: str,
        *,
        problems: Sequence[str] = (),
        undone: str = "Nothing was read or sent.",
        advice: str = "Correct the configuration and run `ecmbraze check`.",
    ) -> None:
        self.problems = tuple(problems)
        text = happened + "".join(f"\n  - {problem}" for problem in problems)
        super().__init__(text + ("\n" if problems else ""), undone=undone, advice=advice)


class StorageError(EcmbrazeError):
    """The disk is full, read-only or fails."""

    exit_code, name = 16, "storage"


class Interrupted(EcmbrazeError):
    """SIGINT (130) or SIGTERM (143): the batch in flight was finished and the state saved."""

    name = "interrupted"

    def __init__(
        self,
        signal_number: int,
        *,
        undone: str = "What was not sent waits in the state file.",
        advice: str = "Run the same command again to go on.",
    ) -> None:
        self.exit_code = 128 + signal_number
        super().__init__("Interrupted.", undone=undone, advice=advice)


class RecordUnreadable(EcmbrazeError):
    """One record cannot be used; it is quarantined and its neighbours go through."""

    exit_code, name = 3, "record"


class RecordGone(RecordUnreadable):
    """What was to be read is no longer there: nothing is wrong with it."""


class NamesNobody(RecordUnreadable):
    """Something happened to a record that leads to nobody: it waits until somebody is named there."""


class OtherUnreadable(RecordUnreadable):
    """Another record, on which this one rests, cannot be used: this one is planned again in each run until it can."""


# interface.md, "schedule again? yes": the work waits, and the next start goes on.
RUN_AGAIN: tuple[int, ...] = (5, 8, 11, 16, 130, 143)
# interface.md, "the strongest wins", left to right; 9 replaces only 0 and is decided by the CLI.
STRENGTH: tuple[int, ...] = (12, 13, 14, 16, 1, 7, 15, 10, 6, 4, 130, 143, 5, 8, 11, 3, 0)


def strongest(codes: Iterable[int]) -> int:
    """Return the exit code that wins among ``codes``; 0 when there are none."""
    return min(codes, key=STRENGTH.index, default=0)
