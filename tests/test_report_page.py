"""The report page without a browser: what it says, what it hides, and that nothing a stranger wrote becomes markup."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

from ecmbraze.report.page import as_html
from ecmbraze.report.plain import printable
from tests.reports import CONFIGURATION, HOSTILE, PLAN, action, hostile, report, skip, usual

_ALONE = ("meta", "input")
_TAGS = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "script",
    "body",
    "header",
    "main",
    "nav",
    "a",
    "article",
    "section",
    "form",
    "label",
    "input",
    "select",
    "option",
    "button",
    "kbd",
    "p",
    "b",
    "i",
    "small",
    "code",
    "span",
    "output",
    "div",
    "h1",
    "h2",
    "ul",
    "li",
    "dl",
    "dt",
    "dd",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "details",
    "summary",
    "svg",
    "rect",
}


class Page(HTMLParser):
    """A page as its parser sees it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.inside: dict[str, list[str]] = {"style": [], "script": []}
        self._open = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = tag

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open in self.inside:
            self.inside[self._open].append(data)
        elif data.strip():
            self.texts.append(data.strip())

    def count(self, tag: str) -> int:
        return [name for name, _ in self.tags].count(tag)

    @property
    def words(self) -> str:
        return " ".join(self.texts)

    @property
    def policy(self) -> str:
        return next(a["content"] or "" for _, a in self.tags if a.get("http-equiv") == "Content-Security-Policy")


def test_the_page_says_who_would_get_what_and_why() -> None:
    words = Page(as_html([usual()], personal=True)).words

    for said in (
        "Dry run of onboarding",
        "As if today's records were news".lower(),
        "C-100017",
        "Onboarding Anna Müller",
        "Contract approved",
        "Draft → Contract",
        "stage",
        "anna@example.com",
        "2026-11-19 23:00 UTC",
        "unsubscribed from email",
        "not in Braze yet",
        "goes out once what it waits for has come",
        "overtaken by kyc_completed in the same change",
    ):
        assert said in words, said


def test_the_headline_says_matched_after_consent_and_after_limits() -> None:
    texts = Page(as_html([usual()])).texts
    row = texts[texts.index("People by message") :]

    campaign = row[row.index("campaign") :]
    assert campaign[:6] == [
        "campaign",
        "Contract approved",
        "3f0c0000-0000-4000-8000-000000000001",
        "contract_approved",
        "3",
        "2",
    ]
    assert campaign[6] == "1"


def test_the_guards_say_what_they_compared_with_which_figures() -> None:
    words = Page(as_html([usual()])).words

    assert "messages in one run max_messages 2 3 at most 500 usual" in words
    assert "people who get a message max_audience_share 90 \u2013 at most 20 unusual 90 people, more than 10%" in words
    assert "workspaces listed max_shrink 140 \u2013 at least 98 usual" in words


def test_the_signature_block_names_plan_configuration_maker_and_time() -> None:
    words = Page(as_html([usual()], made_by="anna@host")).words

    signed = words[words.index("Signed") :]
    assert all(said in signed for said in (PLAN, CONFIGURATION, "anna@host", "2026-11-20 08:00:04 UTC"))
    assert signed.count("signature") == 2


def test_of_several_flows_each_has_a_section_of_one_page() -> None:
    other = report([action()], flow="cases")
    page = Page(as_html([usual(), other]))

    assert page.count("article") == 2
    assert [a["href"] for tag, a in page.tags if tag == "a"] == ["#flow1", "#flow2"]
    assert "Nothing was due" in as_html([])


def test_masked_nobody_can_be_made_out() -> None:
    text = as_html([usual()])

    for personal in ("C-1000", "Anna", "Müller", "anna@", "Groß", "Jörg"):
        assert personal not in text, personal
    assert "•••" in text


def test_a_person_has_one_mark_all_through_the_page_and_nobody_else_has_it() -> None:
    one, other = "C-100017", "C-200017"  # alike at both ends
    words = Page(
        as_html([report([action(customer=one), action(customer=other)], [skip(customer=f"{other}, {one}")])])
    ).words

    assert words.count("C…7 #1") == 2
    assert words.count("C…7 #2") == 2


def test_a_value_that_five_people_share_is_shown_and_the_value_of_four_is_not() -> None:
    stages = ["Contract"] * 5 + ["Complaint"] * 4
    lines = [action(customer=f"C-{n}", properties={"stage": stage}) for n, stage in enumerate(stages)]
    text = as_html([report(lines)])

    assert "Contract<" in text
    assert "Complaint" not in text


def test_an_address_or_a_name_is_hidden_however_many_share_it() -> None:
    lines = [
        action(
            customer=f"C-{n}", workspace="Family Öztürk", properties={"to": "all@example.com", "whose": "Family Öztürk"}
        )
        for n in range(9)
    ]

    text = as_html([report(lines)])

    assert "all@example.com" not in text
    assert "Öztürk" not in text


def test_masked_reasons_name_nobody() -> None:
    why = "the document 'Agreement Anna Müller.pdf' of C-100017 (anna@example.com, +4915112345678) is newer"
    text = as_html(
        [report([action(state="waiting", why=why)], [skip(reason=why, customer="C-100017")], notes=[why[50:]])]
    )

    for personal in ("Agreement", "Müller", "C-100017", "anna@example.com", "4915112345678"):
        assert personal not in text, personal


def test_the_policy_names_the_one_script_and_the_one_style_by_their_hashes() -> None:
    page = Page(as_html([hostile()], personal=True))

    for name in ("script", "style"):
        (content,) = page.inside[name]
        digest = b64encode(sha256(content.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in page.policy
        assert page.count(name) == 1
    assert page.policy.startswith("default-src 'none';")
    assert "unsafe" not in page.policy


def test_nothing_a_stranger_wrote_becomes_markup() -> None:
    text = as_html([hostile()], personal=True, made_by=HOSTILE[10])
    page = Page(text)

    assert {tag for tag, _ in page.tags} <= _TAGS
    allowed = {
        "class",
        "id",
        "lang",
        "charset",
        "http-equiv",
        "content",
        "name",
        "scope",
        "aria-labelledby",
        "aria-live",
        "aria-label",
        "role",
        "type",
        "placeholder",
        "autocomplete",
        "spellcheck",
        "value",
        "data-by",
        "data-message",
        "data-rule",
        "data-reason",
        "viewbox",
        "preserveaspectratio",
        "width",
        "height",
    }
    assert {name for _, attributes in page.tags for name in attributes} <= allowed
    for wanted in HOSTILE:
        assert printable(wanted).strip() in page.words, wanted
    assert not re.search("[\u202e\x1b\x00\ud800\u200b]", text)


def test_every_row_of_a_large_report_is_in_the_page() -> None:
    lines = [action(record=f"ws:{n}", customer=f"C-{n}") for n in range(3000)]
    page = Page(as_html([report(lines, [skip()] * 500)]))

    assert len([1 for tag, attributes in page.tags if tag == "tr" and "data-rule" in attributes]) == 3500
    assert page.count("details") == 3000
