"""Build the parts from the configuration; the one place where all of them meet."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from ecmbraze.cli.clock import WallClock
from ecmbraze.cli.progress import Silent
from ecmbraze.cli.signals import Budget
from ecmbraze.cli.watching import WatchedEcm, WatchedHttp
from ecmbraze.config import Settings
from ecmbraze.config.sections import Ecm
from ecmbraze.config.sections import Fence as FenceSection
from ecmbraze.engine import parts
from ecmbraze.engine.deliver.fence import Fence
from ecmbraze.engine.setting import BatchLimits, Place, Sample, Setting, Systems
from ecmbraze.flows import BY_NAME, NAMES
from ecmbraze.ledger.keeping import Keep
from ecmbraze.ledger.ledger import Ledger
from ecmbraze.model.recipients import ExternalId, write
from ecmbraze.needs import Needs
from ecmbraze.planning.guards import Limits as GuardLimits
from ecmbraze.planning.outbound import attributes
from ecmbraze.ports import Progress
from ecmbraze.systems.braze.client import BrazeClient
from ecmbraze.systems.counters import RequestCounters
from ecmbraze.systems.currents import CurrentsFolder
from ecmbraze.systems.ecm.login import OtdsLogin
from ecmbraze.systems.redaction import Redactor
from ecmbraze.systems.waiting import Pace


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """The two clients of one process and what they share."""

    ecm: WatchedEcm
    braze: BrazeClient
    counters: RequestCounters
    redactor: Redactor


def reading(config: Settings) -> list[Needs]:
    """Return what each enabled flow reads."""
    enabled = dict(_enabled(config))
    return [BY_NAME[name].needs(enabled[name]) for name in NAMES if name in enabled]


def clients(config: Settings, wall: WallClock, budget: Budget, ecm_per_minute: int | None = None) -> Clients:
    """Return the clients; nothing is asked of a system yet. ``ecm_per_minute`` is how often ECM may be asked."""
    counters, redactor = RequestCounters(), Redactor()
    rng = random.Random()  # noqa: S311 jitter, not a secret
    shared: dict[str, Any] = {
        "clock": wall,
        "counters": counters,
        "redactor": redactor,
        "deadline": budget.left,
        "rng": rng,
    }
    braze_http = WatchedHttp(
        base_url=config.braze.url,
        system="braze",
        connections=config.braze.connections,
        timeout_s=config.braze.timeout_s,
        ca_file=config.braze.ca_file,
        **shared,
    )
    braze = BrazeClient(braze_http, api_key=config.braze.api_key.reveal())
    pace = Pace(clock=wall, per_minute=ecm_per_minute) if ecm_per_minute else None
    return Clients(ecm=_ecm(config.ecm, shared, pace), braze=braze, counters=counters, redactor=redactor)


def _ecm(ecm: Ecm, shared: dict[str, Any], pace: Pace | None) -> WatchedEcm:
    def reach(url: str) -> WatchedHttp:
        return WatchedHttp(
            base_url=url,
            system="ecm",
            connections=ecm.connections,
            timeout_s=ecm.timeout_s,
            ca_file=ecm.ca_file,
            pace=pace,
            **shared,
        )

    login = None
    if ecm.otds is not None:
        otds = reach(ecm.otds.url.removesuffix("/otdsws"))
        login = OtdsLogin(otds, client_id=ecm.otds.client_id, client_secret=ecm.otds.client_secret.reveal())
    return WatchedEcm(
        reach(ecm.url),
        username=ecm.username,
        password=ecm.password.reveal() if ecm.password else "",
        domain=ecm.domain,
        zone=ecm.timezone,
        page_size=ecm.page_size,
        otds=login,
    )


def systems(made: Clients, progress: Progress) -> Systems:
    def skews() -> list[float]:
        return [skew for skew in (made.ecm.skew(), made.braze.skew()) if skew is not None]

    return Systems(
        workspaces=made.ecm,
        people=made.braze,
        segments=made.braze,
        content=made.braze,
        sink=made.braze,
        currents=CurrentsFolder(),
        engagement=made.braze,
        records=made.ecm,
        records_sink=made.ecm,
        claims=made.ecm,
        requests=made.counters.as_dict,
        skews=skews,
        progress=progress,
    )


def fence(config: Settings, opened: Ledger, wall: WallClock) -> Fence:
    """Return the claim of a state file, for a command that is no run."""
    made = clients(config, wall, Budget(wall.monotonic, None))
    return parts.fence(setting(config), systems(made, Silent()), opened, wall)


def setting(config: Settings) -> Setting:
    """Return what the engine needs of the configuration."""
    return Setting(
        zone=config.ecm.timezone or UTC,
        prefix=config.attribute_prefix,
        guards=GuardLimits(**config.guards.model_dump()),
        max_per_person=config.max_per_person,
        connections=config.ecm.connections,
        braze_connections=config.braze.connections,
        sweep_requests=config.ecm.sweep_requests,
        sweep_every=config.sweep_every,
        date_query_from=config.ecm.date_query_from,
        batches=BatchLimits(
            track=config.braze.track_batch,
            trigger=config.braze.trigger_batch,
            marker=config.braze.marker,
        ),
        sample=Sample(share=config.verify.share),
        configuration=config.fingerprint(),
        attributes=_attributes(config),
        withdrawing=[(BY_NAME[name], section) for name, section in _enabled(config) if BY_NAME[name].withdrawn],
        fence=_place(config.fence),
        unfenced=config.fence is not None and config.fence.none,
        keep=Keep(**config.keep.model_dump(exclude={"backups"})),
        archive=next(
            ((name, needs) for name, section in _enabled(config) if (needs := BY_NAME[name].needs(section)).content),
            None,
        ),
        customers=next(
            ((BY_NAME[name], section) for name, section in _enabled(config) if BY_NAME[name].of_customers), None
        ),
        canary=write(ExternalId(value=config.verify.canary)) if config.verify.canary else "",
    )


def _place(section: FenceSection | None) -> Place | None:
    if section is None or section.none:
        return None
    return Place(workspace=section.workspace or "", folder=section.folder or 0, canary=section.canary)


def _attributes(config: Settings) -> frozenset[tuple[str, str]]:
    """Return (flow, attribute) of what the enabled flows write."""
    return frozenset(
        (name, attribute)
        for name, section in _enabled(config)
        for attribute in attributes(BY_NAME[name].outbound(section, config.attribute_prefix))
    )


def _enabled(config: Settings) -> list[tuple[str, Any]]:
    """Return (flow, section) of the enabled flows."""
    return [(name, section) for name, section in config.flows.items() if section.enabled]  # type: ignore[attr-defined]  # every section has it
