"""Which passages stand beside the one that answers, and where it stands among them."""

import random
from collections import Counter

import pytest

from app.prompt import canonical
from indexes.records import Hit
from tuning.raft import around
from tuning.sampling import STRIDE, places


def hit(number: int) -> Hit:
    return Hit(
        chunk_id=number, document_id=f"{number:02}", title="", uri="", page=None, start=0, end=1, text="",
        score=1 / number,
    )  # fmt: skip


def place(gold: Hit, beside: list[Hit]) -> int:
    return canonical([gold, *beside]).index(gold)


@pytest.mark.parametrize("number", [1, 5, 10])
def test_as_many_as_asked_and_no_two_the_same(number: int) -> None:
    gold, others = hit(number), [hit(one) for one in range(1, 11) if one != number]
    for seed in range(30):
        beside = around(gold, others, 4, random.Random(seed))
        assert len({one.chunk_id for one in beside} - {number}) == 4
        assert beside == sorted(beside, key=lambda one: others.index(one)), "best first"
    assert around(gold, others[:2], 4, random.Random(0)) == others[:2]
    assert around(gold, [], 4, random.Random(0)) == []


def test_every_place_is_taken_about_as_often_where_the_documents_allow_it() -> None:
    gold, others = hit(5), [hit(one) for one in range(1, 11) if one != 5]
    draw = random.Random(1)
    taken = Counter(place(gold, around(gold, others, 4, draw)) for _ in range(500))
    assert sorted(taken) == [0, 1, 2, 3, 4]
    assert min(taken.values()) > 60


def test_documents_take_turns_and_no_place_comes_twice() -> None:
    texts = {"a": "a" * STRIDE * 3, "b": "b" * 50, "c": " " * 5000, "d": ""}
    found = list(places(list(texts), texts.__getitem__, random.Random(0), most=100))
    assert Counter(document for document, _ in found) == {"a": 3, "b": 1}
    assert [document for document, _ in found][2:] == ["a", "a"]
    assert len(list(places(list(texts), texts.__getitem__, random.Random(0), most=2))) == 2
    assert list(places([], texts.__getitem__, random.Random(0), most=2)) == []


def test_no_more_texts_are_read_than_are_needed() -> None:
    read: list[str] = []

    def text_of(document: str) -> str:
        read.append(document)
        return document * 100

    assert len(list(places([str(one) for one in range(50)], text_of, random.Random(0), most=5))) == 5
    assert len(read) <= 6
