"""Name every behaviour of the simulated ECM that can be turned; decides nothing by itself.

What api/ecm.md marks UNCONFIRMED is a switch here; the defaults are the documented or the likelier side.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from ecmbraze.sandbox.fields import unknown


@dataclass(slots=True, kw_only=True)
class Switches:
    """The current settings. Assign through :meth:`change`, which checks names and types."""

    # time
    server_tz: str = "Europe/Berlin"
    z_suffix_nodes: bool = True
    z_suffix_bw: bool = False
    date_shift: bool = False  # a written day comes back one day early east of UTC (5.3, F:308444)
    create_gap_s: int = 6  # a workspace made over REST is modified this long after it was created (3.5)
    # tickets
    ticket_ttl_requests: int | None = None
    ticket_ttl_s: int = 7200  # of inactivity (2.1)
    ticket_absolute: bool = False  # count ticket_ttl_s from the login instead
    rotate_ticket: bool = False
    ticket_grace_s: int = 60  # how long a rotated-out ticket stays valid
    ticket_storm: int = 0  # that many authenticated requests answer 401, whatever their ticket
    otds_expires_in: int = 3600
    # listings
    page_cap: int = 500
    window_cap: int = 100_000
    repeat_last_page: bool = True  # beyond the end: the last page again; off: the first page again
    total_count_includes_invisible: bool = False  # rows are cut into pages first, then filtered
    recent_cap: int = 30
    columns: tuple[str, ...] = ()  # ``Category.Attribute`` shown as wnf_att_<code>_<n>
    columns_cut: int = 0  # their texts end after so many characters (choice); 0: whole
    sortable_columns: tuple[str, ...] = ("name",)  # besides the wnf_att_* ones (3.2)
    column_query_modify_date: bool = False  # off: 400
    column_query_ignores_case: bool = False
    meta_data_always: bool = False  # off: only with metadata or global_metadata
    children_default_limit: int = 25
    children_page_cap: int = 100
    nodes_list_fields: bool = False  # on: POST /v2/nodes/list honours fields=categories
    # search
    index_lag_s: int = 0  # how long after a change the index shows it
    index_stopped: bool = False  # the index is fed no more; what it has stays
    search_page_cap: int = 100
    search_result_cap: int | None = None
    search_categories: bool = False
    search_cache: bool = True  # the hits under a ``cache_id`` stand still; off: each page is a fresh search
    # shapes
    next_link_under_data: bool = False  # paging.links.data.next of v2 lists, instead of paging.links.next (1.3)
    gzip_content: bool = False  # documents are sent compressed to whom accepts it (section 13, 13)
    versions_as_object: bool = False  # results.data.versions instead of one result per version (7)
    results_as_list: bool = False  # GET /v2/businessworkspaces/{id}
    missing_workspace_status: int = 400
    delete_missing_status: int = 500
    taken_name_status: int = 400  # of a rename or move to a name that is taken (4.4: PUT answers 400 and 409)
    validation_status: int = 400
    reserved_status: int = 403  # of a write to what somebody else reserved (5.3)
    forbidden_status: int = 403  # of what the account has no permission for
    read_only_refused: bool = True  # off: the value of a read-only attribute is dropped without a word
    required_on_update: bool = False  # on: a write is refused while any required attribute stays empty
    token_moves_with_node: bool = False  # on: any change of a node makes the tokens of its categories stale
    hold_covers_below: bool = True  # what lies below something on hold is on hold too
    reminder_id_in_data: bool = False  # results.data.id of a create instead of results.id; 8.1, from 26.2
    reminders_of_others: bool = True  # off: the account sees only what it made or is assigned
    reminders_for_others: bool = True  # off: the account may remind nobody but itself
    task_completed_status: int = 2  # the status of a task that completes it (8.2 publishes none)
    empty_values_absent: bool = False  # an attribute without value has no key at all, instead of null
    hiding_covers_below: bool = True  # what lies below a hidden container is hidden too
    # modify dates
    category_write_bumps_modify_date: bool = True
    child_change_bumps_parent: bool = False
    move_bumps_modify_date: bool = True
    classification_bumps_modify_date: bool = True
    # the rest
    version: str = "25.4"
    error_language: str = "en"
    user_language: str = "en"
    latency_ms: int = 0

    def change(self, wanted: Mapping[str, Any]) -> None:
        """Set several switches or none. Raises ValueError naming the first one that cannot be set."""
        if not isinstance(wanted, Mapping):
            raise ValueError(f'switches are turned with an object such as {{"page_cap": 7}}, not {wanted!r}')
        checked = {name: self._checked(name, value) for name, value in wanted.items()}
        for name, value in checked.items():
            setattr(self, name, value)

    def read(self) -> dict[str, Any]:
        """Return every switch by name."""
        return dataclasses.asdict(self)

    def _checked(self, name: str, value: Any) -> Any:
        known = {f.name for f in dataclasses.fields(self)}
        if name not in known:
            raise unknown("unknown switch", name, known)
        if name == "server_tz":
            return _zone(value)
        old = getattr(type(self)(), name)
        if isinstance(old, tuple):
            if not isinstance(value, list | tuple):
                raise ValueError(f"{name} wants a list")
            return tuple(str(item) for item in value)
        kind: type = int if old is None else type(old)
        if value is None and name in ("ticket_ttl_requests", "search_result_cap"):
            return None
        if type(value) is not kind:
            raise ValueError(f"{name} wants {kind.__name__}, not {value!r}")
        low, high = _bounds(name)
        if isinstance(value, int) and not low <= value <= high:
            raise ValueError(f"{name} wants a number from {low} to {high}, not {value}")
        return value


def _bounds(name: str) -> tuple[int, int]:
    if name.endswith("_status") and name != "task_completed_status":
        return 400, 599
    return (1 if name.endswith(("_cap", "_limit")) else 0), 2**31


def _zone(value: Any) -> str:
    try:
        ZoneInfo(str(value))
    except (KeyError, OSError, ValueError):
        raise unknown("unknown time zone", value, available_timezones()) from None
    return str(value)
