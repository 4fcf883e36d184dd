"""What the fuzzer does with each input, and what must hold whatever it is.

Reading may refuse (UnreadableDocument) and may find a thing too deeply nested (RecursionError), as its cage
allows it; everything else that is raised is a fault.
"""

import os
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

from app.citations import cite
from app.inert import LABEL, TAG, UNSEEN, as_data, as_title
from app.markdown import OPENING, Defuser, defused
from app.markers import MARKER, without_markers
from app.orders import without_orders
from app.rewrite import standalone
from app.source_page import View, render
from app.spans import sentences
from indexes.errors import UnreadableDocument
from indexes.records import Document
from indexes.text import Analyzer, fold
from ingest.bidi import MIRRORED, logical, unmirrored
from ingest.charsets import content_type, declared_charset, decode
from ingest.chunker import Chunker
from ingest.data import csv_text, json_text, xml_text
from ingest.hidden import UNSEEN as HIDDEN
from ingest.hidden import clean
from ingest.html import extract_html
from ingest.kinds import MEDIA_TYPES, sniff
from ingest.letters import SHAPES, typed
from ingest.mail import extract_mail
from ingest.markdown import shown
from ingest.reflow import Line, Paragraphs
from ingest.rich_text import extract_rich_text
from ingest.styles import colour, hides
from tests.support.hits import hit
from tests.support.words import word_tokenizer

Target = Callable[[bytes], None]
REFUSALS = (UnreadableDocument, RecursionError)


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogatepass" if content[:1] == b"\xed" else "replace")


def pages(content: bytes) -> None:
    """HTML, its styles, Markdown."""
    text = _text(content)
    hides(text[:200])
    colour(text[:50])
    read = shown(text)
    assert HIDDEN.search(read) is None
    assert not Counter(read) - Counter(clean(text)), "Markdown is shown with more than it holds"
    try:
        extracted = extract_html(text, None)
    except REFUSALS:
        return
    assert extracted.text.strip()
    assert clean(extracted.text) == extracted.text
    assert HIDDEN.search(extracted.title or "") is None


def data(content: bytes) -> None:
    """What a file is, its letters, CSV, JSON, XML."""
    content_type(content.decode("latin-1"))
    declared_charset(content)
    with suppress(UnreadableDocument):
        assert sniff(content, name="file", hint=None) in MEDIA_TYPES
    try:
        text = clean(decode(content, content[:8].decode("latin-1")))
    except UnreadableDocument:
        return
    assert clean(text) == text
    assert _letters(csv_text(text)) == _letters(text), "letters of a table are lost or made up"
    with suppress(*REFUSALS):
        json_text(text)
    with suppress(*REFUSALS, ValueError):
        xml_text(content)


def letters(content: bytes) -> None:
    """Mail and RTF."""
    for read in (extract_mail, extract_rich_text):
        try:
            text, title = read(content)
        except REFUSALS:
            continue
        assert isinstance(text, str)
        assert title is None or "\n" not in title


def cuts(content: bytes) -> None:
    """Chunks, their words, sentences."""
    text = clean(_text(content))
    pages = [0, *sorted({at for at in content[:3] if 0 < at < len(text)})]
    for markdown in (False, True):
        at, covered = 0, Counter[str]()
        for chunk in _chunker().chunks(text, markdown=markdown, page_starts=pages, title="Title"):
            assert chunk.text == text[chunk.start : chunk.end]
            assert chunk.start >= at, "chunks overlap"
            assert not any(chunk.start < start < chunk.end for start in pages), "a chunk goes over a page"
            assert len(chunk.context) < 600
            at = chunk.end
            covered += _letters(chunk.text)
        assert covered == _letters(text), "letters are in no chunk"
    folded = fold(text)
    assert fold(folded) == folded
    for term in _analyzer().terms(text):
        assert term
        assert not any(letter.isspace() for letter in term)
    for span in sentences(text):
        assert span.text == text[span.start : span.end] == span.text.strip()


def prompts(content: bytes) -> None:
    """What stands between a source and a model, and between a model and a reader."""
    text = _text(content)
    inert = as_data(text)
    assert UNSEEN.search(inert) is None
    assert TAG.search(inert.replace("< ", "").replace("＜ ", "").replace("﹤ ", "")) is None or "<" in text
    assert "</source" not in inert.lower()
    assert "<|" not in inert
    assert MARKER.search(inert) is None
    assert not any(found.start() == 0 for found in LABEL.finditer(inert)), "a line begins like a turn"
    assert "\n" not in as_title(text)
    plain = without_orders(text)
    assert len(plain) == len(text)
    assert all(now in (was, " ") for now, was in zip(plain, text, strict=True))
    safe, defuser = defused(text), Defuser()
    assert OPENING.search(safe) is None
    assert "".join(map(defuser.feed, text)) == safe
    assert safe.replace(" ", "") == text.replace(" ", "")
    assert MARKER.search(without_markers(text)) is None
    half = len(text) // 2
    sources = [hit(text[:half], start=7), hit(text[half:])]
    cited = cite(text, text[:100], sources)
    for one in cited.citations:
        assert one.quote == sources[one.marker - 1].text[one.start - one.hit.start : one.end - one.hit.start]
    standalone(text[:200], ())
    page = render(
        _document(text[:80]), View(text=text, page_starts=[], span=(0, half), at=0), base="/", language="en"
    )
    assert page.count("<script") == 0
    assert page.count("<") == page.count(">")


def lines(content: bytes) -> None:
    """Lines of a page, from the order in which they are seen to that in which they are read."""
    text = clean(_text(content)).replace("\n", " ")[:300]
    for rtl in (False, True):
        assert sorted(logical(text, rtl=rtl)) == list(range(len(text)))
    turned = unmirrored(text)
    assert all(now in (was, MIRRORED.get(was)) for now, was in zip(turned, text, strict=True))
    assert SHAPES.search(typed(text)) is None or typed(typed(text)) == typed(text)
    parts = [part for part in text.split("  ") if part.strip()]
    made = [
        Line(
            text=part.strip(),
            left=content[0] % 90,
            right=100 + content[-1],
            y=800 - 14 * at,
            size=12,
            rtl=at % 2 == 1,
        )
        for at, part in enumerate(parts)
    ]
    joined = Paragraphs.of_lines(made).text
    assert not Counter(joined.replace(" ", "").replace("\n", "")) - Counter(text), "letters are made up"


TARGETS: dict[str, Target] = {one.__name__: one for one in (pages, data, letters, cuts, prompts, lines)}


def _letters(text: str) -> Counter[str]:
    return Counter(letter for letter in text if letter.isalnum())


def _document(title: str) -> Document:
    return Document(
        id="d", collection_id="c", collection="default", name=title, title=title, source="file", uri=title,
        media_type="text/plain", tags=[], metadata={}, status="done", error=None, error_code=None, pages=None,
        unread_pages=(), chunks=1, sha256=None, created_at=0.0, updated_at=0.0, seen_at=None,
    )  # fmt: skip


@cache
def _chunker() -> Chunker:
    return Chunker(word_tokenizer(Path(os.environ["FUZZ_FOLDER"])), tokens=16)


@cache
def _analyzer() -> Analyzer:
    return Analyzer()
