"""Scores of texts: ROUGE by hand, BLEU and chrF as sacrebleu gives them, in three languages."""

import pytest

from evaluation.judging import corpus
from evaluation.judging.paired import paired_means
from evaluation.judging.rouge import rouge_l, rouge_n
from evaluation.judging.rows import Row
from evaluation.judging.scores import judged
from indexes.embedder import FakeEmbedder
from indexes.errors import Unavailable
from indexes.records import Vectors

ENGLISH = ("The library opens at nine every day", "The library opens every day at nine")
PERSIAN = ("کتابخانه ساعت نه باز می‌شود", "كتابخانه هر روز ساعت نه باز مي‌شود")
CHINESE = ("图书馆九点开门", "图书馆每天九点开")


@pytest.mark.parametrize(
    ("texts", "one", "two", "longest"),
    [
        # library opens at nine every day / library opens every day at nine: 6 and 6 words, 6 in common;
        # bigrams "library opens", "at nine", "every day" of 5; library opens + two words of four in order
        (ENGLISH, 1.0, 3 / 5, 4 / 6),
        # 6 and 8 words (ZWNJ parts two); all 6 in common; bigrams 4 of 5 and 7; the 6 in their order
        (PERSIAN, 2 * 6 / 14, 2 * 4 / 12, 2 * 6 / 14),
        # 7 and 8 characters; 图书馆九点开 in common; 图书 书馆 九点 点开 of 6 and 7; the 6 in their order
        (CHINESE, 2 * 6 / 15, 2 * 4 / 13, 2 * 6 / 15),
        (("nine", "nine"), 1.0, 1.0, 1.0),  # too short for a bigram
        (("", "nine"), 0.0, 0.0, 0.0),
        (("nothing of it", "九点"), 0.0, 0.0, 0.0),
    ],
)
def test_rouge_by_hand(texts: tuple[str, str], one: float, two: float, longest: float) -> None:
    assert rouge_n(*texts, 1) == pytest.approx(one)
    assert rouge_n(*texts, 2) == pytest.approx(two)
    assert rouge_l(*texts) == pytest.approx(longest)


def test_bleu_and_chrf_are_those_of_sacrebleu() -> None:
    from sacrebleu.metrics import BLEU, CHRF

    golds = [f"The ferry number {number} leaves the harbour at noon." for number in range(12)]
    base = ["It leaves at noon, I think.", "The ferry leaves the harbour."] * 6
    tuned = [gold.replace("noon", "one") if "1" in gold else gold for gold in golds]
    bleu = corpus.bleu(golds, base, tuned, seed=0)
    chrf = corpus.chrf(golds, base, tuned, seed=0)
    assert bleu.base.mean == pytest.approx(BLEU().corpus_score(base, [golds]).score / 100)
    assert bleu.tuned.mean == pytest.approx(BLEU().corpus_score(tuned, [golds]).score / 100)
    assert chrf.tuned.mean == pytest.approx(CHRF().corpus_score(tuned, [golds]).score / 100)
    for one in (bleu, chrf):
        assert one.gain.mean == pytest.approx(one.tuned.mean - one.base.mean)
        assert 0 < one.gain.low <= one.gain.mean <= one.gain.high < 1


@pytest.mark.parametrize(("said", "gold"), [ENGLISH, PERSIAN, CHINESE])
def test_bleu_and_chrf_in_each_language(said: str, gold: str) -> None:
    for score in (corpus.bleu, corpus.chrf):
        found = score([gold] * 3, [gold] * 3, [said] * 3, seed=0)
        assert found.base.mean == pytest.approx(1.0)
        assert 0.1 < found.tuned.mean < 0.95
        nothing = score([gold] * 3, [""] * 3, ["…"] * 3, seed=0)
        assert nothing.base.mean == nothing.tuned.mean == 0.0


def test_the_tokenizers_are_those_of_the_languages() -> None:
    golds = [ENGLISH[1], PERSIAN[1], CHINESE[1]]
    assert corpus.bleu(golds, golds, golds, seed=0).title == "BLEU (13a, intl, zh)"


def test_a_gain_is_surer_than_either_score() -> None:
    base = [0.0, 1.0] * 20
    found = paired_means("f1", "F1", base, [one + 0.1 for one in base], seed=0)
    assert found.gain.mean == pytest.approx(0.1)
    assert found.gain.high - found.gain.low < 1e-9, "every row gains the same"
    assert found.base.high - found.base.low > 0.2
    assert found.tuned.low <= found.tuned.mean <= found.tuned.high


class Down(FakeEmbedder):
    def embed_passages(self, texts: object) -> Vectors:
        raise Unavailable("the endpoint does not answer")


ROWS = [
    Row(question=question, gold=gold, base="I think so.", tuned=gold)
    for question, gold in (
        *((f"When does the {thing} open?", f"The {thing} opens at nine.") for thing in "abcdefgh"),
        *((f"{thing}几点开门？", f"{thing}九点开门。") for thing in "甲乙丙丁戊己"),
    )
]


def test_all_scores_of_answers() -> None:
    found = judged(ROWS, embedder=FakeEmbedder)
    figures = found.figures()
    for name in ("exact", "f1", "rouge1", "rouge2", "rouge_l", "bleu", "chrf", "similarity"):
        assert figures[name] == pytest.approx(1.0), name
        assert figures[f"{name}_base"] < 0.5, name
        assert 0 < figures[f"{name}_gain_low"] <= figures[f"{name}_gain_high"] <= 1.0 + 1e-9, name
    assert list(found.languages) == ["en", "zh"]
    assert found.languages["zh"][0].base.count == 6
    assert found.confusion is None
    assert found.trial is None
    assert "judge_auc" not in figures


def test_what_cannot_be_measured_is_said() -> None:
    found = judged(ROWS, embedder=Down)
    assert found.notes == ("no similarity: the endpoint does not answer",)
    assert "similarity" not in found.figures()
