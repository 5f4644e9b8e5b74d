"""Assets under kills and faults and forty days of edits: one document each, its versions what was seen, in order."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from ecmbraze.ledger.ledger import Ledger
from ecmbraze.model import ContentKind
from tests.flows.test_assets import BLOCKS, CAMPAIGNS, CANVASES, STATUS, TEMPLATES, Office
from tests.rehearsal import SOAK
from tests.twins.wire import Fault, Trouble

_KINDS = (TEMPLATES, BLOCKS, CAMPAIGNS, CANVASES)


def _seen(office: Office, kind: ContentKind, number: str) -> str:
    """Return what an asset reads now, with the blocks it includes."""
    blocks = {one.name: str(one.parts.get("content")) for (of, _), one in office.content.assets.items() if of is BLOCKS}
    one = office.content.assets[kind, number]
    text = str(one.parts.get("body", one.parts.get("content")))
    return text + "".join(blocks[name] for name in sorted(blocks) if f"${{{name}}}" in text)


def _archived(office: Office, number: str) -> Iterator[str]:
    for version in office.archived(number):
        text = version["parts"].get("body", version["parts"].get("content"))
        yield text + "".join(one["content"] for one in version["references"])


def _copied(office: Office, folder: Path) -> Office:
    one = Office.__new__(Office)
    one.house = office.house.copy(folder)
    one.ecm, one.content = one.house.ecm, one.house.content
    return one


@pytest.mark.soak
def test_a_program_killed_anywhere_in_its_first_uploads_stores_each_content_once(tmp_path: Path) -> None:
    office = Office(tmp_path, rendering=True)
    office.block("b", "one")
    office.template("t1", "Hi {{content_blocks.${b}}}")
    office.template("t2", "alone")
    confirmed = office.round().report.plan_hash
    names = office.house.copy(tmp_path / "count").start(confirm=confirmed).crossings
    kills = 0
    for number in range(0, len(names), 1 if SOAK else 17):
        one = _copied(office, tmp_path / f"at-{number}")
        kills += one.round(0, confirm=confirmed, die_at=number).killed
        for _ in range(3):
            again = one.round(0.1)
            if again.codes == (6,):  # killed before anything of it was staged
                one.round(0, confirm=again.report.plan_hash)

        assert one.names() == {f"{name} [{name}].{end}" for name in ("t1", "t2") for end in ("json", "html")}
        assert [len(paper.versions) for paper in one.ecm.papers.values()] == [1] * 4, names[number]
        assert [one.paper(name).values[STATUS] for name in ("t1", "t2")] == ["approved"] * 2
        assert one.round().count("planned") == 0
    assert kills > 3


@pytest.mark.soak
def test_a_program_killed_at_any_crossing_stores_each_content_once(tmp_path: Path) -> None:
    office = Office(tmp_path, rendering=True)
    office.block("b", "one")
    office.template("t1", "Hi {{content_blocks.${b}}}")
    office.template("t2", "alone")
    office.confirm()
    office.block("b", "two")
    office.template("t2", "other", name="Renamed")
    office.house.clock.advance(timedelta(hours=1))
    names = office.house.copy(tmp_path / "count").start().crossings
    kills = 0
    for number in range(0, len(names), 1 if SOAK else 17):
        one = _copied(office, tmp_path / f"at-{number}")
        kills += one.round(0, die_at=number).killed
        for _ in range(3):
            one.round(0.1)

        assert (list(_archived(one, "t1")), list(_archived(one, "t2"))) == (
            ["Hi {{content_blocks.${b}}}one", "Hi {{content_blocks.${b}}}two"],
            ["alone", "other"],
        ), names[number]
        assert one.names() == {f"{name}.{end}" for name in ("t1 [t1]", "Renamed [t2]") for end in ("json", "html")}
        assert one.round().codes == (0,)
    assert kills > 3


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(8 if SOAK else 1))
def test_forty_days_of_edits_and_faults_leave_one_document_per_asset_with_what_was_seen_in_order(
    tmp_path: Path, seed: int
) -> None:
    rng, office = Random(seed), Office(tmp_path, max_documents=99)
    for name in ("a", "b"):
        office.block(name, f"{name} 0", tags=("approved",) if name == "a" else ())
    for kind in _KINDS[:1] + _KINDS[2:]:
        for i in range(2):
            office.content.put(
                kind, f"{kind[:4]}{i}", tags=("approved",), body=f"{{{{content_blocks.${{{'ab'[i]}}}}}}} 0"
            )
    office.confirm()
    mine = [(kind, number) for (kind, number), one in office.content.assets.items() if "approved" in one.tags]
    expected = {number: [_seen(office, kind, number)] for kind, number in mine}
    for _ in range(40 if SOAK else 5):
        for _edit in range(rng.randrange(1, 4)):
            kind, number = rng.choice(list(office.content.assets))
            name = "content" if kind is BLOCKS else "body"
            text = str(office.content.assets[kind, number].parts[name]).rsplit(" ", 1)[0]
            office.content.put(kind, number, unlisted=rng.random() < 0.3, **{name: f"{text} {rng.randrange(3)}"})
        if rng.random() < 0.4:
            trouble = rng.choice([one for one in Trouble if one not in (Trouble.REFUSED, Trouble.KEY_REFUSED)])
            office.house.wire.faults.append(
                Fault(call=rng.choice(("ecm", "braze")), trouble=trouble, skip=rng.randrange(9))
            )
        for hours in (24, 0.1, 0.1, 0.1):
            office.round(hours)
        office.house.wire.faults.clear()
        office.round(24)
        for kind, number in mine:
            if (now := _seen(office, kind, number)) != expected[number][-1]:
                expected[number].append(now)

    assert {number: list(_archived(office, number)) for _, number in mine} == expected
    assert len(office.names()) == len(mine)
    with closing(Ledger.open(office.house.state)) as ledger:
        ledger.contents.prune()
        assert ledger.database.execute("SELECT count(*) FROM content").fetchone()[0] == 0
    assert json.dumps(expected)


@pytest.mark.soak
@pytest.mark.parametrize("count", [10_000 if SOAK else 60])
def test_of_thousands_of_assets_a_run_reads_and_writes_what_changed_alone(tmp_path: Path, count: int) -> None:
    office = Office(tmp_path, max_documents=20_000)
    office.block("footer", "one", tags=("approved",))
    for number in range(count - 1):
        kind = (TEMPLATES, TEMPLATES, TEMPLATES, CAMPAIGNS, CANVASES)[number % 5]
        body = f"{number} " + ("{{content_blocks.${footer}}}" if number % 2 else "")
        office.content.put(kind, f"a{number}", tags=("approved",), body=body)
    assert office.confirm().report.by_action["documents"] == count
    office.round()
    for number in (0, 3, 4):
        kind = (TEMPLATES, TEMPLATES, TEMPLATES, CAMPAIGNS, CANVASES)[number]
        office.content.put(kind, f"a{number}", body="other")

    changed = office.round()
    calls = Counter(name.removesuffix(":before") for name in changed.crossings if name.endswith(":before"))
    print(f"{count} assets, 3 changed: {dict(calls)}, {changed.report.by_action}")

    assert changed.report.by_action["versions"] == 3
    assert (calls["braze content list"], calls["braze content detail"]) == (4, 3)
    assert (calls["ecm archive"], calls["ecm describe"]) == (3, 3)
