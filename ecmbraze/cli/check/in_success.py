"""Hold what follow-ups need against both systems: reminder types, who is asked, segments, campaigns; writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from ecmbraze.cli.check.findings import WRONG_NAME, Finding, Level, doubt, well
from ecmbraze.config import Settings
from ecmbraze.config.places import Path
from ecmbraze.errors import ConfigurationError, CredentialRefused, RecordUnreadable
from ecmbraze.model import Assignee, Team
from ecmbraze.planning.success.options import Assigned, Options, SuccessRule
from ecmbraze.ports import WorkspaceReader
from ecmbraze.suggest import did_you_mean, nearest


class Office(WorkspaceReader, Protocol):
    """Extended ECM, asked who can be asked for what."""

    def reminder_types(self) -> Mapping[str, int]: ...
    def role_names(self, workspace_id: int, /) -> Sequence[str]: ...
    def members_like(self, assignee: Assignee, /) -> Sequence[str]: ...


class Braze(Protocol):
    """Braze, asked what it has."""

    def names(self, kind: str, message_id: str, /) -> Mapping[str, Any]: ...
    def listed(self, kind: str, /) -> Mapping[str, str]: ...


def in_ecm(config: Settings, ecm: Office, flow: str) -> Iterator[Finding]:
    """Yield each reminder type, role, user and group of a flow's rules that ECM does not have."""
    section = config.flows[flow]
    if not isinstance(section, Options):
        return
    types, found = ecm.reminder_types(), list[Finding]()
    for number, rule in enumerate(section.rules):
        path: Path = ("flows", flow, "rules", number)
        wanted = rule.follow_up.reminder_type
        if wanted and wanted not in types:
            known = did_you_mean(wanted, types) or f": there are {', '.join(sorted(types)) or 'none'}"
            found.append(_wrong(config, (*path, "follow_up", "type"), f"ECM has no reminder type {wanted!r}{known}"))
        for place, asked in _assigned(rule):
            found += _assignee(config, ecm, section, rule, (*path, *place), asked)
    yield from found
    if not found:
        yield well(f"{flow}: follow-ups", "reminder types and assignees are all there")


def _assigned(rule: SuccessRule) -> Iterator[tuple[Path, Assigned]]:
    yield ("follow_up", "assign"), rule.follow_up.assign
    if rule.follow_up.otherwise:
        yield ("follow_up", "otherwise"), rule.follow_up.otherwise
    if rule.escalate:
        yield ("escalate", "assign"), rule.escalate.assign


def _assignee(
    config: Settings, ecm: Office, section: Options, rule: SuccessRule, path: Path, asked: Assigned
) -> Iterator[Finding]:
    """Yield that nobody bears the name. Of a role one workspace tells; that nobody is in it is a matter of the day."""
    one = asked.value
    at = (*path, str(one.team))
    match one.team:
        case Team.USER | Team.GROUP:
            there = ecm.members_like(one)
            if one.name.casefold() not in (name.casefold() for name in there):
                yield _wrong(config, at, f"ECM has no {one}{did_you_mean(one.name, there)}")
        case Team.ROLE:
            yield from _role(config, ecm, section, rule, at, one.name)


def _role(config: Settings, ecm: Office, section: Options, rule: SuccessRule, at: Path, name: str) -> Iterator[Finding]:
    types = ecm.workspace_types()
    home = rule.follow_up.place
    for type_name in [home.workspace_type] if home else section.customers:
        if type_name not in types:
            continue  # told by the check of the names
        page = next(iter(ecm.list_workspaces(types[type_name])), None)
        if page is None or not page.rows:
            yield doubt(config.places.of(at), f"no workspace of type {type_name!r} is there that would have the role")
            continue
        try:
            roles = ecm.role_names(page.rows[0].id)
        except RecordUnreadable as error:
            yield doubt(config.places.of(at), f"the roles of a workspace of type {type_name!r}: {error.happened}")
            continue
        if name not in roles:
            known = did_you_mean(name, roles) or f": there are {', '.join(sorted(roles)) or 'none'}"
            yield _wrong(config, at, f"workspaces of type {type_name!r} have no role {name!r}{known}")


def in_braze(config: Settings, braze: Braze, flow: str) -> Iterator[Finding]:
    """Yield how the segments and campaigns stand by which a flow's rules tell silence."""
    section = config.flows[flow]
    if not isinstance(section, Options):
        return
    for number, rule in enumerate(section.rules):
        path: Path = ("flows", flow, "rules", number, "engagement")
        if rule.engagement.segment:
            yield _segment(config, braze, flow, (*path, "segment"), rule.engagement.segment)
        for place, campaign in enumerate(rule.engagement.campaigns.ids if rule.engagement.campaigns else ()):
            yield _campaign(config, braze, flow, (*path, "campaigns", "ids", place), campaign)


def _segment(config: Settings, braze: Braze, flow: str, at: Path, segment: str) -> Finding:
    try:
        there = braze.listed("segment")
    except CredentialRefused:
        return doubt(config.places.of(at), "the key may not list segments (segments.list)")
    if segment in there:
        return well(f"{flow}: segment {segment}", there[segment])
    by_name = {name: number for number, name in there.items()}
    near = nearest(segment, there) or by_name.get(nearest(segment, by_name) or "")
    how = f"; did you mean {near} ({there[near]!r})?" if near else ": copy its id in Braze (Settings > API identifiers)"
    return _wrong(config, at, f"Braze has no segment of this id, or has archived it{how}")


def _campaign(config: Settings, braze: Braze, flow: str, at: Path, campaign: str) -> Finding:
    try:
        return well(f"{flow}: campaign {campaign}", str(braze.names("campaign", campaign).get("name", "")))
    except CredentialRefused:
        return doubt(config.places.of(at), "the key may not look at this campaign (campaigns.details)")
    except ConfigurationError:
        pass
    try:
        name = braze.names("canvas", campaign).get("name", "")
        said = f"this is the Canvas {name!r}, and Braze tells nobody's engagement with a Canvas: name campaigns"
        return _wrong(config, at, said)
    except (CredentialRefused, ConfigurationError):
        return _wrong(config, at, f"Braze has no campaign of this id{_meant(braze, campaign)}")


def _meant(braze: Braze, campaign: str) -> str:
    try:
        there = braze.listed("campaign")
    except (CredentialRefused, ConfigurationError):
        return ""
    near = nearest(campaign, there)
    return f"; did you mean {near} ({there[near]!r})?" if near else ""


def _wrong(config: Settings, at: Path, said: str) -> Finding:
    return Finding(level=Level.WRONG, where=config.places.of(at), said=said, code=WRONG_NAME)
