"""`ecmbraze schedule`: print what starts `ecmbraze run` again and again, for the configuration at hand."""

from ecmbraze.cli.schedule.command import register

__all__ = ["register"]
