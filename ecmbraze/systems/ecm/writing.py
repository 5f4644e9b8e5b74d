"""Write the attributes of one category of one node, under its lock: read, compare, write; retries only a lost lock."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Any

from ecmbraze.errors import ConfigurationError, EcmbrazeError, RecordUnreadable
from ecmbraze.model import Answer, Json, Obstacle, Verdict
from ecmbraze.suggest import did_you_mean
from ecmbraze.systems.ecm.attempts import EDITED, Attempt, Attempts, Right, not_written
from ecmbraze.systems.ecm.categories import flatten
from ecmbraze.systems.ecm.forms import Field, Form, Sort, UnfitError, read_form, token_of
from ecmbraze.systems.ecm.learning import Learning, ask, only
from ecmbraze.systems.ecm.session import Session
from ecmbraze.systems.shapes import ShapeError, excerpt, inner

_FORM = "/api/v1/forms/nodes/categories/update"
EDIT = Right(flag="perm_edit_attributes", doing="edit the attributes of")
# How a value is read that may have a time of day.
_INSTANT = Field(key="", name="", sort=Sort.INSTANT)
# A write that lost its lock to an edit of something else is tried once more.
_TRIES = 2
_WAITS = "Nothing was written; the row waits."
_EMPTY: tuple[object, ...] = (None, "", [])
ALREADY = "already so"
"""The reason of an accepted write that wrote nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """The category of a node that the values belong to."""

    name: str
    form: Form
    locked: bool
    """Whether the form came with the lock token."""


class _RefusalError(Exception):
    """One record is not written, and why: a person must look at it."""


