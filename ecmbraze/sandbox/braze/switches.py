"""What a test can turn about the simulated Braze, with the documented side as default; behaves in no way itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ecmbraze.sandbox.fields import unknown

# What api/braze.md leaves UNCONFIRMED, and older or newer accounts, are the sides of a switch.
_CHOICES = {
    "headers": ("classic", "mau", "absent"),
    "limited_body": ("message", "empty"),
    "string_too_long": ("drop", "truncate"),
    "campaign_paused": ("error400", "success"),
    "broadcast_unsaid": ("refuse", "broadcast"),
    "unknown_group_state": ("Unknown", "unknown"),
    "limit_too_high": ("error400", "clamp"),
    "created_at": ("sample", "iso"),
    "state_times": ("push", "all", "none"),
    "v2_most_per": ("request", "entry"),
    "block_offset_zero": ("error400", "take"),
    "export_spoiled": ("no", "line", "half"),
}


@dataclass(slots=True)
class Switches:
    """Behaviours a test can turn; the numbers in comments are sections of api/braze.md."""

    # envelope and rates (9.3, 9.4); per_second 0: a workspace without the fast lane of 4.1
    headers: str = "classic"
    limited_body: str = "message"
    forbidden_text: str = "Access Denied"
    track_per_window: int = 3000
    track_per_hour: int = 250_000
    export_per_minute: int = 250
    export_per_second: int = 40
    pool_per_hour: int = 250_000
    # when accepted writes show, and whether in another order than they came (9.5, 1.1)
    lag_s: float = 0.0
    reorder: bool = False
    # /users/track (1.2 to 1.7)
    legacy_limits: bool = False
    too_many_text: str = "Max Input Length Exceeded"
    error_sentences: bool = True
    error_index: bool = True
    string_too_long: str = "drop"
    blocklist: tuple[str, ...] = ()
    blocked_ids: tuple[str, ...] = ()
    # sends (3.1 to 3.3)
    campaign_paused: str = "error400"
    broadcast_unsaid: str = "refuse"
    missing_attributes_status: int = 400
    # writes of consent (5.2, 5.6)
    resubscribe_on_email_change: bool = True
    v2_most_per: str = "request"
    # reads (4.1, 4.3, 5.1, 5.7); how late the lists of addresses show what the profiles show already (9.5)
    require_fields: bool = True
    created_at: str = "sample"
    unknown_group_state: str = "Unknown"
    limit_too_high: str = "error400"
    list_api_unsubscribes: bool = True
    list_resubscribed: bool = True
    lists_lag_s: float = 0.0
    state_times: str = "push"
    # content (7.2)
    block_offset_zero: str = "error400"
    # exports of segments (4.4): when one is ready, whether it goes to the customer's own bucket, what is wrong in it
    export_ready_s: float = 1.0
    export_to_storage: bool = False
    export_spoiled: str = "no"

    def change(self, wanted: Mapping[str, Any]) -> None:
        """Set several switches or none. Raises ValueError naming the first one that cannot be set."""
        if not isinstance(wanted, Mapping):
            raise ValueError(f'switches are turned with an object such as {{"lag_s": 5}}, not {wanted!r}')
        checked = {name: self._checked(name, value) for name, value in wanted.items()}
        for name, value in checked.items():
            setattr(self, name, value)

    def _checked(self, name: str, value: Any) -> Any:
        defaults = dataclasses.asdict(Switches())
        if name not in defaults:
            raise unknown("unknown switch", name, defaults)
        kind = type(defaults[name])
        if kind is tuple and isinstance(value, list | tuple):
            return tuple(str(item) for item in value)
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            raise ValueError(f"{name} wants {kind.__name__}, not {value!r}")
        if kind in (int, float) and not (400 if name.endswith("_status") else 0) <= value <= 2**31:
            raise ValueError(f"{name} does not take {value!r}")
        if value not in _CHOICES.get(name, (value,)):
            raise ValueError(f"{name} is one of {', '.join(_CHOICES[name])}, not {value!r}")
        return value
