"""Keep OpenText Extended ECM business workspaces and Braze in step."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("ecmbraze")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0.0.0"
