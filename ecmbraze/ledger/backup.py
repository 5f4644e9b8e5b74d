"""Save the state file beside a run that may be live; overwrites nothing and leaves nothing half done."""

from __future__ import annotations

import os
from contextlib import ExitStack, closing
from pathlib import Path

from ecmbraze.errors import UsageError
from ecmbraze.ledger import copying, file, historykey, seal
from ecmbraze.ledger.connection import Connection, Explained, unusable
from ecmbraze.ledger.copying import new_copy, sync_folder
from ecmbraze.ledger.history import History
from ecmbraze.ledger.historykey import HistoryKey
from ecmbraze.ledger.verifying import Checked, checks

# The checks that say something of a copy; place, seal and commits are those of the file it is made of.
_OF_A_COPY = ("pages", "history", "values")


def back_up(path: Path, to: Path) -> list[Checked]:
    """Copy the state as it is at one commit to ``to``, 0600, with seal and key; return what was checked of the copy.

    Raises UsageError where something stands already, StateUnusable for a damaged state or a folder that others may
    write, StorageError for the disk; then there is no backup.
    """
    file.check(path)
    with Explained(to, unusable):
        if not to.parent.is_dir():
            raise UsageError(
                f"There is no folder {to.parent}.", undone="No backup was made.", advice="Make it, with mode 0700."
            )
        file.check_folder(to, "The backup")
        _take_back(to.parent)
        for there in (to, seal.beside(to), historykey.beside(to)):
            if os.path.lexists(there):
                raise _exists(there)
    sealed = seal.read(path)
    database = file.open_existing(path, read_only=True, pages=False)
    with closing(database.conn) as source:
        assert isinstance(source, Connection)
        with Explained(to, unusable), new_copy(source, to) as scratch:
            found = [one for one in checks(scratch, key=path, sealed=sealed) if one.what in _OF_A_COPY]
            try:
                os.link(scratch, to, follow_symlinks=False)  # a rename would overwrite what came meanwhile
            except FileExistsError:
                raise _exists(to) from None
            _complete(to, History.of(source, path).key)
    return found


def _take_back(folder: Path) -> None:
    """Remove what a kill left of backups in a folder; a half that has its name has no seal, and would be in the way."""
    for to in copying.half_done(folder):
        if not os.path.lexists(seal.beside(to)):
            to.unlink()
            historykey.beside(to).unlink(missing_ok=True)
    copying.remove_unfinished(folder)


def _complete(to: Path, key: HistoryKey | None) -> None:
    """Put beside a copy what it takes to verify it: its key, and its seal; or else take it away again.

    Half of a backup would be in the way of the same command.
    """
    with ExitStack() as undo:
        undo.callback(to.unlink)
        if key is not None:
            historykey.copy(key, to)
            undo.callback(historykey.beside(to).unlink)
        with closing(file.open_existing(to, read_only=True, pages=False).conn) as copy:
            head = History.of(copy, to).head()
        with Explained(to, unusable):
            seal.put(to, head=(head.length, head.digest), sign=key.sign if key else None)
            undo.callback(seal.beside(to).unlink)
            sync_folder(to)
        undo.pop_all()


def _exists(path: Path) -> UsageError:
    return UsageError(
        f"{path} exists already.", undone="No backup was made; nothing is overwritten.", advice="Name another file."
    )
