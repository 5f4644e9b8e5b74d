"""Start the sandbox from the command line; decides nothing itself."""

from __future__ import annotations

import os
import sys

from ecmbraze.sandbox.process import main

if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # The interpreter would take seconds to give back the memory of a large world object by object.
    os._exit(code)
