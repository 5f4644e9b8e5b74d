"""The JSON Schema of the configuration, for editors; made from the same models that load it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time, timedelta
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from ecmbraze.config.sections import Settings
from ecmbraze.flow import Flow


class _AsWritten(GenerateJsonSchema):
    """Show defaults as people write them, ``15m`` and not ``PT15M``, and no titles that only repeat the key."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, timedelta):
            return _span(dft)
        return f"{dft:%H:%M}" if isinstance(dft, time) else super().encode_default(dft)


def schema(flows: Mapping[str, Flow[Any]]) -> dict[str, Any]:
    """Return the JSON Schema of a configuration file with these flows."""
    models = [(model, "validation") for model in (Settings, *(flow.options for flow in flows.values()))]
    references, shared = models_json_schema(models, schema_generator=_AsWritten)  # type: ignore[arg-type]  # a literal
    definitions = shared["$defs"]
    settings = definitions.pop(references[Settings, "validation"]["$ref"].rpartition("/")[2])
    settings["properties"]["flows"] = {
        "type": "object",
        "additionalProperties": False,
        "description": "one section per flow",
        "properties": {
            name: {**references[flow.options, "validation"], "description": flow.summary}
            for name, flow in flows.items()
        },
    }
    about = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "ecmbraze configuration"}
    return {**settings, **about, "$defs": definitions}


def _span(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds % size == 0 and seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
