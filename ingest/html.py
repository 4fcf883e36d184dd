"""The main content of a web page, as Markdown so that its headings and tables survive; by trafilatura."""

import copy
import itertools
import re
import sys
from collections.abc import Iterator
from html import unescape
from typing import Any

from indexes.errors import UnreadableDocument
from ingest.hidden import clean
from ingest.markdown import heading, line
from ingest.page_text import to_markdown
from ingest.records import Extracted
from ingest.visible import drop_hidden

JOINERS = {  # as pages write them
    "\u200c": re.compile("\u200c|&zwnj;|&#0{0,5}8204;|&#x0{0,5}200c;", re.IGNORECASE),
    "\u200d": re.compile("\u200d|&zwj;|&#0{0,5}8205;|&#x0{0,5}200d;", re.IGNORECASE),
}
SMALL = 1000  # characters: a page this short has too little in it to tell content from the rest
LARGE = (
    20_000  # elements, and 50 times as many characters: more than a page with menus, and content is all of it
)
MENUS = ("nav", "aside", "footer")
NO_MARKUP = {  # no tree can hold them
    **dict.fromkeys([*range(9), *range(14, 32), 0xFFFE, 0xFFFF]),
    **dict.fromkeys((0x0B, 0x0C), " "),
}
UNREAD = re.compile(  # browsers take these as they stand, whatever tags are in them
    r"(?P<kept><script\b.*?(?:</script\s*>|\Z))"
    r"|<!--(?:-?>|.*?(?:--!?>|\Z))|<noscript\b[^>]*(?:>.*?(?:</noscript\s*>|\Z)|\Z)",
    re.IGNORECASE | re.DOTALL,
)

# A tag of so many attributes, which the parser compares each with each, is none that a reader sees.
OVERLOADED = re.compile(r"(<[a-zA-Z][^\s<>/]*+)(?=[\s/])(?:[^<>\s]*+\s++){5000}[^<>]*?(/?)>")


def extract_html(html: str, url: str | None) -> Extracted:
    """Raises UnreadableDocument when the page holds no content."""
    html, back = _joiners_kept(html)
    tree = parse(html)
    if tree is None:
        raise UnreadableDocument("no content was found in the page", code="no_text")
    drop_hidden(tree)
    text = (_main_content(tree, url) if _worth_searching(tree) else "") or _all_content(tree)
    if not text.strip():
        raise UnreadableDocument("no content was found in the page", code="no_text")
    title = _title(tree)
    if title and line(title) not in line(text):
        text = f"{heading(1, title)}\n\n{text}"
    return Extracted(
        text=clean(text.translate(back)), title=clean(title.translate(back)) or None, kind="html"
    )


def whole_page(html: str) -> str:
    """Markdown of all that a page shows, for mails and books, which carry no menus; empty if nothing."""
    tree = parse(html)
    if tree is None:
        return ""
    drop_hidden(tree)
    return to_markdown(tree)


def parse(html: str) -> Any | None:
    """The page's tree, by lxml; None where there is nothing in it. Nothing is fetched."""
    from lxml import etree
    from lxml.html import HTMLParser, document_fromstring

    html = html.translate(NO_MARKUP)
    html = OVERLOADED.sub(r"\1 hidden\2>", UNREAD.sub(lambda found: found["kept"] or "", html))
    parser = HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True)
    try:
        return document_fromstring(html.encode(errors="replace"), parser=parser)
    except etree.ParserError:  # such as an empty page
        return None


def _worth_searching(tree: Any) -> bool:
    """The search takes far more time and memory than anything else, growing faster than the page."""
    elements = sum(1 for _ in itertools.islice(tree.iter(), LARGE))
    return elements < LARGE and SMALL < len(tree.text_content()) < 50 * LARGE


def _title(tree: Any) -> str:
    """The page's first heading where it says the same as the metadata, which often add the site's name."""
    from trafilatura.metadata import examine_meta, extract_title

    said = line(unescape(examine_meta(tree).title or extract_title(tree) or ""))
    headings = (line("".join(one.itertext())) for one in tree.iter("h1"))
    return next((one for one in headings if one and one.casefold() in said.casefold()), said)


def _all_content(tree: Any) -> str:
    from lxml import etree

    whole = copy.deepcopy(tree)
    etree.strip_elements(whole, *MENUS, with_tail=False)
    return to_markdown(whole) or to_markdown(tree)


def _main_content(tree: Any, url: str | None) -> str:
    from trafilatura import bare_extraction
    from trafilatura.settings import Document, use_config

    config = use_config()
    config.set("DEFAULT", "EXTRACTION_TIMEOUT", "0")  # its signal-based timeout; ours is the process's
    found = bare_extraction(
        copy.deepcopy(tree),
        url=url,
        output_format="xml",
        include_formatting=False,
        include_tables=True,
        include_comments=False,
        config=config,
    )
    return to_markdown(found.body) if isinstance(found, Document) else ""


def _joiners_kept(html: str) -> tuple[str, dict[int, str]]:
    """The page with its zero-width (non-)joiners swapped for letters that it does not hold, and the table
    that swaps them back: trafilatura drops them, which glues Persian words together."""
    free = _letters_not_in(html)
    back: dict[int, str] = {}
    for joiner, written in JOINERS.items():
        letter = next(free)
        html = written.sub(letter, html)
        back[ord(letter)] = joiner
    return html, back


def _letters_not_in(html: str) -> Iterator[str]:
    """Letters of a script that nobody writes (Linear A), so that words stay words."""
    return (chr(code) for code in range(0x10600, sys.maxunicode) if chr(code) not in html)
