"""What a search finds, whatever happened to the documents before."""

import dataclasses
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, update

from indexes import faiss_index
from indexes import schema as s
from indexes.duplicates import unlike
from indexes.embedders import Embedders
from indexes.errors import InvalidRequest
from indexes.faiss_index import FaissIndex
from indexes.fusion import Fusion, Weights, load_fusion
from indexes.hybrid import HybridIndex, Query
from indexes.live import LiveIndexes
from indexes.neighbours import Neighbours
from indexes.postings import PostingsIndex
from indexes.records import Filters, Hit, IndexChange
from indexes.regions import Regions
from indexes.reranker import FakeReranker
from indexes.retrieval import Retrieval
from indexes.snapshots import Snapshots
from tests.support.store import ANALYZER, TENANT, Store, unit

NONE = np.empty(0, np.int64)


@pytest.fixture
def store(sqlite: Engine) -> Store:
    return Store(sqlite)


def retrieval(store: Store, folder: Path, **more: Any) -> Retrieval:
    return Retrieval(
        **{
            "embedders": Embedders(store.embedder),
            "live": LiveIndexes(store.chunks, Snapshots(store.database, folder / "snapshots")),
            "chunks": store.chunks,
            "analyzer": ANALYZER,
            "fusion": load_fusion(),
            "neighbours": Neighbours(store.database),
            **more,
        }
    )


def search(
    store: Store, folder: Path, question: str, k: int = 5, filters: Filters | None = None, **more: Any
) -> Sequence[Hit]:
    collection = store.collections.get(TENANT, "default")
    return retrieval(store, folder, **more).search(collection, question, top_k=k, filters=filters or {})


def texts(hits: Sequence[Hit]) -> list[str]:
    return [hit.text for hit in hits]


def test_every_score_is_a_share_and_says_what_it_says(store: Store, tmp_path: Path) -> None:
    store.add("the ferry leaves at noon\na stone lies there\nfish swim")
    best, *others = search(store, tmp_path, "when does the ferry leave")
    assert best.text == "the ferry leaves at noon"
    assert best.dense == pytest.approx(
        float(
            store.embedder.embed_queries(["when does the ferry leave"])[0]
            @ store.embedder.embed_passages([best.text])[0]
        ),
        abs=1e-5,
    )
    assert 0 < best.lexical <= best.coverage < 1
    for hit in (best, *others):
        assert all(0 <= one <= 1 for one in (hit.score, hit.lexical, hit.coverage))
    assert best.score > max(hit.score for hit in others)


def test_words_find_what_the_embedder_does_not(store: Store, tmp_path: Path) -> None:
    """More passages are nearer than each leg brings; the one with the word is found all the same."""
    store.add("\n".join(f"zebra number {one}" for one in range(120)) + "\nthe word is xylophone")
    words_only = Fusion({"other": Weights(lexical=0.6, coverage=0.3)})
    found = search(store, tmp_path, "zebra zebra zebra xylophone", fusion=words_only)
    assert found[0].text == "the word is xylophone"
    assert not np.isnan(found[0].dense)


def test_chunks_from_before_terms_were_kept_are_analysed_when_they_are_read(
    store: Store, tmp_path: Path
) -> None:
    store.add("کتاب‌ها\nسنگ")
    with store.database.begin() as db:
        db.execute(update(s.chunks).values(terms=None))
    assert search(store, tmp_path, "كتاب")[0].coverage == pytest.approx(1)


@settings(deadline=None, max_examples=12)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["add", "replace", "delete", "save", "reopen"]), st.integers(0, 3)),
        min_size=1,
        max_size=10,
    )
)
def test_both_legs_find_only_what_lives(sqlite_template: Path, steps: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "simurgh.db").write_bytes(sqlite_template.read_bytes())
        engine = create_engine(f"sqlite:///{folder / 'simurgh.db'}")
        store = Store(engine)
        live = LiveIndexes(store.chunks, Snapshots(engine, folder / "snapshots"))
        documents: dict[int, str] = {}
        for number, (what, which) in enumerate(steps):
            if what in ("add", "replace"):
                text = f"stone kind{which} turn{number}\nriver kind{which} turn{number}"
                documents[which] = store.add(text, source=f"page {which}")
            elif what == "delete" and which in documents:
                store.delete(documents.pop(which))
            elif what == "save":
                live.save(at_least=1)
            elif what == "reopen":
                live = LiveIndexes(store.chunks, Snapshots(engine, folder / "snapshots"))
            expected = sorted(store.live().values())
            found = search(store, folder, "stone river", k=20, live=live)
            assert sorted(texts(found)) == expected
            words = search(
                store,
                folder,
                f"kind{which}",
                k=20,
                live=live,
                fusion=Fusion({"other": Weights(lexical=1, coverage=0)}),
            )
            assert {hit.text for hit in words if hit.lexical > 0} == {
                text for text in expected if f"kind{which} " in text
            }
        engine.dispose()


