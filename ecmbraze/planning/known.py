"""What planning may ask of the ledger: one protocol, so that flows stay pure; answers nothing itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from ecmbraze.model import Change, Fate, Json, Kind, Record, Standing


class Known(Protocol):
    """What planning may ask of the ledger, overlaid with the plan in hand."""

    def led_to(self, change: Change) -> Sequence[str]:
        """Return whom a record may have led to when attributes were written of it, beside whom the change names."""
        ...

    def of_customer(self, customer: str) -> Sequence[Record]:
        """Return every workspace of the flow that leads to this person, in id order."""
        ...

    def person(self, customer: str) -> Record | None:
        """Return what Braze last said of a person; ``None`` when they were never read."""
        ...

    def newest(self, key: str) -> Record | None:
        """Return the newest record under a key; ``None`` when it was never read."""
        ...

    def fates(self, customer: str) -> Sequence[Fate]:
        """Return every message of the flow to a person and where it stands, those of the plan in hand too."""
        ...

    def earlier(self, record: Record) -> Record | None:
        """Return a record as an earlier run of the flow planned it; ``None`` when none did."""
        ...

    def planned_at(self, record: str) -> datetime | None:
        """Return when an earlier run of the flow planned a record last; ``None`` when none did."""
        ...

    def noted(self, record: str) -> Mapping[str, Json]:
        """Return what the flow noted of a record, by this plan or an earlier one."""
        ...

    def noted_earlier(self, record: str) -> Mapping[str, Json]:
        """Return what the flow noted of a record by an earlier plan."""
        ...

    def happened(self, record: str, rule: str) -> frozenset[str]:
        """Return the occurrences of a rule that ever led to a message of this record."""
        ...

    def values_of(self, recipient: str, kind: Kind) -> Mapping[str, Json]:
        """Return name → value of what was last planned, staged or accepted of a person, or of a workspace."""
        ...

    def ours(self, target: str) -> Sequence[Json]:
        """Return what of ours may stand at a target: what was accepted last, then what was sent without an answer."""
        ...

    def taken(self, target: str) -> datetime | None:
        """Return when the sink last took a value for a target; ``None`` when it never did."""
        ...

    def written(self, key: str) -> Standing | None:
        """Return how what happens once stands under a business key; ``None`` if it was never staged."""
        ...

    def pending(self, record: str, rule: str, even_refused: Kind) -> bool:
        """Say whether something that happens once, of a rule of a record, is staged and has not arrived yet.

        Nor has one of the kind ``even_refused`` that was refused, until somebody decides.
        """
        ...

    def underway(self, target: str) -> bool:
        """Say whether a value for a target is planned or staged that the sink has not taken yet."""
        ...

    def refusing(self, target: str) -> bool:
        """Say whether a value for a target stands refused, until somebody decides."""
        ...

    def sent_by(self, target: str) -> str:
        """Return the record of which the newest value was planned that the sink took for a target; empty of none."""
        ...

    def lapsed(self, recipient: str, target: str) -> bool:
        """Say whether the newest value for a target of a workspace was given up because that was gone."""
        ...

    def looked(self, record: str, now: datetime) -> datetime | None:
        """Return when a record was last read, changed or not: ``now`` in this run; ``None`` when it never was."""
        ...

    def edited_by_us(self, record: str) -> bool | None:
        """Say whether the last edit of a workspace was ours; ``None`` where this run did not ask.

        It asks where we wrote without learning whether it arrived.
        """
        ...

    def unmet(self, customer: str) -> bool:
        """Say whether something waits for this person because Braze does not know them yet."""
        ...

    def refused(self, record: str, customer: str, name: str) -> bool:
        """Say whether an attribute of this person was put aside when the record was last planned."""
        ...
