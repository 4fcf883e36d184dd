"""Follow-up questions on the public sets, found by words alone: quick, and without a model."""

import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.spans import STOPWORDS, terms
from evaluation.datasets import DataSet, load
from evaluation.follow_ups import Search, measure, with_pronoun

LOSS = 0.01  # of recall, by a history of something else


@pytest.mark.parametrize(
    ("first", "second", "language", "spoken"),
    [
        ("Where is the Eiffel Tower?", "When was the Eiffel Tower built?", "en", "When was it built?"),
        ("برج ایفل کجاست؟", "برج ایفل کی ساخته شد؟", "fa", "آن کی ساخته شد ؟"),
        ("埃菲尔铁塔在哪里？", "埃菲尔铁塔多高？", "zh", "它多高？"),
        ("Who wrote Hamlet?", "Who built the tower?", "en", None),
        ("埃菲尔铁塔在哪里？", "谁写了红楼梦？", "zh", None),
    ],
)
def test_the_subject_of_both_questions_becomes_a_pronoun(
    first: str, second: str, language: str, spoken: str | None
) -> None:
    made = with_pronoun(first, second, language)
    assert (
        made is None
        if spoken is None
        else made is not None and made.replace(" ", "") == spoken.replace(" ", "")
    )


def by_words(data: DataSet) -> Search:
    """Passages by the weight of the terms they share with a query."""
    holds: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for number, passage in enumerate(data.passages):
        found = terms(passage.text)
        for term in found:
            holds[term].append((number, 1 / math.sqrt(len(found))))

    def search(queries: Sequence[str]) -> list[list[str]]:
        ranked = []
        for query in queries:
            scores: dict[int, float] = defaultdict(float)
            for term in (term for word in query.split() for term in terms(word) - STOPWORDS):
                rare = math.log(len(data.passages) / max(1, len(holds.get(term, ()))))
                for number, weight in holds.get(term, ()):
                    scores[number] += weight * rare
            ranked.append(
                [data.passages[number].id for number in sorted(scores, key=scores.__getitem__)[:-6:-1]]
            )
        return ranked

    return search


@pytest.mark.shared
@pytest.mark.parametrize(("language", "gained"), [("en", 0.05), ("fa", 0.05), ("zh", 0.2)])
def test_follow_ups_are_found_and_a_new_subject_loses_nothing(
    shared_data: Path, language: str, gained: float
) -> None:
    data = load(shared_data, language)
    row = measure(data, by_words(data), count=500, seed=1)
    assert row.count == 500
    assert row.rewritten - row.plain > gained
    assert row.whole - row.switched <= LOSS + 1e-9
