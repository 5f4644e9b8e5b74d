"""Read YAML without its surprises: what PyYAML would reinterpret is a problem with a line, never a value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from ecmbraze.config import syntax

MAX_BYTES = 1_000_000
MAX_DEPTH = 40

_INT = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]{0,15})\.[0-9]{1,15}")
_TWICE = "delete one of them, or begin a new entry of the list with `- `"
_SAFE = yaml.SafeLoader.yaml_implicit_resolvers


@dataclass(slots=True)
class Document:
    """The plain values of a file, the line of each path, and everything that is wrong with the text itself."""

    value: Any = None
    lines: dict[tuple[str | int, ...], int] = field(default_factory=dict)
    ambiguous: dict[tuple[str | int, ...], str] = field(default_factory=dict)
    """Path → the text of an unquoted value that PyYAML would have turned into something else."""
    problems: list[tuple[int, str]] = field(default_factory=list)


def parse(text: str) -> Document:
    """Return the document; every problem of the text is in it, nothing is raised."""
    document = Document()
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        document.problems.append((1, "the file is larger than 1 MB"))
        return document
    try:
        _refuse_anchors(text, document)
        node = None if document.problems else yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        document.problems.append(syntax.describe(error, text))
        return document
    if node is not None:
        document.value = _build(node, (), document, depth=0)
    return document


def _refuse_anchors(text: str, document: Document) -> None:
    """Stop before composing: aliases can make a small file huge, tags can make objects."""
    documents = depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        documents += isinstance(event, yaml.DocumentStartEvent)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            document.problems.append((line, "anchors and aliases are not allowed; write the value out"))
        elif tag := getattr(event, "tag", None):
            document.problems.append((line, f"tags such as {tag} are not allowed"))
        elif documents > 1:
            document.problems.append((line, "one document in a file"))
        elif depth > MAX_DEPTH:
            document.problems.append((line, f"nested deeper than {MAX_DEPTH}"))
        if document.problems:
            return


def _build(node: yaml.Node, path: tuple[str | int, ...], document: Document, *, depth: int) -> Any:
    document.lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node, path, document)
    if isinstance(node, yaml.SequenceNode):
        return [_build(child, (*path, i), document, depth=depth + 1) for i, child in enumerate(node.value)]
    built: dict[str, Any] = {}
    first: dict[str, int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            document.problems.append((line, "a key must be plain text"))
            continue
        name = key.value
        if name in first:
            document.problems.append((line, f"the key {name!r} stands twice, first in line {first[name]}: {_TWICE}"))
            continue
        first[name] = line
        built[name] = _build(value, (*path, name), document, depth=depth + 1)
        document.lines[(*path, name)] = line
    return built


def _scalar(node: yaml.ScalarNode, path: tuple[str | int, ...], document: Document) -> Any:
    text = node.value
    if node.style is not None:  # quoted or block text is text
        return text
    if text in ("true", "false"):
        return text == "true"
    if text in ("", "null", "~"):
        return None
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        document.ambiguous[path] = text  # 1.10 would become 1.1: fine as a number, wrong as text
        return float(text)
    if _reinterpreted(text):
        document.ambiguous[path] = text
    return text


def _reinterpreted(text: str) -> bool:
    """Say whether YAML 1.1 would take the text for a number, a date, a boolean or a sexagesimal."""
    return any(
        tag != "tag:yaml.org,2002:str" and pattern.match(text)
        for tag, pattern in (*_SAFE.get(text[:1], ()), *_SAFE.get(None, ()))
    ) or bool(re.fullmatch(r"[+-]?[0-9_]+([.:][0-9_]+)*", text))


def line_of(document: Document, path: tuple[str | int, ...]) -> int:
    """Return the line of a path, or of the nearest section around it."""
    while path and path not in document.lines:
        path = path[:-1]
    return document.lines.get(path, 1)


def as_mapping(value: Any) -> Mapping[str, Any]:
    """Return the value when it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}
