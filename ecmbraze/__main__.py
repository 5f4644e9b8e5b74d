"""Run the program, as ``python -m ecmbraze`` or by the installed script; says nothing itself."""

import gc
from importlib import import_module


def main() -> None:
    """Start the command line; without looking for garbage until the command is imported, since there is none yet."""
    gc.disable()
    import_module("ecmbraze.cli.app").main()


if __name__ == "__main__":
    main()
