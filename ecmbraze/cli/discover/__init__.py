"""`ecmbraze discover`: what there is in Extended ECM and Braze to name in the configuration, and how it is written."""

from ecmbraze.cli.discover.command import register

__all__ = ["register"]
