"""Ties each sentence of an answer to the exact span of a source that supports it best."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.grounding import Judge, LexicalJudge
from app.markers import MARKER, without_markers
from app.spans import Span, content_terms, sentences, statements, support, terms
from indexes.records import Hit

SUPPORTED = 0.5  # of a sentence by its span, as the judge gives it
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
    unsupported: tuple[str, ...]  # sentences that no source supports


def cite(
    answer: str, question: str, sources: Sequence[Hit], judge: Judge | None = None, *, drop: bool = False
) -> Cited:
    """``answer`` carries markers [n] into ``sources``, right or invented; what comes back carries only those
    whose source supports the sentence. With ``drop`` the sentences that nothing supports are left out."""
    claims = _claims(answer, question, sources)
    supports = (judge or LexicalJudge()).support(
        [claim.text for claim in claims], [claim.span.text if claim.span else "" for claim in claims]
    )
    parts: list[str] = []
    citations: list[Citation] = []
    unsupported: list[str] = []
    at = 0
    for claim, score in zip(claims, supports, strict=True):
        supported = claim.hit is not None and claim.span is not None and score >= SUPPORTED
        if supported or not drop:
            parts.append(without_markers(answer[at : claim.end]))
        at = claim.end
        if claim.hit is None or claim.span is None or not supported:
            unsupported.append(claim.text)
            continue
        parts.append(f" [{claim.number}]")
        citations.append(_citation(claim.number, claim.hit, claim.span, score))
    parts.append(without_markers(answer[at:]))
    return Cited(
        answer="".join(parts).strip(),
        citations=tuple(dict.fromkeys(citations)),
        groundedness=round(sum(supports) / len(supports), 3) if supports else 0.0,
        unsupported=tuple(unsupported),
    )


@dataclass(frozen=True, kw_only=True)
class _Claim:
    """A sentence of the answer and the span that supports it best by its words."""

    text: str
    end: int  # in the answer
    number: int
    hit: Hit | None
    span: Span | None


def _claims(answer: str, question: str, sources: Sequence[Hit]) -> list[_Claim]:
    asked = content_terms(question)
    spans = [
        (number, hit, span, terms(span.text))
        for number, hit in enumerate(sources, 1)
        for span in statements(hit.text)
    ]
    claims = []
    for sentence in sentences(answer):
        text = without_markers(sentence.text)
        claim = content_terms(text)
        if not claim:
            continue
        named = {int(number) for number in MARKER.findall(answer[sentence.start : _after(answer, sentence)])}
        number, hit, span, _ = max(
            spans,
            key=lambda entry: (
                support(claim, entry[3])
                + QUESTION_WEIGHT * support(asked, entry[3])
                + 0.1 * (entry[0] in named)
            ),
            default=(0, None, None, set[str]()),
        )
        claims.append(_Claim(text=text, end=sentence.end, number=number, hit=hit, span=span))
    return claims


def _citation(number: int, hit: Hit, span: Span, score: float) -> Citation:
    return Citation(
        marker=number,
        hit=hit,
        start=hit.start + span.start,
        end=hit.start + span.end,
        quote=span.text,
        score=round(score, 3),
    )


def _after(answer: str, sentence: Span) -> int:
    """Where the markers that follow a sentence end."""
    end = sentence.end
    while match := MARKER.match(answer, end):
        end = match.end()
    return end
