"""What ECM makes of values that are to be written onto a workspace or a document; stores none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, time, tzinfo

from ecmbraze.errors import ConfigurationError
from ecmbraze.model import Answer, AttributeInfo, Fact, Facts, Json, Verdict
from tests.twins.ecm_world import Attribute, EcmWorld, kept

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?P<zone>Z|[+-]\d\d:\d\d)?")


class Attributes(EcmWorld):
    """A tenant in one time zone, which weighs what is to be written."""

    zone: tzinfo

    def weighed(
        self,
        node_id: int,
        categories: Sequence[str],
        there: Facts,
        values: Mapping[str, Json],
        ours: Sequence[Mapping[str, Json]],
    ) -> Answer | dict[str, Fact]:
        """Return the values as they would be stored, or the answer where nothing is to be: all so, or a person's."""
        if unknown := sorted(values.keys() - there.keys()):
            return _stopped(f"ECM has no attribute {unknown[0]!r} on node {node_id}.")
        known = {name: one for name, _, one in _each((category, self.categories[category]) for category in categories)}
        wanted = {name: kept(self._told(value, known[name])) for name, value in values.items()}
        for name, value in wanted.items():
            if value is not None and known[name].valid_values and value not in known[name].valid_values:
                return _stopped(f"ECM's popup of {name} does not offer {value!r}.")
        if all(there[name] == value for name, value in wanted.items()):
            return Answer(verdict=Verdict.ACCEPTED, reason="already so")
        for name, value in wanted.items():
            mine = [kept(self._told(one.get(name), known[name])) for one in ours]
            if there[name] not in (value, *mine):
                reason = f"edited_in_ecm: {name} is {there[name]!r}, we last wrote {mine[0]!r}"
                return Answer(verdict=Verdict.REFUSED, reason=reason)
        return wanted

    def _told(self, value: Json, of: Attribute) -> Fact:
        """Return a value as reads give it: a time in the zone of the tenant, midnight as a day (api/ecm.md 1.4)."""
        found = _INSTANT.fullmatch(value) if of.type_name == "Date" and isinstance(value, str) else None
        if found is None:
            return tuple(value) if isinstance(value, list | tuple) else value  # type: ignore[return-value]  # scalars
        moment = datetime.fromisoformat(found[0])
        local = moment.astimezone(self.zone) if found["zone"] else moment.replace(tzinfo=self.zone)
        return local.isoformat() if of.with_time and local.time() != time() else local.date().isoformat()


def _stopped(happened: str) -> Answer:
    stop = ConfigurationError(happened)
    return Answer(verdict=Verdict.NOT_PROCESSED, reason=stop.happened, stop=stop)


def infos(categories: Iterator[tuple[str, Sequence[Attribute]]]) -> Iterator[tuple[str, AttributeInfo]]:
    """Yield what is known of each attribute of some categories, by ``Category.Attribute``."""
    for name, set_name, one in _each(categories):
        info = AttributeInfo(
            name=name,
            type_name=one.type_name,
            multi_value=one.multi_value,
            valid_values=one.valid_values,
            set_name=set_name,
        )
        yield name, info


def _each(categories: Iterable[tuple[str, Sequence[Attribute]]]) -> Iterator[tuple[str, str, Attribute]]:
    for category, attributes in categories:
        for one in attributes:
            name = f"{category}.{one.name}"
            for inner in one.inner or (one,):
                yield f"{name}.{inner.name}" if one.inner else name, name if one.inner else "", inner
