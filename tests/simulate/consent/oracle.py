"""Hold the record in ECM, its history and Braze against the truth: after a calm round, and whenever one ended."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from tests.simulate.consent.truth import DEFAULT, WITHDRAWN, Life, Turn
from tests.simulate.consent.world import BOUNCED, CATEGORY, FOLDER, NAMES, STATUS, WORDS, Place, World

_IN_ECM = "recorded in Extended ECM"


def always(world: World) -> Iterator[str]:
    """Yield what must not be, however a round ended: a person's edit that is gone."""
    for place in world.places.values():
        space = world.house.ecm.spaces.get(place.number)
        for attribute, (_, value) in place.edits.items():
            if space and attribute not in place.agreed and space.values.get(attribute) != value:
                yield f"{attribute} of {place.number} is {space.values.get(attribute)!r}, a person wrote {value!r}"


def messages(world: World, seen: int) -> Iterator[str]:
    """Yield what is wrong with the messages that came since ``seen``: twice, or to somebody who withdrew."""
    book = world.house.braze.messages
    times = Counter((entry.name, entry.recipient, entry.properties.get("workspace")) for entry in book)
    for entry in book[seen:]:
        key = entry.name, entry.recipient, entry.properties.get("workspace")
        if times[key] > 1:
            yield f"{key} came {times[key]} times"
        if entry.kind == "event":
            continue
        if not world.consents.allowed(entry.recipient, "opted_in" if entry.kind == "canvas" else DEFAULT, entry.at):
            yield f"{key} came at {entry.at} against what Braze shows"
        for channel in ("email",) if entry.kind == "campaign" else STATUS:
            if _stands(world.lives.of[entry.recipient, channel], world.known, entry.at):
                yield f"{key} came at {entry.at} although staff recorded a withdrawal from {channel}"


def _stands(life: Life, known: datetime, at: datetime) -> bool:
    """Say whether a withdrawal by staff that a round has seen stood then, with no choice in Braze since."""
    staff = [turn for turn in life.turns if turn.by_staff and not turn.perhaps]
    typed = max((turn.holds for turn in staff if turn.seen < known), default=None)
    return typed is not None and not any(
        typed <= turn.at <= at and not turn.by_staff and not turn.ours for turn in life.turns
    )


def quiet(world: World) -> Iterator[str]:
    """Yield what is wrong with the history when nothing is open any more."""
    filed = entries(world)
    for number, told in filed.items():
        place = world.places[number]
        for channel in STATUS if world.readable(number) else ():
            for person in {place.person, *place.past}:
                mine = _of(told, person, channel)
                yield from _history(world, channel, person, place, mine, f"{channel} of {person} in {number}")
    for person, channel in world.lives.of:
        yield from _missing(world, person, channel, filed)


def calm(world: World) -> Iterator[str]:
    """Yield what is wrong after a round that nothing stood in the way of."""
    refused = {(fate.recipient, fate.name) for fate in world.house.fates() if fate.state == "refused"}
    for place in world.places.values():
        space = world.house.ecm.spaces.get(place.number)
        # What ECM refused is in quarantine until somebody looks.
        if space is None or space.hidden or space.held or place.edits or (f"ws:{place.number}", CATEGORY) in refused:
            continue
        address = (world.house.braze.people[place.person].email or "").lower()
        bounced = "hard_bounce" if address in world.house.braze.bounced else None
        looked_at = place.person in world.looked_at and not place.baseline
        if looked_at and space.values.get(STATUS["email"]) and space.values.get(BOUNCED) != bounced:
            yield f"{BOUNCED} of {place.number} is {space.values.get(BOUNCED)!r}, should be {bounced!r}"
        for channel, attribute in STATUS.items() if place.number not in world.late else ():
            yield from _state(world, place, channel, space.values.get(attribute))
    for (person, channel), life in world.lives.of.items():
        if (person, channel) not in refused:
            yield from _withdrawn(person, channel, life)


def entries(world: World) -> dict[int, list[Mapping[str, Any]]]:
    """Return the history of each workspace, oldest first."""
    found: dict[int, list[Mapping[str, Any]]] = {}
    for paper in world.house.ecm.papers.values():
        if paper.folder == FOLDER:
            assert len(paper.versions) == 1, f"{paper.name} has {len(paper.versions)} versions"
            told = json.loads(paper.versions[0][2].decode().rpartition("--- json\n")[2])
            found.setdefault(paper.parent, []).append(told)
    for told in found.values():
        # What staff recorded counts as later than what Braze showed at the same moment.
        told.sort(key=lambda one: (str(one["seen_at"]), one["source"] == _IN_ECM))
    return found


def _state(world: World, place: Place, channel: str, shown: object) -> Iterator[str]:
    life = world.lives.of[place.person, channel]
    right = {WORDS[channel].get(state, "Unknown") for state in life.record()}
    if shown in right:
        return
    # What the first round found is no news: it is written with the next change.
    if place.baseline and shown is None and life.first in life.record() and not _is_told(world, place.person, channel):
        return
    yield f"{channel} of {place.person} in {place.number} is {shown!r}, should be {sorted(right)}; {_told(life)}"


