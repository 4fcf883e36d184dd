"""Questions with one thing exchanged."""

import random

import pytest

from tuning.altered import altered

PASSAGE = (
    "Rollo and the monk Dudo met in 911 at Rouen; Emma came in 1002 with 350 men. The town was taken first."
)


@pytest.mark.parametrize(
    ("question", "answers", "expected"),
    [
        ("When did Rollo rest?", ["911", "Emma"], {"When did Dudo rest?", "When did Rouen rest?"}),
        ("Who came in 1002?", ["Emma"], set()),  # no other number as long
        ("who led 200 men?", ["Emma"], {"who led 350 men?", "who led 911 men?"}),
        ("what was taken first?", ["town"], {"what was taken last?"}),
        ("what was taken there?", ["town"], set()),
        ("帝国于200年建立？", ["Rouen"], {"帝国于911年建立？", "帝国于350年建立？"}),
        ("who?", ["Emma"], set()),
    ],
)
def test_one_thing_is_exchanged(question: str, answers: list[str], expected: set[str]) -> None:
    made = {altered(question, PASSAGE, answers, random.Random(seed)) for seed in range(20)} - {None}
    assert made <= expected if expected else not made
    assert bool(made) == bool(expected)


def test_the_answer_is_never_put_into_the_question() -> None:
    for seed in range(50):
        made = altered("When did Rollo come in 911 to Paris?", PASSAGE, ["Emma", "350"], random.Random(seed))
        assert made is not None
        assert "Emma" not in made
        assert "350" not in made
