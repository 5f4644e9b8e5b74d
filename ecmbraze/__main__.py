"""Run the program as ``python -m ecmbraze``."""

from ecmbraze.cli.app import main

main()
