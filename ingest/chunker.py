"""Chunks bounded by the embedder's own tokens, cut where the text's structure allows; offsets exact."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from semantic_text_splitter import MarkdownSplitter, TextSplitter
from tokenizers import Tokenizer

from indexes.records import Chunk
from ingest.headings import Trail

RUN = 500  # characters without a place to cut, after which one is made: the time grows with their square
UNBROKEN = re.compile(rf"[^\s.!?,;:،؛؟۔。！？，；：、]{{{RUN}}}")


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
            ends = [run.end() for run in UNBROKEN.finditer(text, start, end)]
            for begin, until in pairwise([start, *ends, end]):
                for offset, part in splitter.chunk_indices(text[begin:until]):
                    if part.strip():
                        at = begin + offset
                        context = trail.context(at, part)
                        yield Chunk(start=at, end=at + len(part), page=page, text=part, context=context)
