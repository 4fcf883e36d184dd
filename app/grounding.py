"""How far a piece of a source supports a claim: by words, by meaning, or by a model of entailment."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Any, Protocol

from app.spans import content_terms, support, terms
from indexes.embedder import Embedder

NUMBER = re.compile(r"(?<![A-Za-z\d])\d+(?:[.,٫٬/:]\d+)*(?![A-Za-z])")
WRONG_NUMBER = 0.4  # the most that a claim gets that names a number its evidence does not hold
UNSURE = 0.25  # of shared words: below it, nearness in meaning alone is no support
NEAR = 0.9  # cosine from which a paraphrase counts as supported, on the bundled embedder's scale


class Judge(Protocol):
    def support(self, claims: Sequence[str], evidence: Sequence[str]) -> list[float]:
        """0..1 for each claim by the piece of evidence at its place; from .5 it counts as supported."""
        ...


class LexicalJudge:
    """The share of the claim's words; numbers must stand in the evidence. With an embedder also a paraphrase
    counts, where enough of the words are shared."""

    def __init__(self, embedder: Embedder | None = None) -> None:
        self._embedder = embedder

    def support(self, claims: Sequence[str], evidence: Sequence[str]) -> list[float]:
        shares = [_shared(claim, span) for claim, span in zip(claims, evidence, strict=True)]
        unsure = [place for place, share in enumerate(shares) if UNSURE <= share < 0.5]
        if self._embedder is not None and unsure:
            said = self._embedder.embed_passages([claims[place] for place in unsure])
            held = self._embedder.embed_passages([evidence[place] for place in unsure])
            for place, cosine in zip(unsure, (said * held).sum(axis=1), strict=True):
                if cosine >= NEAR:
                    shares[place] = float(min(cosine, 1.0))
        return [
            min(share, 1.0 if _numbers(claim) <= _numbers(span) else WRONG_NUMBER)
            for share, claim, span in zip(shares, claims, evidence, strict=True)
        ]


class EntailmentJudge:
    """A cross-encoder for natural language inference, read as (premise, hypothesis)."""

    def __init__(self, model: str, *, device: str) -> None:
        from sentence_transformers import CrossEncoder

        self._model: Any = CrossEncoder(model, device=device)
        labels = {str(name).lower(): int(place) for place, name in self._model.config.id2label.items()}
        entailment = [place for name, place in labels.items() if name.startswith("entail")]
        if not entailment:
            raise ValueError(f"{model} is no model of entailment: its labels are {', '.join(labels)}")
        self._entailment = entailment[0]

    def support(self, claims: Sequence[str], evidence: Sequence[str]) -> list[float]:
        if not claims:
            return []
        pairs = list(zip(evidence, claims, strict=True))
        chances = self._model.predict(pairs, apply_softmax=True, show_progress_bar=False)
        return [float(row[self._entailment]) for row in chances]


def _shared(claim: str, evidence: str) -> float:
    return support(content_terms(claim), terms(evidence))


def _numbers(text: str) -> set[str]:
    """Whatever digits they are written in."""
    folded = "".join(
        str(unicodedata.decimal(char)) if unicodedata.decimal(char, None) is not None else char
        for char in unicodedata.normalize("NFKC", text)
    )
    return set(NUMBER.findall(folded))
