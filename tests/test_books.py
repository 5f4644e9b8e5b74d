"""Days of random edits, partial failures and a new rule: each transition arrived once or has a named reason."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.checker import held
from tests.rehearsal import CAMPAIGN, CONTRACT, KYC, KYC_CAMPAIGN, SOAK, TYPE, Rehearsal, rehearsal

# `make soak`: two months.
_DAYS = 60 if SOAK else 14
_VIP = "Onboarding.VIP"
_FAULTS = (
    {"kind": "html200", "system": "ecm", "path": "/v2/businessworkspaces$", "times": None, "skip": 1},
    {"kind": "busy", "system": "ecm", "path": "/v1/serverinfo", "times": None},
    {"kind": "reset_after", "system": "braze", "path": "/users/track", "times": 1},
    {"kind": "status", "status": 503, "system": "braze", "path": "/campaigns/trigger", "times": 1, "process": True},
    {"kind": "reset_before", "system": "ecm", "path": r"/v2/businessworkspaces/\d+", "times": 2},
)
_RULES = {
    "contract_approved": (CONTRACT, "Approved", CAMPAIGN),
    "kyc_completed": (KYC, "Completed", KYC_CAMPAIGN),
    "vip": (_VIP, True, None),
}


class Oracle:
    """What must have happened, told from the sandbox's own values at each look the program completed."""

    def __init__(self, stage: Rehearsal) -> None:
        self.stage = stage
        self.rules = ["contract_approved", "kyc_completed"]
        self.seen = self._values()
        self.happened: set[tuple[int, str]] = set()
        self.due: set[tuple[str, str]] = set()

    def look(self) -> None:
        """Take the present values as polled, and note which rules came to hold."""
        now = self._values()
        for number, values in now.items():
            for rule in self.rules:
                fact, wanted, _ = _RULES[rule]
                before = self.seen.get(number, {}).get(fact) == wanted
                if before:
                    self.happened.add((number, rule))
                elif values.get(fact) == wanted and (number, rule) not in self.happened:
                    self.happened.add((number, rule))
                    self.due.add((str(values["Onboarding.Customer Number"]), rule))
        self.seen = now

    def _values(self) -> dict[int, dict[str, object]]:
        return {int(found["id"]): found["values"] for found in self.stage.box.workspaces(TYPE)}


@pytest.mark.soak
def test_weeks_of_edits_leaves_nothing_unexplained(tmp_path: Path) -> None:
    rng = random.Random(2026)
    with rehearsal(tmp_path, "--workspaces", "60", "--customers", "60") as stage:
        stage.config["guards"] = {"max_audience_share": 1.0, "max_changed_share": 1.0}
        stage.flow["messages"] = "all"
        stage.config["braze"]["track_batch"] = 10
        stage.set_up()
        oracle = Oracle(stage)
        for day in range(_DAYS):
            if day == _DAYS // 2:
                _add_rule(stage, oracle)
            _edit(stage, rng)
            if rng.random() < 0.4:
                fault = dict(rng.choice(_FAULTS))
                stage.box.fault(str(fault.pop("kind")), **fault)
            ended = stage.ecmbraze("onboarding", "--json", "--max-duration", "20s")
            stage.box.clear_faults()
            if ended.code in (0, 3, 4):
                oracle.look()
            stage.box.advance(24 * 3600)
        for _ in range(3):
            stage.ecmbraze("onboarding", "--json")
            oracle.look()
            stage.box.advance(7 * 3600)

        got, waiting, named = stage.received()["events"], held(stage), _named(stage)

    arrived = [(event["recipient"], event["name"]) for event in got]
    assert len(arrived) == len(set(arrived))
    assert set(arrived) <= oracle.due
    assert oracle.due - set(arrived) - waiting - named == set()
    assert len(oracle.due) > 2 * _DAYS // 3  # they were worth it


def _edit(stage: Rehearsal, rng: random.Random) -> None:
    for found in rng.sample(stage.box.workspaces(TYPE), 9):
        fact, values = rng.choice(
            ((CONTRACT, ("Approved", "Draft", "In Review")), (KYC, ("Completed", "Open")), (_VIP, (True, False)))
        )
        stage.box.edit_workspace(int(found["id"]), {fact: rng.choice(values)})
        stage.box.advance(rng.choice((0, 1, 600)))


def _add_rule(stage: Rehearsal, oracle: Oracle) -> None:
    """Add a rule on an attribute the ledger never held: it is armed first, and nothing old fires."""
    stage.flow["milestones"].append({"name": "vip", "when": {_VIP: True}, "send": {"event": "vip"}})
    assert stage.ecmbraze("onboarding", "--json").code in (0, 4)
    oracle.look()
    oracle.rules.append("vip")


def _named(stage: Rehearsal) -> set[tuple[str, str]]:
    """(customer, rule) that a stored report names as not sent, with its reason."""
    reports = stage.ecmbraze("runs", "--last", "100", "--json").report["runs"]
    settled = ("suppressed", "expired", "superseded", "refused")
    return {
        (line["customer"], line["rule"]) for report in reports for line in report["actions"] if line["state"] in settled
    }
