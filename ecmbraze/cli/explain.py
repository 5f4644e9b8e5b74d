"""`ecmbraze explain`: what was decided of one asset, workspace or customer, when, and on what; changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Annotated, Any

import typer

from ecmbraze.cli import composition, opening
from ecmbraze.cli.shared import ConfigOption, config_path
from ecmbraze.cli.signals import Budget
from ecmbraze.config import Settings
from ecmbraze.errors import EcmbrazeError, RecordUnreadable, UsageError
from ecmbraze.flows import feedback
from ecmbraze.ledger.explaining import Explaining, Known
from ecmbraze.ledger.outbox import Row
from ecmbraze.model import Action, Delivery, Json, PersonKey, keys
from ecmbraze.planning.assets import facts, names, writes
from ecmbraze.planning.assets.options import Options
from ecmbraze.planning.consent import demands
from ecmbraze.report.plain import printable

_MOST = 30
_DIFFERS = 3  # as for a record that a person must look at


def register(app: typer.Typer) -> None:
    app.command("explain")(explain)


def explain(
    context: typer.Context,
    subject: Annotated[
        str, typer.Argument(help="a campaign, Canvas, template or block by id or name; a workspace id; a customer")
    ],
    at: Annotated[str | None, typer.Option(help="a day or an instant: what an asset was then")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="read the version back from ECM and compare")] = False,
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="the same as JSON")] = False,
) -> int:
    """Say what was decided of one asset, workspace or customer: when, on which facts, and why not."""
    loaded = opening.settings(config_path(context, config), secrets=False)
    with closing(opening.ledger(loaded, read_only=True)) as ledger:
        book = Explaining(ledger.database)
        assets = book.content(subject)
        if len(assets) > 1:
            raise UsageError(
                f"{len(assets)} assets are named {subject!r}: {', '.join(one.key for one in assets)}.",
                undone="Nothing was looked up.",
                advice="Name one by its id.",
            )
        if not assets:
            if at or verify:
                raise _unknown(subject)
            told = _of_ledger(loaded, book, subject)
        else:
            moment = _moment(at, loaded.ecm.timezone or UTC) if at else None
            told = _of_asset(loaded, book, assets[0], moment, verify=verify)
    typer.echo(json.dumps(told, indent=2, ensure_ascii=False) if as_json else "\n".join(_lines(told)))
    return _DIFFERS if told.get("verified") is False else 0


def _unknown(subject: str) -> UsageError:
    return UsageError(
        f"The state file knows no asset {subject!r}.",
        undone="Nothing was looked up.",
        advice="Name an asset by its id or its whole name in Braze; --at and --verify are for assets alone.",
    )


def _moment(text: str, zone: tzinfo) -> datetime:
    """Return the end of a day in ECM's zone, or an instant."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"--at {text!r} is no day and no time.",
            undone="Nothing was looked up.",
            advice="Write 2026-03-15, or 2026-03-15T14:05:00+01:00.",
        ) from None
    if len(text) <= len("2026-03-15"):
        return datetime.combine(found.date() + timedelta(days=1), time(), zone).astimezone(UTC)
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Version:
    """One version as the flow noted it."""

    number: int
    document: str
    name: str
    place: int
    request: str
    seen: datetime
    after: datetime | None

    @classmethod
    def of(cls, noted: Json) -> _Version:
        told = noted if isinstance(noted, Mapping) else {}
        after = str(told.get("after") or "")
        return cls(
            number=int(str(told["version"])),
            document=str(told["document"]),
            name=str(told["name"]),
            place=int(str(told["place"])),
            request=str(told["request"]),
            seen=datetime.fromisoformat(str(told["seen"])),
            after=datetime.fromisoformat(after) if after else None,
        )


