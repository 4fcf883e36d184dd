"""Examples that say the same in other words: found by what they mean, where their letters differ."""

from collections.abc import Callable, Sequence

import numpy as np

from evaluation.metrics import f1
from indexes.records import Vectors
from tuning.cleaning import numbers, texts
from tuning.near import tail
from tuning.records import Dropped, Example

Embed = Callable[[Sequence[str]], Vectors]  # texts -> [n, dim], rows of unit length
# Of 1,200 questions with their answers from the public sets, those that are as near are asked twice, or one
# fact asked from both ends; of eight paraphrases, written for it, seven are.
ALIKE = 0.97  # cosine
SHARED = 0.3  # F1 of the answers' words: "who did it?" is near to "what did she do?", but the answers are not
MOST = 2_000  # examples that are embedded: about a minute on two cores


def without_paraphrases(
    examples: Sequence[Example], embed: Embed
) -> tuple[tuple[Example, ...], tuple[Dropped, ...]]:
    """What is kept, in its order, and what is not. The first of those that mean the same is kept; where
    numbers differ they mean something else. Beyond MOST examples nothing is looked at."""
    if len(examples) > MOST:
        return tuple(examples), ()
    vectors = embed(["\n".join(map(tail, texts(one))) for one in examples])
    kept, dropped = list[int](), list[Dropped]()
    for at in range(len(examples)):
        near = _alike(vectors, kept, at)
        same = next((one for one in near if _says_the_same(examples[one], examples[at])), None)
        if same is None:
            kept.append(at)
        else:
            dropped.append(Dropped(line=examples[at].line, reason="paraphrase", repeats=examples[same].line))
    return tuple(examples[at] for at in kept), tuple(dropped)


def _alike(vectors: Vectors, earlier: Sequence[int], at: int) -> list[int]:
    """The nearest first."""
    close = vectors[list(earlier)] @ vectors[at] if earlier else np.empty(0, np.float32)
    return [earlier[one] for one in np.argsort(-close) if close[one] >= ALIKE]


def _says_the_same(one: Example, other: Example) -> bool:
    return numbers(one) == numbers(other) and f1(one.answer, [other.answer]) >= SHARED
