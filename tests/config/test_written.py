"""What is written into a configuration is read again as it was, whatever it holds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ecmbraze.config.strict_yaml import parse, written, written_block

# What the reader takes at all: whole characters (it refuses halves), in keys of a length that YAML has in one line.
TEXT = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    st.from_regex(r"[-+0-9_.:oxnyef~ #'\"{}\[\],&*!|>%@`]{1,12}", fullmatch=True),
    st.sampled_from(["NO", "22:00", "0123", "1.10", "1.2.3", "2026-11-30", "null", "~", "true", "a: b #c", "=", "<<"]),
)


@given(TEXT, TEXT)
def test_a_text_is_read_as_it_was_within_a_line_and_on_its_own(name: str, text: str) -> None:
    assert len(written(text).splitlines()) <= 1
    key = parse(f"a:\n  {written(name)}: {written(text)}\n")
    assert (key.problems, key.ambiguous, key.value) == ([], {}, {"a": {name: text}})
    for document in (
        parse(f"a: {{b: {written(text)}}}\n"),
        parse(f"a: {written({'b': text})}\n"),
        parse(f"a:\n  b: {written(text)}  # comment\n"),
    ):
        assert document.problems == []
        assert document.ambiguous == {}
        assert document.value == {"a": {"b": text}}
    block = parse(written_block({"a": {name or "x": text}}))
    assert block.value == {"a": {name or "x": text}}
    assert (block.problems, block.ambiguous) == ([], {})
