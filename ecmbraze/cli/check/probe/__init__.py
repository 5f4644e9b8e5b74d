"""`ecmbraze check --probe WORKSPACE`: the one part of `check` that writes, into one workspace, and takes it back."""

from ecmbraze.cli.check.probe.command import Asked, findings, refuse_alone

__all__ = ["Asked", "findings", "refuse_alone"]
