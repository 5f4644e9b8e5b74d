"""The pair of sandbox and twins that a module of conformance tests works on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.twins.pair import Pair, both


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """One pair for a module: tests make what they need in it."""
    with both(tmp_path_factory.mktemp("pair")) as made:
        yield made