class CategoryWrites:
    """The category writes of one client. Thread-safe."""

    def __init__(self, session: Session, attempts: Attempts, learning: Learning, zone: tzinfo | None) -> None:
        self._session, self._attempts, self._learning, self._zone = session, attempts, learning, zone

    def set_values(
        self, node_id: int, values: Mapping[str, Json], ours: Sequence[Mapping[str, Json]], *, remade: bool = False
    ) -> Answer:
        """Write what differs; see the port. ``ours`` is what we may have written: first what was accepted last.

        A node that may have been ``remade`` since was never written while all of these attributes are empty.

        Two requests once the category is known, three the first time, two more after a lost lock. A refusal takes up to
        two more to find out why, and so does a node that carries another category of the same name.
        """
        found: _Found | None = None
        for _ in range(_TRIES):
            try:
                found = self._read(node_id, values, found)
                blank = remade and _is_blank(found, values)
                changes = self._changes(found.name, found.form, values, [*ours, {}] if blank else ours)
            except _RefusalError as refusal:
                return Answer(verdict=Verdict.REFUSED, reason=str(refusal))
            except EcmbrazeError as error:
                return not_written(error)
            except ShapeError as error:
                return not_written(RecordUnreadable(f"node {node_id}: {error}"))
            if not changes:
                return Answer(verdict=Verdict.ACCEPTED, reason=ALREADY)
            attempt = self._write(node_id, found.form, changes)
            if attempt.refused_with != 409:
                return self._attempts.explained(attempt, EDIT, node_id)
        return replace(attempt.answer, reason=f"{EDITED}: somebody changes it each time between our read and our write")

    def obstacles(self, node_id: int, values: Mapping[str, Sequence[Json]]) -> Iterator[Obstacle]:
        """Yield what keeps values of one category from being written to a node, all of it; writes nothing.

        Attributes that the node does not carry are left out: whoever reads the node sees that.
        """
        try:
            found = self._find(node_id, dict.fromkeys(values))
        except (_RefusalError, ConfigurationError):
            return
        except ShapeError as error:
            raise RecordUnreadable(f"node {node_id}: {error}") from None
        fields = {f"{found.name}.{name}": field for name, field in found.form.fields.items()}
        for dotted in (name for name in values if name in fields):
            for said in dict.fromkeys(self._against(found, dotted, values[dotted])):
                yield Obstacle(name=dotted, said=said)
        for dotted, field in fields.items():
            if field.required and dotted not in values and found.form.values.get(field.key) in _EMPTY:
                said = f"{dotted} is required and empty: ECM may refuse every update of {found.name}"
                yield Obstacle(name=dotted, said=said, certain=False)

    def _against(self, found: _Found, dotted: str, values: Sequence[Json]) -> Iterator[str]:
        """Yield why values do not fit an attribute."""
        try:
            field = self._writable(found.name, found.form, dotted)
        except ConfigurationError as error:
            yield error.happened
            return
        for value in values:
            try:
                if field.sort is Sort.DAY and isinstance(self._plain(_INSTANT, value, dotted), datetime):
                    yield f"{dotted} keeps no time of day: a time that is written there becomes a day"
                self._fitted(field, value, dotted)
            except ConfigurationError as error:
                yield error.happened
            except _RefusalError as refusal:
                yield str(refusal)

    def _write(self, node_id: int, form: Form, changes: Mapping[str, Json]) -> Attempt:
        """Send the changed attributes only: an update is partial, the others keep their values (api/ecm.md 5.3)."""
        lock = {f"{form.category_id}_1": {"metadata_token": form.token}} if form.token else {}
        path = f"/api/v2/nodes/{int(node_id)}/categories/{form.category_id}"
        return self._attempts.send("PUT", path, data={"body": json.dumps({**lock, **changes})})

    def _read(self, node_id: int, values: Mapping[str, Json], last: _Found | None) -> _Found:
        """Return the category with its values and the lock they were read under; of a known one in one request.

        The lock covers the whole category: it is also lost when somebody edits an attribute that is none of ours.
        """
        found = last or self._find(node_id, values)
        if not found.locked:
            return replace(found, form=self._with_token(node_id, found.form))
        if last is None:
            return found
        if form := self.form(node_id, found.form.category_id):
            return replace(found, form=form)
        raise _not_carried(node_id, sorted(values), {}, met=True)

    def _find(self, node_id: int, values: Mapping[str, Json]) -> _Found:
        """Return the form of the category that all values belong to.

        Raises _RefusalError where this node alone does not carry it, ConfigurationError where no node met so far does.
        """
        known = _fitting(self._learning.categories(), values)
        if len(known) == 1:
            [(number, name)] = known.items()
            if form := self.form(node_id, number):
                return _Found(name=name, form=form, locked=bool(form.token))
        carried = self._learning.ask_node(node_id)
        fitting = _fitting(carried, values)
        if len(fitting) > 1:
            raise ConfigurationError(
                f"Node {node_id} carries {len(fitting)} categories named {next(iter(fitting.values()))!r}.",
                undone=_WAITS,
                advice="Let an ECM administrator rename one of them.",
            )
        if not fitting:
            raise _not_carried(node_id, sorted(values), carried, met=bool(known))
        [(number, name)] = fitting.items()
        if form := self.form(node_id, number):
            return _Found(name=name, form=form, locked=bool(form.token))
        raise RecordUnreadable(f"ECM gives no form for the category {name!r} of node {node_id}")

    def form(self, node_id: int, category_id: int) -> Form | None:
        """Return the form; ``None`` when ECM refuses it, as for a category that the node does not carry."""
        params = [("id", str(int(node_id))), ("category_id", str(category_id))]
        answer = self._session.get(_FORM, params=params, about=f"{node_id}/{category_id}")
        return read_form(answer.json(), category_id) if answer.status == 200 else None

    def _with_token(self, node_id: int, form: Form) -> Form:
        """Return the form with the token of the node, and with the values that were read with it (api/ecm.md 5.2).

        A token read after the values would let an edit in between pass unseen. A server without tokens has none.
        """
        path = f"/api/v2/nodes/{int(node_id)}"
        result = only(ask(self._session, path, [("fields", "categories"), ("state", "")]))
        token = _token(result.get("state"), str(form.category_id))
        values = flatten(inner(result, "data").get("categories") or {}) if token else {}
        return replace(form, token=token, values={**form.values, **values})

    def _changes(
        self, category: str, form: Form, values: Mapping[str, Json], ours: Sequence[Mapping[str, Json]]
    ) -> Mapping[str, Json]:
        """Return key → value of what must be written; raises _RefusalError for what a person edited."""
        changes: dict[str, Json] = {}
        edited: list[str] = []
        for dotted, wanted in values.items():
            field = self._writable(category, form, dotted)
            there = form.values.get(field.key)
            now = self._plain(field, there, dotted)
            plain = self._fitted(field, wanted, dotted)
            if now == plain:
                continue
            if any(self._is_ours(field, now, dotted, one) for one in ours):
                changes[field.key] = field.stored(plain)
            else:
                wrote = [one[dotted] for one in ours if dotted in one]
                before = f"we last wrote {_shown(wrote[0])}" if wrote else "we never wrote it"
                edited.append(f"{dotted} is {_shown(there)}, {before}")
        if edited:
            raise _RefusalError(f"{EDITED}: {'; '.join(edited)}")
        return changes

    def _writable(self, category: str, form: Form, dotted: str) -> Field:
        name = dotted[len(category) + 1 :]
        field = form.fields.get(name)
        if field is None:
            rows = next((one for one in form.fields if name.startswith(f"{one}.")), None)
            if rows is not None and form.fields[rows].sort is Sort.ROWS:
                raise _cannot(f"{dotted} stands in the rows of {rows!r}", "name an attribute outside of sets")
            near = did_you_mean(dotted, [f"{category}.{one}" for one in form.fields])
            raise _cannot(f"ECM has no attribute {dotted}{near}", "correct its name in the configuration")
        if name in form.twice:
            raise _cannot(f"two attributes are named {dotted}", "let an ECM administrator rename one of them")
        if field.sort in (Sort.SEVERAL, Sort.ROWS):
            raise _cannot(f"{dotted} holds {field.sort}", "name an attribute of one value")
        if field.read_only:
            raise _cannot(f"{dotted} is read-only", "let an ECM administrator make it editable")
        return field

    def _fitted(self, field: Field, wanted: Json, dotted: str) -> Any:
        """Return a wanted value, held against the form: ECM documents no reply for what does not fit."""
        plain = self._plain(field, wanted, dotted)
        if plain is None and field.required:
            raise _cannot(f"{dotted} is required and cannot be emptied", "map every value to a word")
        if field.offered and plain is not None and str(plain) not in field.offered:
            near = did_you_mean(str(plain), field.offered)
            raise _cannot(f"{dotted} does not offer {_shown(plain)}{near}", "use a word that its popup offers")
        if field.longest is not None and isinstance(plain, str) and len(plain) > field.longest:
            raise _RefusalError(f"{dotted} takes {field.longest} characters, the value has {len(plain)}")
        return plain

    def _plain(self, field: Field, value: object, dotted: str) -> Any:
        try:
            return field.plain(value, self._zone)
        except UnfitError as error:
            raise _RefusalError(f"{dotted}: {_shown(value)} {error}") from None

    def _is_ours(self, field: Field, now: object, dotted: str, written: Mapping[str, Json]) -> bool:
        """Say whether a value may be replaced: what we wrote, or empty where we never wrote."""
        try:
            return bool(now == field.plain(written.get(dotted), self._zone))
        except UnfitError:  # written when the attribute was of another type
            return False


