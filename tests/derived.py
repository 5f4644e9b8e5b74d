"""What is made from the register and never written by hand: ``python -m tests.derived`` writes it, a test compares.

The sections of ``config.example.yaml``, the published schema, what the help says of each command, the flows in the
README and their picture, and the files in ``cron/``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import indent
from typing import Any

import yaml

from ecmbraze.cli.commands import described
from ecmbraze.cli.schedule import files, kubernetes
from ecmbraze.cli.schedule.installation import installation
from ecmbraze.config import load
from ecmbraze.config.schema import schema
from ecmbraze.config.secret import Origin, Way
from ecmbraze.flow import Flow
from ecmbraze.flows import BY_NAME, FLOWS
from ecmbraze.planning.outbound import Direction, Sort
from tests import flow_picture
from tests.flow_picture import picture

ROOT = Path(__file__).parents[1]
_BEGIN, _END = "<!-- flows: written by `make docs` -->\n", "<!-- end of flows -->\n"
# What a reader of the README wants to know of what is written: the sorts that stand for themselves, in the plural.
_PLURAL = {
    Sort.ATTRIBUTE: "attributes",
    Sort.EVENT: "events",
    Sort.CAMPAIGN: "campaigns",
    Sort.CANVAS: "Canvases",
    Sort.SUBSCRIPTION: "subscriptions",
    Sort.CATEGORY_ATTRIBUTE: "category attributes",
    Sort.DOCUMENT: "documents",
    Sort.FOLLOW_UP: "follow-ups",
}


def derived() -> Iterator[tuple[Path, str]]:
    """Yield each file that holds something derived, as it should read."""
    example = ROOT / "config.example.yaml"
    head, _, _ = example.read_text(encoding="utf-8").partition("\nflows:\n")
    yield example, f"{head}\nflows:\n" + "".join(indent(flow.example, "  ") for flow in FLOWS)
    yield ROOT / "ecmbraze/config/config.schema.json", json.dumps(schema(BY_NAME), indent=2) + "\n"
    yield ROOT / "ecmbraze/cli/commands.json", described()
    readme = ROOT / "README.md"
    before, _, rest = readme.read_text(encoding="utf-8").partition(_BEGIN)
    yield readme, before + _BEGIN + _flows() + _END + rest.partition(_END)[2]

    yield ROOT / "docs/flows.svg", picture([_drawn(flow) for flow in FLOWS])
    for name, text in _shipped():
        yield ROOT / "cron" / name, text


def _shipped() -> Iterator[tuple[str, str]]:
    """Yield what `ecmbraze schedule` prints for the example, but for the places, and the unit with its credentials."""
    example = load(ROOT / "config.example.yaml", flows=BY_NAME, environ={}, secrets=False)
    at = replace(installation(example), program=("ecmbraze",), config=Path("/etc/ecmbraze/ecmbraze.yaml"))
    secrets = tuple(Origin(way=Way.CREDENTIAL, name=name) for name in ("ecm_password", "braze_api_key"))
    yield "ecmbraze.crontab", files.crontab(at)
    # A unit names programs by their whole path, and this one may be anywhere.
    yield "ecmbraze.service", files.service(replace(at, program=("/usr/bin/env", "ecmbraze"), secrets=secrets))
    yield "ecmbraze.timer", files.timer(at)
    yield "ecmbraze.kubernetes.yaml", kubernetes.manifests(at)


def _drawn(flow: Flow[Any]) -> flow_picture.Flow:
    sorts = _sorts(flow)
    to_braze, to_ecm = (
        [_PLURAL[sort] for sort in sorts if sort.direction is way] for way in (Direction.TO_BRAZE, Direction.TO_ECM)
    )
    return flow.name, to_braze, to_ecm


def _flows() -> str:
    rows = "".join(f"| `{flow.name}` | {flow.summary} | {flow.direction} | {_writes(flow)} |\n" for flow in FLOWS)
    return f"| flow | what it does | direction | writes |\n|---|---|---|---|\n{rows}"


def _writes(flow: Flow[Any]) -> str:
    """Return what the flow writes under its example, in words."""
    return ", ".join(_PLURAL[sort] for sort in _sorts(flow))


def _sorts(flow: Flow[Any]) -> list[Sort]:
    """Return the sorts of what the flow writes under its example."""
    section = flow.options.model_validate(yaml.safe_load(flow.example)[flow.name])
    sorts = {row.sort for row in flow.outbound(section, "ecm_")}
    return [sort for sort in _PLURAL if sort in sorts]


def outdated() -> list[str]:
    """Return the files that do not say what the register says."""
    return [
        str(path.relative_to(ROOT))
        for path, text in derived()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]


def main() -> None:
    for path, text in derived():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
