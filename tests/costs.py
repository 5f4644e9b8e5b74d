"""What this process took so far, as the kernel counts it."""

from __future__ import annotations

from pathlib import Path


def peak_megabytes() -> int:
    """Return the most memory that this process had; of ``ru_maxrss`` a child begins with what its parent had."""
    return int(_said("status")["VmHWM"].split()[0]) // 1024


def bytes_written() -> int:
    """Return how many bytes it gave to write calls."""
    return int(_said("io")["wchar"])


def _said(file: str) -> dict[str, str]:
    lines = Path(f"/proc/self/{file}").read_text(encoding="ascii").splitlines()
    return dict(line.split(":", 1) for line in lines)
