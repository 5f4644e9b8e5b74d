"""Make the report page: one HTML file that needs nothing else, to read, filter, print and sign; writes no file."""

from __future__ import annotations

import json
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from importlib.resources import files
from itertools import chain, islice
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ecmbraze import __version__
from ecmbraze.engine.report_lines import GOES, ActionLine, SkipLine
from ecmbraze.engine.run_report import MessageLine, RunReport
from ecmbraze.model import Json
from ecmbraze.report import wording
from ecmbraze.report.masking import Masking
from ecmbraze.report.plain import printable

GENERATOR = "ecmbraze"
_MOST_REASONS = 12
# So many rows of a table a browser builds at once; the others it takes as text until they are looked at.
_DRAWN_WHOLE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One line of a table, as the template writes it; the numbers say which choice of the filters it belongs to."""

    who: str
    workspace: str
    record: str
    rule: str
    because: str
    state: str = ""
    kind: str = ""
    title: str = ""
    change: str = ""
    content: Sequence[tuple[str, str]] = ()
    message: int = -1
    by_rule: int = -1
    reason: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bar:
    """One bar of a chart, the widths in hundredths of the longest."""

    label: str
    count: int
    width: float
    state: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listing:
    """The rows of one table, made as they are written: the first of them, and then page by page."""

    rows: Callable[[], Iterator[_Row]]
    count: int

    @property
    def pages(self) -> Iterator[Sequence[_Row]]:
        rows = self.rows()
        while page := list(islice(rows, _DRAWN_WHOLE)):
            yield page


class _Choices:
    """What one filter offers, in the order of the page."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        return self._numbers.setdefault(text, len(self._numbers)) if text else -1

    @property
    def offered(self) -> list[tuple[str, int]]:
        return sorted(self._numbers.items(), key=lambda one: one[0].casefold())


def as_html(reports: Sequence[RunReport], *, made_by: str = "", personal: bool = False) -> str:
    """Return the page of one start, a section per flow; without ``personal`` nobody can be made out."""
    return "".join(pieces(reports, made_by=made_by, personal=personal))


def pieces(reports: Sequence[RunReport], *, made_by: str = "", personal: bool = False) -> Iterator[str]:
    """Yield the page of :func:`as_html` piece by piece: that of a large run is not in memory at once."""
    return _Page(reports, made_by, Masking(reports, hide=not personal)).pieces()