def _fitting(categories: Mapping[int, str], values: Mapping[str, Json]) -> dict[int, str]:
    """Return the categories that every value can belong to; of names inside each other only the longest."""
    found = {
        number: name
        for number, name in categories.items()
        if values and all(dotted.startswith(f"{name}.") for dotted in values)
    }
    longest = max(map(len, found.values()), default=0)
    return {number: name for number, name in found.items() if len(name) == longest}


def _token(state: object, category: str) -> str:
    """Return the token of one category: `categories[0][<category>].metadata_token` (api/ecm.md 5.2)."""
    told = state.get("categories") if isinstance(state, Mapping) else None
    locks = [one.get(category) for one in (told if isinstance(told, list) else [told]) if isinstance(one, Mapping)]
    return next(filter(None, map(token_of, locks)), "")


def _is_blank(found: _Found, values: Mapping[str, Json]) -> bool:
    fields = (found.form.fields.get(dotted[len(found.name) + 1 :]) for dotted in values)
    return all(field is not None and found.form.values.get(field.key) in _EMPTY for field in fields)


def _not_carried(node_id: int, names: list[str], carried: Mapping[int, str], *, met: bool) -> Exception:
    if met:
        return _RefusalError(f"node {node_id} does not carry the category of {names[0]}")
    near = did_you_mean(names[0].partition(".")[0], carried.values()) if names else ""
    return _cannot(
        f"node {node_id} carries no category that holds {', '.join(names) or 'no attribute'}{near}",
        "let an ECM administrator put the category on the workspaces of the flow, or correct its name",
    )


def _cannot(what: str, advice: str) -> ConfigurationError:
    """Return what no record of the flow can be written with."""
    return ConfigurationError(
        f"Extended ECM: {what}.", undone=_WAITS, advice=f"{advice[0].upper()}{advice[1:]}, then run `ecmbraze check`."
    )


def _shown(value: object) -> str:
    return "empty" if value is None or value == "" else f"'{excerpt(value)[:60]}'"
