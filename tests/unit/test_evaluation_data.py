"""The sets as they are read: parts are fixed, gold is there, a sample is the same every time."""

from collections import Counter
from pathlib import Path

import pytest

from evaluation import rgb
from evaluation.datasets import SETS, load, sampled, split

COUNTS = {  # part -> questions with and without an answer
    "fa": {("train", True): 4038, ("train", False): 1327, ("test", True): 1210, ("test", False): 411,
           ("calibrate", True): 593, ("calibrate", False): 194},
    "zh": {("train", True): 2248, ("test", True): 647, ("calibrate", True): 324},
    "en": {("train", True): 1910, ("train", False): 1931, ("test", True): 624, ("test", False): 892,
           ("calibrate", True): 376, ("calibrate", False): 345},
}  # fmt: skip


def test_a_split_fills_each_part_to_its_share_and_keeps_titles_whole() -> None:
    titles = {f"title {number}": 10 for number in range(100)}
    parts = split(titles)
    assert parts == split(dict(reversed(titles.items())))  # whatever the order
    shares = Counter(parts.values())
    assert shares == {"test": 20, "calibrate": 10, "train": 70}


@pytest.mark.shared
@pytest.mark.parametrize("name", COUNTS)
def test_the_parts_are_those_that_models_were_trained_and_tuned_by(shared_data: Path, name: str) -> None:
    data = load(shared_data, name)
    assert Counter((one.part, bool(one.answers)) for one in data.questions) == COUNTS[name]


@pytest.mark.shared
@pytest.mark.parametrize("name", SETS)
def test_every_question_has_its_passage(shared_data: Path, name: str) -> None:
    data = load(shared_data, name)
    texts = {passage.id: passage.text for passage in data.passages}
    assert len(texts) == len(data.passages)
    for question in data.questions:
        assert question.gold
        assert all(gold in texts for gold in question.gold)
        if name in COUNTS and question.answers:
            assert any(answer in texts[question.gold[0]] for answer in question.answers)


@pytest.mark.shared
def test_across_languages_no_article_is_in_two_parts(shared_data: Path) -> None:
    english = {one.gold[0]: one.part for one in load(shared_data, "en").questions}
    titles = {one.id: one.title for one in load(shared_data, "en").passages}
    part_of = {titles[gold]: part for gold, part in english.items()}
    data = load(shared_data, "zh-en")
    found = {one.id: one.title for one in data.passages}
    assert all(part_of[found[one.gold[0]]] == one.part for one in data.questions)
    ours = {one.id: one.part for one in data.questions}
    assert ours == {one.id: one.part for one in load(shared_data, "en-zh").questions}


@pytest.mark.shared
def test_a_sample_is_the_same_every_time_and_grows(shared_data: Path) -> None:
    questions = load(shared_data, "zh").questions
    ten = sampled(questions, 10, seed=1)
    assert ten == sampled(list(reversed(questions)), 10, seed=1)
    assert sampled(questions, 20, seed=1)[:10] == ten
    assert sampled(questions, 10, seed=2) != ten
    assert len(sampled(questions, None, seed=1)) == len(questions)


@pytest.mark.shared
@pytest.mark.parametrize("language", rgb.FILES)
def test_noise_holds_no_answer_and_a_noisy_one_does(shared_data: Path, language: str) -> None:
    for one in rgb.noise_only(shared_data, language):
        assert one.answers == ()
        assert len(one.passages) == rgb.SHOWN
    noisy = rgb.noisy(shared_data, language, share=0.8)
    assert len(noisy) >= 38
    assert all(one.answers and len(one.passages) >= 4 for one in noisy)
