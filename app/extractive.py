"""Answers in the source's own words: never what no source supports."""

import math
from collections.abc import Sequence

from app.citations import Citation, Cited
from app.gate import Evidence
from app.orders import is_order
from app.reader.port import Reading
from app.spans import Span, content_terms, sentences, statements, support, terms
from indexes.embedder import Embedder
from indexes.records import Hit

MAX_SPANS = 24
SOURCES = 3
POINTING_BACK = (
    "it ", "its ", "he ", "his ", "she ", "her ", "they ", "their ", "this ", "these ", "او ", "آن ", "این ",
    "آنها ", "他", "她", "它", "这", "该", "其",
)  # fmt: skip
TERM_WEIGHT = 0.15  # of shared terms beside the cosine, whose spread between sentences is about .1


def read_answer(sources: Sequence[Hit], evidence: Evidence) -> Cited | None:
    """The words that the reader found, quoted with the sentence around them; None where it found none."""
    place = evidence.best(sources)
    if place is None:
        return None
    hit, best, number = sources[place], evidence.readings[place], place + 1
    return _quoted(hit, hit.text[best.start : best.end], _around(hit, best), number, _chance(best.margin))


def best_sentence(question: str, sources: Sequence[Hit], embedder: Embedder) -> Cited | None:
    """The sentence of the best sources that is nearest to the question; ``sources`` best first."""
    spans = [
        (number, hit, span)
        for number, hit in enumerate(sources[:SOURCES], 1)
        for span in statements(hit.text)
        if not is_order(span.text)
    ][:MAX_SPANS]
    if not spans:
        return None
    asked = content_terms(question)
    cosines = (
        embedder.embed_passages([span.text for _, _, span in spans]) @ embedder.embed_queries([question])[0]
    )
    scored = [
        float(cosine) + TERM_WEIGHT * support(asked, terms(span.text))
        for cosine, (_, _, span) in zip(cosines, spans, strict=True)
    ]
    best = max(range(len(spans)), key=scored.__getitem__)
    number, hit, span = spans[best]
    whole = _with_next(hit, span)
    return _quoted(hit, whole.text, whole, number, float(cosines[best]))


def _quoted(hit: Hit, words: str, span: Span, number: int, score: float) -> Cited:
    """``words`` as the answer, ``span`` of the hit's text as what is cited for them."""
    citation = Citation(
        marker=number,
        hit=hit,
        start=hit.start + span.start,
        end=hit.start + span.end,
        quote=span.text,
        score=round(score, 3),
    )
    answer = f"{' '.join(words.split())} [{number}]"
    return Cited(answer=answer, citations=(citation,), groundedness=1.0, unsupported=())


def _around(hit: Hit, reading: Reading) -> Span:
    """The sentences that the words stand in, or the words alone where the text has none."""
    inside = [span for span in sentences(hit.text) if span.start < reading.end and span.end > reading.start]
    start = min([reading.start, *(span.start for span in inside)])
    end = max([reading.end, *(span.end for span in inside)])
    return Span(start=start, end=end, text=hit.text[start:end])


def _with_next(hit: Hit, span: Span) -> Span:
    """The sentence, and the next one where that begins with a word that points back at it."""
    following = next((one for one in sentences(hit.text) if one.start >= span.end), None)
    if following is None or not following.text.lower().startswith(POINTING_BACK):
        return span
    return Span(start=span.start, end=following.end, text=hit.text[span.start : following.end])


def _chance(margin: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, margin))))
