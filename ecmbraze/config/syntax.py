"""Say in plain words what the YAML scanner trips over, in which line, and what to type; parses nothing itself."""

from __future__ import annotations

import re

import yaml

_CHARACTER = re.compile(r"found character '(.*)' that cannot start any token")
_QUOTE = re.compile(r'(?<!\\)"')
_PAIR = re.compile(r":(?=\s|$)")
_QUOTED = re.compile(r"'([^']*)'")


def describe(error: Exception, text: str) -> tuple[int, str]:
    """Return (line, sentence) for an error of the scanner."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return 1, f"not valid YAML: {_without_values(str(error).splitlines()[0])}"
    said, mark = error.problem or "", error.problem_mark or error.context_mark
    began = error.context_mark.line + 1 if error.context_mark else 1
    line = mark.line + 1 if mark else 1
    lines = text.splitlines()
    written = lines[line - 1] if line <= len(lines) else ""
    for number, other in enumerate(lines[:line], start=1):
        if len(_QUOTE.findall(other.partition(" # ")[0])) % 2:
            return number, "not valid YAML: a quote that opens here is not closed in this line"
    if "could not find expected ':'" in said:
        return began, "not valid YAML: this line is neither `key: value` nor an entry that begins with `- `"
    return line, f"not valid YAML: {_sentence(said, written, began)}"


def _sentence(said: str, written: str, began: int) -> str:
    if "mapping values are not allowed" in said:
        if len(_PAIR.findall(written)) > 1:
            return "a second `: ` in one line: put the value in quotes, or write the pair as {key: value}"
        return "this line stands under one that has a value already: check the indentation, or the line above"
    if "expected <block end>" in said:
        return f"the indentation does not fit: the section of line {began} has other blanks before its keys"
    if "expected ',' or" in said:
        opened = "[" if "']'" in said else "{"
        cure = 'put ${…} in quotes: "${workspace.name}"' if "${" in written else "close it, or put the value in quotes"
        return f"the {opened} of line {began} is not closed here: {cure}"
    if found := _CHARACTER.search(said):
        tab = found[1] in ("\t", "\\t")
        return "a tab: indent with blanks" if tab else f"a value that begins with {found[1]} needs quotes"
    if "escape" in said:
        return "a backslash in double quotes begins an escape: use single quotes"
    return _without_values(said)


def _without_values(said: str) -> str:
    """Return a sentence of the scanner with nothing in quotes but single characters and its own <words>."""
    return _QUOTED.sub(lambda quoted: quoted[0] if len(quoted[1]) < 2 or quoted[1].startswith("<") else "…", said)
