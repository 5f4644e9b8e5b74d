"""Ask a person one question after the other, on stderr; knows nothing of what is asked, and writes no file."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import BinaryIO, TextIO, TypeVar

from ecmbraze.errors import UsageError
from ecmbraze.report.plain import printable
from ecmbraze.suggest import did_you_mean

Taken = TypeVar("Taken")
NOTHING = "Nothing was written."
_LONGEST = 2000  # bytes of one answer: no path, address or name is longer
_HANG = 5  # behind the number of an entry
_SHOWN, _NEAR = 40, 6  # so many entries of a list are shown, and so many that a part of a name fits


class Dialogue:
    """Questions and answers. Every question has a default, which an empty answer takes; a refused answer is told why.

    Raises UsageError where the answers end before the questions do.
    """

    def __init__(self, answers: BinaryIO | None, screen: TextIO) -> None:
        self._answers, self._screen = answers, screen
        self._piped = answers is None or not answers.isatty()
        self._asked = 0
        self._width = shutil.get_terminal_size().columns if screen.isatty() else 0

    def say(self, text: str = "", *, indent: int = 0, hang: int = 0) -> None:
        """Print one paragraph, folded where somebody reads it on a terminal; ``hang`` is for its further lines."""
        shown, margin = printable(text), " " * indent
        if self._width:
            fold = textwrap.TextWrapper(
                width=max(self._width, 40),
                initial_indent=margin,
                subsequent_indent=margin + " " * hang,
                break_long_words=False,
            )
            print(fold.fill(shown), file=self._screen)
        else:
            print(f"{margin}{shown}".rstrip(), file=self._screen)

    def head(self, title: str) -> None:
        """Begin a part of the questions."""
        self.say()
        self.say(title)
        self.say("-" * len(title))

    def ask(self, question: str, default: str, take: Callable[[str], Taken], *, shown: str = "") -> Taken:
        """Return what ``take`` makes of an answer; it raises ValueError for one that cannot be, which is asked again.

        ``shown`` says what the default means where that is no text to type.
        """
        while True:
            print(f"{printable(question)} [{printable(shown or default)}]: ", end="", file=self._screen, flush=True)
            try:
                return take(self._line(question) or default)
            except ValueError as error:
                said = str(error)
                self.say(said if said.endswith(("?", ".")) else f"{said}.", indent=2)

    def confirm(self, question: str, *, default: bool) -> bool:
        """Return a yes or a no."""
        return self.ask(question, "y" if default else "n", _yes_or_no, shown="Y/n" if default else "y/N")

    def choose(
        self, question: str, choices: Mapping[str, str], *, default: str = "", otherwise: str = "", show: bool = True
    ) -> str:
        """Return the value that a person picks of ``choices`` (value → label) by number or name.

        An empty answer takes the ``default``; where that is empty it means ``otherwise`` and is returned as it is.
        """
        if show:
            self.numbered(list(choices.values()))

        def take(answer: str) -> str:
            return answer if answer == default else selected(answer, choices)

        return self.ask(question, default, take, shown=choices.get(default, default) or otherwise)

    def numbered(self, labels: Sequence[str]) -> None:
        """Print the entries of a list with their numbers, the first of a long one."""
        for number, label in enumerate(islice(labels, _SHOWN), 1):
            self.say(f"{number:>3}  {label}", indent=1, hang=_HANG)
        if (more := len(labels) - _SHOWN) > 0:
            self.say(f"... and {more} more: type a part of the name", indent=6)

    def _line(self, question: str) -> str:
        """Return one answer without the blanks around it; raises ValueError for what nobody can have meant."""
        raw = self._answers.readline(_LONGEST) if self._answers else b""
        if self._piped:
            print(file=self._screen)  # the answer is not there to be seen, nor its end of line
        if not raw:
            raise self._ended(question)
        self._asked += 1
        if not raw.endswith(b"\n") and len(raw) >= _LONGEST:
            while (rest := self._answers.readline(_LONGEST) if self._answers else b"") and not rest.endswith(b"\n"):
                pass
            raise ValueError(f"that is longer than {_LONGEST} bytes")
        try:
            text = raw.decode("utf-8").strip()
        except UnicodeDecodeError:
            raise ValueError("that is not UTF-8 text") from None
        if not text.isprintable():
            raise ValueError("that holds a character which cannot be seen, such as an arrow key leaves: type it again")
        return text

    def _ended(self, question: str) -> UsageError:
        if not self._asked and self._piped:
            return UsageError(
                "There is nobody to ask: standard input is no terminal, and no answers come from it.",
                undone=NOTHING,
                advice="Copy config.example.yaml, edit it, then `ecmbraze init --non-interactive -c FILE`.",
            )
        return UsageError(
            f"The answers ended at the question {printable(question)!r}.",
            undone=NOTHING,
            advice="Begin again with `ecmbraze init`; an empty line takes what stands in [brackets].",
        )


def with_person() -> Dialogue:
    """Return the dialogue with whoever started the program."""
    return Dialogue(sys.stdin.buffer if sys.stdin else None, sys.stderr)


def selected(answer: str, choices: Mapping[str, str]) -> str:
    """Return the value whose number, value or label was typed; raises ValueError with what may have been meant."""
    exact = [value for value, label in choices.items() if answer in (value, label)] or [
        value for value, label in choices.items() if answer.casefold() == label.casefold()
    ]
    if len(exact) == 1:
        return exact[0]
    if answer.isdecimal() and not exact:
        if 1 <= int(answer) <= len(choices):
            return list(choices)[int(answer) - 1]
        raise ValueError(f"there is no number {answer}: the list has {len(choices)}")
    near = [
        f"{number} ({label})"
        for number, (value, label) in enumerate(choices.items(), 1)
        if value in exact or (not exact and answer and answer.casefold() in label.casefold())
    ]
    if near:
        more = f" and {len(near) - _NEAR} more" if len(near) > _NEAR else ""
        raise ValueError(f"{answer!r} may be {', '.join(near[:_NEAR])}{more}: type a number")
    raise ValueError(f"there is no {answer!r}{did_you_mean(answer, [*choices.values(), *choices])}")


def _yes_or_no(answer: str) -> bool:
    if answer.casefold() not in ("y", "yes", "n", "no"):
        raise ValueError("y or n")
    return answer.casefold() in ("y", "yes")
