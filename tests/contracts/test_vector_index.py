"""One suite for the fake and the real vector index, then what only FAISS has: kinds, states, GPUs."""

from collections.abc import Callable, Iterator
from typing import Any

import faiss as _faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexes import faiss_index
from indexes.faiss_index import TARGET_RECALL, FaissIndex, build
from indexes.rows import Ids
from indexes.vectors import FakeIndex, VectorIndex
from tests.support.store import unit

faiss: Any = _faiss
DIM = 16
NONE = np.empty(0, np.int64)
Make = Callable[[], VectorIndex]


def vectors(count: int, seed: int = 0, dim: int = DIM) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=(count, dim)))


def clustered(count: int, seed: int = 0, dim: int = DIM) -> np.ndarray:
    """As embeddings are: around some topics."""
    random = np.random.default_rng(seed)
    centres = unit(random.normal(size=(40, dim)))
    return unit(centres[random.integers(0, 40, count)] + random.normal(0, 0.12, (count, dim)))


def ids(*some: int) -> Ids:
    return np.array(some, np.int64)


def best(known: dict[int, np.ndarray], query: np.ndarray, k: int, allowed: Ids | None = None) -> list[int]:
    """By brute force."""
    scores = {one: float(v @ query[0]) for one, v in known.items() if allowed is None or one in allowed}
    return sorted(scores, key=lambda one: -scores[one])[:k]


class GpuFlat:
    """What a FAISS GPU index can do: append and search. It takes no ids and no selector, removes nothing."""

    def __init__(self, cpu: Any) -> None:
        self._inner = faiss.clone_index(cpu)

    @property
    def ntotal(self) -> int:
        return int(self._inner.ntotal)

    def add(self, rows: np.ndarray) -> None:
        self._inner.add(rows)

    def search(self, query: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        assert k <= 2048, "a GPU's limit"
        result: tuple[np.ndarray, np.ndarray] = self._inner.search(query, k)
        return result


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> list[GpuFlat]:
    """The GPU copies that were made."""
    made: list[GpuFlat] = []

    def to_gpu(_resources: object, _device: int, cpu: Any) -> GpuFlat:
        made.append(GpuFlat(cpu))
        return made[-1]

    monkeypatch.setattr(faiss, "StandardGpuResources", object, raising=False)
    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 1, raising=False)
    monkeypatch.setattr(faiss, "index_cpu_to_gpu", to_gpu, raising=False)
    return made


@pytest.fixture(params=["fake", "faiss", "faiss on a gpu"])
def make(request: pytest.FixtureRequest) -> Make:
    if request.param == "fake":
        return lambda: FakeIndex(DIM)
    if request.param == "faiss on a gpu":
        request.getfixturevalue("gpu")
    return lambda: FaissIndex(DIM)


def test_empty(make: Make) -> None:
    found, scores = make().search(vectors(1), 5)
    assert (len(found), len(scores)) == (0, 0)
    found, _ = make().search(vectors(1), 5, allowed=ids(1, 2))
    assert len(found) == 0


def test_against_brute_force(make: Make) -> None:
    index, rows = make(), vectors(300)
    known = dict(zip(range(0, 900, 3), rows, strict=True))
    index.change(added=np.array(list(known), np.int64), vectors=rows, removed=NONE)
    for query in np.split(vectors(20, seed=1), 20):
        found, scores = index.search(query, 7)
        assert found.tolist() == best(known, query, 7)
        np.testing.assert_allclose(scores, [known[one] @ query[0] for one in found.tolist()], atol=1e-5)
        assert found.dtype == np.int64


def test_more_than_there_are(make: Make) -> None:
    index, rows = make(), vectors(3)
    index.change(added=ids(5, 6, 7), vectors=rows, removed=NONE)
    found, scores = index.search(rows[:1], 100)
    assert sorted(found.tolist()) == [5, 6, 7]
    assert found[0] == 5
    assert scores.tolist() == sorted(scores.tolist(), reverse=True)


def test_removed_ones_are_never_found(make: Make) -> None:
    index, rows = make(), vectors(100)
    index.change(added=np.arange(100), vectors=rows, removed=NONE)
    index.change(added=NONE, vectors=rows[:0], removed=np.arange(0, 100, 2))
    known = {one: rows[one] for one in range(1, 100, 2)}
    for query in rows[:5, None]:
        assert index.search(query, 10)[0].tolist() == best(known, query, 10)
    assert len(index.search(rows[:1], 100)[0]) == 50
    index.change(added=NONE, vectors=rows[:0], removed=np.arange(100))
    assert len(index.search(rows[:1], 5)[0]) == 0


