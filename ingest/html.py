"""The main content of a web page, as Markdown so that its headings and tables survive; by trafilatura."""

import trafilatura
from trafilatura.settings import use_config

from indexes.errors import UnreadableDocument
from ingest.extract import Extracted, clean


def extract_html(html: str, url: str | None) -> Extracted:
    """Raises UnreadableDocument when the page holds no content."""
    config = use_config()
    config.set("DEFAULT", "EXTRACTION_TIMEOUT", "0")  # its signal-based timeout; ours is the process's
    text = trafilatura.extract(
        html, url=url, output_format="markdown", include_tables=True, include_comments=False, config=config
    )
    if not text:
        _body, text, _length = trafilatura.baseline(html)
    if not text or not text.strip():
        raise UnreadableDocument("no content was found in the page", code="no_text")
    metadata = trafilatura.extract_metadata(html, default_url=url)
    title = clean(metadata.title).strip() if metadata and metadata.title else None
    return Extracted(text=clean(text), title=title or None, kind="html")
