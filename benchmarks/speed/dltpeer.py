"""The peer dlt: rows of a file to `/users/track`, 75 objects a request; run by the Python of `build/peers`, not ours.

`python dltpeer.py URL` in a folder with `rows.db`; what dlt keeps stays in that folder.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from typing import Any

import dlt  # type: ignore[import-not-found, unused-ignore]  # only in build/peers
from dlt.sources.helpers import requests  # type: ignore[import-not-found, unused-ignore]

_HEADERS = {"Authorization": "Bearer key"}


def _people() -> Iterator[list[dict[str, Any]]]:
    """Yield pages, as its documentation advises: one row at a time costs it more."""
    found = sqlite3.connect("rows.db").execute("SELECT * FROM people")
    names = [column[0] for column in found.description]
    while rows := found.fetchmany(1_000):
        yield [{**dict(zip(names, row, strict=True)), "_update_existing_only": True} for row in rows]


def main(url: str) -> None:
    """Load the rows once."""

    def track(items: list[dict[str, Any]], table: Any) -> None:
        answer = requests.post(f"{url}/users/track", json={"attributes": items}, headers=_HEADERS)
        answer.raise_for_status()

    sink = dlt.destination(track, name="braze", batch_size=75)
    pipeline = dlt.pipeline("people", destination=sink(), pipelines_dir="pipelines")
    pipeline.run(_people(), table_name="people")


if __name__ == "__main__":
    main(sys.argv[1])
