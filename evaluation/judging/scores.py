"""All scores of two systems' answers to the same questions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from app.language import Language, detect
from evaluation import metrics
from evaluation.judging import corpus, grounding, labels
from evaluation.judging.labels import Confusion
from evaluation.judging.paired import Paired, paired_means
from evaluation.judging.ratings import Rater, Trial, rating, trial
from evaluation.judging.rouge import rouge_l, rouge_n
from evaluation.judging.rows import Row
from evaluation.refusing import refuses
from indexes.embedder import Embedder
from indexes.errors import Unavailable
from indexes.records import Vectors

SEED = 0
RATED = 60  # rows that a judge rates at most: it reads each twice
ALONE = 5  # rows of a language, from which it has scores of its own

Score = Callable[[str, str], float]  # of an answer and the gold one, 0..1
EACH: tuple[tuple[str, str, Score], ...] = (
    ("exact", "EM", lambda answer, gold: metrics.exact(answer, [gold])),
    ("f1", "F1", lambda answer, gold: metrics.f1(answer, [gold])),
    ("rouge1", "ROUGE-1", lambda answer, gold: rouge_n(answer, gold, 1)),
    ("rouge2", "ROUGE-2", lambda answer, gold: rouge_n(answer, gold, 2)),
    ("rouge_l", "ROUGE-L", rouge_l),
)


@dataclass(frozen=True, kw_only=True)
class Scores:
    count: int  # rows
    scores: tuple[Paired, ...]
    languages: dict[Language, tuple[Paired, ...]]  # by that of the questions, where there are several
    confusion: Confusion | None  # of a label task
    trial: Trial | None  # of the judge, where one was asked
    notes: tuple[str, ...]  # what is not measured, and why

    def figures(self) -> dict[str, float]:
        """``answers``; ``f1_base``, ``f1``, ``f1_gain_low``, ``f1_gain_high``, and so for each score;
        ``judge_auc``."""
        found: dict[str, float] = {"answers": self.count}
        for one in self.scores:
            found[f"{one.name}_base"], found[one.name] = one.base.mean, one.tuned.mean
            found[f"{one.name}_gain_low"], found[f"{one.name}_gain_high"] = one.gain.low, one.gain.high
        if self.trial is not None and self.trial.area is not None:
            found["judge_auc"] = self.trial.area
        return found


def judged(
    rows: Sequence[Row],
    *,
    learnt: Sequence[str] = (),
    embedder: Callable[[], Embedder] | None = None,
    rater: Rater | None = None,
    seed: int = SEED,
) -> Scores:
    """``rows``: one at least. ``learnt``: answers of the training, which tell together with the gold ones
    whether it is a label task; then it is asked which label was said, and nothing else.

    What ``embedder`` and ``rater`` measure is left out where they are None, and where they cannot. The former
    is made when it is needed, and may raise Unavailable."""
    names = labels.labels_of([*learnt, *(row.gold for row in rows)])
    if names:
        return Scores(
            count=len(rows),
            scores=labels.scores(rows, names, seed=seed),
            languages=_by_language(rows, lambda some: labels.scores(some, names, seed=seed)),
            confusion=labels.confusion(rows, names),
            trial=None,
            notes=(),
        )
    found = [*_texts(rows, seed), *grounding.scores(rows, seed=seed)]
    notes, tried = [], None
    if embedder is not None:
        try:
            found.append(_similarity(rows, embedder(), seed))
        except Unavailable as error:
            notes.append(f"no similarity: {error.message}")
    if rater is not None:
        answered = [row for row in rows if not refuses(row.gold)]
        tried = trial(rater, answered, seed=seed)
        if tried.passed:
            found.append(_rated(answered[:RATED], rater, seed))
    return Scores(
        count=len(rows),
        scores=tuple(found),
        languages=_by_language(rows, lambda some: _texts(some, seed)),
        confusion=None,
        trial=tried,
        notes=tuple(notes),
    )


def _texts(rows: Sequence[Row], seed: int) -> tuple[Paired, ...]:
    each = [
        paired_means(
            name,
            title,
            [score(row.base, row.gold) for row in rows],
            [score(row.tuned, row.gold) for row in rows],
            seed=seed,
        )
        for name, title, score in EACH
    ]
    golds, base, tuned = zip(*((row.gold, row.base, row.tuned) for row in rows), strict=True)
    whole = [score(golds, base, tuned, seed=seed) for score in (corpus.bleu, corpus.chrf)]
    return (*each, *whole)


def _similarity(rows: Sequence[Row], embedder: Embedder, seed: int) -> Paired:
    """Cosine of an answer's vector with the gold one's; an empty answer is like nothing."""
    golds, base, tuned = (
        embedder.embed_passages(texts)
        for texts in ([row.gold for row in rows], [row.base for row in rows], [row.tuned for row in rows])
    )
    return paired_means(
        "similarity",
        "similarity of meaning (cosine)",
        _cosines(base, golds, [row.base for row in rows]),
        _cosines(tuned, golds, [row.tuned for row in rows]),
        seed=seed,
    )


def _cosines(said: Vectors, golds: Vectors, texts: Sequence[str]) -> list[float]:
    """Of unit vectors [n, dim], pair by pair."""
    found = np.einsum("nd,nd->n", said, golds)
    return [float(one) if text.strip() else 0.0 for one, text in zip(found, texts, strict=True)]


def _rated(rows: Sequence[Row], rater: Rater, seed: int) -> Paired:
    return paired_means(
        "geval",
        "G-Eval (1 to 5)",
        [rating(rater, row.question, row.base) for row in rows],
        [rating(rater, row.question, row.tuned) for row in rows],
        seed=seed,
    )


def _by_language(
    rows: Sequence[Row], scores: Callable[[Sequence[Row]], tuple[Paired, ...]]
) -> dict[Language, tuple[Paired, ...]]:
    groups: dict[Language, list[Row]] = {}
    for row in rows:
        groups.setdefault(detect(row.question), []).append(row)
    if len(groups) < 2:
        return {}
    return {language: scores(some) for language, some in sorted(groups.items()) if len(some) >= ALONE}