def test_unknown_and_repeated_ids_are_ignored(make: Make) -> None:
    index, rows = make(), vectors(4)
    index.change(added=NONE, vectors=rows[:0], removed=ids(1, 2))
    index.change(added=ids(10, 20, 30, 40), vectors=rows, removed=NONE)
    index.change(added=NONE, vectors=rows[:0], removed=ids(15, 99, -1, 20, 20))
    index.change(added=NONE, vectors=rows[:0], removed=ids(20))
    assert sorted(index.search(rows[:1], 10)[0].tolist()) == [10, 30, 40]


def test_a_replay_that_comes_again_changes_nothing(make: Make) -> None:
    index, rows = make(), vectors(4)
    index.change(added=ids(1, 2), vectors=rows[:2], removed=NONE)
    index.change(added=ids(1, 2, 3, 4), vectors=rows, removed=NONE)
    assert sorted(index.search(rows[:1], 10)[0].tolist()) == [1, 2, 3, 4]
    index.change(added=NONE, vectors=rows[:0], removed=ids(1))
    assert sorted(index.search(rows[:1], 10)[0].tolist()) == [2, 3, 4]


def test_only_what_is_allowed(make: Make) -> None:
    index, rows = make(), vectors(50)
    index.change(added=np.arange(50), vectors=rows, removed=ids())
    index.change(added=NONE, vectors=rows[:0], removed=ids(3))
    found, _ = index.search(rows[:1], 10, allowed=ids(3, 4, 5, 777))
    assert sorted(found.tolist()) == [4, 5]
    assert len(index.search(rows[:1], 10, allowed=NONE)[0]) == 0
    assert len(index.search(rows[:1], 10, allowed=ids(3))[0]) == 0


@settings(deadline=None, max_examples=25)
@given(
    steps=st.lists(
        st.tuples(st.integers(0, 6), st.lists(st.integers(0, 40), max_size=5)), min_size=1, max_size=8
    ),
    seed=st.integers(0, 1000),
    k=st.integers(1, 12),
)
def test_fake_and_faiss_agree(steps: list[tuple[int, list[int]]], seed: int, k: int) -> None:
    fake, real = FakeIndex(DIM), FaissIndex(DIM)
    rows = vectors(60, seed)
    at = 0
    for added, removed in steps:
        change = {
            "added": np.arange(at, at + added),
            "vectors": rows[at : at + added],
            "removed": np.array([one for one in removed if one < at], np.int64),
        }
        fake.change(**change)
        real.change(**change)
        at += added
    query = vectors(1, seed + 1)
    for allowed in (None, np.arange(0, 60, 3)):
        ours, theirs = real.search(query, k, allowed=allowed), fake.search(query, k, allowed=allowed)
        assert ours[0].tolist() == theirs[0].tolist()
        np.testing.assert_allclose(ours[1], theirs[1], atol=1e-5)


# -- FAISS alone


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(faiss_index, "FLAT_LIMIT", 1000)
    return 1000


def test_flat_up_to_the_limit(small_limit: int) -> None:
    index, recall = build(DIM, np.arange(small_limit), vectors(small_limit))
    assert (index.kind, recall, index.live) == ("flat", 1.0, small_limit)


@pytest.fixture
def ivf(small_limit: int) -> tuple[FaissIndex, np.ndarray, float]:
    rows = clustered(2000)
    index, recall = build(DIM, np.arange(2000) * 2, rows)
    return index, rows, recall


def recall_at_10(index: FaissIndex, known: dict[int, np.ndarray], queries: np.ndarray) -> float:
    shares = []
    for query in queries[:, None]:
        found, _ = index.search(query, 10)
        shares.append(len(set(found.tolist()) & set(best(known, query, 10))) / 10)
    return float(np.mean(shares))


def test_ivf_above_the_limit_with_its_recall_measured(ivf: tuple[FaissIndex, np.ndarray, float]) -> None:
    index, rows, recall = ivf
    assert index.kind == "ivf"
    assert recall >= TARGET_RECALL
    known = dict(zip(range(0, 4000, 2), rows, strict=True))
    queries = clustered(2050)[2000:]  # around the same topics, but none that is stored
    assert recall_at_10(index, known, queries) >= TARGET_RECALL - 0.03


