"""`ecmbraze check`: is the configuration right, can its rules ever fire, may we do what they need, what leaves."""

from ecmbraze.cli.check.command import register

__all__ = ["register"]
