"""The marker a message carries into its profile, and the look for it: present proves, absence never does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from ecmbraze.engine.deliver.channels.channel import Doubt, Finding, Sight
from ecmbraze.engine.setting import Systems
from ecmbraze.ledger.outbox import Row
from ecmbraze.model import Action, Profile, State

# delivery.md, "Evidence": after the third look without a marker a person must decide.
LOOKS = (timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=6))


def marker(flow: str) -> str:
    """Return the attribute that carries the id of the last attempt of a flow (delivery.md, "Evidence")."""
    return f"ecmbraze_{flow}"


def _look(rows: Sequence[Row], systems: Systems) -> Mapping[int, Sight]:
    profiles = systems.people.profiles(list(dict.fromkeys(row.action.recipient for row in rows)))
    return {row.id: _sight(row, profiles.get(row.action.recipient, ())) for row in rows}


def _sight(row: Row, profiles: Sequence[Profile]) -> Sight:
    if any(profile.custom_attributes.get(marker(row.action.flow)) == row.attempt for profile in profiles):
        return Sight(finding=Finding.PRESENT, why="seen by its marker in the profile")
    return Sight(finding=Finding.ABSENT, why=f"{row.why}; no marker seen")


def advice(action: Action) -> str:
    """Return where a person looks for a message."""
    return (
        "Look in Braze whether this person has it (the attempt stands in the attribute "
        f"{marker(action.flow)} if it was the last one)"
    )


BY_MARKER = Doubt(
    looks=LOOKS,
    look=_look,
    absent=State.HELD,
    by_marker=True,
    found="messages in doubt were found in Braze by their marker",
)