def _of_asset(loaded: Settings, book: Explaining, asset: Known, at: datetime | None, *, verify: bool) -> dict[str, Any]:
    noted = book.noted(writes.FLOW, asset.key).get(writes.VERSIONS)
    versions = [_Version.of(one) for one in noted] if isinstance(noted, Sequence) and not isinstance(noted, str) else []
    kind = keys.kind_of(asset.stream)
    told: dict[str, Any] = {"subject": f"{kind.one if kind else 'asset'} {asset.name!r}", "key": asset.key}
    told["last_read"] = _stamp(asset.read_at)
    told["now"] = "deleted in Braze" if asset.gone else str(asset.facts.get("state") or "never approved")
    if not versions:
        return {**told, "archived": "never: it was not seen with the tag, or its plan waits for a person"}
    reached = [one for one in versions if at is None or one.seen <= at]
    if not reached:
        return {**told, "at": _stamp(at), "archived": f"not yet: first seen {_stamp(versions[0].seen)}"}
    chosen, after = reached[-1], versions[len(reached) : len(reached) + 1]
    last = after[0].after if after else _last_seen(asset, chosen)
    told |= {
        "at": _stamp(at) if at else "now",
        "version": chosen.number,
        "versions": len(versions),
        "name": chosen.name,
        "sha256": chosen.document,
        "first_seen": _stamp(chosen.seen),
        "by_request": chosen.request,
        "not_yet_at": _stamp(chosen.after),
        "last_seen": _stamp(last),
        "other_content_seen": _stamp(after[0].seen) if after else "",
    }
    if at and last and at > last:
        told["between_looks"] = _uncertain(asset, last, *after)
    told["stored"] = _stored(book, asset.key, chosen)
    return told | (_verified(loaded, asset, chosen) if verify else {})


def _last_seen(asset: Known, newest: _Version) -> datetime | None:
    """Return when an asset was seen last as it is archived: what is approved no more may have changed since."""
    told = str(asset.facts.get(facts.LAST) or "")
    # A look counts from its beginning: of the one that saw it first that was before it was read.
    return datetime.fromisoformat(told) if told else max(newest.seen, asset.read_at or newest.seen)


def _uncertain(asset: Known, last: datetime, following: _Version | None = None) -> str:
    """Return what is not known of a moment after a content was seen last."""
    if following is None and not asset.gone and not asset.facts.get(facts.LAST):
        return f"nobody has looked since {_stamp(last)}: it may have had other content by then"
    if following is None:
        return f"after {_stamp(last)} it was not seen as approved: then it may have had other content"
    return (
        f"between {_stamp(last)} and {_stamp(following.seen)} it was not seen as approved: then it may have been "
        f"version {following.number} ({following.document}) already"
    )


def _stored(book: Explaining, key: str, chosen: _Version) -> str:
    """Return what became of the write of a version."""
    rows = book.writes([key], -1)
    mine = [
        row
        for row in rows
        if row.action.kind.delivery is Delivery.UNIQUE
        and row.action.rule == writes.SOURCE
        and row.action.occurrence == f"v{chosen.number}"
    ]
    return f"{mine[0].state} {_stamp(mine[0].changed_at)}: {mine[0].why}" if mine else "not planned yet"


def _verified(loaded: Settings, asset: Known, chosen: _Version) -> dict[str, Any]:
    """Read the versions back until one has the digest."""
    section, kind = loaded.flows.get(writes.FLOW), keys.kind_of(asset.stream)
    if not isinstance(section, Options) or kind is None:
        raise UsageError(
            "The configuration has no section flows.assets.", undone="Nothing was read back.", advice="Put it back."
        )
    wall = opening.wall_clock(loaded)
    ecm = composition.clients(loaded, wall, Budget(wall.monotonic, None)).ecm
    marker = names.marker(asset.key.rpartition(":")[2], names.JSON)
    try:
        found = list(ecm.archived(chosen.place, section.folders.of(kind), marker))
    except RecordUnreadable as error:
        raise EcmbrazeError(error.happened, undone="Nothing was compared.", advice="Look in Extended ECM.") from None
    if chosen.document in found:
        number = len(found) - found.index(chosen.document)
        return {"verified": True, "read_back": f"version {number} of {len(found)} in Extended ECM has this sha256"}
    why = f"none of its {len(found)} versions has this sha256" if found else "there is no such document"
    return {"verified": False, "read_back": f"{why} in Extended ECM"}


