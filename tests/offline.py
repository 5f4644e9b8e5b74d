"""A configuration and a state file without systems: what the commands say that only read and change the ledger."""

from __future__ import annotations

import copy
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml

from ecmbraze.cli.app import run
from ecmbraze.engine.run_report import COUNTS
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.ledger.outbox import Row, Step
from ecmbraze.ledger.planfile import PlanFile
from ecmbraze.ledger.stage import Part
from ecmbraze.model import Action, Kind, State
from tests.rehearsal import CONFIG, START, Result

ECM, BRAZE = "http://127.0.0.1:9/otcs/cs.exe", "http://127.0.0.1:10"
TO_DOUBT = (State.IN_FLIGHT, State.IN_DOUBT)


class Offline:
    """One configuration, one state file, a clock, and nobody to talk to."""

    def __init__(self, folder: Path) -> None:
        self.path, self.state = folder / "ecmbraze.yaml", folder / "state.db"
        self.now: datetime = START
        self.secrets = {"ECM_PASSWORD": "x", "BRAZE_API_KEY": "y"}
        self.config: dict[str, Any] = copy.deepcopy(CONFIG)
        self.config["ecm"] |= {"url": ECM, "username": "svc"}
        self.config["braze"]["url"] = BRAZE
        Ledger.create(self.state, {"ecm": ECM, "braze": BRAZE}, self.now).close()

    @property
    def flow(self) -> dict[str, Any]:
        section: dict[str, Any] = self.config["flows"]["onboarding"]
        return section

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        opened = Ledger.open(self.state)
        try:
            yield opened
        finally:
            opened.close()

    def ran(self, code: int = 0, reason: str = "done", flow: str = "onboarding") -> None:
        """Note a run that ended now."""
        with self.ledger() as ledger:
            at = self.now.isoformat().replace("+00:00", "Z")
            report = {
                "run_id": f"{flow}-{at}",
                "flow": flow,
                "mode": "live",
                "started_at": at,
                "finished_at": at,
                "exit_code": code,
                "exit_reason": reason,
                "counts": dict.fromkeys(COUNTS, 0),
                "plan_hash": None,
            }
            ledger.store_run(report, self.now)

    def messages(self, *ways: tuple[State, ...], rule: str = "contract_approved") -> list[Row]:
        """Put one message per way into the outbox and let it go that way, now."""
        with self.ledger() as ledger:
            known = {row.id for row in ledger.outbox.rows("1")}
            plan = PlanFile(ledger.plan_path("t"))
            for number in range(len(ways)):
                plan.put_action(self._action(rule, len(known) + number))
            ledger.stage(plan).everything([Part(flow="onboarding", facts=False, move=False)], self.now)
            plan.discard()
            rows = [row for row in ledger.outbox.rows("1") if row.id not in known]
            for row, way in zip(rows, ways, strict=True):
                for state in way:
                    ledger.outbox.move([Step(row=row, state=state, why="cut off")], self.now)
        return rows

    def _action(self, rule: str, number: int) -> Action:
        return Action(
            flow="onboarding",
            record=f"ws:{number}",
            rule=rule,
            occurrence="1",
            kind=Kind.EVENT,
            recipient=f"C-{number}",
            name=rule,
            payload={"name": rule},
            expires_at=self.now + timedelta(days=9),
            reason="because",
        )

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)

    def ecmbraze(self, *arguments: str) -> Result:
        """Run one command in this process."""
        self.path.write_text(yaml.safe_dump(self.config, allow_unicode=True, sort_keys=False), encoding="utf-8")
        out, err = io.StringIO(), io.StringIO()
        environ = {**self.secrets, "COLUMNS": "80", "ECMBRAZE_NOW": self.now.isoformat()}
        with patch.dict(os.environ, environ), redirect_stdout(out), redirect_stderr(err):
            code = run(["-c", str(self.path), *arguments])
        return Result(code, out.getvalue(), err.getvalue())
