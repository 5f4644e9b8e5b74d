"""Keep OpenText Extended ECM business workspaces and Braze in step."""


def __getattr__(name: str) -> str:
    """Return ``__version__``, looked up when somebody asks: what reads installed packages is slow to import."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("ecmbraze")
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "0.0.0"
