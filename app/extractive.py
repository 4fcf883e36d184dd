"""Answers in the source's own words: where the generator cannot write the language, or wrote what no source
supports."""

from collections.abc import Sequence

from app.citations import Cited, quote
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


def best_quote(
    question: str, sources: Sequence[Hit], embedder: Embedder, *, min_score: float
) -> Cited | None:
    """The sentence of the best sources that is nearest to the question; ``sources`` best first. None when
    even its cosine is below ``min_score``."""
    spans = [
        (number, hit, span)
        for number, hit in enumerate(sources[:SOURCES], 1)
        for span in statements(hit.text)
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
    if cosines[best] < min_score:
        return None
    number, hit, span = spans[best]
    return quote(hit, _with_next(hit, span), number, float(cosines[best]))


def _with_next(hit: Hit, span: Span) -> Span:
    """The sentence, and the next one where that begins with a word that points back at it."""
    following = next((one for one in sentences(hit.text) if one.start >= span.end), None)
    if following is None or not following.text.lower().startswith(POINTING_BACK):
        return span
    return Span(start=span.start, end=following.end, text=hit.text[span.start : following.end])
