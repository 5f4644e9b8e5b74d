"""The clock of Extended ECM, by which its dates are judged; asked seldom, and counted on from there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from email.utils import parsedate_to_datetime

from ecmbraze.errors import RecordUnreadable, TemporaryError
from ecmbraze.ports import Clock
from ecmbraze.systems.ecm import times
from ecmbraze.systems.ecm.session import Session
from ecmbraze.systems.exchange import Exchange


class ServerClock:
    """The server's clock as ``clock``, our own, shows it since the last look. ``zone`` is that of times without one."""

    def __init__(self, session: Session, clock: Clock, zone: tzinfo | None) -> None:
        self._session, self._clock, self._zone = session, clock, zone
        self._seen: tuple[datetime, float] | None = None
        self.skew: float | None = None
        """Seconds by which our clock is ahead of the server's; ``None`` before the first look."""

    def look(self) -> datetime:
        """Ask for the time: `/v1/serverinfo`, else its Date header (api/ecm.md 2.3)."""
        now = self._time_of(self._session.get("/api/v1/serverinfo"))
        self._seen = now, self._clock.monotonic()
        self.skew = (self._clock.now() - now).total_seconds()
        return now

    def known(self) -> times.ServerNow:
        """Return the time as far as it is known; it is asked again only when a date seems to lie ahead."""
        if self._seen is None:
            return times.ServerNow(self.look())
        now, at = self._seen
        return times.ServerNow(now + timedelta(seconds=self._clock.monotonic() - at), self.look)

    def _time_of(self, answer: Exchange) -> datetime:
        server = answer.json().get("server")
        said = server.get("current_date") if isinstance(server, Mapping) else None
        try:
            if isinstance(said, str) and (self._zone is not None or said.endswith("Z")):
                return times.instant(said, self._zone)
            return parsedate_to_datetime(answer.headers.get("date", "")).astimezone(UTC)
        except (RecordUnreadable, ValueError) as error:
            http = self._session.http
            raise TemporaryError(
                http.redactor.scrub(f"ECM {http.host} tells its clock in an unknown way: {error}."),
                undone="Nothing was concluded from it.",
                advice="The next run tries again; if it stays so, report it.",
            ) from None
