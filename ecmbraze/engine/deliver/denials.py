"""Records that the account may not write to: the others go on, until so many in a row say that it is the account."""

from __future__ import annotations

from dataclasses import dataclass, field

from ecmbraze.engine.deliver.channels import channel_of
from ecmbraze.errors import CredentialRefused
from ecmbraze.ledger.outbox import Row
from ecmbraze.model import Answer, Verdict


@dataclass(slots=True, kw_only=True)
class Denials:
    """What of one flow was denied in one run."""

    by: dict[str, CredentialRefused] = field(default_factory=dict)
    """Recipient → why the account may not write there."""
    in_a_row: set[str] = field(default_factory=set)
    """Those of them since something was last taken: too many, and it is not they but the account."""

    def note(self, row: Row, answer: Answer) -> None:
        """Let the others go on where one recipient may not be written to; raise once it is not one alone."""
        if answer.verdict is Verdict.ACCEPTED:
            self.in_a_row.clear()
        if answer.denied is not None:
            self.by[row.action.recipient] = answer.denied
            self.in_a_row.add(row.action.recipient)
            if len(self.in_a_row) >= channel_of(row.action.kind).patience:
                self.refuse("What was not sent waits.")

    def refuse(self, undone: str) -> None:
        """Raise CredentialRefused where something was denied."""
        if not self.by:
            return
        first, more = next(iter(self.by.values())), len(self.by) - 1
        others = f" The same holds for {more} more." if more else ""
        raise CredentialRefused(f"{first.happened}{others}", undone=undone, advice=first.advice)
