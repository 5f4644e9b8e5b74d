"""Braze as reader of people and the only writer to it; every outcome of a write is one judged Answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from ecmbraze.errors import EcmbrazeError
from ecmbraze.model import (
    AddressList,
    Answer,
    Asset,
    ContentKind,
    ContentRow,
    Kind,
    MessageInfo,
    Profile,
    Received,
    TrackBatch,
    TriggerBatch,
    Verdict,
)
from ecmbraze.model.listed import Listed, ListedGroup, MessageState
from ecmbraze.systems.braze import catalogue, probes, writes
from ecmbraze.systems.braze.asking import Asking
from ecmbraze.systems.braze.content import Content
from ecmbraze.systems.braze.lists import AddressLists
from ecmbraze.systems.braze.people import People
from ecmbraze.systems.braze.segments import Export, Segments
from ecmbraze.systems.braze.writes import judge
from ecmbraze.systems.exchange import Exchange, TransportError
from ecmbraze.systems.http import Http


class BrazeClient:
    """Implements the readers of Braze and MessageSink over the REST API of api/braze.md. Thread-safe."""

    def __init__(self, http: Http, *, api_key: str) -> None:
        http.redactor.add(api_key)
        self._http, self._headers = http, {"Authorization": f"Bearer {api_key}"}
        self._asking = Asking(http, self._headers)
        self._people = People(self._asking)
        self._lists = AddressLists(self._asking, http.clock)
        self._content = Content(self._asking)
        self._segments = Segments(http, self._headers)

    def profiles(self, recipients: Sequence[str]) -> Mapping[str, Sequence[Profile]]:
        """Return recipient → profiles, in requests of 50; who is missing is unknown to Braze."""
        return self._people.profiles(recipients)

    def group_states(self, group_id: str, recipients: Sequence[str]) -> Mapping[str, str]:
        """Return recipient → ``subscribed | unsubscribed | unknown``."""
        return self._people.group_states(group_id, recipients)

    def received(self, recipients: Sequence[str]) -> Mapping[str, Sequence[Received]]:
        """Return recipient → the campaigns they received, and whether they engaged with them (api/braze.md 4.3)."""
        return self._people.received(recipients)

    def hard_bounces(self, since: datetime) -> frozenset[str]:
        """Return the lower-cased addresses that hard-bounced since then."""
        return frozenset(self._lists.read(AddressList.HARD_BOUNCES, since))

    def address_list(self, which: AddressList, since: datetime) -> Mapping[str, datetime]:
        """Return lower-cased address → when it came onto a dated list last, since then (api/braze.md 5.7)."""
        return self._lists.read(which, since)

    def content_rows(self, kind: ContentKind, since: datetime | None) -> Sequence[ContentRow]:
        """Return the assets of a kind, or those edited at or after a moment (api/braze.md 7.1 to 7.4)."""
        return self._content.rows(kind, since)

    def asset(self, row: ContentRow) -> Asset:
        """Return all of one asset (api/braze.md 7.1 to 7.4)."""
        return self._content.asset(row)

    def segment(self, segment_id: str, attributes: Sequence[str], files: str = "") -> Export:
        """Return who is in a segment, from an export of it (api/braze.md 4.4)."""
        return self._segments.export(segment_id, attributes, files)

    def track(self, batch: TrackBatch) -> Answer:
        """Send attributes and events of up to 75 objects; nobody is created unless the batch says so."""
        try:
            body, sizes = writes.track(batch)
        except EcmbrazeError as bug:
            return _not_sent(bug)
        return self._write(writes.path_of(Kind.EVENT), body, sizes, once=bool(batch.events))

    def trigger(self, batch: TriggerBatch) -> Answer:
        """Send one campaign or Canvas to up to 50 named people, never to an audience."""
        try:
            path, body = writes.trigger(batch)
        except EcmbrazeError as bug:
            return _not_sent(bug)
        return self._write(path, body, {}, once=True)

    def withdraw(self, recipients: Sequence[str], channel: str) -> Answer:
        """Unsubscribe up to 75 existing profiles from ``email``, ``push`` or ``group:<id>`` (api/braze.md 1.9).

        Braze takes everybody who shares the address along.
        """
        try:
            body, sizes = writes.withdrawal(recipients, channel)
        except EcmbrazeError as bug:
            return _not_sent(bug)
        return self._write(writes.path_of(Kind.WITHDRAWAL), body, sizes, once=False)

    def message(self, kind: Kind, message_id: str) -> MessageInfo:
        """Return the name of a campaign or Canvas and why it would send nothing (api/braze.md 7.3, 7.4)."""
        return probes.message(self._asking, kind, message_id)

    def wait_for_turn(self, kind: Kind) -> None:
        """Wait until the rate limit lets the next write of a kind go; nothing of it is on its way meanwhile."""
        self._http.wait_for_turn(writes.path_of(kind))

    def names(self, kind: str, message_id: str) -> Mapping[str, Any]:
        """Return name, draft, enabled, archived of a ``campaign`` or ``canvas``; ConfigurationError when unknown."""
        return probes.details(self._asking, kind, message_id)

    def listed(self, kind: str) -> Mapping[str, str]:
        """Return id → name of every ``campaign``, ``canvas`` or ``segment`` that is not archived; for suggestions."""
        return probes.listed(self._asking, kind)

    def everything(self, kind: str) -> Sequence[Listed]:
        """Return every ``campaign`` or ``canvas``, archived ones too, or every ``segment``; for `discover`."""
        return catalogue.everything(self._asking, kind)

    def states(self, kind: str, ids: Sequence[str]) -> Iterator[MessageState]:
        """Yield the state of each ``campaign`` or ``canvas``, in their order; for `discover`."""
        return catalogue.states(self._asking, kind, ids)

    def groups_of(self, external_id: str) -> Sequence[ListedGroup]:
        """Return the subscription groups that a profile ever had a state in, not that state; for `discover`."""
        return catalogue.groups_of(self._asking, external_id)

    def missing_permissions(self, paths: Sequence[str]) -> Mapping[str, str]:
        """Return path → permission for those the key lacks, without writing anything; for `check`."""
        return probes.missing(self._asking, paths)

    def attributes(self) -> Mapping[str, str]:
        """Return name → status of every custom attribute of profiles; for `check`."""
        return probes.attributes(self._asking)

    def group_exists(self, group_id: str) -> bool:
        """Say whether Braze knows this subscription group; for `check`."""
        return probes.group_exists(self._asking, group_id)

    def skew(self) -> float | None:
        """Return the seconds by which our clock is ahead of Braze's; ``None`` before the first answer."""
        return self._http.skew

    def closed_windows(self) -> Mapping[str, datetime]:
        """Return path → when its rate limit opens again, for those that are used up; for another run to know."""
        return self._http.closed_windows()

    def close_windows(self, closed: Mapping[str, datetime]) -> None:
        """Take over the rate limits that an earlier run found used up."""
        self._http.close_windows(closed)

    def _write(self, path: str, body: writes.Body, sizes: Mapping[str, int], *, once: bool) -> Answer:
        outcome: Exchange | TransportError
        try:
            outcome = self._http.write("POST", path, fresh=once, json=body, headers=self._headers)
        except TransportError as failure:
            outcome = failure
        except EcmbrazeError as stop:  # paused, or the rate limit outlasts the run: before any byte, or after a 429
            return _not_sent(stop)
        return judge(outcome, host=self._http.host, path=path, sizes=sizes, told=self._http.redactor.excerpt)


def _not_sent(stop: EcmbrazeError) -> Answer:
    return Answer(verdict=Verdict.NOT_PROCESSED, reason=stop.happened, stop=stop)
