"""What the documents say is what the program has: commands, options, exit codes, settings, sizes, links."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel

from ecmbraze import errors
from ecmbraze.cli.app import app
from ecmbraze.config.sections import Settings
from ecmbraze.flows import FLOWS
from tests import derived

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
OPERATIONS = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
DOCUMENTS = sorted(path.relative_to(ROOT).as_posix() for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")))
MODULES = sorted(ROOT.glob("ecmbraze/**/*.py"))


def _commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from _commands(child, (*path, name))


COMMANDS = dict(_commands(typer.main.get_command(app)))


@pytest.mark.parametrize("path", [path for path in COMMANDS if path], ids=" ".join)
def test_every_command_is_named_in_the_readme(path: tuple[str, ...]) -> None:
    assert re.search(rf"`[^`]*\b{re.escape(path[-1])}\b[^`]*`", README)


def test_every_option_is_named_in_the_documents() -> None:
    shared = {"--help", "--output", "--install-completion", "--show-completion", "--verbose"}
    options = {
        option
        for command in COMMANDS.values()
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--") and option not in shared
    }

    text = "".join((ROOT / document).read_text(encoding="utf-8") for document in DOCUMENTS)
    assert {option for option in options if option not in text} == set()


def test_every_exit_code_is_explained() -> None:
    codes = {kind.exit_code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "exit_code")}

    for code in codes | {0, 3, 4, 9, 130, 143}:
        assert f"\n### {code}\n" in OPERATIONS
        assert re.search(rf"^\|(?: \d+)* {code}(?: \d+)* \| ", README, re.MULTILINE)
    assert "\n### 20, 21, 22\n" in OPERATIONS
    assert set(errors.STRENGTH) <= codes | {0, 3, 4, 130, 143}


def test_every_setting_stands_in_the_example() -> None:
    example = (ROOT / "config.example.yaml").read_text(encoding="utf-8")
    models: list[type[BaseModel]] = [Settings, *(flow.options for flow in FLOWS)]
    seen: set[type[BaseModel]] = set()
    missing = set()
    while models:
        model = models.pop()
        seen.add(model)
        for name, field in model.model_fields.items():
            if field.exclude:
                continue
            missing |= {name} if f"{field.alias or name}:" not in example else set()
            inner = getattr(field.annotation, "__args__", (field.annotation,))
            models += [
                kind for kind in inner if isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in seen
            ]

    assert missing - {"alias", "sms", "whatsapp", "push", "event_consent", "transactional"} == set()


def test_what_is_made_from_the_register_is_up_to_date() -> None:
    assert derived.outdated() == [], "run `make docs`"


def test_the_two_commands_of_the_readme_are_what_the_gate_runs() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)\n```", README, re.DOTALL)

    assert blocks == ["make demo", "make test"]
    assert "\ndemo:" in makefile
    assert "\ntest:" in makefile
    assert "make test" in (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert "make check" in (ROOT / ".ci/run").read_text(encoding="utf-8")


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is_for_and_stays_small(module: Path) -> None:
    text = module.read_text(encoding="utf-8")

    assert len(text.splitlines()) <= 300  # style.md, rule 1
    if text.strip():
        assert ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_somewhere(document: str) -> None:
    path = ROOT / document
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


def test_the_readme_leads_to_every_page() -> None:
    assert [path.name for path in (ROOT / "docs").glob("*.md") if f"](docs/{path.name}) |" not in README] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_picture_is_described_and_small(document: str) -> None:
    path = ROOT / document
    for words, target in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
        assert len(words) > 60, target
        assert (path.parent / target).stat().st_size < 200_000, target


def test_the_way_of_a_record_names_what_there_is_and_counts_it_rightly() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    way = text.partition("## The way of a record")[2].partition("\n## ")[0]
    steps = re.findall(r"^\| (\d+) \| `([^`]+)`", way, re.MULTILINE)
    sentence = re.search(r"That is (\d+) files and (\d+) shapes: (.*?)\. Issue", way, re.DOTALL)
    assert sentence
    shapes = re.findall(r"`(\w+)`", sentence[3])

    assert [int(number) for number, _ in steps] == list(range(1, int(sentence[1]) + 1))
    assert [file for _, file in steps if not (ROOT / "ecmbraze" / file).exists()] == []
    assert len(shapes) == int(sentence[2])
    sources = "".join(module.read_text(encoding="utf-8") for module in MODULES)
    assert [shape for shape in shapes if not re.search(rf"^(?:class )?{shape}\b", sources, re.MULTILINE)] == []
