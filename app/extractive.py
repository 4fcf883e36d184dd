"""Answers in the source's own words, for languages that the generator cannot write."""

from collections.abc import Sequence

from app.citations import Cited, quote
from app.spans import sentences, support, terms
from indexes.embedder import Embedder
from indexes.records import Hit

MAX_SPANS = 24
SOURCES = 3
TERM_WEIGHT = 0.15  # of shared terms beside the cosine, whose spread between sentences is about .1


def best_quote(question: str, sources: Sequence[Hit], embedder: Embedder) -> Cited | None:
    """The sentence of the best sources that is nearest to the question; ``sources`` best first."""
    spans = [
        (number, hit, span) for number, hit in enumerate(sources[:SOURCES], 1) for span in sentences(hit.text)
    ][:MAX_SPANS]
    if not spans:
        return None
    asked = terms(question)
    cosines = (
        embedder.embed_passages([span.text for _, _, span in spans]) @ embedder.embed_queries([question])[0]
    )
    scored = [
        float(cosine) + TERM_WEIGHT * support(asked, terms(span.text))
        for cosine, (_, _, span) in zip(cosines, spans, strict=True)
    ]
    best = max(range(len(spans)), key=scored.__getitem__)
    number, hit, span = spans[best]
    return quote(hit, span, number, float(cosines[best]))
