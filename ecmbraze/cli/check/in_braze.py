"""Hold the configuration against Braze: permissions of the key, campaigns, Canvases, groups; writes nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ecmbraze.cli.check.findings import Finding, Level, doubt, well, wrong
from ecmbraze.config import Settings
from ecmbraze.config.names import Named
from ecmbraze.errors import ConfigurationError, CredentialRefused
from ecmbraze.flow import Flow
from ecmbraze.model import ContentKind
from ecmbraze.planning.naming import Names
from ecmbraze.suggest import nearest
from ecmbraze.systems.braze.permissions import NEEDED

_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_OTHER = {"campaign": "canvas", "canvas": "campaign"}
_WORD = {"campaign": "campaign", "canvas": "Canvas"}
# Where each kind of content is listed and read.
_OF_CONTENT: Mapping[ContentKind, tuple[str, str]] = {
    ContentKind.EMAIL_TEMPLATES: ("/templates/email/list", "/templates/email/info"),
    ContentKind.CONTENT_BLOCKS: ("/content_blocks/list", "/content_blocks/info"),
    ContentKind.CAMPAIGNS: ("/campaigns/list", "/campaigns/details"),
    ContentKind.CANVASES: ("/canvas/list", "/canvas/details"),
}
# What only `check` asks: lacking these a run goes as well.
_FOR_CHECK = {"/campaigns/details", "/canvas/details", "/custom_attributes"}


class Braze(Protocol):
    """What of Braze is asked."""

    def names(self, kind: str, message_id: str, /) -> Mapping[str, Any]: ...
    def listed(self, kind: str, /) -> Mapping[str, str]: ...
    def missing_permissions(self, paths: Sequence[str], /) -> Mapping[str, str]: ...
    def group_exists(self, group_id: str, /) -> bool: ...
    def attributes(self) -> Mapping[str, str]: ...


def needed(config: Settings, flows: Mapping[str, Flow[Any]], names: Sequence[Named]) -> list[str]:
    """Return the endpoints that the runs of this configuration ask, and `check` itself."""
    sorts = {entry.sort for entry in names}
    rules = [rule for name, section in config.flows.items() for rule in flows[name].rules(section)]
    consents = [rule.send.consent for rule in rules if rule.send.consent]
    needs = [flows[name].needs(section) for name, section in config.flows.items()]
    people, rotations = {fact for need in needs for fact in need.people}, [need.rotation for need in needs]
    ways = [way for need in needs if need.silence for way in need.silence.by]
    watched = "email" in people
    asked = {
        "/users/track": bool(config.flows),
        "/users/export/ids": bool(config.flows),
        "/campaigns/trigger/send": Names.CAMPAIGN in sorts,
        "/canvas/trigger/send": Names.CANVAS in sorts,
        "/subscription/status/get": Names.GROUP in sorts,
        "/email/hard_bounces": watched or any(consent.email for consent in consents),
        "/email/unsubscribes": watched,
        "/sms/invalid_phone_numbers": "phone.undeliverable" in people,
        "/users/export/segment": any(one and one.segment for one in (*rotations, *ways)),
        "/campaigns/details": Names.CAMPAIGN in sorts,
        "/canvas/details": Names.CANVAS in sorts,
        "/custom_attributes": Names.PROFILE in sorts,
    }
    found = [path for path, is_asked in asked.items() if is_asked]
    archived = [content for name, section in config.flows.items() if (content := flows[name].needs(section).content)]
    of_content = (path for content in archived for kind in content.kinds for path in _OF_CONTENT[kind])
    return list(dict.fromkeys((*found, *of_content, *(_OF_CONTENT[ContentKind.CONTENT_BLOCKS] if archived else ()))))


def permissions(config: Settings, braze: Braze, paths: Sequence[str]) -> Iterator[Finding]:
    """Yield each permission the key lacks. Raises CredentialRefused for a key that is refused altogether."""
    lacking = braze.missing_permissions(paths)
    for path, name in lacking.items():
        if path in _FOR_CHECK:
            yield doubt(
                config.places.of(("braze", "api_key")), f"without {name} nobody can say whether its ids are right"
            )
            continue
        said = (
            f"the key lacks the permission {name}, or this address is not on its allow-list; a key cannot be edited: "
            f"make a new one with all it needs ({', '.join(sorted(_permission(one) for one in paths))})"
        )
        where = config.places.of(("braze", "api_key"))
        yield Finding(level=Level.WRONG, where=where, said=said, code=CredentialRefused.exit_code)
    if not lacking:
        yield well("Braze: permissions", ", ".join(sorted(_permission(one) for one in paths)))


def _permission(path: str) -> str:
    return NEEDED.get(path, path)


@dataclass(slots=True, kw_only=True)
class Objects:
    """The campaigns, Canvases and groups of one check, each asked once."""

    config: Settings
    braze: Braze
    _listed: dict[str, Mapping[str, str]] = field(default_factory=dict)
    _groups: dict[str, bool] = field(default_factory=dict)
    _attributes: Mapping[str, str] | None = None
    _named: set[str] = field(default_factory=set)
    """Custom attributes that the configuration names: none of them is meant by another."""

    def findings(self, flow: str, names: Sequence[Named]) -> Iterator[Finding]:
        """Yield how each campaign, Canvas and group that a flow names stands."""
        self._named |= {entry.name for entry in names if entry.sort is Names.PROFILE}
        for entry in names:
            match entry.sort:
                case Names.CAMPAIGN | Names.CANVAS:
                    yield self._message(flow, str(entry.sort), entry)
                case Names.GROUP:
                    yield self._group(flow, entry)
                case Names.PROFILE:
                    yield self._attribute(flow, entry)

    def _message(self, flow: str, kind: str, entry: Named) -> Finding:
        try:
            details = self._details(kind, entry.name)
        except CredentialRefused:
            return doubt(self.config.places.of(entry.path), f"the key may not look at this {_WORD[kind]}")
        if details is None:
            return wrong(self.config, entry, self._absent(kind, entry.name))
        name = str(details.get("name", ""))
        if why := _resting(details):
            return wrong(self.config, entry, f"the {_WORD[kind]} {name!r} is {why} in Braze, so that nothing goes out")
        return well(f"{flow}: {kind} {entry.name}", name)

    def _details(self, kind: str, message_id: str) -> Mapping[str, Any] | None:
        """Return what Braze says of a campaign or Canvas; ``None`` when it has none of this id."""
        try:
            return self.braze.names(kind, message_id)
        except ConfigurationError:
            return None

    def _absent(self, kind: str, written: str) -> str:
        """Return what is meant by an id that Braze does not know: the other kind, a name, a slip."""
        other = _OTHER[kind]
        with_other = _quietly(lambda: self._details(other, written))
        if with_other:
            return f"this is the id of the {_WORD[other]} {with_other.get('name', '')!r}: write {other}: {written}"
        here = self._list(kind)
        named = [number for number, name in here.items() if name.casefold() == written.casefold()]
        if named:
            return f"this is the name of a {_WORD[kind]}, its id is expected: write {' or '.join(named)}"
        if close := nearest(written, here):
            return f"Braze has no {_WORD[kind]} of this id; did you mean {close} ({here[close]!r})?"
        by_name = {name: number for number, name in here.items()}
        if not _ID.fullmatch(written) and (close := nearest(written, by_name)):
            return f"no {_WORD[kind]} has this id or name; did you mean {by_name[close]} ({close!r})?"
        known = ", ".join(f"{number} ({name!r})" for number, name in list(here.items())[:5])
        return f"Braze has no {_WORD[kind]} of this id" + (f": there are {known}" if known else "")

    def _list(self, kind: str) -> Mapping[str, str]:
        if kind not in self._listed:
            self._listed[kind] = _quietly(lambda: self.braze.listed(kind)) or {}
        return self._listed[kind]

    def _group(self, flow: str, entry: Named) -> Finding:
        try:
            exists = self._exists(entry.name)
        except CredentialRefused:
            return doubt(self.config.places.of(entry.path), "the key may not look at this subscription group")
        if exists:
            return well(f"{flow}: group {entry.name}", "readable")
        others = [group for group, there in self._groups.items() if there]
        near = nearest(entry.name, others)
        how = (
            f"; did you mean {near}?"
            if near
            else ": copy its id in Braze under Audience, Subscription Group Management"
        )
        return wrong(self.config, entry, f"Braze has no subscription group of this id{how}")

    def _attribute(self, flow: str, entry: Named) -> Finding:
        """Return how an attribute stands that others write and a flow reads; until the first write there is none."""
        try:
            if self._attributes is None:
                self._attributes = self.braze.attributes()
        except CredentialRefused:
            return doubt(self.config.places.of(entry.path), "the key may not look at custom attributes")
        status = self._attributes.get(entry.name)
        if status is None:
            near = nearest(entry.name, self._attributes.keys() - self._named)
            said = f"Braze has no custom attribute {entry.name!r} yet"
            if near:
                return doubt(self.config.places.of(entry.path), f"{said}; did you mean {near!r}?")
            return well(f"{flow}: attribute {entry.name}", f"{said}: it is made by the first value that is written")
        if status.casefold().startswith("block"):
            said = f"Braze takes no values of the custom attribute {entry.name!r}: it is blocklisted (Data Settings)"
            return wrong(self.config, entry, said)
        return well(f"{flow}: attribute {entry.name}", status or "there")

    def _exists(self, group: str) -> bool:
        if group not in self._groups:
            self._groups[group] = self.braze.group_exists(group)
        return self._groups[group]


def _resting(details: Mapping[str, Any]) -> str:
    """Return why a campaign or Canvas sends nothing; empty while it does, or where Braze does not tell."""
    if details.get("archived") is True:
        return "archived: unarchive it"
    if details.get("draft") is True:
        return "a draft: launch it"
    return "stopped: resume it" if details.get("enabled") is False else ""


def _quietly(ask: Callable[[], Any]) -> Any:
    """Return an answer that only serves a suggestion; ``None`` where the key may not ask."""
    try:
        return ask()
    except (CredentialRefused, ConfigurationError):
        return None
