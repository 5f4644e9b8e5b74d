"""Check a state file or a backup of one through and through, and say of each thing what was checked; writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from ecmbraze.ledger import counting, file, seal, segments
from ecmbraze.ledger.connection import Connection, Explained, connect_nameless, unusable
from ecmbraze.ledger.copying import copy_in_steps
from ecmbraze.ledger.history import Head, History
from ecmbraze.ledger.lock import held
from ecmbraze.ledger.seal import Look
from ecmbraze.ledger.values import check_values


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One thing that was checked and found well, or that could not be judged."""

    what: str
    found: str


def check_history(history: History, path: Path) -> None:
    """Raise StateUnusable when a row does not follow from the one before, or a remark is not what was written."""
    if (row := history.first_break()) is not None:
        raise unusable(path, f"fails the check of its history at row {row}")
    if (row := history.changed_remark()) is not None:
        raise unusable(path, f"holds another text than was written in remark.text, row {row}")


def check_head(history: History, path: Path, sealed: Mapping[str, object], *, place: Path | None = None) -> bool:
    """Raise StateUnusable when the history is not the one that was sealed or lost its end; say if there is a seal.

    ``sealed`` is what the seal of ``place``, else of ``path``, said before the history was read: a later one may be of
    a run that went on since.
    """
    place = place or path
    try:
        found = seal.head(sealed, history.key.sign if history.key else None)
    except ValueError:
        raise unusable(path, f"has a seal that was not made with its key ({seal.beside(place)})") from None
    if found is None:
        return False
    known, now = Head(length=found[0], digest=found[1]), history.head()
    if history.holds(known):
        return True
    if now.length < known.length:
        raise unusable(
            path,
            f"has a history that ends at row {now.length}, its seal says {known.length}: its end was cut off, or "
            f"it is an older copy (if you put it there, go on as operations.md says, and remove {seal.beside(place)})",
        )
    raise unusable(path, f"has another history than was sealed: row {known.length} is not the one that stood there")


def checks(path: Path, *, key: Path | None = None, sealed: Mapping[str, object] | None = None) -> Iterator[Checked]:
    """Yield each check as it is passed. Raises what is wrong, with its place: StateMissing (10), StateUnusable (12)…

    ``key`` is the state file whose key and seal are used, where they do not stand beside ``path``; ``sealed`` is what
    that seal said before ``path`` was copied from it.
    Of a file that a run is writing a copy is checked, taken in short steps, so that the run hardly waits.
    """
    sealed = seal.read(key or path) if sealed is None else sealed
    file.check(path)
    yield Checked(what="place", found="a file of ours, 0600, in a folder that only we may write")
    busy = held(path)
    yield _seal(path, busy=busy)
    database = file.open_existing(path, read_only=True, pages=False)
    with closing(database.conn) as opened:
        assert isinstance(opened, Connection)
        yield Checked(what="commits", found=f"{counting.check(opened, path):,}, each of ecmbraze")
        if not busy:
            yield from _content(opened, path, key or path, sealed)
            return
        with closing(connect_nameless(unusable)) as copy, Explained(path, unusable):
            copy_in_steps(opened, copy)
            yield from _content(copy, path, key or path, sealed)


def _seal(path: Path, *, busy: bool) -> Checked:
    if busy:
        return Checked(what="seal", found="not judged: a run is writing (what follows is of a copy, as of now)")
    with Explained(path, unusable):
        look = seal.look(path)
    if look is Look.BROKEN:
        raise unusable(path, f"is not as its last writer left it, says {path}.seal")
    return Checked(what="seal", found=look.value)


def _content(connection: Connection, path: Path, key: Path, seal_before: Mapping[str, object]) -> Iterator[Checked]:
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    file.check_every_page(connection, path)
    yield Checked(what="pages", found=f"{pages:,} pages and their indexes, by SQLite's own check")
    history = History.of(connection, key)
    check_history(history, path)
    sealed = check_head(history, path, seal_before, place=key)
    since = f"keyed from row {history.key.since:,}" if history.key else "not keyed yet: the next live run begins"
    end = "its end is the one that was sealed, or later" if sealed else "without a seal its end is held against nothing"
    length, cut = history.head().length, history.anchor.length
    yield Checked(what="history", found=f"{length - cut:,} rows, each follows from the one before; {since}; {end}")
    if cut:
        there, away = segments.check(history, Database(connection, execute_plugins=False), key)
        told = f"{there} beside the state file follow from each other, up to row {cut:,}"
        yield Checked(what="segments", found=f"{told}; {away} moved away, not judged" if away else told)
    rows, columns = check_values(connection, path)
    yield Checked(what="values", found=f"{rows:,} rows, {columns} columns that hold more than text, all readable")
