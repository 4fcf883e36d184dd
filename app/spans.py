"""Sentences with their exact places, and how far one text supports another."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from indexes.text import ZWNJ, fold

# A sentence ends at closing punctuation, with quotes and brackets after it, or at a line's end.
SENTENCE = re.compile(
    r"[^\n.!?؟。！？]*(?:[.!?؟](?!\s|$|[\"'”’»)\]])[^\n.!?؟。！？]*)*[.!?؟。！？]*[\"'”’»)\]]*", re.UNICODE
)
SENTENCE_ENDS = tuple(".!?؟。！？")
WORD = re.compile(r"[^\W_]+", re.UNICODE)
HAN = re.compile(r"[\u3400-\u9fff]")
# Words that say nothing of what a sentence is about: sharing them is no support.
STOPWORDS = frozenset(map(fold, [
    "a", "an", "and", "answer", "are", "as", "at", "be", "but", "by", "do", "does", "did", "for",
    "from", "had", "has", "have", "how", "i", "in", "is", "it", "its", "of", "on", "or", "that", "the",
    "their", "there", "they", "this", "to", "was", "were", "what", "when", "where", "which", "who",
    "will", "with", "you", "your", "آن", "آیا", "از", "است", "این", "با", "باید", "بر", "برای", "به",
    "بود", "تا", "چه", "چیست", "را", "شد", "شود", "که", "کدام", "کی", "کجا", "می", "نیست", "هر", "هم",
    "و", "یا", "یک", "های", "ها",
]))  # fmt: skip
MIN_SENTENCE = 2  # characters that are letters or digits


@dataclass(frozen=True, kw_only=True)
class Span:
    start: int  # code points, half open
    end: int
    text: str


def sentences(text: str) -> Iterator[Span]:
    """Each sentence as it stands: ``span.text == text[span.start:span.end]``."""
    for match in SENTENCE.finditer(text):
        raw = match.group()
        stripped = raw.strip()
        if sum(char.isalnum() for char in stripped) < MIN_SENTENCE:
            continue
        start = match.start() + raw.index(stripped)
        yield Span(start=start, end=start + len(stripped), text=stripped)


def statements(text: str) -> list[Span]:
    """The sentences, without headings: those share a question's words but say nothing. Where a text has
    nothing but lines without an end, all of them."""
    every = list(sentences(text))
    return [span for span in every if span.text.endswith(SENTENCE_ENDS)] or every


def terms(text: str) -> set[str]:
    """What is compared: folded words; for Chinese, pairs of neighbouring characters."""
    folded = fold(text).replace(ZWNJ, "")
    found: set[str] = set()
    for word in WORD.findall(folded):
        if HAN.search(word):
            found.update(word[i : i + 2] for i in range(max(1, len(word) - 1)))
        else:
            found.add(word)
    return found


def content_terms(text: str) -> set[str]:
    """The terms that carry meaning; all of them where there are only stop words."""
    every = terms(text)
    return every - STOPWORDS or every


def support(claim: set[str], evidence: set[str]) -> float:
    """The share of the claim's terms that stand in the evidence; 0 for an empty claim."""
    return len(claim & evidence) / len(claim) if claim else 0.0
