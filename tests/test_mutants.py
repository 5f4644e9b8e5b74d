"""What `make mutants` plants still fits the source and the tests; planting is left to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants.planted import Bug, bugs

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("bug", bugs(), ids=lambda bug: bug.name)
def test_what_a_bug_replaces_stands_in_its_file_once_and_its_tests_are_there(bug: Bug) -> None:
    assert (ROOT / bug.file).read_text(encoding="utf-8").count(bug.old) == 1, "mend tests/mutants/bugs.txt"
    for test in bug.tests:
        file, _, name = test.partition("::")
        assert (ROOT / file).exists(), test
        text = (ROOT / file).read_text(encoding="utf-8") if name else ""
        for part in name.partition("[")[0].split("::"):
            assert not part or f"def {part}(" in text or f"class {part}" in text, test
