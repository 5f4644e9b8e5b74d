"""Parse and evaluate ``where_column_query`` (grammar of api/ecm.md 3.2); reads nodes only through ``Look``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ecmbraze.sandbox.ecm.model import Node
from ecmbraze.sandbox.ecm.refusals import RefusalError

Test = Callable[[Node], bool]
# Column name, lower case → how a node shows it there, or None when the column may not be used.
Look = Callable[[str], "Callable[[Node], Any] | None"]

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.|'')*')|(?P<date>\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d)?)|(?P<number>-?\d+)"
    r"|(?P<op><=|>=|<>|=|<|>|\(|\))|(?P<word>[A-Za-z_][\w]*))"
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A parsed expression: its test and the optional trailing order."""

    test: Test
    order: str | None
    descending: bool


def parse(text: str, look: Look, ignore_case: bool) -> Query:
    """Parse an expression. Raises RefusalError 400 for a malformed one or a column that may not be used."""
    return _Parser(text, look, ignore_case).query()


class _Parser:
    def __init__(self, text: str, look: Look, ignore_case: bool) -> None:
        self._tokens = _tokens(text)
        self._at, self._look, self._fold = 0, look, str.casefold if ignore_case else str

    def query(self) -> Query:
        test = self._either()
        order, descending = None, False
        if self._peek()[0] == "word":
            order = self._next()[1].lower()
            self._column(order)
            descending = self._word("DESC")
            if not descending:
                self._word("ASC")
        if self._at != len(self._tokens):
            raise RefusalError(400, "column_query")
        return Query(test=test, order=order, descending=descending)

    def _either(self) -> Test:
        tests = [self._both()]
        while self._word("OR"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda node: any(test(node) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._word("AND"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda node: all(test(node) for test in tests)

    def _one(self) -> Test:
        if self._word("NOT"):
            inner = self._one()
            return lambda node: not inner(node)
        if self._peek() == ("op", "("):
            self._at += 1
            inner = self._either()
            if self._next() != ("op", ")"):
                raise RefusalError(400, "column_query")
            return inner
        return self._condition()

    def _condition(self) -> Test:
        kind, name = self._next()
        if kind != "word":
            raise RefusalError(400, "column_query")
        value_of = self._column(name.lower())
        if self._word("LIKE"):
            kind, literal = self._next()
            if kind != "text":
                raise RefusalError(400, "column_query")
            pattern = re.compile(_like(self._fold(_unquoted(literal))), re.DOTALL)
            return lambda node: pattern.fullmatch(self._fold(str(value_of(node) or ""))) is not None
        _, symbol = self._next()
        if symbol not in _COMPARE:
            raise RefusalError(400, "column_query")
        return self._comparison(value_of, symbol)

    def _comparison(self, value_of: Callable[[Node], Any], symbol: str) -> Test:
        kind, literal = self._next()
        compare = _COMPARE[symbol]
        if kind == "text":
            if symbol != "=":
                raise RefusalError(400, "column_query")
            wanted = self._fold(_unquoted(literal))
            return lambda node: self._fold(str(value_of(node) or "")) == wanted
        if kind == "number":
            return lambda node: _is_number(value_of(node)) and compare(value_of(node), int(literal))
        if kind == "date":
            moment = literal if "T" in literal else f"{literal}T00:00:00"
            return lambda node: isinstance(value_of(node), str) and compare(value_of(node), moment)
        if kind == "word" and literal.upper() in ("TRUE", "FALSE") and symbol in ("=", "<>"):
            return lambda node: compare(value_of(node) is True, literal.upper() == "TRUE")
        raise RefusalError(400, "column_query")

    def _column(self, name: str) -> Callable[[Node], Any]:
        value_of = self._look(name)
        if value_of is None:
            raise RefusalError(400, "column", name=name)
        return value_of

    def _word(self, word: str) -> bool:
        kind, text = self._peek()
        found = kind == "word" and text.upper() == word
        self._at += found
        return found

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        self._at += 1
        return token


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise RefusalError(400, "column_query")
        found.append((str(match.lastgroup), str(match.group(str(match.lastgroup)))))
        at = match.end()
    return found


def _unquoted(literal: str) -> str:
    return literal[1:-1].replace("''", "'")


def _like(text: str) -> str:
    """Return a regular expression for a LIKE pattern: ``*``, ``?``, escape ``\\``."""
    found, escaped = [], False
    for character in text:
        if escaped or character not in "\\*?":
            found.append(re.escape(character))
            escaped = False
        elif character == "\\":
            escaped = True
        else:
            found.append(".*" if character == "*" else ".")
    return "".join(found)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
