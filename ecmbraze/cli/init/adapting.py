"""Make a section for a flow of its example: what the systems do not have is asked for, or becomes a comment.

Nothing is left in it that `check` finds wrong, and a rule is never widened: what it cannot say, it does not do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import yaml

from ecmbraze.cli.init import editing
from ecmbraze.cli.init.questions import Dialogue
from ecmbraze.cli.init.systems import Fault, Systems
from ecmbraze.config import Settings
from ecmbraze.config.names import Named
from ecmbraze.config.places import Path, dotted
from ecmbraze.config.strict_yaml import parse, written
from ecmbraze.errors import ConfigurationError
from ecmbraze.model import AttributeInfo
from ecmbraze.planning.naming import Names

_ROUNDS = 8  # so often answers that are wrong again are asked about; then what is wrong is left out
# What a section says as well without: it tells less, and does nothing to more people.
_ENTRIES = ("attributes", "properties", "metadata")
_SPARE = ("opened", "due", "since", "source")
_OF_ATTRIBUTES = (Names.ATTRIBUTE, Names.DATE, Names.IN_TEXT, Names.CUSTOMER)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,79}")
_CONSENT = "{email: opted_in}"
Load = Callable[[str], Settings]


@dataclass(slots=True, kw_only=True)
class Adapting:
    """One section on its way; ``load`` reads it behind what was answered before. Raises EcmbrazeError of a system."""

    dialogue: Dialogue
    systems: Systems
    load: Load
    flow: str
    text: str
    _instead: dict[str, str] = field(default_factory=dict)
    """Attribute of the example → the one that was named instead."""
    _kept: set[str] = field(default_factory=set)
    """What could not be found out and is to stay."""
    _changed: set[str] = field(default_factory=set)
    """Names of rules that speak of another attribute than the example."""
    _shown: set[object] = field(default_factory=set)
    """The lists that stand on the screen already."""

    def finish(self) -> str:
        """Return the section as it can be used, or all of it as a comment."""
        for number in range(_ROUNDS):
            found = {one.path: one for one in reversed(self._faults()) if one.said not in self._kept}
            faults = sorted(found.values(), key=lambda fault: self._line(fault.path))  # one for each place
            if not faults:
                return self._confirmed()
            if number == 0:
                for fault in faults:
                    if len(fault.path) == 1:  # of the whole flow: later it follows from what was left out
                        self._tell(fault)
            self._leave_out(self._given_up(faults, ask=number + 1 < _ROUNDS))
            if self.is_comment:
                return self.text
        return editing.as_comment(self.text, "it could not be completed")

    def _given_up(self, faults: Sequence[Fault], *, ask: bool) -> dict[Path, str]:
        """Return what is not to stay, with the reason; the rest was mended."""
        dropped: dict[Path, str] = {}
        for fault in faults:
            if any(fault.path[: len(one)] == one for one in dropped):
                continue
            if not (ask and self._mended(fault)):
                dropped[_unit(fault.path)] = fault.said
        return dropped

    def _leave_out(self, dropped: Mapping[Path, str]) -> None:
        for unit in dropped:
            if len(unit) > 1:  # of the whole flow it is said at its end
                self.dialogue.say(f"{self._place(unit)} is left out, as a comment.", indent=2)
        for unit in sorted(dropped, key=self._line, reverse=True):
            self.text = editing.without(self.text, unit, dropped[unit])

    @property
    def is_comment(self) -> bool:
        """Whether nothing of the section is in use."""
        return parse(self.text).value is None

    def _faults(self) -> list[Fault]:
        try:
            config = self.load(self.text)
        except ConfigurationError as error:
            return list(self._of_the_text(error.problems))
        return list(self.systems.faults(config, self.flow))

    def _of_the_text(self, problems: Sequence[str]) -> Iterator[Fault]:
        """Yield what the loader says, by its place: a line of the file, and the path behind that."""
        paths = {dotted(("flows", *path)): path for path in parse(self.text).lines}
        for problem in problems:
            where, _, said = problem.partition(": ")[2].partition(": ")
            yield Fault(path=paths.get(where) or (self.flow,), said=said or problem)

    def _line(self, path: Path) -> int:
        return parse(self.text).lines.get(path, 0)

    def _mended(self, fault: Fault) -> bool:
        """Ask what to do about a fault; say whether it stays in."""
        if not fault.certain:
            self._tell(fault)
            if self.dialogue.confirm("Keep it all the same?", default=False):
                self._kept.add(fault.said)
                return True
            return False
        entry = fault.entry
        if len(fault.path) == 1:
            return False
        if entry is None:
            return self._typed(fault)
        if entry.sort in _OF_ATTRIBUTES:
            return self._attribute(fault, entry)
        lists = {Names.CAMPAIGN: "campaign", Names.CANVAS: "canvas"}
        if entry.sort in lists:
            choices = self.systems.messages(lists[entry.sort])
        elif entry.sort is Names.TYPE:
            choices = {name: name for name in self.systems.types}
        else:
            return self._typed(fault)
        self._tell(fault)
        picked = self._pick("Write instead", choices, entry.sort)
        if picked:
            self.text = editing.with_value(self.text, fault.path, written(picked))
        return bool(picked)

    def _tell(self, fault: Fault) -> None:
        end = "" if fault.said.endswith("?") else "."
        self.dialogue.say(f"{self._place(fault.path)}: {fault.said}{end}")

    def _place(self, path: Path) -> str:
        """Return a place as people know it: by the name of its rule."""
        rule = next(iter(self._rule(path)), "")
        return dotted((self.flow, rule, *path[3:]) if rule else path)

    def _typed(self, fault: Fault) -> bool:
        """Ask for another text where there is one."""
        self._tell(fault)
        if not isinstance(editing.value(self.text, fault.path), yaml.ScalarNode):
            return False
        typed = self.dialogue.ask("Write instead", "", str, shown="leave it out")
        if typed:
            self.text = editing.with_value(self.text, fault.path, written(typed))
        return bool(typed)

    def _attribute(self, fault: Fault, entry: Named) -> bool:
        """Ask for another attribute, another value of it, or both."""
        carried, name = self.systems.attributes(entry), entry.name
        self._tell(fault)
        if name not in carried or entry.sort is Names.DATE:
            dates = entry.sort is Names.DATE
            choices = {one.name: one.name for one in carried.values() if not dates or one.type_name == "Date"}
            name = self._instead.get(name, "")
            if name in choices:
                self.dialogue.say(f"{name}, as above.", indent=2)
            else:
                name = self._pick("Write instead", choices, (entry.types, entry.documents, dates))
            if not name:
                return False
            self._instead[entry.name] = name
            self._changed.update(self._rule(fault.path))
        elif entry.condition is None:
            return False
        if entry.condition is not None:
            value = self._value(carried[name])
            if not value:
                return False
            self.text = editing.with_value(self.text, fault.path, value)
        self._rename(fault.path, entry.name, name)
        return True

    def _rule(self, path: Path) -> list[str]:
        """Return the name of the rule around a path, where there is one."""
        unit = _unit(path)
        with suppress(KeyError):
            return [str(editing.value(self.text, (*unit, "name")).value)] if len(unit) == 3 else []
        return []

    def _rename(self, path: Path, old: str, new: str) -> None:
        if path[-1] == old:
            self.text = editing.with_key(self.text, path, written(new))
        else:
            text = str(editing.value(self.text, path).value)
            text = text.replace(f"${{{old}}}", f"${{{new}}}") if "${" in text else new
            self.text = editing.with_value(self.text, path, written(text))

    def _value(self, info: AttributeInfo) -> str:
        """Return a value of an attribute as it is written; empty where none was named."""
        offered = ("true", "false") if info.type_name == "Boolean" else info.valid_values
        question = f"{info.name} is"
        if offered:
            picked = self._pick(question, {one: one for one in offered}, info.name)
        elif info.type_name == "Integer":
            picked = self.dialogue.ask(question, "", _number_or_nothing, shown="leave it out")
        else:
            picked = self.dialogue.ask(question, "", str, shown="leave it out")
        plain = info.type_name in ("Boolean", "Integer")
        return picked if plain or not picked else written(picked)

    def _pick(self, question: str, choices: Mapping[str, str], what: object) -> str:
        if not choices:
            self.dialogue.say("There is nothing to choose from.", indent=2)
            return ""
        show = what not in self._shown
        self._shown.add(what)
        return self.dialogue.choose(question, choices, otherwise="leave it out", show=show)

    def _confirmed(self) -> str:
        """Let a person confirm what is theirs to say: names that stand for good, and messages without consent."""
        for path in sorted(parse(self.text).lines, key=self._line):
            if len(path) == 4 and path[-1] == "name" and (old := editing.value(self.text, path).value) in self._changed:
                self._name(path, old)
            if path[-1:] == ("transactional",):
                reason = editing.value(self.text, path).value
                said = "would go out without marketing consent, for this reason"
                self.dialogue.say(f"{self._place(path[:3])} {said}: {reason}.")
                if not self.dialogue.confirm("Is that so? Else it demands that the person opted in", default=False):
                    self.text = editing.with_value(self.text, path[:-1], _CONSENT)
        return self.text

    def _name(self, path: Path, old: str) -> None:
        """Ask how a rule is called that was made of another one; its event is called so too where it was."""
        others = {self._rule(one)[0] for one in parse(self.text).lines if one[-1:] == ("name",) and one != path}

        def take(answer: str) -> str:
            if not _NAME.fullmatch(answer) or answer in others:
                raise ValueError("small letters, digits and _, no name that another rule has")
            return answer

        new = self.dialogue.ask(f"{self._place(path[:3])}: its name, for good", old, take)
        for one in (path, (*path[:-1], "send", "event")):
            with suppress(KeyError):
                if editing.value(self.text, one).value == old:
                    self.text = editing.with_value(self.text, one, new)


def _unit(path: Path) -> Path:
    """Return what is left out where something at this path is wrong: an entry that only tells, a rule, the section."""
    for end in range(len(path), 1, -1):
        inner = path[:end]
        if inner[-1] in _SPARE or inner[-2] in _ENTRIES or (len(inner) == 3 and isinstance(inner[-1], int)):
            return inner
    return path[:1]


def _number_or_nothing(answer: str) -> str:
    if answer and not answer.removeprefix("-").isdecimal():
        raise ValueError("a whole number")
    return str(int(answer)) if answer else ""
