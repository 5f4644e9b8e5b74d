"""A sandbox forked from the warm process, for tests that need no program beside it; its clock ticks."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial

from ecmbraze.sandbox import process
from ecmbraze.sandbox.remote import RemoteSandbox
from tests.forking.client import fork, piped


@contextmanager
def sandbox(*options: str, now: datetime | None = None) -> Iterator[RemoteSandbox]:
    """Start what ``RemoteSandbox.start`` starts from nothing; end it afterwards."""
    arguments = [*options, *(("--now", now.isoformat()) if now else ())]
    with piped() as (out, end):
        with end:
            child = fork(partial(process.main, arguments), environ=os.environ, stdout=end.fileno(), stderr=2)
        line = out.readline()
        assert line, "the sandbox did not start"
        try:
            yield RemoteSandbox(json.loads(line))
        finally:
            child.kill()
