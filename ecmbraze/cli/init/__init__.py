"""`ecmbraze init`: the state file of a configuration, and, guided by questions, the configuration itself."""

from ecmbraze.cli.init.command import register

__all__ = ["register"]
