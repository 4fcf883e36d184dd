"""The page of a document's text: all of it escaped, the span marked exactly, long ones in windows."""

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.language import Language
from app.source_page import LONGEST, View, link, public, render, window_start
from indexes.records import Document

BASE = "http://host/"
HOSTILE = '<script>x()</script> <img src=x onerror="x()"> &amp; [a](javascript:x()) {{7*7}} {title}'


def document(title: str | None = "Guide", uri: str = "file:guide.txt") -> Document:
    return Document(
        id="d1", collection_id="c", collection="default", name="guide.txt", title=title, source="s", uri=uri,
        media_type="text/plain", tags=[], metadata={}, status="done", error=None, error_code=None, pages=None,
        unread_pages=(), chunks=1, sha256="0", created_at=0.0, updated_at=0.0, seen_at=None,
    )  # fmt: skip


def page(
    text: str,
    span: tuple[int, int] | None = None,
    *,
    starts: tuple[int, ...] = (),
    at: int = 0,
    language: Language = "en",
    of: Document | None = None,
) -> str:
    view = View(text=text, page_starts=starts, span=span, at=at)
    return render(of or document(), view, base=BASE, language=language)


def marked(html: str) -> str:
    return "".join(unescape(part) for part in re.findall(r"<mark[^>]*>(.*?)</mark>", html, re.DOTALL))


def shown(html: str) -> str:
    """The text between the paragraphs' tags, as a browser reads it."""
    parts = re.findall(r'<p dir="auto">(.*?)</p>', html, re.DOTALL)
    return "".join(unescape(re.sub(r"</?mark[^>]*>", "", part)) for part in parts)


def test_nothing_of_a_document_becomes_markup() -> None:
    html = page(HOSTILE, (0, 8), of=document(title=HOSTILE))
    tags = set(re.findall(r"<(\w+)", html))
    assert tags == {"html", "head", "meta", "title", "link", "body", "header", "h1", "p", "a", "main", "mark"}
    assert set(re.findall(r'href="([^"]*)"', html)) == {f"{BASE}static/view.css", f"{BASE}documents/d1/file"}
    assert shown(html) == HOSTILE
    assert marked(html) == "<script>"
    assert not re.search(r"<[^>]*\son\w+=", html)


@given(st.text(alphabet="ab \n&<>\"'سلام长👋", max_size=60), st.data())
def test_the_mark_is_the_span(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    html = page(text, (start, end) if start < end else None, starts=(0, len(text) // 2))
    assert re.sub(r"\s", "", marked(html)) == re.sub(r"\s", "", text[start:end])
    assert re.sub(r"\s", "", shown(html)) == re.sub(r"\s", "", text)
    assert html.count('id="span"') == (1 if text[start:end].strip() else html.count("autofocus"))


def test_a_span_over_paragraphs_and_pages_is_one_target() -> None:
    text = "One is here.\n\nTwo is there.\nThree.\n\nFour."
    html = page(text, (4, len(text) - 2), starts=(0, text.index("Two")))
    assert marked(html) == "is here.Two is there.\nThree.Fou"
    assert html.count('id="span" tabindex="-1" autofocus') == 1
    assert html.index("Page 1") < html.index("One") < html.index("Page 2") < html.index("Two")


def test_only_web_addresses_become_links() -> None:
    uri = 'https://example.org/a?b=1&c="2"'
    html = page("x", of=document(uri=uri))
    assert 'rel="noopener noreferrer nofollow"' in html
    assert "https://example.org/a?b=1&amp;c=&quot;2&quot;" in html
    for refused in (
        "javascript:alert(1)",
        "file:///etc/passwd",
        "data:text/html,x",
        "http:",
        "//host/x",
        "http://[x",
    ):
        assert not public(refused)
        hrefs = re.findall(r'href="([^"]*)"', page("x", of=document(uri=refused)))
        assert hrefs == [f"{BASE}static/view.css", f"{BASE}documents/d1/file"]


@pytest.mark.parametrize(
    ("language", "side", "word"), [("en", "ltr", "Page 1"), ("fa", "rtl", "صفحهٔ 1"), ("zh", "ltr", "第 1 页")]
)
def test_its_own_words_are_the_readers(language: Language, side: str, word: str) -> None:
    html = page("x", starts=(0,), language=language)
    assert f'<html lang="{language}" dir="{side}">' in html
    assert word in html


def test_a_long_text_comes_in_windows() -> None:
    text = "".join(f"Line {number}.\n\n" for number in range(60_000))
    start = text.index("Line 30000.")
    span = (start, start + 11)
    at = window_start(span)
    html = page(text, span, at=at)
    assert len(html) < 3 * LONGEST
    assert marked(html) == "Line 30000."
    targets = [unescape(target) for target in re.findall(r'href="([^"]*view[^"]*\d)"', html)]
    assert targets == [
        link(BASE, "d1", span, at - LONGEST),
        link(BASE, "d1", span, at + LONGEST),
    ]
    first = page(text, at=0)
    assert 'rel="prev"' not in first
    assert 'rel="next"' in first
    last = page(text, at=len(text) - 10)
    assert 'rel="prev"' in last
    assert 'rel="next"' not in last


def test_a_window_holds_the_page_it_begins_in() -> None:
    text = "a" * LONGEST + "b" * LONGEST
    html = page(text, starts=(0, 100, LONGEST + 5), at=LONGEST)
    assert re.findall(r'id="page-(\d)"', html) == ["2", "3"]


def test_the_address_leads_to_the_span() -> None:
    assert link(BASE, "d1", (3, 9)) == "http://host/documents/d1/view?start=3&end=9#span"
    assert link(BASE, "d1") == "http://host/documents/d1/view"
