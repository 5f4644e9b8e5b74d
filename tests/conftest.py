"""Fixtures shared by the tests that run the program against the sandbox."""

from __future__ import annotations

import gc
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.rehearsal import Rehearsal, rehearsal, rehearsal_with_baseline

# Files in memory where there is room: the tests kill processes, never the machine, so that an fsync shows nothing.
_MEMORY = Path("/dev/shm")
if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > 2 << 30:
    tempfile.tempdir = str(_MEMORY)

# The same examples each time, however long a busy machine takes for one.
settings.register_profile("suite", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


def pytest_collection_finish() -> None:
    """Keep what was imported and collected, some hundred megabytes, out of every later look of the collector."""
    gc.collect()
    gc.freeze()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a test the same in every process: bytes may hold the time they were made at, as an archive does."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Rehearsal]:
    """A small world whose baseline has been taken."""
    with rehearsal_with_baseline(tmp_path) as ready:
        yield ready


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Rehearsal]:
    """A small world and a configuration without a state file."""
    with rehearsal(tmp_path) as ready:
        yield ready
