"""What may tell an answerable question from another: the scores of retrieval, and the evidence gate."""

from collections.abc import Mapping, Sequence

from app import models
from app.gate import EvidenceGate, load_calibrations
from app.settings import Settings
from evaluation.cases import Weigh
from indexes.records import Hit

GATE = "evidence gate"
COSINE = "cosine of the best passage"
FUSED = "score of the best passage"


def weigher(settings: Settings) -> Weigh:
    """With the gate as the service builds it from ``settings``."""
    readers = models.build_readers(settings)
    gate = EvidenceGate(readers, load_calibrations(readers), min_confidence=settings.min_confidence)

    def weigh(question: str, hits: Sequence[Hit]) -> Mapping[str, float]:
        evidence = gate.weigh(question, hits)
        return {
            GATE: evidence.confidence,
            COSINE: max(hit.dense for hit in hits),
            FUSED: hits[0].score,
            "enough": float(evidence.enough),
        }

    return weigh
