"""Keep the book of every edit made to a workspace, so that a test can check what came of each; edits nothing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One edit. ``what`` is ``Category.Attribute``, or ``created renamed deleted restored hidden shown category``."""

    seq: int
    at: str
    workspace: int
    what: str
    old: Any
    new: Any
    by: str
    user: int


class EditBook:
    """The edits in the order in which they were made. Guarded by the store's lock."""

    def __init__(self) -> None:
        self._edits: list[Edit] = []
        self.open = False

    def note(self, at: str, workspace: int, what: str, old: Any, new: Any, by: str, user: int) -> None:
        """Write down one edit; the seeding of the world, before the book is open, is none."""
        if self.open:
            seq = len(self._edits) + 1
            edit = Edit(seq=seq, at=at, workspace=workspace, what=what, old=old, new=new, by=by, user=user)
            self._edits.append(edit)

    def read(self, since: int = 0) -> list[dict[str, Any]]:
        """Return the edits after number ``since``."""
        return [asdict(edit) for edit in self._edits[since:]]
