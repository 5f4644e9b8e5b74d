"""The configuration: strict YAML, typed sections, secrets, all problems at once."""

from ecmbraze.config.load import load, read
from ecmbraze.config.sections import Settings

__all__ = ["Settings", "load", "read"]
