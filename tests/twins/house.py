"""One installation in memory: both twins, a configuration, and a real state file; each start of it is one round."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from copy import copy, deepcopy
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ecmbraze.cli import composition, opening
from ecmbraze.cli.progress import Silent
from ecmbraze.cli.signals import Budget
from ecmbraze.config import Settings, load
from ecmbraze.engine import parts
from ecmbraze.engine.loading import Loading
from ecmbraze.engine.round import Round
from ecmbraze.engine.run_report import RunReport
from ecmbraze.engine.setting import Options, Systems
from ecmbraze.flows import BY_NAME
from ecmbraze.ledger import adopting, erasing
from ecmbraze.ledger.erasing import Kept
from ecmbraze.ledger.file import check
from ecmbraze.ledger.history import Deed
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.lock import run_lock
from ecmbraze.ledger.subject import subject_of
from ecmbraze.systems.currents import CurrentsFolder
from tests.twins.braze import TwinBraze
from tests.twins.braze_content import TwinContent
from tests.twins.clock import TwinClock
from tests.twins.ecm import TwinEcm
from tests.twins.killing import Crossings, Killed, watched
from tests.twins.wire import Wire

_BASE: Mapping[str, Any] = {
    "ecm": {
        "url": "https://ecm.twin/otcs/cs.exe",
        "username": "svc",
        "password": "${ECM_PASSWORD}",
        "timezone": "Europe/Berlin",
    },
    "braze": {"url": "https://rest.twin", "api_key": "${BRAZE_API_KEY}"},
    "state": "state.db",
}


@cache
def _loaded(text: str) -> Settings:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ecmbraze.yaml"
        path.write_text(text, encoding="utf-8")
        return load(path, flows=BY_NAME, environ={"ECM_PASSWORD": "x", "BRAZE_API_KEY": "y"})


def settings(flows: Mapping[str, Any], **more: Mapping[str, Any] | Any) -> Settings:
    """Return the configuration of these flows, as a file would be loaded; ``more`` goes over the base, by section."""
    raw: dict[str, Any] = {**_BASE, "flows": flows}
    for name, section in more.items():
        raw[name] = {**raw.get(name, {}), **section} if isinstance(section, Mapping) else section
    return _loaded(json.dumps(raw))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one start ended: its reports, or a kill; and the seams it crossed, in order."""

    reports: tuple[RunReport, ...]
    crossings: tuple[str, ...]
    killed: bool = False

    @property
    def report(self) -> RunReport:
        (only,) = self.reports
        return only

    @property
    def codes(self) -> tuple[int, ...]:
        return tuple(report.exit_code for report in self.reports)

    def count(self, name: str) -> int:
        """Return one count of the run reports, over all flows."""
        return sum(report.counts[name] for report in self.reports)


@dataclass(frozen=True, slots=True)
class Fate:
    """One row of the outbox as it stands."""

    flow: str
    record: str
    rule: str
    kind: str
    recipient: str
    name: str
    state: str
    why: str


