"""Training and validation, so that what validates has not been seen.

All examples of a document stand on one side, or, where none are named, those that are nearly the same; and
what is in training still too like what validates is taken out.
"""

import random
from collections.abc import Sequence

from indexes.errors import InvalidTrainingFile
from tuning.near import Near, near_pairs, tail
from tuning.records import Dropped, Example, Split

VALIDATION = 0.2  # of the examples
ALIKE = 0.6  # Jaccard's, of question and answer, from which two would tell each other's answer
SEED = 0


def split(examples: Sequence[Example], *, seed: int = SEED) -> Split:
    """Four fifths to train on, by document where several are named. Raises InvalidTrainingFile."""
    documents = {one.document for one in examples}
    by_document = len(documents) > 1 and None not in documents
    groups = _by_document(examples) if by_document else _by_likeness(examples)
    if len(groups) < 2:
        raise InvalidTrainingFile(
            "there are too few different examples: none is left to validate with", code="cannot_validate"
        )
    random.Random(seed).shuffle(groups)
    wanted = max(1, round(VALIDATION * len(examples)))
    chosen: set[int] = set()
    for group in sorted(groups, key=lambda group: len(group) > wanted):  # stable: large ones only if need be
        if len(chosen) + len(group) <= wanted or not chosen:
            chosen.update(group)
    train = [one for at, one in enumerate(examples) if at not in chosen]
    validation = [one for at, one in enumerate(examples) if at in chosen]
    return without_leaks(train, validation, by_document=by_document)


def without_leaks(
    train: Sequence[Example], validation: Sequence[Example], *, by_document: bool = False
) -> Split:
    """What validates and is in training too, or nearly, is taken out of there.

    Raises InvalidTrainingFile where nothing is left."""
    near, leaks, kept = Near(ALIKE), list[Dropped](), list[Example]()
    for one in validation:
        near.add(_text(one))
    for one in train:
        if found := near.find(_text(one)):
            leaks.append(Dropped(line=one.line, reason="leak", repeats=validation[found[0]].line))
        else:
            kept.append(one)
    if not kept:
        raise InvalidTrainingFile(
            "every example is among those that validate too, or nearly: nothing is left to train on",
            code="train_is_validation",
        )
    return Split(train=tuple(kept), validation=tuple(validation), by_document=by_document, leaks=tuple(leaks))


def _by_document(examples: Sequence[Example]) -> list[list[int]]:
    """Places of the examples of each."""
    groups: dict[str | None, list[int]] = {}
    for at, example in enumerate(examples):
        groups.setdefault(example.document, []).append(at)
    return list(groups.values())


def _by_likeness(examples: Sequence[Example]) -> list[list[int]]:
    """Places of examples that are nearly the same, or linked by others that are (union-find)."""
    parent = list(range(len(examples)))

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = at = parent[parent[at]]
        return at

    for one, other in near_pairs([_text(example) for example in examples], ALIKE):
        parent[root(other)] = root(one)
    groups: dict[int, list[int]] = {}
    for at in range(len(examples)):
        groups.setdefault(root(at), []).append(at)
    if max(map(len, groups.values()), default=0) > len(examples) / 2:  # of one mould: a chain links them all
        return [[at] for at in range(len(examples))]
    return list(groups.values())


def _text(example: Example) -> str:
    return f"{tail(example.question)}\n{example.answer}"
