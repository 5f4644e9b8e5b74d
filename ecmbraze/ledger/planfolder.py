"""Plan files on disk: which are garbage; reads no plan."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def remove_garbage(path: Path) -> None:
    """Remove a plan file nobody owns, unless a dry run is writing it right now."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
    except BlockingIOError:
        return
    finally:
        os.close(descriptor)
