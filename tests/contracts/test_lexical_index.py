"""One suite for the lexical index and its stand-in."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexes import postings
from indexes.lexical import FakeLexicalIndex, Lexical, LexicalIndex
from indexes.postings import PostingsIndex
from indexes.rows import Ids

Make = Callable[[], LexicalIndex]
NONE = np.empty(0, np.int64)


@pytest.fixture(params=[FakeLexicalIndex, PostingsIndex])
def make(request: pytest.FixtureRequest) -> Make:
    return request.param  # type: ignore[no-any-return]


def ids(*numbers: int) -> Ids:
    return np.array(numbers, np.int64)


def words(*texts: str) -> list[list[str]]:
    return [text.split() for text in texts]


def find(
    index: LexicalIndex, query: str, k: int = 10, allowed: Ids | None = None, also: Ids = NONE
) -> Lexical:
    return index.search(query.split(), k, allowed=allowed, also=also)


def test_an_empty_index_finds_nothing(make: Make) -> None:
    assert len(find(make(), "bird").ids) == 0
    assert len(find(make(), "", also=ids(1)).ids) == 0


def test_the_rarer_word_and_the_shorter_passage_win(make: Make) -> None:
    index = make()
    texts = words("the bird", "the stone", "the stone in the long river", "the fish")
    index.change(added=ids(1, 2, 3, 4), terms=texts, removed=NONE)
    assert find(index, "the bird").ids[0] == 1
    assert find(index, "stone").ids.tolist() == [2, 3]
    assert find(index, "cloud").ids.tolist() == []
    assert len(find(index, "the", k=2).ids) == 2


def test_scores_and_coverage_are_shares(make: Make) -> None:
    index = make()
    index.change(added=ids(1, 2), terms=words("a bird " * 500, "a stone"), removed=NONE)
    found = find(index, "a bird")
    assert found.ids.tolist() == [1, 2]
    assert 0.9 < found.scores[0] < 1
    assert found.coverage[0] == pytest.approx(1)
    assert 0 < found.coverage[1] < 0.5


def test_words_that_no_passage_has_lower_every_score(make: Make) -> None:
    index = make()
    index.change(added=ids(1, 2), terms=words("a bird", "a stone"), removed=NONE)
    known, strange = find(index, "bird"), find(index, "bird 鸟 پرنده")
    assert strange.scores[0] < known.scores[0] / 2
    assert strange.coverage[0] < 0.5


def test_what_is_removed_or_not_allowed_is_never_found(make: Make) -> None:
    index = make()
    index.change(added=ids(1, 2, 3), terms=words("bird one", "bird two", "bird three"), removed=NONE)
    index.change(added=NONE, terms=[], removed=ids(2, 99))
    assert sorted(find(index, "bird").ids.tolist()) == [1, 3]
    assert find(index, "bird", allowed=ids(2, 3, 77)).ids.tolist() == [3]
    assert find(index, "bird", allowed=NONE).ids.tolist() == []
    assert find(index, "two", also=ids(2, 99)).ids.tolist() == []


def test_others_are_scored_when_asked_for(make: Make) -> None:
    index = make()
    index.change(added=ids(1, 2, 3), terms=words("bird", "stone bird river", "fish"), removed=NONE)
    found = find(index, "bird", k=1, also=ids(3, 2, 1, 50))
    assert found.ids[0] == 1
    assert sorted(found.ids.tolist()) == [1, 2, 3]
    scores = dict(zip(found.ids.tolist(), found.scores.tolist(), strict=True))
    assert scores[1] > scores[2] > scores[3] == 0


def test_a_replay_that_comes_again_changes_nothing(make: Make) -> None:
    index = make()
    index.change(added=ids(1), terms=words("bird"), removed=NONE)
    before = find(index, "bird")
    index.change(added=ids(1), terms=words("bird"), removed=NONE)
    after = find(index, "bird")
    assert after.ids.tolist() == [1]
    assert after.scores.tolist() == before.scores.tolist()


def test_passages_without_a_word(make: Make) -> None:
    index = make()
    index.change(added=ids(1, 2), terms=[[], ["bird"]], removed=NONE)
    assert find(index, "bird", also=ids(1)).ids.tolist() == [2, 1]


TERMS = st.lists(st.sampled_from(["a", "b", "c", "d", "#ab"]), max_size=6)


@settings(deadline=None, max_examples=60)
@given(
    steps=st.lists(st.tuples(st.lists(TERMS, max_size=6), st.sets(st.integers(0, 30))), max_size=8),
    query=TERMS,
    k=st.integers(0, 12),
)
def test_fake_and_postings_agree(
    steps: list[tuple[list[list[str]], set[int]]], query: list[str], k: int
) -> None:
    """On what is found always; on the scores as long as nothing was removed."""
    fake, real = FakeLexicalIndex(), PostingsIndex()
    at, removals = 0, False
    for added, removed in steps:
        gone = np.array(sorted(one for one in removed if one < at), np.int64)
        removals = removals or len(gone) > 0
        for index in (fake, real):
            index.change(added=np.arange(at, at + len(added)), terms=added, removed=gone)
        at += len(added)
    real = PostingsIndex.from_state(real.state())
    for allowed in (None, np.arange(0, 60, 3)):
        for wanted in (k, 60):
            also = np.arange(0, at, 2)
            ours = real.search(query, wanted, allowed=allowed, also=also)
            theirs = fake.search(query, wanted, allowed=allowed, also=also)
            if wanted == 60:
                assert set(ours.ids.tolist()) == set(theirs.ids.tolist())
            assert len(set(ours.ids.tolist())) == len(ours.ids)
            if not removals:
                assert sorted(ours.scores.round(5)) == sorted(theirs.scores.round(5))
                assert sorted(ours.coverage.round(5)) == sorted(theirs.coverage.round(5))


# -- postings alone


def random_texts(count: int) -> list[list[str]]:
    chance = np.random.default_rng(0)
    return [[f"w{one}" for one in chance.zipf(1.3, 30) % 500] for _ in range(count)]


def test_segments_merge_without_the_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = random_texts(400)
    index, whole = PostingsIndex(), PostingsIndex()
    for at in range(0, 400, 10):
        index.change(added=np.arange(at, at + 10), terms=texts[at : at + 10], removed=NONE)
    whole.change(added=np.arange(400), terms=texts, removed=NONE)
    assert len(index.state()["sizes"]) < 10
    for query in texts[:20]:
        ours, theirs = (one.search(query, 10, allowed=None, also=NONE) for one in (index, whole))
        np.testing.assert_allclose(ours.scores, theirs.scores, rtol=1e-5)
    index.change(added=NONE, terms=[], removed=np.arange(0, 400, 2))
    index.change(added=np.arange(400, 800), terms=texts, removed=NONE)
    assert len(index.state()["positions"]) == index.state()["sizes"][:, 1].sum()
    assert set(index.state()["positions"].tolist()) <= {*range(1, 400, 2), *range(400, 800)}
    monkeypatch.setattr(postings, "MERGE_LIMIT", 100)
    index.change(added=np.arange(800, 1200), terms=texts, removed=NONE)
    assert len(index.state()["sizes"]) == 2, "too large to be merged while a question waits"


def test_a_state_that_does_not_fit_is_refused() -> None:
    index = PostingsIndex()
    index.change(added=ids(1, 2), terms=words("bird", "stone fish"), removed=NONE)
    for broken in (
        {"lengths": np.ones(3, np.float32)},
        {"counts": np.ones(1, np.uint16)},
        {"ids": ids(1)},
        {"version": np.array([0])},
    ):
        with pytest.raises(ValueError, match=r"fit|analysis"):
            PostingsIndex.from_state({**index.state(), **broken})
