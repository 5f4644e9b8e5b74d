"""The text that names a record: written and read in one place, and in the order of numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecmbraze.model import Key, PersonKey, WorkspaceKey, keys, recipients

_KEYS: st.SearchStrategy[Key] = st.one_of(
    st.builds(WorkspaceKey, id=st.integers(min_value=0)), st.builds(PersonKey, recipient=st.text(min_size=1))
)


@given(_KEYS)
def test_what_is_written_is_read_again(key: Key) -> None:
    assert keys.read(key.text) == key


@given(_KEYS, _KEYS)
def test_two_records_never_share_a_text(one: Key, other: Key) -> None:
    assert (one.text == other.text) == (one == other)


@pytest.mark.parametrize("text", ["", "4711", "ws:", "ws:x", "ws:-1", "ws:4 711", "ws:٤", "person:", "document:7"])
def test_what_names_no_record_is_refused(text: str) -> None:
    assert not keys.names_a_record(text)
    with pytest.raises(ValueError, match="names no record"):
        keys.read(text)


def test_a_person_is_told_by_the_whole_text_of_their_recipient() -> None:
    alias = recipients.write(recipients.Alias(label="crm:id", name="ws:7"))

    assert keys.read(PersonKey(recipient=alias).text) == PersonKey(recipient=alias)
    assert keys.read("person:ws:7") == PersonKey(recipient="ws:7")


def test_workspaces_come_in_the_order_of_their_numbers() -> None:
    numbers = [2, 10, 9, 1000, 11]

    assert sorted(map(keys.workspace, numbers), key=keys.order) == [keys.workspace(n) for n in sorted(numbers)]


def test_only_a_workspace_has_a_number() -> None:
    assert keys.number_of("ws:4711") == 4711
    with pytest.raises(ValueError, match="is a person"):
        keys.number_of("person:4711")


def test_a_stream_of_workspaces_tells_its_type_and_no_other_has_one() -> None:
    assert keys.type_of(keys.workspaces("people")) == "people"
    assert keys.type_of(keys.workspaces("A/B")) == "A/B"
    assert keys.type_of(keys.PEOPLE) == ""
