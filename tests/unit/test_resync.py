"""Handing in again: what is unchanged costs nothing, what changed costs what changed."""

from sqlalchemy import func, select

from indexes import schema as s
from indexes.database import reading
from indexes.known_vectors import KnownVectors, digest_of
from indexes.records import EmbedderIdentity
from tests.support import pdfs
from tests.support.ingestion import Bench

SENTENCES = "The {0} ferry leaves at noon. It is painted {0}. Its captain is called {0}. Bring a {0} ticket."


def pages(count: int) -> list[str]:
    return [SENTENCES.format(f"number{page}") for page in range(count)]


def rows(bench: Bench) -> int:
    with reading(bench.store.database) as db:
        return sum(
            db.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (s.documents, s.versions, s.chunks)
        )


def test_a_new_version_embeds_only_what_it_changed(bench: Bench) -> None:
    before = pages(100)
    first = bench.ingest(pdfs.pdf(*before), "ferries.pdf")
    assert bench.embedder.embedded == first.chunks >= 100
    bench.embedder.embedded = 0
    after = [*before[:49], "Page fifty is another one now.", *before[50:]]
    second = bench.ingest(pdfs.pdf(*after), "ferries.pdf")
    assert second.document_id == first.document_id
    assert 1 <= bench.embedder.embedded <= 3
    texts = list(bench.store.live().values())
    assert "Page fifty is another one now." in texts
    assert not any("number49" in text for text in texts)
    vectors = bench.embedder.embed_passages(texts)
    known = KnownVectors(bench.store.database).find(bench.store.collection.id, bench.embedder.identity, texts)
    assert all((known[text] == vector).all() for text, vector in zip(texts, vectors, strict=True))


def test_unchanged_documents_cost_nothing(bench: Bench) -> None:
    for number in range(20):
        bench.ingest(f"Text of number {number}.", f"{number}.txt")
    before, bench.embedder.embedded = rows(bench), 0
    for _ in range(3):
        for number in range(20):
            bench.submit(f"Text of number {number}.", f"{number}.txt")
    assert bench.store.queue.unfinished(limit=100) == []
    assert rows(bench) == before
    assert bench.embedder.embedded == 0


def test_text_that_another_document_holds_is_not_embedded_again(bench: Bench) -> None:
    bench.ingest("The ferry leaves at noon.", "a.txt")
    bench.embedder.embedded = 0
    bench.ingest("The ferry leaves at noon. ", "b.txt")  # other bytes, the same passage
    assert bench.embedder.embedded == 0
    assert list(bench.store.live().values()) == ["The ferry leaves at noon."] * 2


def test_a_repeated_passage_is_embedded_once(bench: Bench) -> None:
    outcome = bench.ingest(pdfs.pdf(*["The same page."] * 5), "a.pdf")
    assert (outcome.chunks, bench.embedder.embedded) == (5, 1)


def test_what_another_embedder_made_is_not_known(bench: Bench) -> None:
    bench.ingest("The ferry leaves at noon.", "a.txt")
    known = KnownVectors(bench.store.database)
    text = "The ferry leaves at noon."
    mine, other = (
        bench.embedder.identity,
        EmbedderIdentity(id="other", dim=64, query_prompt="", passage_prompt=""),
    )
    assert list(known.find(bench.store.collection.id, mine, [text])) == [text]
    assert known.find(bench.store.collection.id, other, [text]) == {}
    assert known.find("another collection", mine, [text]) == {}


def test_nothing_of_a_deleted_text_is_left_to_know_it_by(bench: Bench) -> None:
    outcome = bench.ingest("The ferry leaves at noon.", "a.txt")
    bench.store.delete(outcome.document_id)
    with reading(bench.store.database) as db:
        digests = db.execute(select(s.chunks.c.digest)).scalars().all()
    assert digest_of("The ferry leaves at noon.") not in digests
    bench.embedder.embedded = 0
    bench.ingest("The ferry leaves at noon.", "a.txt")
    assert bench.embedder.embedded == 1
