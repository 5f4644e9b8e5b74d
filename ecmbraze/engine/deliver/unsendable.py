"""Which campaigns and Canvases Braze would answer and not send: asked once a round, before anything of them leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ecmbraze.engine.deliver.channels import channel_of
from ecmbraze.engine.setting import Systems
from ecmbraze.errors import ConfigurationError
from ecmbraze.ledger.outbox import Row, Step
from ecmbraze.model import Action, Kind, MessageInfo, State


@dataclass(slots=True, kw_only=True)
class Unsendable:
    """What one flow cannot send in one round; its messages stay ready."""

    systems: Systems
    launched: dict[tuple[Kind, str], MessageInfo]
    """(kind, id) of what is launched in Braze → what Braze says of it: asked once for all flows of the round."""
    stopped: set[tuple[Kind, str]] = field(default_factory=set)

    def find(self, rows: Sequence[Row]) -> bool:
        """Ask once a round whether Braze would send what must be launched there; return whether one more would not."""
        named = {(row.action.kind, row.action.name) for row in rows}
        for kind, name in named - self.launched.keys():
            if info := channel_of(kind).info:
                self.launched[kind, name] = info(self.systems, name)
        new = {one for one in named & self.launched.keys() if self.launched[one].stopped} - self.stopped
        self.stopped |= new
        return bool(new)

    def kept_ready(self, row: Row) -> Step | None:
        """Return the step of a message that stays because Braze would not send it; ``None`` of any other."""
        found = self.launched.get((row.action.kind, row.action.name))
        return Step(row=row, state=State.WAITING, why=found.stopped) if found and found.stopped else None

    def title(self, action: Action) -> str:
        """Return the name by which people know a campaign or Canvas, as far as it was asked for."""
        return found.title if (found := self.launched.get((action.kind, action.name))) else action.name

    def refuse(self) -> None:
        """Raise ConfigurationError for campaigns and Canvases that Braze would not send."""
        if self.stopped:
            raise ConfigurationError(
                "Braze would answer and send nothing:",
                problems=sorted(self.launched[one].stopped for one in self.stopped),
                undone="Their messages were not sent; they wait.",
                advice="Launch or resume them in Braze, or name others in the configuration; then run again.",
            )
