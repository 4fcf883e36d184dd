"""Extractive reading: start and end logits over the tokens of question and passage, "no answer" at <s>.

As for SQuAD 2.0 (Devlin et al. 2019, section 4.3): the best span's score against that of the first token.
"""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from app.reader.port import Reading
from indexes.openvino_embedder import SHAPE_STEP, batches

Ids = npt.NDArray[np.int64]
Logits = npt.NDArray[np.float32]
FIRST, PAD, SEPARATOR = 0, 1, 2  # <s>, <pad>, </s>, of XLM-R's vocabulary and of MPNet's alike
QUESTION_TOKENS = 64
SHARED_TOKENS = 40  # by neighbouring windows of a passage
SPAN_TOKENS = 40  # longest answer
BATCH_TOKENS = 4096
# One letter for one, so that offsets stay: what two keyboards write differently, and the joiner as a space.
FOLD = str.maketrans({"ي": "ی", "ى": "ی", "ك": "ک", "ۀ": "ه", "ة": "ه", "\u200c": " ", "\u0640": " "})
TRIMMED = " \t\n\r,.;:!?،؛؟。，、；：！？"
PAIRS = {"(": ")", "[": "]", "«": "»", "“": "”", "《": "》", "（": "）", "「": "」", "『": "』", '"': '"'}


class SpanModel(Protocol):
    def logits(self, ids: Ids, mask: Ids) -> Logits:
        """Ids and mask [n, t] -> start and end logits [n, t, 2]."""
        ...


@dataclass(frozen=True, kw_only=True)
class _Window:
    passage: int  # its place among the passages
    ids: list[int]
    offsets: list[tuple[int, int]]  # of the passage's tokens, in code points
    first: int  # the passage's first token within ids


class SpanReader:
    def __init__(self, model: SpanModel, tokenizer: Tokenizer, *, window: int) -> None:
        """``window``: tokens of a passage that are read at once; as many as in training, for F1 falls by a
        third at four times as many."""
        self._model = model
        self._window = window
        self._tokenizer = tokenizer
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._lock = threading.Lock()  # one reading at a time has the processor to itself

    def read(self, question: str, passages: Sequence[str]) -> list[Reading]:
        readings = [Reading(start=0, end=0, margin=-np.inf) for _ in passages]
        windows = list(self._windows(question, passages))
        for rows in batches([len(window.ids) for window in windows], BATCH_TOKENS):
            group = [windows[row] for row in rows]
            longest = max(len(window.ids) for window in group)
            ids = np.full((len(group), -(-longest // SHAPE_STEP) * SHAPE_STEP), PAD, np.int64)
            for row, window in enumerate(group):
                ids[row, : len(window.ids)] = window.ids
            with self._lock:
                logits = self._model.logits(ids, (ids != PAD).astype(np.int64))
            for window, one in zip(group, logits, strict=True):
                found = _best_span(window, one, passages[window.passage])
                if found.margin > readings[window.passage].margin:
                    readings[window.passage] = found
        return readings

    def _windows(self, question: str, passages: Sequence[str]) -> Iterator[_Window]:
        texts = [text.translate(FOLD) for text in (question, *passages)]
        asked, *read = self._tokenizer.encode_batch(texts, add_special_tokens=False)
        head = [FIRST, *asked.ids[:QUESTION_TOKENS], SEPARATOR, SEPARATOR]
        for place, encoding in enumerate(read):
            for start in _starts(len(encoding.ids), self._window):
                end = start + self._window
                yield _Window(
                    passage=place,
                    ids=[*head, *encoding.ids[start:end], SEPARATOR],
                    offsets=encoding.offsets[start:end],
                    first=len(head),
                )


def _starts(count: int, window: int) -> list[int]:
    """Of as few windows as cover ``count`` tokens, evenly apart."""
    windows = 1 + max(0, -(-(count - window) // (window - SHARED_TOKENS)))
    return [round(number * (count - window) / max(1, windows - 1)) for number in range(windows)]


def _best_span(window: _Window, logits: Logits, passage: str) -> Reading:
    """The best ``start <= end < start + SPAN_TOKENS`` within the passage."""
    count = len(window.offsets)
    none = float(logits[0].sum())
    if not count:
        return Reading(start=0, end=0, margin=-none)
    starts, ends = logits[window.first : window.first + count].T
    padded = np.concatenate([ends, np.full(SPAN_TOKENS - 1, -np.inf, np.float32)])
    reach = np.lib.stride_tricks.sliding_window_view(padded, SPAN_TOKENS)  # [count, SPAN_TOKENS]
    lengths = reach.argmax(axis=1)
    scores = starts + reach[np.arange(count), lengths]
    first = int(scores.argmax())
    last = first + int(lengths[first])
    start, end = _trimmed(passage, window.offsets[first][0], window.offsets[last][1])
    return Reading(start=start, end=end, margin=float(scores[first]) - none)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Without white space, punctuation and a bracket or quote whose partner is outside."""
    while True:
        before = (start, end)
        while start < end and text[start] in TRIMMED:
            start += 1
        while end > start and text[end - 1] in TRIMMED and not _abbreviation(text, end):
            end -= 1
        span = text[start:end]
        for opening, closing in PAIRS.items():
            if span.startswith(opening) and closing not in span[1:]:
                start += 1
            elif span.endswith(closing) and opening not in span[:-1]:
                end -= 1
        if before == (start, end):
            return start, max(start, end)


def _abbreviation(text: str, end: int) -> bool:
    """Whether the full stop before ``end`` belongs to something like "U.S."."""
    return text[end - 1] == "." and end >= 4 and text[end - 3] == "." and text[end - 2].isalpha()