class House:
    """``folder`` holds the state file; after a kill it is another one, with what the kill left."""

    dates_all_choices = False
    """Whether Braze shows the time of every choice that has one."""

    def __init__(self, folder: Path, config: Settings) -> None:
        self.clock = TwinClock()
        self.wire = Wire(clock=self.clock)
        self.ecm = TwinEcm(self.wire, zone=composition.setting(config).zone)
        self.braze = TwinBraze(self.wire)
        self.content = TwinContent(self.wire)
        self.config = config
        self._base, self._lives, self._ids = folder, 0, 0
        self.seconds: float | None = None
        """The time budget of each start; none by default."""
        self.told_time = True
        """Whether both servers say what time it is; else only a step back is noticed (fault K09)."""
        self.folder.mkdir(mode=0o700)
        Ledger.create(self.state, opening.identity(config), self.clock.now()).close()

    @property
    def folder(self) -> Path:
        return self._base / f"life-{self._lives}"

    @property
    def state(self) -> Path:
        return self.folder / "state.db"

    def start(
        self,
        *flows: str,
        die_at: int | None = None,
        happen: Mapping[int, Callable[[], None]] | None = None,
        **options: Any,
    ) -> Outcome:
        """Start one round of these flows, or of all configured, and return how it ended.

        It is killed at the crossing ``die_at``; ``happen`` maps the number of a crossing to what people do then.
        """
        crossings = Crossings(self.folder, self._base / f"life-{self._lives + 1}", die_at, happen or {})
        outer, self.wire.crossing = self.wire.crossing, crossings.cross
        names = flows or tuple(name for name in BY_NAME if name in self.config.flows)
        reports: list[RunReport] = []
        try:
            with watched(crossings):
                reports = _execute(self, names, Options(**options))
        except Killed:
            self._lives += 1
        finally:
            self.wire.crossing = outer
        return Outcome(reports=tuple(reports), crossings=tuple(crossings.names), killed=crossings.dead)

    def killed_at(self, points: Iterable[int], fresh: Callable[[], Path]) -> Iterator[tuple[int, House]]:
        """Yield, for each of these crossings of one round, this house as a kill there leaves it, in a new folder.

        The round is played once, to its end; what lies on the disk and stands in the systems is kept at each crossing.
        ``die_at`` would leave the same (``tests/twins/test_killing.py``) and play the beginning again for each.
        """
        left: dict[int, House] = {}
        calm = self.copy(fresh())
        crossing = calm.wire.crossing

        def keep(point: int) -> None:
            now, calm.wire.crossing = calm.wire.crossing, crossing
            left[point] = calm.copy(fresh())
            calm.wire.crossing = now

        calm.start(happen={point: partial(keep, point) for point in points})
        yield from left.items()

    @contextmanager
    def loading(self, flow: str) -> Iterator[Loading]:
        """Open the initial load of a flow, as `cli/initial_load.py` does between two slices."""
        with closing(Ledger.open(self.state, read_only=False)) as ledger:
            yield Loading(
                flow=BY_NAME[flow],
                section=opening.section(self.config, BY_NAME[flow]),
                ledger=ledger,
                setting=composition.setting(self.config),
                clock=self.clock,
            )

    def copy(self, folder: Path) -> House:
        """Return this house as it stands, with a state file and twins of its own, to try what may happen next."""
        shutil.copytree(self.folder, folder / f"life-{self._lives}")
        twin = deepcopy(self, {id(self.config): self.config})
        twin._base = folder
        return twin

    def fork(self, folder: Path) -> House:
        """Return a second machine: the state file as it lies there now, before the same two systems."""
        shutil.copytree(self.folder, folder / f"life-{self._lives}")
        machine = copy(self)
        machine._base, machine._ids = folder, self._ids + 10**6
        return machine

    def put_back(self, kept: House) -> None:
        """Put the state file of a fork in the place of ours, as somebody does who restores a backup."""
        self._lives += 1
        shutil.copytree(kept.folder, self.folder)

    def adopt(self, kept: House, reason: str = "restored") -> int:
        """Do what `state adopt` does with a copy that was put back; return how many messages are held."""
        copied = adopting.look_at(kept.state, self.state)
        with closing(Ledger.open(self.state)) as ledger:
            done = adopting.adopt(ledger, copied, self.clock.now(), by="me", host="here", reason=reason)
            parts.fence(composition.setting(self.config), self.systems(), ledger, self.clock).overtake()
        return done.held

    def erase(self, subject: str) -> Kept:
        """Do what `erase` does with a person or a workspace; return what was kept of them."""
        with closing(Ledger.open(self.state)) as ledger:
            named = subject_of(subject, ledger.database, ledger.history)
            kept = erasing.find(named, ledger.database, ledger.history, ledger.path)
            deed = Deed(by="me", host="here", reason="they asked for it")
            erasing.erase(kept, ledger.database, ledger.history, self.clock.now(), deed)
        return kept

    def systems(self) -> Systems:
        """Return the two sides as a round has them."""
        return Systems(
            workspaces=self.ecm,
            people=self.braze,
            segments=self.braze,
            content=self.content,
            sink=self.braze,
            currents=CurrentsFolder(),
            engagement=self.braze,
            records=self.ecm,
            records_sink=self.ecm,
            claims=self.ecm.claims,
            skews=self.skews,
            progress=Silent(),
            requests=lambda: {"ecm": 0, "braze": 0, "retried": 0, "rate_limited": 0},
        )

    def skews(self) -> Sequence[float]:
        """Return what the servers say of our clock."""
        return (self.clock.ahead, self.clock.ahead) if self.told_time else ()

    def fates(self) -> list[Fate]:
        """Return every row of the outbox, oldest first."""
        query = "SELECT flow, record, rule, kind, recipient, name, state, why FROM outbox ORDER BY id"
        with closing(sqlite3.connect(self.state)) as file:
            return [Fate(*row) for row in file.execute(query)]

    def quarantined(self) -> set[str]:
        """Return the records in quarantine."""
        with closing(sqlite3.connect(self.state)) as file:
            return {row[0] for row in file.execute("SELECT DISTINCT record FROM quarantine")}

    def new_id(self) -> str:
        self._ids += 1
        return f"{self._ids:032x}"


def _execute(house: House, names: Sequence[str], options: Options) -> list[RunReport]:
    """Do what `cli/rounds.py` does between the command line and the printing. All coupling to the engine is here."""
    if options.dry_run:
        return _round(house, names, options)
    check(house.state)
    with run_lock(house.state):
        return _round(house, names, options)


def _round(house: House, names: Sequence[str], options: Options) -> list[RunReport]:
    ledger = Ledger.open(house.state, read_only=options.dry_run)
    try:
        ledger.check_identity(opening.identity(house.config))
        with ledger.blaming():
            return Round(
                flows=[(BY_NAME[name], opening.section(house.config, BY_NAME[name])) for name in names],
                reading=composition.reading(house.config),
                options=options,
                setting=composition.setting(house.config),
                systems=house.systems(),
                ledger=ledger,
                clock=house.clock,
                new_id=house.new_id,
                tick=Budget(house.clock.monotonic, house.seconds).tick,
            ).execute()
    finally:
        ledger.close()
