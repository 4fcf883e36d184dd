"""How far evidence supports a claim."""

import pytest

from app.grounding import LexicalJudge
from indexes.embedder import FakeEmbedder


@pytest.mark.parametrize(
    ("claim", "evidence", "least", "most"),
    [
        ("The ferry leaves at noon.", "The ferry leaves the harbour at noon.", 0.9, 1.0),
        ("Dragons breathe fire.", "The ferry leaves at noon.", 0.0, 0.1),
        (
            "The bridge cost 40 million.",
            "The bridge cost 30 million.",
            0.0,
            0.4,
        ),  # another number
        ("این پل در سال ۱۳۵۰ ساخته شد", "این پل در سال 1350 ساخته شد.", 0.9, 1.0),
        ("1,200 people", "The town has 1,200 people.", 0.9, 1.0),
        ("", "The ferry leaves at noon.", 0.0, 0.0),
    ],
)
def test_words_and_numbers(claim: str, evidence: str, least: float, most: float) -> None:
    [share] = LexicalJudge().support([claim], [evidence])
    assert least <= share <= most


def test_nearness_in_meaning_counts_only_where_words_are_shared() -> None:
    judge = LexicalJudge(FakeEmbedder())
    assert judge.support(["a b c d"], ["x y z w"]) == [0.0]
    assert judge.support([], []) == []
