"""BLEU and chrF by sacrebleu: of a whole set of answers, whose counts are added up and then scored.

BLEU goes by words, so each answer is cut as its language's are: Chinese by character, Persian by all of
Unicode's punctuation, the rest as mteval-v13a does.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from app.language import Language, detect
from evaluation.judging.paired import Paired, Statistic, paired

if TYPE_CHECKING:
    from sacrebleu.metrics.base import Metric

TOKENIZERS: dict[Language, str] = {"zh": "zh", "fa": "intl", "en": "13a"}
LONGEST = 4_000  # characters of an answer


def bleu(golds: Sequence[str], base: Sequence[str], tuned: Sequence[str], *, seed: int) -> Paired:
    from sacrebleu.metrics.bleu import BLEU

    metrics = {  # answers that are all shorter than four words have no n-grams of that order to miss
        language: BLEU(tokenize=name, effective_order=True) for language, name in TOKENIZERS.items()
    }
    used = sorted({TOKENIZERS[detect(gold)] for gold in golds})
    return _paired(
        "bleu", f"BLEU ({', '.join(used)})", golds, base, tuned, lambda gold: metrics[detect(gold)], seed
    )


def chrf(golds: Sequence[str], base: Sequence[str], tuned: Sequence[str], *, seed: int) -> Paired:
    from sacrebleu.metrics.chrf import CHRF

    metric = CHRF()
    return _paired("chrf", "chrF", golds, base, tuned, lambda _: metric, seed)


def _paired(
    name: str,
    title: str,
    golds: Sequence[str],
    base: Sequence[str],
    tuned: Sequence[str],
    metric: "Callable[[str], Metric]",
    seed: int,
) -> Paired:
    return paired(
        name,
        title,
        _statistic(golds, base, metric),
        _statistic(golds, tuned, metric),
        count=len(golds),
        seed=seed,
        scale=0.01,
    )


def _statistic(golds: Sequence[str], said: Sequence[str], metric: "Callable[[str], Metric]") -> Statistic:
    """Counts are taken once a row; a resample adds them up, as sacrebleu's own significance tests do."""
    counts = np.array(
        [
            metric(gold)._extract_corpus_statistics([answer[:LONGEST]], [[gold[:LONGEST]]])[0]
            for gold, answer in zip(golds, said, strict=True)
        ]
    )  # [rows, counts of the metric]
    scorer = metric(golds[0])
    return lambda picks: float(scorer._compute_score_from_stats(counts[picks].sum(axis=0).tolist()).score)
