"""Fixtures of the sandbox's own tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ecmbraze.sandbox.remote import RemoteSandbox
from tests.sandbox.braze_desk import Braze
from tests.sandbox.desk import NOW, Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def braze() -> Braze:
    return Braze()


@pytest.fixture(scope="module")
def running() -> Iterator[RemoteSandbox]:
    with RemoteSandbox.start(now=NOW) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: RemoteSandbox) -> Iterator[RemoteSandbox]:
    running.set_clock(NOW)
    yield running
    running.clear_faults()
    running.clear_journal()
