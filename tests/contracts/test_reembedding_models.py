"""A collection goes over to the real bundled embedder, and from it, as the settings name them."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from app import models
from app.settings import NamedEmbedder, Settings
from indexes.embedder import FakeEmbedder
from indexes.reembeddings import ReEmbeddings
from tests.support.reembedding import Searcher, re_embedder
from tests.support.store import TENANT, Store

QUESTION = "when can one visit the collection of paintings?"
ANSWER = "The museum opens at nine in the morning, every day except Monday."
TEXTS = (ANSWER, "The cat sleeps on the warm stove all winter.", "Steel is an alloy of iron and carbon.")


@pytest.mark.parametrize("goes_back", [False, True])
def test_from_words_to_meaning(
    prepared_models: Settings, sqlite: Engine, tmp_path: Path, goes_back: bool
) -> None:
    settings = prepared_models.model_copy(
        update={"embedders": {"meaning": NamedEmbedder(model="bundled")}, "device": "cpu"}
    )
    store, rows = Store(sqlite), ReEmbeddings(sqlite)
    embedders = models.build_embedders(settings, FakeEmbedder())
    for text in TEXTS:
        store.add(text)
    bundled = embedders.named("meaning")
    for target in (bundled, embedders.own)[: 1 + goes_back]:
        rows.start(store.collections.get(TENANT, "default"), target.identity)
        [work_id] = rows.waiting(limit=9)
        re_embedder(sqlite, tmp_path, embedders).ingest(work_id)
        searcher = Searcher(sqlite, tmp_path, embedders.own, bundled)
        hits = searcher.search(QUESTION)
        assert {hit.embedder for hit in hits} == {target.identity.id}
        if target is bundled:
            assert (hits[0].text, max(hits, key=lambda hit: hit.dense).text) == (ANSWER, ANSWER)
    kept = store.collections.get(TENANT, "default").embedder
    assert kept == (embedders.own if goes_back else bundled).identity
