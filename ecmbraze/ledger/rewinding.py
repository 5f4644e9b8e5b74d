"""Set back how far a stream was looked at, so that the next run looks again; what was sent stays sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ecmbraze.errors import UsageError
from ecmbraze.ledger.codec import dump, instant
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.suggest import did_you_mean

_UNDONE = "Nothing was changed."


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewound:
    """How many watermarks stand earlier now, and how many records are read and planned again."""

    watermarks: int
    records: int


def rewind(
    ledger: Ledger, stream: str, to: datetime, now: datetime, *, flow: str | None, by: str, reason: str
) -> Rewound:
    """Let the flows, or one of them, look at a stream again from a moment on.

    Its records modified since then are read again and planned again against the facts of their last plan: what nobody
    saw is noticed, what was planned is not planned twice, and no key is ever sent twice. Raises UsageError for a stream
    that no flow has looked at yet, or for a moment that lies ahead.
    """
    streams = sorted(row[0] for row in ledger.database.execute("SELECT DISTINCT stream FROM watermark"))
    if stream not in streams:
        near = did_you_mean(stream, streams)
        raise UsageError(
            f"No flow has looked at a stream {stream!r}{near or '.'}",
            undone=_UNDONE,
            advice=f"There are: {', '.join(streams) or 'none yet'}.",
        )
    if to >= now:
        raise UsageError(f"{instant(to)} lies ahead.", undone=_UNDONE, advice="Name a moment that is past.")
    values = {"stream": stream, "to": instant(to), "flow": flow, "now": instant(now)}
    execute = ledger.database.conn.execute
    with ledger.database.atomic():
        moved = execute(
            "UPDATE watermark SET value = :to WHERE stream = :stream AND flow = ifnull(:flow, flow) AND value > :to",
            values,
        ).rowcount
        execute("UPDATE looked SET at = :to WHERE stream = :stream AND at > :to", values)
        execute(
            "UPDATE position SET change = min(change, ifnull((SELECT min(change) - 1 FROM record WHERE stream = "
            ":stream AND modified_at >= :to), change)) WHERE stream = :stream AND flow = ifnull(:flow, flow)",
            values,
        )
        read = execute(
            "UPDATE record SET again = 1, read_at = min(read_at, :to) WHERE stream = :stream AND modified_at >= :to",
            values,
        ).rowcount
        remark = ledger.history.remark(dump({"by": by, "reason": reason}))
        told = {"stream": stream, "to": instant(to), "flow": flow or "*", "records": read, "remark": remark}
        ledger.history.append(now, "rewind", told)
    return Rewound(watermarks=moved, records=read)
