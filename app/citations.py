"""Ties each sentence of an answer to the exact span of a source that supports it best."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.spans import Span, content_terms, sentences, statements, support, terms
from indexes.records import Hit

MARKER = re.compile(r"\s*\[(\d{1,3})\]")
SUPPORTED = 0.5  # share of a sentence's terms that its span must hold
QUESTION_WEIGHT = 0.3  # between spans that support alike, the one that also speaks of the question


@dataclass(frozen=True, kw_only=True)
class Citation:
    """``quote == text_of(document)[start:end]``; ``marker`` is the source's place in the list, from 1."""

    marker: int
    hit: Hit
    start: int
    end: int
    quote: str
    score: float


@dataclass(frozen=True, kw_only=True)
class Cited:
    answer: str
    citations: tuple[Citation, ...]
    groundedness: float  # mean support over the sentences, 0..1


def cite(answer: str, question: str, sources: Sequence[Hit]) -> Cited:
    """``answer`` carries markers [n] into ``sources``, right or invented; what comes back carries only those
    whose source supports the sentence."""
    asked = content_terms(question)
    spans = [
        (number, hit, span, terms(span.text))
        for number, hit in enumerate(sources, 1)
        for span in statements(hit.text)
    ]
    parts: list[str] = []
    citations: list[Citation] = []
    scores: list[float] = []
    at = 0
    for sentence in sentences(answer):
        claim = content_terms(_unmarked(sentence.text))
        named = {int(number) for number in MARKER.findall(answer[sentence.start : _after(answer, sentence)])}
        parts.append(_unmarked(answer[at : sentence.end]))
        at = sentence.end
        if not claim:
            continue
        best = max(
            spans,
            key=lambda entry: (
                support(claim, entry[3])
                + QUESTION_WEIGHT * support(asked, entry[3])
                + 0.1 * (entry[0] in named)
            ),
            default=None,
        )
        score = support(claim, best[3]) if best else 0.0
        scores.append(score)
        if best is None or score < SUPPORTED:
            continue
        number, hit, span, _ = best
        parts.append(f" [{number}]")
        citations.append(_citation(number, hit, span, score))
    parts.append(_unmarked(answer[at:]))
    return Cited(
        answer="".join(parts).strip(),
        citations=tuple(dict.fromkeys(citations)),
        groundedness=round(sum(scores) / len(scores), 3) if scores else 0.0,
    )


def quote(hit: Hit, span: Span, number: int, score: float) -> Cited:
    """An answer that is the source's own words."""
    citation = _citation(number, hit, span, score)
    return Cited(answer=f"{span.text} [{number}]", citations=(citation,), groundedness=1.0)


def _citation(number: int, hit: Hit, span: Span, score: float) -> Citation:
    return Citation(
        marker=number,
        hit=hit,
        start=hit.start + span.start,
        end=hit.start + span.end,
        quote=span.text,
        score=round(score, 3),
    )


def _unmarked(text: str) -> str:
    """Also of what becomes a marker when another is taken out of it."""
    while MARKER.search(text):
        text = MARKER.sub("", text)
    return text


def _after(answer: str, sentence: Span) -> int:
    """Where the markers that follow a sentence end."""
    end = sentence.end
    while match := MARKER.match(answer, end):
        end = match.end()
    return end


class MarkerRewriter:
    """Renumbers markers in a stream of text, holding back only what may still become one."""

    def __init__(self, numbers: dict[int, int]) -> None:
        self._numbers = numbers
        self._held = ""

    def feed(self, text: str) -> str:
        text = self._held + text
        cut = text.rfind("[")
        open_marker = cut >= 0 and re.fullmatch(r"\[\d{0,3}", text[cut:]) is not None
        self._held = text[cut:] if open_marker else ""
        return self._rewrite(text[:cut] if open_marker else text)

    def flush(self) -> str:
        held, self._held = self._held, ""
        return held

    def _rewrite(self, text: str) -> str:
        def renumber(match: re.Match[str]) -> str:
            number = self._numbers.get(int(match.group(1)))
            return f"[{number}]" if number else ""

        return re.sub(r"\[(\d{1,3})\]", renumber, text)
