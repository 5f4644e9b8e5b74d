"""What a section names is found by its keys: a key means the same everywhere, and none is left unclassified."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from ecmbraze.config import load
from ecmbraze.config.meaning import DOCUMENT, WORKSPACE
from ecmbraze.config.names import KEYS, Names, named
from ecmbraze.flows import BY_NAME, FLOWS
from ecmbraze.model import Document, DocumentRow, Record, Version

NOW = datetime(2026, 11, 24, tzinfo=UTC)
# Texts that name nothing in ECM or Braze which could be looked up.
_FREE = {"name", "event", "transactional", "folder", "mime", "alias", "attribute", "properties", "attributes"}


def _texts(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[str]:
    if model in seen:
        return
    seen.add(model)
    for name, field in model.model_fields.items():
        if str in _leaves(field.annotation):
            yield field.alias or name
        for inner in _leaves(field.annotation):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from _texts(inner, seen)


def _leaves(annotation: Any) -> list[Any]:
    arguments = get_args(annotation)
    return [leaf for part in arguments for leaf in _leaves(part)] if arguments else [annotation]


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_every_text_setting_of_a_flow_is_known_to_name_something_or_not(flow: Any) -> None:
    conditions = {"when", "suppress_when", "approved", "closed"}

    assert set(_texts(flow.options, set())) - KEYS.keys() - _FREE - conditions == set()


def test_the_example_names_what_check_looks_up() -> None:
    settings = load(
        Path(__file__).parents[2] / "config.example.yaml", flows=BY_NAME,
        environ={"ECM_PASSWORD": "x", "BRAZE_API_KEY": "y"},
    )  # fmt: skip
    entries = [entry for flow, section in settings.flows.items() for entry in named(flow, section)]

    assert {entry.sort for entry in entries} == set(Names) - {Names.CLASSIFICATION}
    dates = {entry.name for entry in entries if entry.sort is Names.DATE and entry.documents}
    assert dates == {"Approval.Valid Until"}
    assert {entry.name for entry in entries if entry.documents} >= {"Document.Category", "Approval.Status"}
    for entry in entries:
        assert settings.places.written(entry.path), entry


def test_the_built_in_facts_are_those_that_records_and_documents_have() -> None:
    row = DocumentRow(id=1, name="a", mime_type="", created_at=NOW, modified_at=NOW)
    version = Version(number=1, major=0, minor=0, created_at=NOW, told="1")
    record = Record(
        id=1, type="t", name="n", created_at=NOW, modified_at=NOW, facts={}, customers=(), documents=()
    )  # fmt: skip

    assert set(WORKSPACE) == record.named.keys()
    assert set(DOCUMENT) == Document(row=row, version=version).named.keys()
