"""Read YAML without its surprises: what PyYAML would reinterpret is a problem with a line, never a value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import yaml

from ecmbraze.config import syntax

# PyYAML's own parser reads some 100 kB a second; a configuration of a hundred rules has 50.
MAX_BYTES = 256_000
MAX_DEPTH = 40

_INT = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]{0,15})\.[0-9]{1,15}")
_TWICE = "delete one of them, or begin a new entry of the list with `- `"
# libyaml, ten times as fast, where PyYAML was built with it. It takes tabs and byte order marks that PyYAML's own
# refuses, and counts the lines after a `---` otherwise: in 200,000 texts without them both read the same.
_FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DIFFER = re.compile(r"[\t\ufeff]|^---", re.MULTILINE)
# Nothing can store or send half of a character, as JSON writes those beyond U+FFFF.
_HALF = re.compile(r"[\ud800-\udfff]")
_LINE_END = re.compile(r"[\r\n\x85\u2028\u2029]")
_NO_LINE_ENDS = 1_000_000
_SAFE = yaml.SafeLoader.yaml_implicit_resolvers


@dataclass(slots=True)
class Document:
    """The plain values of a file, the line of each path, and everything that is wrong with the text itself."""

    value: Any = None
    lines: dict[tuple[str | int, ...], int] = field(default_factory=dict)
    ambiguous: dict[tuple[str | int, ...], str] = field(default_factory=dict)
    """Path → the text of an unquoted value that PyYAML would have turned into something else."""
    problems: list[tuple[int, str]] = field(default_factory=list)


class _RefusedError(Exception):
    """The text is not to be read any further, with the line and why."""


def parse(text: str) -> Document:
    """Return the document; every problem of the text is in it, nothing is raised."""
    document = Document()
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        document.problems.append((1, f"the file is larger than {MAX_BYTES // 1000} kB"))
        return document
    try:
        if not _DIFFER.search(text):
            with suppress(yaml.YAMLError, RecursionError, ValueError):
                return _read(text, _FAST)
        return _read(text, yaml.SafeLoader)  # whose words `syntax` knows
    except _RefusedError as refused:
        document.problems.append(refused.args)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        document.problems.append(syntax.describe(error, text))
    return document


def _read(text: str, loader: Any) -> Document:
    document = Document()
    document.value = _one_document(_checked(text, loader), document)
    return document


def _checked(text: str, loader: Any) -> Iterator[yaml.Event]:
    """Yield the events of the one pass there is; aliases can make a small file huge, tags can make objects."""
    documents = depth = 0
    for event in yaml.parse(text, Loader=loader):
        documents += isinstance(event, yaml.DocumentStartEvent)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _RefusedError(_line(event), "anchors and aliases are not allowed; write the value out")
        if getattr(event, "tag", None):
            raise _RefusedError(_line(event), "tags, values that begin with !, are not allowed; quote the value")
        if isinstance(event, yaml.ScalarEvent) and _HALF.search(event.value):
            raise _RefusedError(_line(event), "half of a character, such as \\ud83d: write the character itself")
        if documents > 1:
            raise _RefusedError(_line(event), "one document in a file")
        if depth > MAX_DEPTH:
            raise _RefusedError(_line(event), f"nested deeper than {MAX_DEPTH}")
        yield event


def _one_document(events: Iterator[yaml.Event], document: Document) -> Any:
    value = None
    for event in events:
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            value = _build(event, events, (), document)
    return value


def _build(event: yaml.Event, events: Iterator[yaml.Event], path: tuple[str | int, ...], document: Document) -> Any:
    document.lines[path] = _line(event)
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event, path, document)
    if isinstance(event, yaml.SequenceStartEvent):
        members: list[Any] = []
        while not isinstance(child := next(events), yaml.SequenceEndEvent):
            members.append(_build(child, events, (*path, len(members)), document))
        return members
    built: dict[str, Any] = {}
    first: dict[str, int] = {}
    while not isinstance(key := next(events), yaml.MappingEndEvent):
        line = _line(key)
        if not isinstance(key, yaml.ScalarEvent):
            raise _RefusedError(line, "a key must be plain text")
        value = _build(next(events), events, (*path, key.value), document)
        document.lines[(*path, key.value)] = line
        if key.value in first:
            twice = f"the key {key.value[:80]!r} stands twice, first in line {first[key.value]}: {_TWICE}"
            document.problems.append((line, twice))
        first.setdefault(key.value, line)
        built[key.value] = value
    return built


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _scalar(event: yaml.ScalarEvent, path: tuple[str | int, ...], document: Document) -> Any:
    text = event.value
    if event.style:  # quoted or block text is text
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


def written(value: Any) -> str:
    """Return a value as it stands in a file, in one line, with quotes where YAML would read something else."""
    text: str = yaml.dump([value], Dumper=_Dumper, default_flow_style=True, allow_unicode=True, width=_NO_LINE_ENDS)
    return text.strip()[1:-1]


def written_block(values: Mapping[str, Any]) -> str:
    """Return settings as they stand in a file, a line each, quoted as :func:`written` does."""
    text: str = yaml.dump(
        dict(values), Dumper=_Dumper, allow_unicode=True, width=_NO_LINE_ENDS, default_flow_style=False, sort_keys=False
    )
    return text


class _Dumper(yaml.SafeDumper):
    """Quotes what this reader refuses without: PyYAML takes ``1.2.3`` for text."""


def _dump_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = '"' if _LINE_END.search(text) else "'" if _reinterpreted(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _dump_text)


def line_of(document: Document, path: tuple[str | int, ...]) -> int:
    """Return the line of a path, or of the nearest section around it."""
    while path and path not in document.lines:
        path = path[:-1]
    return document.lines.get(path, 1)


def as_mapping(value: Any) -> Mapping[str, Any]:
    """Return the value when it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}
