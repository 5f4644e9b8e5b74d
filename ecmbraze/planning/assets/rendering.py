"""Make a page to look at out of the e-mails of an asset: nothing in it runs, and it loads nothing; pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from html import escape
from html.parser import HTMLParser

from ecmbraze.model import Asset, ContentKind, Json

# What belongs to how an e-mail looks. Of everything else the text stays, but of what is no text for people.
_KEPT = frozenset(
    (
        "a",
        "abbr",
        "address",
        "b",
        "big",
        "blockquote",
        "br",
        "caption",
        "center",
        "code",
        "col",
        "colgroup",
        "dd",
        "del",
        "div",
        "dl",
        "dt",
        "em",
        "font",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "ins",
        "li",
        "ol",
        "p",
        "pre",
        "q",
        "s",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "u",
        "ul",
        "wbr",
    )
)
_VOID = frozenset({"br", "col", "hr", "wbr"})
_DROPPED_WHOLE = frozenset({"script", "style", "iframe", "title"})
_ATTRIBUTES = frozenset(
    (
        "align",
        "bgcolor",
        "border",
        "cellpadding",
        "cellspacing",
        "color",
        "colspan",
        "dir",
        "face",
        "height",
        "lang",
        "rowspan",
        "size",
        "style",
        "valign",
        "width",
    )
)
# What in a style may load something or leave its place.
_LOADS = re.compile(r"url\s*\(|image|expression|import|@|\\|position|behavior", re.IGNORECASE)
# What begins no tag: the parser would look for the end of each to the end of the text.
_STRAY = re.compile(r"<(?=[^<>]*(?:<|\Z))")
# A browser shows none of these, and the parser fails at some.
_DECLARED = re.compile(r"<[!?][^>]*>")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'"
_PAGE = """\
<!DOCTYPE html>
<html><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="referrer" content="no-referrer"><title>{title}</title></head>
<body><p><small>A view of what is archived here, without scripts, images and links; Liquid as it stands.</small></p>
{mails}
</body></html>
"""
_MAIL = """\
<hr><h1>{subject}</h1><p><small>{about}</small></p>
<div>{body}</div>"""


def page(asset: Asset) -> bytes | None:
    """Return a page with every e-mail of an asset; ``None`` for one that has none."""
    mails = [
        _MAIL.format(
            subject=escape(_text(mail.get("subject"))),
            about=escape(f"{name} {_text(mail.get('preheader'))}".strip()),
            body=neutral(_text(mail.get("body"))),
        )
        for name, mail in _mails(asset)
    ]
    if not mails:
        return None
    return _PAGE.format(policy=_POLICY, title=escape(asset.row.name), mails="\n".join(mails)).encode("utf-8", "replace")


def neutral(html: str) -> str:
    """Return HTML of which nothing runs and nothing is loaded; where a link led is shown as its title."""
    reader = _Neutral()
    reader.feed(_DECLARED.sub("", _STRAY.sub("&lt;", "".join(_without_comments(html)))))
    reader.close()
    return reader.end()


def _without_comments(html: str) -> Iterator[str]:
    begins, ends = html.find("<!--"), 0
    while begins >= 0:
        yield html[ends:begins]
        found = html.find("-->", begins + 4)
        if found < 0:
            return
        ends = found + 3
        begins = html.find("<!--", ends)
    yield html[ends:]


def _mails(asset: Asset) -> Iterator[tuple[str, Mapping[str, Json]]]:
    match asset.row.kind:
        case ContentKind.EMAIL_TEMPLATES:
            yield "", asset.parts
        case ContentKind.CONTENT_BLOCKS:
            return
        case ContentKind.CAMPAIGNS:
            yield from _of(asset.parts.get("messages"))
        case ContentKind.CANVASES:
            steps = asset.parts.get("steps")
            for step in steps if isinstance(steps, list) else ():
                if isinstance(step, Mapping):
                    yield from ((f"{step.get('name')}: {name}", mail) for name, mail in _of(step.get("messages")))


def _of(messages: Json) -> Iterator[tuple[str, Mapping[str, Json]]]:
    for name, message in messages.items() if isinstance(messages, Mapping) else ():
        if isinstance(message, Mapping) and message.get("channel") == "email" and message.get("body"):
            yield name, message


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""


class _Neutral(HTMLParser):
    """Write again what is harmless of what is read: what is not known to be is left out."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._written: list[str] = []
        self._open: list[str] = []
        self._count = Counter[str]()
        self._dropping: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._dropping or tag in _DROPPED_WHOLE:
            self._dropping.append(tag)
        elif tag == "img":
            self._written.append(f"[{escape(_named(attrs, 'alt') or 'image')}]")
        elif tag in _KEPT:
            self._written.append(f"<{tag}{''.join(_shown(tag, attrs))}>")
            if tag not in _VOID:
                self._open.append(tag)
                self._count[tag] += 1

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self._dropping and tag not in _DROPPED_WHOLE:
            self.handle_starttag(tag, attrs)
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._dropping:
            if tag in self._dropping:
                del self._dropping[len(self._dropping) - 1 - self._dropping[::-1].index(tag) :]
        elif self._count[tag]:
            closed = ""
            while closed != tag:
                closed = self._open.pop()
                self._count[closed] -= 1
                self._written.append(f"</{closed}>")

    def handle_data(self, data: str) -> None:
        if not self._dropping:
            self._written.append(escape(data))

    def end(self) -> str:
        """Return what was written, with what is still open closed."""
        return "".join([*self._written, *(f"</{tag}>" for tag in reversed(self._open))])


def _named(attrs: list[tuple[str, str | None]], name: str) -> str:
    return next((value or "" for known, value in attrs if known == name), "")


def _shown(tag: str, attrs: list[tuple[str, str | None]]) -> Iterator[str]:
    for name, value in dict(attrs).items():
        if name in _ATTRIBUTES and not (name == "style" and _LOADS.search(value or "")):
            yield f' {name}="{escape(value or "")}"'
    if tag == "a" and (leads := _named(attrs, "href")):
        yield f' title="{escape(leads)}"'
