"""Draw the flows between the two systems as an SVG, from what each says that it writes; no arrow is drawn by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

WIDTH, _PILLAR, _EDGE = 560, 104, 10
_LEFT, _RIGHT = _EDGE + _PILLAR + 8, WIDTH - _EDGE - _PILLAR - 8
_TOP, _NAME, _ARROW, _BETWEEN = 16, 24, 28, 12
_STYLE = """
svg { --page: #ffffff; --ink: #1f2328; --soft: #59636e; --line: #0969da; --pillar: #eef4fb; --edge: #d1d9e0; }
@media (prefers-color-scheme: dark) {
  svg { --page: #151b23; --ink: #f0f6fc; --soft: #9aa4af; --line: #58a6ff; --pillar: #212c3b; --edge: #3d444d; }
}
.page { fill: var(--page); stroke: var(--edge); }
.pillar { fill: var(--pillar); stroke: var(--edge); }
text { font: 14px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: var(--ink); }
.name { font-weight: 700; font-size: 16px; }
.soft { fill: var(--soft); font-size: 13.5px; }
.system { font-weight: 700; text-anchor: middle; }
.about { text-anchor: middle; fill: var(--soft); font-size: 12.5px; }
path { fill: none; stroke: var(--line); stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
"""
Flow = tuple[str, Sequence[str], Sequence[str]]
"""(name, what it writes to Braze, what it writes to ECM)"""


def picture(flows: Sequence[Flow]) -> str:
    """Return the picture: both systems at the sides, per flow its name and an arrow to each system it writes to."""
    drawn, y = [], _TOP
    for name, *writes in flows:
        lines = list(_flow(name, dict(zip(("right", "left"), writes, strict=True)), y))
        drawn += lines
        y += _NAME + _ARROW * sum(map(bool, writes)) + _BETWEEN
    height = y - _BETWEEN + _TOP
    names = ", ".join(name for name, *_ in flows)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
            'role="img">',
            f"<title>The flows between Extended ECM and Braze: {names}</title>",
            f"<style>{_STYLE}</style>",
            f'<rect class="page" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
            *_pillar(_EDGE, height, ("Extended", "ECM"), ("business", "workspaces,", "documents")),
            *_pillar(WIDTH - _EDGE - _PILLAR, height, ("Braze",), ("profiles,", "messages,", "content")),
            *drawn,
            "</svg>",
            "",
        ]
    )


def _flow(name: str, writes: Mapping[str, Sequence[str]], y: int) -> Iterator[str]:
    yield f'<text class="name" x="{_LEFT}" y="{y + 14}">{escape(name)}</text>'
    y += _NAME
    for way, words in writes.items():
        if words:
            head = _RIGHT if way == "right" else _LEFT
            back = head - 7 if way == "right" else head + 7
            yield f'<path d="M{_LEFT} {y}H{_RIGHT}M{back} {y - 5}L{head} {y}L{back} {y + 5}"/>'
            anchor = ' text-anchor="end"' if way == "left" else ""
            x = _RIGHT if way == "left" else _LEFT
            yield f'<text class="soft" x="{x}" y="{y + 18}"{anchor}>{escape(", ".join(words))}</text>'
            y += _ARROW


def _pillar(x: int, height: int, system: Sequence[str], about: Sequence[str]) -> Iterator[str]:
    yield f'<rect class="pillar" x="{x}" y="{_EDGE}" width="{_PILLAR}" height="{height - 2 * _EDGE}" rx="6"/>'
    middle, y = x + _PILLAR // 2, height // 2 - 9 * (len(system) + len(about)) + 12
    for kind, words in (("system", system), ("about", about)):
        for word in words:
            yield f'<text class="{kind}" x="{middle}" y="{y}">{word}</text>'
            y += 18
