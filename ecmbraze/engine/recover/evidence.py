"""Look whether an attempt in doubt arrived, by the marker it carried; absence never leads to a resend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from ecmbraze.engine.deliver.batches import marker
from ecmbraze.ledger.outbox import Outbox, Row, Step
from ecmbraze.model import Profile, State
from ecmbraze.ports import PeopleReader

# delivery.md, "Evidence": after the third look without a marker a person must decide.
LOOKS = (timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=6))


def look(
    outbox: Outbox, people: PeopleReader, now: datetime, *, marked: bool, batch: int = 50
) -> Counter[str]:  # fmt: skip
    """Settle what the marker proves and hold what was looked for three times in vain; return flow → how many proven.

    Unless messages are ``marked`` there is nothing to look for: such rows are held at once.
    """
    doubtful = outbox.rows("state = 'in doubt'")
    proven: Counter[str] = Counter()
    if not marked:
        outbox.move([Step(row=row, state=State.HELD, why=row.why) for row in doubtful], now)
        return proven
    ripe = [row for row in doubtful if _looks_due(row, now) > row.looks]
    for start in range(0, len(ripe), batch):
        part = ripe[start : start + batch]
        profiles = people.profiles(list(dict.fromkeys(row.action.recipient for row in part)))
        seen = [row for row in part if _carries(profiles.get(row.action.recipient, ()), row)]
        why = "seen by its marker in the profile"
        outbox.move([Step(row=row, state=State.SENT, why=why) for row in seen], now)
        proven.update(row.action.flow for row in seen)
        absent = [row for row in part if row not in seen]
        outbox.looked([(row, _looks_due(row, now)) for row in absent])
        last = [row for row in absent if _looks_due(row, now) >= len(LOOKS)]
        outbox.move([Step(row=row, state=State.HELD, why=f"{row.why}; no marker seen") for row in last], now)
    return proven


def _looks_due(row: Row, now: datetime) -> int:
    """Return how many looks should have happened by now."""
    return sum(now >= row.changed_at + wait for wait in LOOKS)


def _carries(profiles: Sequence[Profile], row: Row) -> bool:
    return any(profile.custom_attributes.get(marker(row.action.flow)) == row.attempt for profile in profiles)
