"""How much memory the largest document takes: one campaign that includes as many Content Blocks as one likes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_MEGABYTES = 20
_SCRIPT = """
import hashlib, sys
from dataclasses import replace
from pathlib import Path
from ecmbraze.model import Answer, Verdict
from tests.costs import peak_megabytes
from tests.flows.test_assets import BLOCKS, CAMPAIGNS, Office
from tests.twins.braze_content import TwinContent
from tests.twins.ecm import TwinEcm

# The twins keep everything in memory, so the one makes the texts of blocks as it is asked, the other keeps none.
read, sent, count = TwinContent.asset, [], int(sys.argv[2]) * 20

def asset(self, row):
    found = read(self, row)
    return replace(found, parts={"content": row.id + "x" * 50_000}) if row.kind is BLOCKS else found

def archive(self, parent, folder, marker, name, content, mime):
    digest, size = hashlib.sha256(), 0
    for piece in content.pieces():
        digest.update(piece)
        size += len(piece)
    sent.append((size, digest.hexdigest() == content.sha256))
    return Answer(verdict=Verdict.ACCEPTED, reason="stored")

TwinContent.asset, TwinEcm.archive = asset, archive
office = Office(Path(sys.argv[1]), metadata={})
for number in range(count):
    office.block(f"b{number}", "")
body = "".join("{{content_blocks.${b%d}}}" % number for number in range(count))
office.content.put(CAMPAIGNS, "c1", tags=("approved",), messages={"v": {"channel": "email", "body": body}})
begin = peak_megabytes()
office.confirm()
((size, whole),) = sent
print(begin, peak_megabytes(), size // 1_000_000, whole)
"""


@pytest.mark.long
def test_a_document_of_many_blocks_is_made_kept_and_sent_in_flat_memory(tmp_path: Path) -> None:
    """In a process of its own, whose peak nothing else has reached before."""
    command = [sys.executable, "-c", _SCRIPT, str(tmp_path), str(_MEGABYTES)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    begin, end, size, whole = done.stdout.split()

    assert (int(size), whole) == (_MEGABYTES, "True")
    assert int(end) - int(begin) < _MEGABYTES * 0.75, done.stdout
