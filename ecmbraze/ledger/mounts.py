"""Which file system a path lies on, by what Linux says of its mounts; elsewhere nobody knows."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

# Where locks, or the order in which writes arrive, are another machine's matter (sqlite.org/howtocorrupt.html, 2.1).
_NETWORKED = frozenset(
    {
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "ncpfs",
        "afs",
        "ceph",
        "glusterfs",
        "fuse.sshfs",
        "fuse.glusterfs",
        "fuse.s3fs",
        "fuse.rclone",
    }
)
_MOUNTS = Path("/proc/self/mountinfo")


def networked(path: Path, mounts: Path = _MOUNTS) -> str:
    """Return the kind of network file system a file lies on; empty where it is none, or where that is not known."""
    with suppress(OSError):
        told = mounts.read_text(encoding="utf-8", errors="surrogateescape")
        found = _kind(f"{path.parent.resolve()}/", told)
        return found if found in _NETWORKED else ""
    return ""


@lru_cache(maxsize=8)
def _kind(place: str, told: str) -> str:
    """Return the file system of a folder; asked several times in each start, while nothing is mounted."""
    found, longest = "", -1
    for line in told.splitlines():
        # proc(5): id, parent, device, root, mount point, options, optional fields, "-", type, source, options
        fields, _, rest = line.partition(" - ")
        point = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), fields.split()[4])
        if len(point) >= longest and place.startswith(point if point.endswith("/") else f"{point}/"):
            found, longest = rest.split()[0], len(point)
    return found
