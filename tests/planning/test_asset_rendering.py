"""The page beside an archived e-mail: whatever somebody wrote, what is left of it is harmless, and soon."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecmbraze.planning.assets import rendering

_TAG = re.compile(r"</?([a-z0-9]+)((?: [a-z]+=\"[^\"<>]*\")*)>")
_PARTS = (
    *(
        "<",
        "</",
        ">",
        "<!",
        "<?",
        "[",
        "]",
        "-->",
        "<!--",
        "CDATA[",
        "a",
        "b ",
        "script",
        "style",
        "iframe",
        "svg",
        "p",
    ),
    *("img src=x onerror=y", "a href=javascript:z", ' style="background:url(x)"', '="', "='", " x", "/", "=", '"'),
    *("&", "&#", "&lt;", ";", "\0", "{{", "}}", "\n", "é", "\u2028"),
)


@given(st.lists(st.sampled_from(_PARTS), max_size=14).map("".join))
def test_of_whatever_was_written_only_known_tags_are_left_that_load_nothing(html: str) -> None:
    for found in re.finditer(r"<[^>]*>", rendering.neutral(html)):
        tag = _TAG.fullmatch(found[0])
        assert tag is not None, found[0]
        assert tag[1] not in {"script", "style", "iframe", "svg", "img"}
        assert not re.search(r" (on\w+|href|src)=|url\(", tag[2])


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("<p>a<![x>b</p>", "<p>ab</p>"),
        ("a<![if !mso]><b>c</b><![endif]>", "a<b>c</b>"),
        ("a<!--[if mso]><p>gone</p><![endif]-->b", "ab"),
        ("a<!-- never closed <p>", "a"),
        ("{% if a < 3 %}<b>few</b>{% endif %}", "{% if a &lt; 3 %}<b>few</b>{% endif %}"),
        ("<div><b>open", "<div><b>open</b></div>"),
        ("<i>a</b></i>", "<i>a</i>"),
    ],
)
def test_what_a_browser_would_show_is_shown(html: str, shown: str) -> None:
    assert rendering.neutral(html) == shown


@pytest.mark.parametrize("piece", ["<a ", "</", "<!--", "<![CDATA[", "<a x='", "<!x", "<script>"])
def test_what_is_repeated_and_never_closed_is_read_once(piece: str) -> None:
    """The parser alone takes minutes for 400 KB of it, the largest e-mail there may be."""
    assert "<" not in rendering.neutral(piece * (400_000 // len(piece)))
