"""What `check` holds against ECM is what the record of consent may really hold."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ecmbraze.planning.consent import values as consent_values
from ecmbraze.planning.consent.options import Options
from ecmbraze.planning.consent.record import Since


def _options(**channel: Any) -> Options:
    one = {
        "name": "email",
        "watch": "email",
        "purpose": "p",
        "status": "C.Status",
        "since": "C.Since",
        "source": "C.Source",
        "undeliverable": "C.Undeliverable",
        **channel,
    }
    return Options.model_validate({"workspace_types": ["Customer"], "customer": "Customer.Number", "channels": [one]})


def test_each_attribute_that_is_written_has_its_values() -> None:
    options = _options(values={"unsubscribed": "Out"})
    (channel,) = options.channels
    found = consent_values.possible(options, channel)
    assert list(found) == channel.attributes()
    assert found["C.Status"] == ("Opted in", "Not objected", "Out", "Unknown")
    assert found["C.Undeliverable"] == ("hard_bounce", None)


def test_a_time_has_a_time_of_day_and_a_source_is_as_long_as_they_get() -> None:
    options = _options()
    found = consent_values.possible(options, options.channels[0])
    assert datetime.fromisoformat(str(found["C.Since"][0])).tzinfo is not None
    spans = (Since(after="2026-03-10T09:00:00+00:00", until="2026-03-10T09:15:00+00:00"), Since(until="2026-03-10"))
    longest = max(len(str(text)) for text in found["C.Source"])
    assert longest >= max(len(f"recorded in Extended ECM, {span}") for span in spans)


def test_of_a_preference_only_the_word_for_unknown_is_known_beforehand() -> None:
    options = _options(watch={"attribute": "preference"})
    assert consent_values.possible(options, options.channels[0])["C.Status"] == ("Unknown",)