CRASHING = """
import os
import signal
import sys
from sqlalchemy import create_engine
from pathlib import Path
from indexes.live import LiveIndexes
from indexes.snapshots import Snapshots
from tests.support.store import Store
from tests.unit.test_retrieval import search
folder = Path(sys.argv[1])
store = Store(create_engine(f"sqlite:///{folder / 'simurgh.db'}"))
store.add("a bird sings")
live = LiveIndexes(store.chunks, Snapshots(store.database, folder / "snapshots"))
search(store, folder, "bird", live=live)
live.save(at_least=1)
store.add("a fish swims", source="committed")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_killed_between_the_commit_and_the_index(sqlite_template: Path, tmp_path: Path) -> None:
    """The index on disk is older than the database: what was committed since is replayed in both legs."""
    (tmp_path / "simurgh.db").write_bytes(sqlite_template.read_bytes())
    done = subprocess.run(
        [sys.executable, "-c", CRASHING, str(tmp_path)], cwd=Path(__file__).parents[2], timeout=120
    )
    assert done.returncode == -signal.SIGKILL
    engine = create_engine(f"sqlite:///{tmp_path / 'simurgh.db'}")
    store = Store(engine)
    assert list((tmp_path / "snapshots").rglob("*.safetensors"))
    [best, other] = search(store, tmp_path, "fish")
    assert (best.text, best.coverage, other.text) == ("a fish swims", 1, "a bird sings")
    engine.dispose()


def test_what_nearly_repeats_takes_one_place(store: Store, tmp_path: Path) -> None:
    text = " ".join(f"word{chr(97 + one)}" for one in range(26)) + " ferry"
    store.add(text, source="one")
    store.add(f"{text}!", source="two")
    store.add("another ferry", source="three")
    assert len(search(store, tmp_path, "ferry")) == 2


def test_texts_that_differ_in_a_number_are_not_the_same() -> None:
    words = [f"word{chr(97 + one)}" for one in range(26)]
    assert unlike([words, words, [*words, "more"], [*words, "2023"], [*words, "2024"]]) == [0, 3, 4]
    assert unlike([[], [], ["a"], ["a"], ["b"]]) == [0, 2, 4]


def test_short_passages_are_widened_to_exact_spans(store: Store, tmp_path: Path) -> None:
    text = "one\ntwo\nthree ferry\nfour\nfive\nsix"
    store.add(text)
    [plain] = search(store, tmp_path, "ferry", k=1)
    [wide] = search(store, tmp_path, "ferry", k=1, shortest=20)
    assert plain.text == "three ferry"
    assert wide.text == text[wide.start : wide.end] == "two\nthree ferry\nfour"
    every = search(store, tmp_path, "ferry", k=6, shortest=20)
    assert sorted(texts(every)) == sorted(text.split("\n")), "none takes in another hit"
    [whole] = search(store, tmp_path, "ferry", k=1, shortest=1000)
    assert whole.text == text


def test_a_reranker_has_the_last_word(store: Store, tmp_path: Path) -> None:
    store.add("ferry ferry ferry boat\nsomething else\nferry")
    assert search(store, tmp_path, "ferry", k=1, reranker=FakeReranker())[0].text == "ferry"


def test_bounds_of_time(store: Store, tmp_path: Path) -> None:
    old, new = store.add("an old ferry"), store.add("a new ferry")
    with store.database.begin() as db:
        db.execute(update(s.documents).where(s.documents.c.id == old).values(created_at=1_000_000_000.0))
        db.execute(
            update(s.versions).where(s.versions.c.document_id == old).values(finished_at=1_000_000_000.0)
        )
    for filters, expected in (
        ({"created_after": ["2002-01-01"]}, ["a new ferry"]),
        ({"created_before": ["2001-09-09T01:46:41Z"]}, ["an old ferry"]),
        ({"created_before": ["2001-09-09T01:46:40+00:00"]}, []),
        ({"updated_after": ["2001-09-09"], "updated_before": ["2001-09-10"]}, ["an old ferry"]),
        ({"updated_after": ["2001-09-09"], "document_id": [new]}, ["a new ferry"]),
    ):
        assert texts(search(store, tmp_path, "ferry", filters=filters)) == expected
    for wrong in (["yesterday"], [], ["2001-01-01", "2002-01-01"]):
        with pytest.raises(InvalidRequest):
            search(store, tmp_path, "ferry", filters={"updated_after": wrong})


def test_filters_hold_in_both_legs(store: Store, tmp_path: Path) -> None:
    store.add("ferry ferry", source="one")
    two = store.add("ferry", source="two")
    assert texts(search(store, tmp_path, "ferry", filters={"document_id": [two]})) == ["ferry"]


def test_the_weights_that_are_shipped_are_shares() -> None:
    fusion = load_fusion()
    for weights in fusion._weights.values():
        parts = dataclasses.astuple(weights)
        assert all(0 <= one <= 1 for one in parts)
        assert sum(parts) < 1


def test_searching_is_quick_enough_for_a_question(store: Store, tmp_path: Path) -> None:
    """Not a benchmark: only that nothing is read row by row."""
    store.add("\n".join(f"passage number {one} of many" for one in range(2000)))
    found = retrieval(store, tmp_path)
    collection = store.collections.get(TENANT, "default")
    found.search(collection, "passage number 7", top_k=5, filters={})
    begun = time.perf_counter()
    found.search(collection, "passage number 9", top_k=5, filters={})
    assert time.perf_counter() - begun < 2


def test_an_approximate_index_gives_exact_scores(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faiss_index, "FLAT_LIMIT", 100)
    store.add("\n".join(f"passage {one} of many" for one in range(400)) + "\nthe ferry")
    home = {"fake-hash-64": {"latin": np.full((1, 64), 0.01, np.float32)}}
    for homes in (None, home):
        fusion = Fusion({"other": Weights(lexical=0.1, coverage=0.1)}, homes)
        [best, *_] = search(store, tmp_path, "when does the ferry leave", fusion=fusion)
        assert best.text == "the ferry"
        question, passage = ["when does the ferry leave"], [best.text]
        cosine = store.embedder.embed_queries(question)[0] @ store.embedder.embed_passages(passage)[0]
        assert best.dense == pytest.approx(float(cosine), abs=1e-5)


def test_a_question_is_moved_towards_passages_in_another_script(tmp_path: Path) -> None:
    """Unmoved it is nearer to the passage that leans to the question's own region."""
    home, vector, rows = (np.zeros((count, 64), np.float32) for count in (1, 1, 2))
    home[0, 0] = 1
    vector[0, [0, 2]] = 0.9, 0.4  # mostly its language, and its matter
    rows[0, [0, 1]] = 0.8, 1
    rows[1, [2, 3]] = 1, 1
    terms = [["长城"], ["公司"]]
    for known, own_script_too, best in ((None, False, 0), (home, False, 1), (home, True, 2)):
        index = HybridIndex(FaissIndex(64), PostingsIndex(), Regions(64))
        index.change(IndexChange(seq=1, added=np.arange(2), vectors=unit(rows), terms=terms, removed=NONE))
        if own_script_too:
            same = unit(vector)
            index.change(
                IndexChange(seq=2, added=np.array([2]), vectors=same, terms=[["wall"]], removed=NONE)
            )
        index = HybridIndex.from_state(64, index.state())
        found = index.search(Query(vector=unit(vector), script="latin", home=known, terms=[]), 2)
        assert found.ids[found.near.argmax()] == best
        np.testing.assert_allclose(
            found.cosine[found.ids == best],
            unit(rows)[best] @ unit(vector)[0] if best < 2 else [1],
            atol=1e-6,
        )
