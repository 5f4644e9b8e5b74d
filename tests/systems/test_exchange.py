"""JSON from outside: a whole object, or one named refusal."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecmbraze.systems.exchange import Exchange, NotJsonError, parse


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html></html>",
        b'{"a":1',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":1e999}',
        b'{"a":9223372036854775808}',
        b'{"a":-9223372036854775809}',
        b'{"a":1,"a":2}',
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        b'{"a":' + b"[" * 150 + b"]" * 150 + b"}",
        b'{"a":"\\ud800"}',
        b'{"a":"\xff"}',
        b"[1]",
        b'"text"',
        b"null",
        b'{"a":' + b"9" * 5000 + b"}",
    ],
)
def test_b35_json_that_is_no_clean_object_is_refused(body: bytes) -> None:
    with pytest.raises(NotJsonError):
        parse(body)


def test_the_largest_whole_number_of_a_database_is_no_fault() -> None:
    assert parse(b'{"a":9223372036854775807,"b":-9223372036854775808}') == {"a": 2**63 - 1, "b": -(2**63)}


def test_a_pair_of_surrogates_is_an_emoji() -> None:
    assert parse(b'{"a":"\\ud83d\\ude00"}') == {"a": "\N{GRINNING FACE}"}


def test_a_byte_order_mark_is_no_fault() -> None:
    assert parse(b'\xef\xbb\xbf{"a":1}') == {"a": 1}


@settings(derandomize=True)
@given(st.binary(max_size=200))
def test_any_bytes_are_an_object_or_refused(body: bytes) -> None:
    answer = Exchange(status=200, headers={}, body=body)
    assert answer.has_json() or answer.kind


_ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@settings(derandomize=True)
@given(st.dictionaries(st.text(), _ANY, max_size=4))
@pytest.mark.long
def test_every_plain_object_is_read_as_it_was_written(value: dict[str, object]) -> None:
    assert parse(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b" ", "an empty answer"),
        (b"  <html>", "a web page"),
        (b"{}", "JSON"),
        (b"oops", "answer is not valid JSON (4 bytes)"),
    ],
)
def test_an_answer_says_what_it_is(body: bytes, kind: str) -> None:
    assert Exchange(status=200, headers={}, body=body).kind == kind
