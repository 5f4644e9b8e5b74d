"""Braze as reader of people and the only writer to it: every write is one judged attempt, never repeated here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecmbraze.errors import CredentialRefused, TimeBudgetUsed
from ecmbraze.model import Answer, Json, Kind, TrackBatch, TriggerBatch, Verdict
from ecmbraze.systems.braze.identifiers import identifier, trigger_identifier
from ecmbraze.systems.braze.judging import judge
from ecmbraze.systems.braze.people import People
from ecmbraze.systems.exchange import CertificateRefused, Exchange, NotSent, OutcomeUnknown
from ecmbraze.systems.http import Http

MAX_TRACK = 75  # objects of both arrays together (api/braze.md 1.2)
_RATE_TRIES = 5


class BrazeClient(People):
    """Implements PeopleReader and MessageSink."""

    def __init__(self, http: Http, *, api_key: str) -> None:
        http.redactor.add(api_key)
        super().__init__(http, {"Authorization": f"Bearer {api_key}"})

    def track(self, batch: TrackBatch) -> Answer:
        """Send attributes and events of up to 75 objects; an unknown person is never created unless asked for."""
        if not 1 <= len(batch.attributes) + len(batch.events) <= MAX_TRACK:
            raise ValueError("a track request holds 1 to 75 objects")
        body: dict[str, Json] = {
            "attributes": [
                {**values, **identifier(person), "_update_existing_only": person not in batch.create_profiles}
                for person, values in batch.attributes
            ],
            "events": [
                {**event, **identifier(person), "_update_existing_only": True} for person, event in batch.events
            ],
        }
        sizes = {"attributes": len(batch.attributes), "events": len(batch.events)}
        filled = {name: value for name, value in body.items() if value}
        return self._write("/users/track", filled, "users.track", sizes, once=bool(batch.events))

    def trigger(self, batch: TriggerBatch) -> Answer:
        """Send one campaign or Canvas to its recipients, never to an audience."""
        campaign = batch.kind is Kind.CAMPAIGN
        properties = "trigger_properties" if campaign else "context"
        recipients: list[Json] = []
        for entry in batch.recipients:
            told: dict[str, Json] = {**trigger_identifier(entry.recipient), properties: dict(entry.properties)}
            if entry.attributes:
                told["attributes"] = dict(entry.attributes)
            if "user_alias" not in told:
                told["send_to_existing_only"] = True
            recipients.append(told)
        body: dict[str, Json] = {
            "campaign_id" if campaign else "canvas_id": batch.message_id, "broadcast": False, "recipients": recipients,
        }  # fmt: skip
        path = "/campaigns/trigger/send" if campaign else "/canvas/trigger/send"
        permission = "campaigns.trigger.send" if campaign else "canvas.trigger.send"
        return self._write(path, body, permission, {"recipients": len(recipients)}, once=True)

    def _write(
        self, path: str, body: Mapping[str, Json], permission: str, sizes: Mapping[str, int], *, once: bool
    ) -> Answer:
        """Send one attempt; a 429 is proof of "not processed" and may be sent again within the time budget."""
        request: dict[str, Any] = {"json": body, "headers": self._headers, "fresh": once}
        try:
            for attempt in range(_RATE_TRIES):
                answer = self._http.once("POST", path, **request)
                if answer.status != 429:
                    return self._judged(answer, permission, sizes, path)
                self._http.rate_limited(answer, attempt)
            stop: Exception = TimeBudgetUsed(
                f"Braze rate-limits {path}.", undone="The rest waits.", advice="The next run goes on."
            )
        except TimeBudgetUsed as error:
            stop = error
        except CertificateRefused as error:
            stop = CredentialRefused(
                f"{error}.", undone="Nothing was sent.", advice="Check braze.url and braze.ca_file."
            )
        except NotSent as error:
            return Answer(verdict=Verdict.NOT_PROCESSED, reason=str(error))
        except OutcomeUnknown as error:
            return Answer(verdict=Verdict.UNKNOWN, reason=str(error))
        return Answer(verdict=Verdict.NOT_PROCESSED, reason=str(stop), stop=stop)

    def _judged(self, answer: Exchange, permission: str, sizes: Mapping[str, int], path: str) -> Answer:
        judged = judge(answer, permission, sizes, path)
        return Answer(
            verdict=judged.verdict, reason=self._http.redactor.scrub(judged.reason), stop=judged.stop,
            refused={slot: self._http.redactor.scrub(reason) for slot, reason in judged.refused.items()},
        )  # fmt: skip
