"""A document's text as a page to read: the cited span marked, page breaks shown.

No part of a document ever becomes markup: every character is escaped, no link or image of it is one. The page
needs no script; its one stylesheet is our own.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import urlencode, urlsplit

from app.language import Language
from indexes.records import Document

LONGEST = 200_000  # code points on one page
BLANK = re.compile(r"\n[^\S\n]*\n\s*")
SPAN = "span"  # the mark's id, for the fragment of a link
WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "page": "Page {n}", "file": "Original file", "uri": "Where it came from",
        "before": "Earlier text", "after": "Later text", "part": "Characters {start} to {end} of {all}",
    },
    "fa": {
        "page": "صفحهٔ {n}", "file": "پروندهٔ اصلی", "uri": "نشانی منبع",
        "before": "متن پیشین", "after": "متن پسین", "part": "نویسه‌های {start} تا {end} از {all}",
    },
    "zh": {
        "page": "第 {n} 页", "file": "原始文件", "uri": "来源网址",
        "before": "前文", "after": "后文", "part": "第 {start} 至 {end} 个字符，共 {all} 个",
    },
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class View:
    """What is looked at: offsets in code points of the stored text."""

    text: str
    page_starts: Sequence[int]  # empty where there are no pages
    span: tuple[int, int] | None  # half open, within the text
    at: int  # where the window begins

    @property
    def until(self) -> int:
        return min(self.at + LONGEST, len(self.text))


def window_start(span: tuple[int, int] | None) -> int:
    """So that the span stands within the window, with as much text before it as after its start."""
    return max(0, span[0] - LONGEST // 2) if span else 0


def public(uri: str) -> bool:
    """Whether it may become a link: a stored ``javascript:`` or ``file:`` must not."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def link(base: str, document_id: str, span: tuple[int, int] | None = None, at: int | None = None) -> str:
    """The page's absolute address; ``base`` ends in a slash."""
    asked = {"start": span[0], "end": span[1]} if span else {}
    query = urlencode(asked if at is None else {**asked, "at": at})
    address = f"{base}documents/{document_id}/view" + (f"?{query}" if query else "")
    return address + (f"#{SPAN}" if span and at is None else "")


def render(document: Document, view: View, *, base: str, language: Language) -> str:
    """The whole page. ``language`` is that of its own few words; the text's direction is its own."""
    words = WORDS[language]
    title = escape(document.title or document.name)
    links = [f'<a href="{escape(base)}documents/{document.id}/file">{words["file"]}</a>']
    if public(document.uri):
        uri = escape(document.uri)
        links.append(
            f'<a href="{uri}" title="{words["uri"]}" dir="ltr" target="_blank" '
            f'rel="noopener noreferrer nofollow">{uri}</a>'
        )
    before, after = _rest(document, view, base, words)
    return (
        f'<!doctype html>\n<html lang="{language}" dir="{"rtl" if language == "fa" else "ltr"}">\n<head>\n'
        f'<meta charset="utf-8">\n<title>{title}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        f'<link rel="stylesheet" href="{escape(base)}static/view.css">\n</head>\n<body>\n'
        f'<header><h1 dir="auto">{title}</h1><p class="links">{" ".join(links)}</p></header>\n'
        f"{before}<main>\n{''.join(_body(view, words))}</main>\n{after}</body>\n</html>\n"
    )


def _rest(document: Document, view: View, base: str, words: dict[str, str]) -> tuple[str, str]:
    """What leads to the text before and after the window; empty where all is shown."""
    if view.at == 0 and view.until == len(view.text):
        return "", ""
    part = words["part"].format(start=view.at + 1, end=view.until, all=len(view.text))
    earlier = escape(link(base, document.id, view.span, max(0, view.at - LONGEST)))
    later = escape(link(base, document.id, view.span, view.until))
    before = f'<a href="{earlier}" rel="prev">{words["before"]}</a> ' if view.at else ""
    after = f' <a href="{later}" rel="next">{words["after"]}</a>' if view.until < len(view.text) else ""
    return f"<nav>{before}<span>{part}</span></nav>\n", f"<nav><span>{part}</span>{after}</nav>\n"


def _body(view: View, words: dict[str, str]) -> Iterator[str]:
    """Paragraphs, each with the direction of its own first letter; a page's number before its text."""
    pages = [(start, number) for number, start in enumerate(view.page_starts, 1)]
    before = [entry for entry in pages if entry[0] <= view.at][-1:]
    marked = [entry for entry in pages if view.at < entry[0] < view.until]
    parts = [(max(start, view.at), number) for start, number in [*before, *marked]] or [(view.at, 0)]
    first = True
    for (start, number), (end, _) in zip(parts, [*parts[1:], (view.until, 0)], strict=True):
        if number:
            yield f'<h2 class="page" id="page-{number}">{words["page"].format(n=number)}</h2>\n'
        for from_, to in _paragraphs(view.text, start, end):
            cut = _overlap((from_, to), view.span)
            if cut is None:
                content = escape(view.text[from_:to])
            else:
                mark = _mark(view.text[cut[0] : cut[1]], first)
                content = escape(view.text[from_ : cut[0]]) + mark + escape(view.text[cut[1] : to])
                first = False
            yield f'<p dir="auto">{content}</p>\n'


def _paragraphs(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for blank in BLANK.finditer(text, start, end):
        if blank.start() > start:
            yield start, blank.start()
        start = blank.end()
    if start < end:
        yield start, end


def _overlap(paragraph: tuple[int, int], span: tuple[int, int] | None) -> tuple[int, int] | None:
    if span is None:
        return None
    start, end = max(paragraph[0], span[0]), min(paragraph[1], span[1])
    return (start, end) if start < end else None


def _mark(text: str, first: bool) -> str:
    """The first is where the page is scrolled to, by the link's fragment or by the focus."""
    where = f' id="{SPAN}" tabindex="-1" autofocus' if first else ""
    return f"<mark{where}>{escape(text)}</mark>"
