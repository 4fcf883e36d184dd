"""The main content of a web page, as Markdown so that its headings and tables survive; by trafilatura."""

import re
import sys
from collections.abc import Iterator

import trafilatura
from trafilatura.settings import use_config

from indexes.errors import UnreadableDocument
from ingest.extract import Extracted, clean

JOINERS = {  # as pages write them
    "\u200c": re.compile("\u200c|&zwnj;|&#0{0,5}8204;|&#x0{0,5}200c;", re.IGNORECASE),
    "\u200d": re.compile("\u200d|&zwj;|&#0{0,5}8205;|&#x0{0,5}200d;", re.IGNORECASE),
}


def extract_html(html: str, url: str | None) -> Extracted:
    """Raises UnreadableDocument when the page holds no content."""
    if "<html" not in html.lower():  # trafilatura takes only whole pages
        html = f"<html><body>{html}</body></html>"
    html, back = _joiners_kept(html)
    config = use_config()
    config.set("DEFAULT", "EXTRACTION_TIMEOUT", "0")  # its signal-based timeout; ours is the process's
    text = trafilatura.extract(
        html, url=url, output_format="markdown", include_tables=True, include_comments=False, config=config
    )
    if not text:
        _body, text, _length = trafilatura.baseline(html)
    if not text:
        text = trafilatura.html2txt(html)  # such as a lone table
    text = (text or "").translate(back)
    if not text.strip():
        raise UnreadableDocument("no content was found in the page", code="no_text")
    metadata = trafilatura.extract_metadata(html, default_url=url)
    title = clean(metadata.title.translate(back)).strip() if metadata and metadata.title else None
    return Extracted(text=clean(text), title=title or None, kind="html")


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