def test_ivf_removes_and_adds(ivf: tuple[FaissIndex, np.ndarray, float]) -> None:
    index, rows, _ = ivf
    index.change(added=ids(9001), vectors=rows[:1], removed=np.arange(0, 2000, 2))
    known = dict(zip(range(0, 4000, 2), rows, strict=True))
    known = {one: v for one, v in known.items() if one >= 2000} | {9001: rows[0]}
    assert index.live == 1001
    assert recall_at_10(index, known, rows[:20]) >= 0.9
    assert index.search(rows[:1], 1)[0].tolist() == [9001]


@pytest.mark.parametrize("few", [1, 5, 200])
def test_ivf_finds_all_that_a_narrow_filter_allows(
    ivf: tuple[FaissIndex, np.ndarray, float], few: int
) -> None:
    index, rows, _ = ivf
    allowed = np.sort(np.random.default_rng(2).choice(2000, few, replace=False)) * 2
    found = [len(index.search(query, 5, allowed=allowed)[0]) for query in rows[:20, None]]
    assert min(found) == min(few, 5)


def test_a_state_comes_back_as_it_was(ivf: tuple[FaissIndex, np.ndarray, float]) -> None:
    flat = FaissIndex(DIM)
    flat.change(added=ids(1, 2, 3), vectors=vectors(3), removed=NONE)
    flat.change(added=NONE, vectors=vectors(0), removed=ids(2))
    for index in (flat, ivf[0]):
        again = FaissIndex.from_state(DIM, index.state())
        assert (again.kind, again.live, again.total) == (index.kind, index.live, index.total)
        for query in vectors(5, seed=3)[:, None]:
            for ours, theirs in zip(again.search(query, 10), index.search(query, 10), strict=True):
                np.testing.assert_array_equal(ours, theirs)


def test_parts_that_do_not_fit_are_refused() -> None:
    index = FaissIndex(DIM)
    index.change(added=ids(1, 2), vectors=vectors(2), removed=NONE)
    for broken in ({"ids": ids(1)}, {"alive": np.ones(3, np.uint8)}):
        with pytest.raises(ValueError, match="do not fit"):
            FaissIndex.from_state(DIM, {**index.state(), **broken})
    with pytest.raises(ValueError, match="do not fit"):
        FaissIndex.from_state(DIM + 1, index.state())


def test_when_it_is_worth_rebuilding(small_limit: int) -> None:
    index = FaissIndex(DIM)
    index.change(added=np.arange(1400), vectors=vectors(1400), removed=NONE)
    assert not index.worth_rebuilding
    index.change(added=np.arange(1400, 1600), vectors=vectors(200), removed=NONE)
    assert index.worth_rebuilding, "outgrown"
    crowded = FaissIndex(DIM)
    crowded.change(added=np.arange(1400), vectors=vectors(1400), removed=NONE)
    crowded.change(added=NONE, vectors=vectors(0), removed=np.arange(1100))
    assert crowded.worth_rebuilding, "mostly tombstones"


def test_a_gpu_serves_plain_searches_and_the_cpu_the_rest(gpu: list[GpuFlat]) -> None:
    index, rows = FaissIndex(DIM), vectors(3000)
    index.change(added=np.arange(3000), vectors=rows, removed=NONE)
    assert gpu[0].ntotal == 3000
    index.change(added=NONE, vectors=rows[:0], removed=np.arange(10))
    known = {one: rows[one] for one in range(10, 3000)}
    assert index.search(rows[:1], 10)[0].tolist() == best(known, rows[:1], 10)
    assert index.search(rows[:1], 5, allowed=ids(4, 40))[0].tolist() == [40]
    assert len(index.search(rows[:1], 2500)[0]) == 2500, "more than a GPU gives"
    again = FaissIndex.from_state(DIM, index.state())
    assert gpu[-1].ntotal == 3000
    assert again.search(rows[:1], 10)[0].tolist() == best(known, rows[:1], 10)


def test_a_flat_index_gives_back_its_vectors(ivf: tuple[FaissIndex, np.ndarray, float]) -> None:
    index, rows = FaissIndex(DIM), vectors(5)
    found = index.vectors(ids())
    assert found is not None
    assert found.shape == (0, DIM)
    index.change(added=ids(1, 2, 3, 4, 5), vectors=rows, removed=ids())
    index.change(added=NONE, vectors=rows[:0], removed=ids(1))
    np.testing.assert_array_equal(index.vectors(ids(4, 2)), rows[[3, 1]])
    assert ivf[0].vectors(ids(2)) is None, "only roughly"