def _is_told(world: World, person: str, channel: str) -> bool:
    """Say whether any workspace has a change of a person on a channel in its history."""
    of_channel = (one for one in world.house.ecm.papers.values() if f" {NAMES[channel]} " in one.name)
    return any(f"\nCustomer: {person}\n".encode() in one.versions[0][2] for one in of_channel)


def _withdrawn(person: str, channel: str, life: Life) -> Iterator[str]:
    """Yield a withdrawal by staff that did not reach Braze in the round that saw it."""
    typed = [turn for turn in life.turns if turn.by_staff and not turn.perhaps]
    if not typed:
        return
    since = [turn for turn in life.turns if turn.at >= typed[-1].holds and not turn.by_staff]
    if not since and life.state != WITHDRAWN:
        yield f"the withdrawal of {person} from {channel} at {typed[-1].at} is not in Braze: {_told(life)}"


def _of(told: Iterable[Mapping[str, Any]], person: str, channel: str) -> list[Mapping[str, Any]]:
    return [one for one in told if (one["customer"], one["channel"]) == (person, NAMES[channel])]


def _missing(world: World, person: str, channel: str, filed: Mapping[int, list[Mapping[str, Any]]]) -> Iterator[str]:
    """Yield the changes of a person that are not in a workspace that was known when they were taken in.

    They are in another one of theirs, or the last one there says something else than what is on record.
    """
    life, sights, now = world.lives.of[person, channel], world.sights, world.house.clock.true()
    told = {number: _of(found, person, channel) for number, found in filed.items()}
    every = {_line(one): one for found in told.values() for one in found}
    for place in world.places.values():
        if place.person != person or not world.readable(place.number):
            continue
        mine = told.get(place.number, [])
        lines = {_line(one) for one in mine}
        for line, one in every.items():
            seen = datetime.fromisoformat(one["seen_at"])
            if line not in lines and sights.throughout(place.number, person, seen, seen):
                yield f"{channel} of {person} in {place.number}: {line} is missing in {_short(mine)}; {_told(life)}"
        since = datetime.fromisoformat(mine[-1]["seen_at"]) if mine else sights.rounds[0].began
        last = mine[-1]["after"] if mine else life.first if place.baseline else ""
        if last and last not in life.record() and sights.throughout(place.number, person, since, now):
            yield f"{channel} of {person} in {place.number} ends with {last} in {_short(mine)}; {_told(life)}"


def _history(
    world: World, channel: str, person: str, place: Place, told: list[Mapping[str, Any]], where: str
) -> Iterator[str]:
    """Yield what is wrong with the entries: a gap, a change that was none, one told twice, a wrong time or source."""
    life, before, seen = world.lives.of[person, channel], "", ""
    turns = [turn for turn in life.turns if not turn.ours]
    for one in told:
        # What changed while the workspace led to somebody else, or was out of sight, is not in its history.
        if before and one["before"] != before and person not in place.past and _knew(world, place, person, seen, one):
            yield f"{where}: after {before} came {one['before']} -> {one['after']} in {_short(told)}; {_told(life)}"
            return
        if one["before"] == one["after"]:
            yield f"{where}: {one['after']} was no change, in {_short(told)}; {_told(life)}"
            return
        fits = next((turn for turn in turns if _fits(one, turn)), None)
        if fits is None:
            yield f"{where}: nothing of the truth is {_line(one)} in {_short(told)}; {_told(life)}"
            return
        # What staff typed and what happened in Braze in the same interval may be told in either order.
        turns = [one for one in turns if one is not fits and (one.by_staff != fits.by_staff or one.seen > fits.holds)]
        before, seen = str(one["after"]), str(one["seen_at"])


def _knew(world: World, place: Place, person: str, since: str, one: Mapping[str, Any]) -> bool:
    """Say whether a workspace was known as a person's from one entry to the next."""
    moments = datetime.fromisoformat(since), datetime.fromisoformat(one["seen_at"])
    return world.sights.throughout(place.number, person, *moments)


def _fits(one: Mapping[str, Any], turn: Turn) -> bool:
    if turn.state != one["after"] or turn.by_staff != (one["source"] == _IN_ECM):
        return False
    if one["before"] == WITHDRAWN and not turn.chosen:
        return False  # another address undoes no withdrawal
    since = one["since"]
    if "at" in since:
        return datetime.fromisoformat(since["at"]) == turn.at.replace(microsecond=0)
    at = turn.at.replace(microsecond=0)  # Extended ECM keeps whole seconds
    after = datetime.fromisoformat(since["after"]).replace(microsecond=0) if since["after"] else at
    return after <= at <= datetime.fromisoformat(since["until"])


def _told(life: Life) -> str:
    turns = [
        f"{turn.at:%d %H:%M:%S} {turn.state}{' typed' * turn.by_staff}{' ours' * turn.ours}" for turn in life.turns
    ]
    return f"truth: {turns}, beliefs {sorted(life.record())}"


def _line(one: Mapping[str, Any]) -> str:
    return f"{one['before']} -> {one['after']} {one['source']!r} {one['since']} seen {one['seen_at']}"


def _short(told: list[Mapping[str, Any]]) -> list[str]:
    return [_line(one) for one in told]
