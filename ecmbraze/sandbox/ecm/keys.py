"""Read written category keys into attribute changes (api/ecm.md 5.2, 5.3); stores nothing."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from ecmbraze.sandbox.ecm.model import MOST_ROWS, Attribute, Category, Values
from ecmbraze.sandbox.ecm.refusals import RefusalError
from ecmbraze.sandbox.ecm.switches import Switches
from ecmbraze.sandbox.ecm.values import accepted

_TWIN = "_multilingual"
_LANGUAGES = frozenset({"en", "de"})


def stale(category: Category, fields: Mapping[str, Any], token: str) -> bool:
    """Say whether the fields carry a metadata token and it is not ``token`` (opt-in optimistic lock)."""
    sent = sent_token(category, fields)
    return sent is not None and sent != token


def sent_token(category: Category, fields: Mapping[str, Any]) -> str | None:
    """Return the lock token under ``{cat}_1`` or plainly as ``metadata_token``, or None."""
    carrier = fields.get(f"{category.id}_1")
    if isinstance(carrier, str) and carrier.startswith("{"):
        carrier = _object(f"{category.id}_1", carrier)
    token = carrier.get("metadata_token") if isinstance(carrier, dict) else fields.get("metadata_token")
    return None if token in (None, "") else str(token)


class Changes:
    """The checked changes to one category that some written fields mean.

    Raises RefusalError on the first key that does not belong to the category or value that is not allowed; then
    nothing was changed, since the stored values are only replaced by the caller.
    """

    def __init__(self, category: Category, stored: Values, switches: Switches) -> None:
        self._category, self._stored, self._switches = category, stored, switches
        self.found: dict[Any, Any] = {}
        self._dropped: dict[int, set[int]] = {}

    def read(self, fields: Mapping[str, Any]) -> dict[Any, Any]:
        """Return attribute id → new value; keys that only steer (category_id, tokens) are tolerated."""
        steering = {"category_id", "metadata_token", f"{self._category.id}_1"}
        for key, raw in sorted(fields.items(), key=_row_number):
            if key not in steering:
                self._read(key, raw)
        for set_id, rows in self._dropped.items():
            self.found[set_id] = [row for i, row in enumerate(self.found[set_id], start=1) if i not in rows]
        for attribute in self._category.attributes:
            if attribute.inner is not None and self.found.get(attribute.id) == [attribute.blank_row()]:
                self.found[attribute.id] = []
        return self.found

    def required(self) -> None:
        """Refuse when a required attribute is left without a value."""
        for attribute in self._category.attributes:
            if attribute.required and self.found.get(attribute.id, self._stored.get(attribute.id)) in (None, "", []):
                raise RefusalError(self._switches.validation_status, "required", name=attribute.name)

    def _read(self, key: str, raw: Any) -> None:
        twin = key.endswith(_TWIN)
        parts = key.removesuffix(_TWIN).split("_")
        numbers = [int(part) for part in parts if part.isdecimal()]
        attribute = self._category.by_id(numbers[1]) if len(numbers) > 1 else None
        if len(numbers) != len(parts) or numbers[0] != self._category.id or attribute is None:
            raise self._foreign(key)
        if twin:
            if not self._locked(attribute):
                self._languages(key, attribute, raw, len(numbers))
        elif attribute.inner is None and len(numbers) == 2:
            if not self._locked(attribute):
                self.found[attribute.id] = accepted(attribute, raw, self._switches)
        elif attribute.inner is not None and len(numbers) == 3:
            self._drop(key, attribute, numbers[2], raw)
        elif attribute.inner is not None and len(numbers) == 4:
            self._cell(key, attribute, numbers[2], numbers[3], raw)
        else:
            raise self._foreign(key)

    def _languages(self, key: str, attribute: Attribute, raw: Any, depth: int) -> None:
        """Store the languages of a text, all of them together (5.2); the first one is the plain value."""
        languages = _object(key, raw) if isinstance(raw, str) and raw.startswith("{") else raw
        if not attribute.multilingual or depth != 2 or not isinstance(languages, dict):
            raise self._foreign(key)
        if set(languages) != _LANGUAGES:
            raise RefusalError(self._switches.validation_status, "languages", name=attribute.name)
        texts = {name: accepted(attribute, text, self._switches) for name, text in languages.items()}
        self.found[f"{attribute.id}{_TWIN}"] = texts
        self.found[attribute.id] = texts["en"]

    def _drop(self, key: str, attribute: Attribute, row: int, raw: Any) -> None:
        """Remove a row: ``{cat}_{set}_{row}`` = ""; the rows behind it move up."""
        if raw not in ("", None):
            raise self._foreign(key)
        self._row(attribute, row, may_append=False)
        self._dropped.setdefault(attribute.id, set()).add(row)

    def _cell(self, key: str, attribute: Attribute, row: int, inner_id: int, raw: Any) -> None:
        inner = next((i for i in attribute.inner or () if i.id == inner_id), None)
        if inner is None:
            raise self._foreign(key)
        if not self._locked(inner):
            self._row(attribute, row, may_append=True)[inner_id] = accepted(inner, raw, self._switches)

    def _locked(self, attribute: Attribute) -> bool:
        """Say whether a value is to be dropped, since the attribute is read-only; by the switch that is refused."""
        if attribute.read_only and self._switches.read_only_refused:
            raise RefusalError(self._switches.validation_status, "read_only", name=attribute.name)
        return attribute.read_only

    def _row(self, attribute: Attribute, row: int, *, may_append: bool) -> dict[int, Any]:
        """Return a row of the set as it will be; rows are contiguous, so only the next one may be new.

        A set without rows has its empty row 1, as it is shown.
        """
        stored: list[dict[int, Any]] = self._stored.get(attribute.id) or [attribute.blank_row()]
        rows: list[dict[int, Any]] = self.found.setdefault(attribute.id, copy.deepcopy(stored))
        if may_append and row == len(rows) + 1:
            if len(rows) == MOST_ROWS:
                raise RefusalError(self._switches.validation_status, "most", name=attribute.name, max=MOST_ROWS)
            rows.append(attribute.blank_row())
        if not 1 <= row <= len(rows):
            raise RefusalError(400, "row", name=attribute.name, row=row)
        return rows[row - 1]

    def _foreign(self, key: str) -> RefusalError:
        return RefusalError(400, "category_key", id=self._category.id, key=key)


def _object(key: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise RefusalError(400, "datatype", name=key) from error


def _row_number(field: tuple[str, Any]) -> int:
    """Return the row a key speaks of, 0 for none: rows are written in their own order, whatever was sent first."""
    parts = field[0].split("_")
    return int(parts[2]) if len(parts) > 2 and parts[2].isdecimal() else 0


def nested(roles: Any) -> dict[int, dict[str, Any]]:
    """Read ``roles.categories`` of workspaces and v1 nodes: per category. Flat keys are refused (choice)."""
    found: dict[int, dict[str, Any]] = {}
    for key, fields in _categories(roles).items():
        if not key.isdecimal() or not isinstance(fields, dict):
            raise RefusalError(400, "nesting", key=key)
        found[int(key)] = fields
    return found


def flat(roles: Any) -> dict[int, dict[str, Any]]:
    """Read ``roles.categories`` of v2 nodes: one flat object. Nested ones are refused (choice)."""
    found: dict[int, dict[str, Any]] = {}
    for key, value in _categories(roles).items():
        category, _, rest = key.partition("_")
        if not category.isdecimal() or not rest:
            raise RefusalError(400, "nesting", key=key)
        found.setdefault(int(category), {})[key] = value
    return found


def _categories(roles: Any) -> dict[str, Any]:
    categories = roles.get("categories", {}) if isinstance(roles, dict) else {}
    if not isinstance(categories, dict):
        raise RefusalError(400, "datatype", name="roles")
    return categories