class _Page:
    def __init__(self, reports: Sequence[RunReport], made_by: str, masking: Masking) -> None:
        self.reports, self.made_by, self.masking = reports, made_by, masking
        self.messages, self.rules, self.reasons = _Choices(), _Choices(), _Choices()

    def pieces(self) -> Iterator[str]:
        source = files("ecmbraze.report")
        style, script = (source.joinpath(f"page.{end}").read_text(encoding="utf-8") for end in ("css", "js"))
        sections = [self._section(report) for report in self.reports]
        environment = Environment(
            loader=PackageLoader("ecmbraze.report", ""),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=lambda value: printable(value) if type(value) is str else value,
        )
        return environment.get_template("page.html").generate(
            generator=GENERATOR,
            version=__version__,
            sections=sections,
            drawn_whole=_DRAWN_WHOLE,
            masking=self.masking,
            made_by=self.made_by,
            style=Markup(style),  # noqa: S704  # ours
            script=Markup(script),  # noqa: S704  # ours
            policy=f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'; "
            "form-action 'none'",
            title=", ".join(section["title"] for section in sections) or "Nothing was due",
            choices=[
                (name, label, choices.offered)
                for name, label, choices in (
                    ("message", "message", self.messages),
                    ("rule", "rule", self.rules),
                    ("reason", "reason", self.reasons),
                )
            ],
        )

    def _section(self, report: RunReport) -> dict[str, Any]:
        goes, stays = (partial(wording.ordered, report.actions, there) for there in (True, False))
        sorts = report.actions.sorts
        states = Counter[str]()
        for (_, state), count in sorted(sorts.items(), key=lambda one: wording.rank(one[0][1])):
            states[state] += 0 if state in GOES else count
        people = self._offer(chain(goes(), stays()), report.skipped)
        most = max((line.matched for line in report.messages), default=0)
        stay = states.total()
        return {
            "report": report,
            "title": f"{'Dry run' if report.dry_run else f'{report.mode.capitalize()} run'} of {report.flow}",
            "people": people,
            "notes": [self.masking.sentence(note) for note in report.notes],
            "failure": self.masking.sentence(report.exit_reason) if report.exit_code else "",
            "messages": [(line, _widths(line, most)) for line in report.messages],
            "guards": [wording.guard(measure) for measure in report.guards],
            "reasons": list(self._reasons(stays(), report.skipped)),
            "states": [(state, count, wording.STATES.get(state, "")) for state, count in states.items() if count],
            "goes": _Listing(rows=lambda: map(self._action, goes()), count=len(report.actions) - stay),
            "stays": _Listing(rows=lambda: map(self._action, stays()), count=stay),
            "skips": _Listing(rows=lambda: map(self._skip, report.skipped), count=len(report.skipped)),
        }

    def _offer(self, actions: Iterable[ActionLine], skipped: Iterable[SkipLine]) -> int:
        """Number the choices of the filters, which stand before the rows; return how many people get a message."""
        people: set[str] = set()
        for line in actions:
            if line.is_message and line.state in GOES:
                people.add(line.customer)
            self.messages.number(_message(line))
            self.rules.number(_rule(line))
            self.reasons.number(wording.alike(self._because(line)))
        for skip in skipped:
            self.rules.number(skip.rule)
            self.reasons.number(wording.alike(self._because(skip)))
        return len(people)

    def _action(self, line: ActionLine) -> _Row:
        because, changes, rule = self._because(line), self._changes(line), _rule(line)
        return _Row(
            who=self.masking.person(line.customer),
            workspace=self.masking.workspace(line.workspace),
            record=line.record,
            rule=rule,
            because=because,
            state=line.state,
            kind=line.kind,
            title=line.said or line.title or line.name,
            change="; ".join(
                f"{before} → {after}" if name == line.name else f"{name}: {before} → {after}"
                for name, before, after in changes
            ),
            content=tuple(self._content(line, changes)),
            message=self.messages.number(_message(line)),
            by_rule=self.rules.number(rule),
            reason=self.reasons.number(wording.alike(because)),
        )

    def _content(self, line: ActionLine, changes: Sequence[tuple[str, str, str]]) -> Iterator[tuple[str, str]]:
        """Yield what unfolds: what is said beside the content first, then the content itself."""
        if line.time:
            yield "happened", f"{line.time[:16].replace('T', ' ')} UTC"
        if line.because != line.reason:
            yield "planned because", self.masking.reason(line.reason, line.customer, line.workspace)
        yield "record", line.record
        for name, before, after in changes:
            yield f"{name} before", before
            yield f"{name} after", after
        if line.archived:
            yield "content", line.archived
        for name, value in line.properties.items():
            yield name, self._text(name, value)

    def _changes(self, line: ActionLine) -> list[tuple[str, str, str]]:
        """Return (name, before, after) of every value that a write changes, in words."""
        changes = wording.changes(line)
        return [(name, self._text(line.name, before), self._text(line.name, after)) for name, before, after in changes]

    def _skip(self, line: SkipLine) -> _Row:
        because = self._because(line)
        return _Row(
            who=self.masking.person(line.customer),
            workspace=self.masking.workspace(line.workspace),
            record=line.record,
            rule=line.rule,
            because=because,
            by_rule=self.rules.number(line.rule),
            reason=self.reasons.number(wording.alike(because)),
        )

    def _because(self, line: ActionLine | SkipLine) -> str:
        text = line.because if isinstance(line, ActionLine) else line.reason
        return self.masking.reason(text, line.customer, line.workspace)

    def _text(self, name: str, value: Json) -> str:
        shown = self.masking.value(name, value)
        if shown is None:
            return "nothing"
        return shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)

    def _reasons(self, stays: Iterable[ActionLine], skips: Iterable[SkipLine]) -> Iterator[_Bar]:
        """Yield how many rows were not sent or left out, by reason; what differs in names and figures is one."""
        found = Counter((line.state, wording.alike(self._because(line))) for line in stays)
        found.update(("left out", wording.alike(self._because(line))) for line in skips)
        if not found:
            return
        most = max(found.values())
        shown = found.most_common(_MOST_REASONS)
        for (state, reason), count in shown:
            yield _Bar(label=reason, count=count, width=100 * count / most, state=state)
        if rest := found.total() - sum(count for _, count in shown):
            yield _Bar(label=f"{len(found) - len(shown)} other reasons", count=rest, width=min(100, 100 * rest / most))


def _message(line: ActionLine) -> str:
    return f"{line.kind} {line.title or line.name}"


def _rule(line: ActionLine) -> str:
    """Return the rule of a line, where its name does not say it."""
    return "" if line.is_value and line.rule == line.name else line.rule


def _widths(line: MessageLine, most: int) -> list[float]:
    figures = (line.matched, line.after_consent, line.after_limits)
    return [100 * figure / most if most else 0 for figure in figures]


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
