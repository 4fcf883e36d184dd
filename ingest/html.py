"""The main content of a web page, as Markdown so that its headings and tables survive; by trafilatura."""

import sys
from collections.abc import Iterator

import trafilatura
from trafilatura.settings import use_config

from indexes.errors import UnreadableDocument
from ingest.extract import Extracted, clean

JOINERS = {"\u200c": ("&zwnj;", "&#8204;", "&#x200c;"), "\u200d": ("&zwj;", "&#8205;", "&#x200d;")}


def extract_html(html: str, url: str | None) -> Extracted:
    """Raises UnreadableDocument when the page holds no content."""
    html, back = _joiners_kept(html)
    config = use_config()
    config.set("DEFAULT", "EXTRACTION_TIMEOUT", "0")  # its signal-based timeout; ours is the process's
    text = trafilatura.extract(
        html, url=url, output_format="markdown", include_tables=True, include_comments=False, config=config
    )
    if not text:
        _body, text, _length = trafilatura.baseline(html)
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
    for joiner, references in JOINERS.items():
        written = [joiner, *(one for one in references if one in html)]
        if written == [joiner] and joiner not in html:
            continue
        letter = next(free)
        for one in written:
            html = html.replace(one, letter)
        back[ord(letter)] = joiner
    return html, back


def _letters_not_in(html: str) -> Iterator[str]:
    """Letters of a script that nobody writes (Linear A), so that words stay words."""
    return (chr(code) for code in range(0x10600, sys.maxunicode) if chr(code) not in html)
