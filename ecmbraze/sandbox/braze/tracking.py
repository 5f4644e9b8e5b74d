"""Take a track request: count its objects, refuse some, queue the rest; applies what is due, in or out of order."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ecmbraze.sandbox.braze import objects, track, values
from ecmbraze.sandbox.braze.answers import Refused
from ecmbraze.sandbox.braze.store import BrazeStore

_MOST = 75
_ARRAYS = ("attributes", "events", "purchases")
_NOTHING_VALID = "Valid data must be provided in the 'attributes', 'events', or 'purchases' fields."


def take(store: BrazeStore, body: Mapping[str, Any]) -> dict[str, Any]:
    """Answer `/users/track`: what is refused is told, what is taken is applied later. Raises Refused."""
    arrays: dict[str, list[Any]] = {name: body[name] for name in _ARRAYS if isinstance(body.get(name), list)}
    sizes = [len(objects) for objects in arrays.values()]
    store.note("calls", path="/users/track", objects=sum(sizes))
    if max(sizes, default=0) > _MOST or (sum(sizes) > _MOST and not store.switches.legacy_limits):
        raise Refused(400, store.switches.too_many_text)
    answer: dict[str, Any] = {}
    errors: list[dict[str, Any]] = []
    taken: list[tuple[str, Mapping[str, Any]]] = []
    for array, entries in arrays.items():
        good = _judged(store, array, entries, errors)
        taken += [(array, value) for value in good]
        answer |= {f"{array}_processed": len(good)} if good else {}
    told: dict[str, Any] = {"errors": errors} if errors else {}
    if not taken:
        raise Refused(400, _NOTHING_VALID, more=told)
    _queue(store, taken)
    return {**answer, **told, "message": "success"}


def later(store: BrazeStore, work: Callable[[], None]) -> None:
    """Do what a request asked for when it shows; at once where nothing lags."""
    store.queue.append((_when(store), work))


def flush(store: BrazeStore, *, everything: bool = False) -> None:
    """Apply what was accepted and is due, and what was planned for a time that has come: reads see only that."""
    now = store.clock.now()
    ripe = [entry for entry in store.queue if everything or entry[0] <= now]
    come = [entry for entry in store.planned if entry[0] <= now]
    if not ripe and not come:
        return
    store.queue = [entry for entry in store.queue if not everything and entry[0] > now]
    store.planned = [entry for entry in store.planned if entry[0] > now]
    taken = [*reversed(ripe)] if store.switches.reorder else ripe
    for _, work in sorted([*come, *taken], key=lambda entry: entry[0]):
        work()


def _judged(store: BrazeStore, array: str, entries: list[Any], errors: list[dict[str, Any]]) -> list[Any]:
    good = []
    for index, value in enumerate(entries):
        refused = objects.refusal(store, array, value)
        if refused is None:
            good.append(value)
            continue
        told = {"type": refused[1] if store.switches.error_sentences else refused[0], "input_array": array}
        errors.append({**told, **({"index": index} if store.switches.error_index else {})})
    return good


def _queue(store: BrazeStore, taken: list[tuple[str, Mapping[str, Any]]]) -> None:
    attributes = [value for array, value in taken if array == "attributes"]
    spoiled = frozenset(name for value in attributes for name, raw in value.items() if values.broken(raw))

    def work() -> None:
        for array, value in taken:
            track.apply(store, array, value, spoiled)

    later(store, work)


def _when(store: BrazeStore) -> datetime:
    """Return when a request taken now shows; reordered ones show together at the end of a span of the lag."""
    now, lag = store.clock.now(), store.switches.lag_s
    if store.switches.reorder and lag:
        return datetime.fromtimestamp((math.floor(now.timestamp() / lag) + 1) * lag, UTC)
    return now + timedelta(seconds=lag)
