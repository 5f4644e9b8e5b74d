"""What a section names in ECM and Braze is found by the types of its settings, and nothing it names goes unchecked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from ecmbraze.config import load
from ecmbraze.config.meaning import DOCUMENT, WORKSPACE
from ecmbraze.config.names import named
from ecmbraze.flows import BY_NAME, FLOWS
from ecmbraze.model import Document, DocumentRow, Record, Version, WorkspaceKey, keys
from ecmbraze.planning.naming import Names

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"
NOW = datetime(2026, 11, 24, tzinfo=UTC)
_FACT = re.compile(r"[A-Z][\w ]*\.[A-Z][\w -]*")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _texts(raw: object) -> Iterator[str]:
    """Yield every key and every text of a piece of YAML."""
    if isinstance(raw, dict):
        yield from (text for pair in raw.items() for text in (str(pair[0]), *_texts(pair[1])))
    elif isinstance(raw, list):
        yield from (text for value in raw for text in _texts(value))
    elif isinstance(raw, str):
        yield raw


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_whatever_the_example_names_is_looked_up(flow: Any) -> None:
    """A setting that is typed as plain text names nothing: a fact, a type or an id in it would go unchecked."""
    raw = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))["flows"][flow.name]
    settings = load(EXAMPLE, flows=BY_NAME, environ={"ECM_PASSWORD": "x", "BRAZE_API_KEY": "y"})
    looked_up = {entry.name for entry in named(flow.name, settings.flows[flow.name])}

    # A segment is looked up in its own way, with whoever else a follow-up needs (cli/check/in_success.py).
    looked_up |= {rule["engagement"]["segment"] for rule in raw["rules"]} if flow.name == "success" else set()

    written = [text for text in _texts(raw) if not text.startswith("document.")]
    facts = {found for text in written for found in _FACT.findall(text)}
    ids = {found[0] for text in written for found in _ID.finditer(text)}
    assert facts
    assert facts | ids | set(raw.get("workspace_types", ())) <= looked_up


def test_the_example_names_what_check_looks_up() -> None:
    settings = load(
        EXAMPLE,
        flows=BY_NAME,
        environ={"ECM_PASSWORD": "x", "BRAZE_API_KEY": "y"},
    )
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
        key=WorkspaceKey(id=1),
        stream=keys.workspaces("t"),
        name="n",
        created_at=NOW,
        modified_at=NOW,
        facts={},
        customers=(),
        documents=(),
    )

    assert set(WORKSPACE) == record.named.keys()
    assert set(DOCUMENT) == Document(row=row, version=version).named.keys()
