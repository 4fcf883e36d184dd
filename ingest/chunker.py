"""Chunks bounded by the embedder's own tokens, cut where the text's structure allows; offsets exact."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from semantic_text_splitter import MarkdownSplitter, TextSplitter
from tokenizers import Tokenizer

from indexes.records import Chunk
from ingest.headings import Trail

# The splitter's time grows with the square of what it is given: places to cut are made in
RUN = 500  # characters without any,
PIECE = 20_000  # and in a long text.
# Marks of Latin and Arabic script part words only with a space behind them: 1.5, a.b, http://c.
UNBROKEN = re.compile(rf"(?<![^\s۔。！？，；：、])[^\s۔。！？，；：、]{{{RUN},}}")
MARKED = re.compile(r".*[.!?,;:،؛؟]", re.DOTALL)


class Chunker:
    """``tokens`` bounds a chunk, counted without the prompt and the special tokens."""

    def __init__(self, tokenizer: Path, *, tokens: int) -> None:
        counter = Tokenizer.from_file(str(tokenizer))
        counter.no_truncation()
        counter.no_padding()

        def count(text: str) -> int:
            return len(counter.encode(text, add_special_tokens=False).ids)

        limits = (tokens // 2, tokens)  # a chunk ends at the best boundary in between
        # Not `from_huggingface_tokenizer`: each copies the tokenizer, 270 MB of the bundled embedder's.
        self._plain = TextSplitter.from_callback(count, limits)
        self._markdown = MarkdownSplitter.from_callback(count, limits)

    def chunks(
        self, text: str, *, markdown: bool, page_starts: list[int] | None, title: str | None = None
    ) -> Iterator[Chunk]:
        """Every chunk satisfies ``chunk.text == text[chunk.start:chunk.end]`` and lies on one page, so that
        the page of each quotation is known; blank ones are left out. Its context is ``title`` and, in
        Markdown, the headings above it, then the header row of the table that it continues."""
        splitter = self._markdown if markdown else self._plain
        trail = Trail(text if markdown else "", title=title)
        for number, (start, end) in enumerate(pairwise([*(page_starts or [0]), len(text)]), 1):
            page = number if page_starts else None
            for begin, until in pairwise(_pieces(text, start, end)):
                for offset, part in splitter.chunk_indices(text[begin:until]):
                    if part.strip():
                        at = begin + offset
                        context = trail.context(at, part)
                        yield Chunk(start=at, end=at + len(part), page=page, text=part, context=context)


def _pieces(text: str, start: int, end: int) -> list[int]:
    """The ends of what is split at once, ``start`` and ``end`` among them."""
    made = [start]
    for until in [*(cut for run in UNBROKEN.finditer(text, start, end) for cut in _cuts(run)), end]:
        while until - made[-1] > PIECE:
            at = made[-1]
            middle, last = at + PIECE // 2, at + PIECE
            breaks = (text.rfind(mark, middle, last) + len(mark) for mark in ("\n\n", "\n", " "))
            made.append(next((place for place in breaks if place > middle), last))
        made.append(until)
    return made


def _cuts(run: re.Match[str]) -> Iterator[int]:
    """Where a run is cut into parts of at most ``RUN`` characters: behind a mark, if there is one."""
    at = run.start()
    while run.end() - at >= RUN:
        mark = MARKED.match(run.string, at, at + RUN)
        at = mark.end() if mark is not None and mark.end() - at > RUN // 2 else at + RUN
        yield at