def _of_ledger(loaded: Settings, book: Explaining, subject: str) -> dict[str, Any]:
    """Return what is known of a workspace or a customer."""
    now = opening.wall_clock(loaded).now()
    number = subject.removeprefix("ws:")
    record = book.record(keys.workspace(int(number))) if number.isascii() and number.isdigit() else None
    if record is not None:
        told: dict[str, Any] = {"subject": f"workspace {record.name!r}", "key": record.key, "type": record.stream}
        told |= {"last_read": _stamp(record.read_at), "gone": record.gone, "facts": dict(record.facts)}
        told["planned"] = {flow: _stamp(at) for flow, at in book.planned(record.key)}
        told["planned_again"] = _due(book, record.key, now)
        return told | _decided(book, [record.key], [record.key])
    workspaces, key = book.led_by(subject), PersonKey(recipient=subject).text
    found = _decided(book, [subject, key], [key, *(one.key for one in workspaces)], subject)
    person = book.record(key)
    if not workspaces and not found["writes"] and not found["put_aside"] and person is None:
        raise UsageError(
            f"The state file knows no workspace, customer or asset {subject!r}.",
            undone="Nothing was looked up.",
            advice="Name a workspace by its id, a customer as ECM has them, an asset by its id or whole name in Braze.",
        )
    about = {one.key: f"{one.name} ({one.stream}{', gone' if one.gone else ''})" for one in workspaces}
    told = {"subject": f"customer {subject}", "workspaces": about}
    if person is not None:
        shown = _shown(loaded, person)
        told |= {"last_looked_at": _stamp(person.read_at), **({"in_braze": shown} if shown else {})}
        told["planned_again"] = _due(book, key, now)
    return told | found


def _shown(loaded: Settings, person: Known) -> dict[str, Any]:
    """Return what the last look saw of somebody, without address and answers, and without what is noted of looks."""
    section: Any = loaded.flows.get(feedback.NAME)
    kept_back = feedback.FLOW.needs(section).people if section is not None else frozenset[str]()
    hidden = {"address", "after", "look", *kept_back}
    return {name: one for name, one in person.facts.items() if name not in hidden and not name.startswith("after:")}


def _due(book: Explaining, record: str, now: datetime) -> dict[str, str]:
    """Return flow → when it plans a record again although nothing changes."""
    return {flow: _stamp(at) if at > now else "in its next run" for flow, at in book.due(record)}


def _decided(book: Explaining, subjects: Sequence[str], records: Sequence[str], customer: str = "") -> dict[str, Any]:
    """Return what was written, put aside and, by the last plans of records, left out: of a customer, what is theirs."""
    aside = book.aside(subjects)
    reported = {one.reason for one in aside}
    rows = book.writes(subjects, _MOST)
    read = book.consents(rows)
    written = [f"{_write(row, one)}{_consent(row, read.get(row.id))}" for row in rows for one in row.action.each]
    return {
        "writes": written[:_MOST],
        "put_aside": [f"{_stamp(one.at)} {one.flow}{' ' if one.rule else ''}{one.rule}: {one.reason}" for one in aside],
        "left_out": [
            f"{_stamp(one.at)} {one.flow}/{one.rule}: {one.reason}"
            for one in book.left_out(records)
            if one.reason not in reported and (not customer or customer in one.customer.split(", "))
        ],
    }


def _write(row: Row, action: Action) -> str:
    why = f", {row.why}" if row.why else ""
    return (
        f"{_stamp(row.changed_at)} {row.state}: {action.kind} {action.name} to {action.recipient} by {action.flow}/"
        f"{action.rule}, because {action.reason}{why}"
    )


def _consent(row: Row, read: tuple[Mapping[str, Json], datetime] | None) -> str:
    """Return what a message demanded of its person's consent, and what Braze said of it before it left."""
    demanded = row.action.consent
    if not demanded:
        return ""
    if ground := demanded.get(demands.TRANSACTIONAL):
        return f"; consent: none needed, transactional: {ground}"
    wanted = " and ".join(
        f"{one.channel} {one.state}" + (f" and in group {one.group}" if one.group else "")
        for one in demands.demands(demanded)
    )
    states = ", ".join(f"{channel} {state}" for channel, state in read[0].items()) if read else ""
    shown = f"; Braze said {states}, read {_stamp(read[1])}" if read and states else ""
    return f"; consent: at least {wanted}{shown}"


def _stamp(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if moment else ""


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    for name, value in told.items():
        label = name.replace("_", " ")
        if isinstance(value, Mapping | list):
            yield f"{label}:" + ("" if value else " none")
            entries = [f"{key}: {one}" for key, one in value.items()] if isinstance(value, Mapping) else value
            yield from (f"  {printable(str(entry))}" for entry in entries)
        elif value != "":
            yield f"{label}: {printable(str(value))}"
