"""Parse and evaluate the search language LQL as far as public clients use it (api/ecm.md 6.1); finds nothing itself."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable

from ecmbraze.sandbox.ecm.refusals import RefusalError

# Region name → the values an entry has there, as text; none when it has no such region.
Regions = Callable[[str], "tuple[str, ...]"]
Test = Callable[[Regions], bool]

_TOKEN = re.compile(
    r'\s*(?:(?P<region>\[\s*QLREGION\s+"(?P<name>[^"]+)"\s*\])|"(?P<text>(?:[^"\\]|\\.)*)"|(?P<op><=|>=|!=|=|<|>|:)'
    r"|(?P<paren>[()])|(?P<word>[^\s()\"=<>!:]+))",
    re.IGNORECASE,
)
_ESCAPED = re.compile(r"\\(.)")
_COMPARE: dict[str, Callable[[str, str], bool]] = {
    "=": operator.eq,
    ":": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_JOINS = frozenset({"AND", "OR", "NOT", "AND-NOT", "XOR", "SOR", "IN"})
_PATTERNS = frozenset({"QLLIKE", "QLREGEX"})
# Day and time of day stand in separate regions, each as digits only; anything else is no date (choice: refused).
_DIGITS = {"otmodifydate": 8, "otobjectdate": 8, "otmodifytime": 6}


def parse(text: str) -> Test:
    """Return the test of a query. Raises RefusalError 400 for one that is empty or malformed."""
    return _Parser(_tokens(text)).whole()


def words(text: str, lookfor: str) -> Test:
    """Return the test of a search for words in names. Raises RefusalError 400 for none, or an unknown ``lookfor``."""
    found = [text] if lookfor == "exactphrase" else text.split()
    joins: dict[str, Callable[..., bool]] = {"allwords": all, "anywords": any, "exactphrase": all}
    if lookfor not in joins:
        raise RefusalError(400, "datatype", name="lookfor")
    if not text:
        raise RefusalError(400, "query")
    join = joins[lookfor]
    return lambda regions: any(join(_in(word, name) for word in found) for name in regions("OTName"))


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None:
            raise RefusalError(400, "query")
        kind = match.lastgroup or ""
        kind = "region" if match["region"] else kind
        said = match["name"] if kind == "region" else match[kind]
        found.append((kind, _ESCAPED.sub(r"\1", said) if kind == "text" else said))
        at = match.end()
    return found


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens, self._at = tokens, 0

    def whole(self) -> Test:
        test = self._either()
        if self._at != len(self._tokens):
            raise RefusalError(400, "query")
        return test

    def _either(self) -> Test:
        test = self._every()
        while True:
            if self._word("OR") or self._word("SOR"):
                test = _joined(operator.or_, test, self._every())
            elif self._word("XOR"):
                test = _joined(operator.xor, test, self._every())
            else:
                return test

    def _every(self) -> Test:
        tests = [self._one()]
        while True:
            if self._word("AND-NOT"):
                tests.append(_inverted(self._one()))
            elif self._word("AND"):
                tests.append(self._one())
            else:
                return lambda regions: all(test(regions) for test in tests)

    def _one(self) -> Test:
        if self._word("NOT"):
            return _inverted(self._one())
        kind, text = self._next()
        if (kind, text) == ("paren", "("):
            inner = self._either()
            if self._next() != ("paren", ")"):
                raise RefusalError(400, "query")
            return inner
        if kind == "word" and text.upper() in _PATTERNS:
            matches = self._pattern(text)
            return lambda regions: any(matches(name) for name in regions("OTName"))
        if kind in ("region", "word") and self._follows("IN"):
            return self._membership(text)
        if kind in ("region", "word") and (self._peek()[0] == "op" or self._follows(*_PATTERNS)):
            return self._comparison(text)
        if kind == "text" or (kind == "word" and text.upper() not in _JOINS):  # a keyword in quotes is a word
            return lambda regions: any(_in(text, name) for name in regions("OTName"))
        raise RefusalError(400, "query")

    def _comparison(self, region: str) -> Test:
        symbol = self._next()[1] if self._peek()[0] == "op" else "="
        if self._follows(*_PATTERNS):
            matches = self._pattern(self._next()[1], symbol)
            return lambda regions: any(matches(value) for value in regions(region))
        compare = _COMPARE[symbol]
        kind, wanted = self._next()
        if kind not in ("text", "word") or not _readable(region, wanted):
            raise RefusalError(400, "query")
        return lambda regions: any(compare(*_alike(value, wanted)) for value in regions(region))

    def _membership(self, region: str) -> Test:
        """Read ``region IN ("a", "b")``: one of the values, whole; how they are parted is a choice."""
        self._at += 1
        if self._next() != ("paren", "("):
            raise RefusalError(400, "query")
        wanted: list[str] = []
        while (token := self._next()) != ("paren", ")"):
            if token[0] not in ("text", "word"):
                raise RefusalError(400, "query")
            wanted += [token[1]] if token[0] == "text" else [one for one in token[1].split(",") if one]
        if not wanted:
            raise RefusalError(400, "query")
        return lambda regions: any(operator.eq(*_alike(value, one)) for value in regions(region) for one in wanted)

    def _pattern(self, keyword: str, symbol: str = "=") -> Callable[[str], bool]:
        """Read what follows QLREGEX or QLLIKE (``*`` and ``?``, without them a part of the value); both a choice."""
        kind, text = self._next()
        if kind not in ("text", "word") or symbol not in ("=", ":", "!="):
            raise RefusalError(400, "query")
        if keyword.upper() == "QLLIKE":
            inside = text if set(text) & set("*?") else f"*{text}*"
            text = "^" + re.escape(inside).replace(r"\*", ".*").replace(r"\?", ".") + "$"
        try:
            pattern = re.compile(text, re.IGNORECASE | re.DOTALL)
        except re.error as error:
            raise RefusalError(400, "query") from error
        return lambda value: (pattern.search(value) is not None) is (symbol != "!=")

    def _follows(self, *words: str) -> bool:
        kind, text = self._peek()
        return kind == "word" and text.upper() in words

    def _word(self, word: str) -> bool:
        kind, text = self._peek()
        found = kind == "word" and text.upper() == word
        self._at += found
        return found

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("", "")

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        if not token[0]:
            raise RefusalError(400, "query")
        self._at += 1
        return token


def _readable(region: str, wanted: str) -> bool:
    digits = _DIGITS.get(region.casefold())
    return digits is None or (len(wanted) == digits and wanted.isdecimal())


def _in(word: str, name: str) -> bool:
    return word.casefold() in name.casefold()


def _joined(join: Callable[[bool, bool], bool], one: Test, other: Test) -> Test:
    return lambda regions: join(one(regions), other(regions))


def _inverted(test: Test) -> Test:
    return lambda regions: not test(regions)


def _alike(value: str, wanted: str) -> tuple[str, str]:
    """Return both so that they compare as numbers do where both are, else as text without case."""
    if value.isdigit() and wanted.isdigit():
        width = max(len(value), len(wanted))
        return value.zfill(width), wanted.zfill(width)
    return value.casefold(), wanted.casefold()
