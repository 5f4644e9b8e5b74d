"""Check one attribute value as the server would on a write; changes nothing."""

from __future__ import annotations

from typing import Any

from ecmbraze.sandbox.ecm.model import MOST_VALUES, Attribute
from ecmbraze.sandbox.ecm.refusals import RefusalError
from ecmbraze.sandbox.ecm.stamps import date_value
from ecmbraze.sandbox.ecm.switches import Switches

TRUE = frozenset({"true", "1", "on", "yes"})
FALSE = frozenset({"false", "0", "off", "no"})


def accepted(attribute: Attribute, raw: Any, switches: Switches) -> Any:
    """Return the value as it will be stored and echoed.

    null, "" and [] clear the attribute. Raises RefusalError for a wrong type, a missing required value, an over-long
    text or a value outside the popup; the texts are a choice (api/ecm.md 1.5: UNCONFIRMED).
    """
    items = raw if isinstance(raw, list) else [raw]
    items = [item for item in items if item is not None and item != ""]
    if not items:
        if attribute.required:
            raise RefusalError(switches.validation_status, "required", name=attribute.name)
        return attribute.nothing()
    if attribute.multi_value:
        if len(items) > MOST_VALUES:
            raise RefusalError(switches.validation_status, "most", name=attribute.name, max=MOST_VALUES)
        return [_one(attribute, item, switches) for item in items]
    if isinstance(raw, list):
        raise RefusalError(400, "datatype", name=attribute.name)
    return _one(attribute, raw, switches)


def _one(attribute: Attribute, raw: Any, switches: Switches) -> Any:
    if isinstance(raw, dict | list):
        raise RefusalError(400, "datatype", name=attribute.name)
    match attribute.type_name:
        case "Integer":
            return _integer(attribute.name, raw)
        case "Boolean":
            return _boolean(attribute.name, raw)
        case "Date":
            return date_value(
                attribute.name, raw, switches.server_tz, shift=switches.date_shift, with_time=attribute.with_time
            )
        case _:
            return _text(attribute, str(raw), switches)


def _integer(name: str, raw: Any) -> int:
    try:
        if isinstance(raw, bool | float):
            raise ValueError(raw)
        return int(raw)
    except ValueError as error:
        raise RefusalError(400, "datatype", name=name) from error


def _boolean(name: str, raw: Any) -> bool:
    text = str(raw).lower()
    if text not in TRUE | FALSE:
        raise RefusalError(400, "datatype", name=name)
    return text in TRUE


def _text(attribute: Attribute, text: str, switches: Switches) -> str:
    if len(text) > attribute.max_length:
        raise RefusalError(switches.validation_status, "length", name=attribute.name, max=attribute.max_length)
    if attribute.valid_values and text not in attribute.valid_values:
        raise RefusalError(switches.validation_status, "popup", name=attribute.name, value=text)
    return text
