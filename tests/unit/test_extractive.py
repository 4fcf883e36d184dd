"""Answers in the source's own words."""

from hypothesis import given, settings
from hypothesis import strategies as st

from app.extractive import best_quote
from indexes.embedder import FakeEmbedder
from tests.support.hits import hit

EMBEDDER = FakeEmbedder()
HARBOUR = "Harbour guide\nFerries are old. The ferry leaves the harbour at noon. It is blue. Bring a ticket."


def test_the_nearest_sentence_is_quoted() -> None:
    found = best_quote(
        "When does the ferry leave the harbour?", [hit(HARBOUR, start=9)], EMBEDDER, min_score=0
    )
    assert found is not None
    [citation] = found.citations
    assert citation.quote.startswith("The ferry leaves the harbour at noon.")
    assert citation.quote == HARBOUR[citation.start - 9 : citation.end - 9]
    assert found.answer == f"{citation.quote} [1]"
    assert found.groundedness == 1.0


def test_what_is_too_far_is_not_quoted() -> None:
    assert best_quote("Who reigns in Babylon?", [hit(HARBOUR)], EMBEDDER, min_score=0.99) is None


def test_a_source_without_sentences() -> None:
    assert best_quote("Why?", [hit("-- !! --")], EMBEDDER, min_score=-1) is None
    assert best_quote("Why?", [], EMBEDDER, min_score=-1) is None


@settings(max_examples=50)
@given(st.lists(st.text("ab .!?\nفم中。", max_size=60), max_size=4))
def test_every_quotation_stands_in_its_source(texts: list[str]) -> None:
    sources = [hit(text, chunk_id=number, start=number * 7) for number, text in enumerate(texts)]
    found = best_quote("a b فم?", sources, EMBEDDER, min_score=-1)
    if found is not None:
        [citation] = found.citations
        source = sources[citation.marker - 1]
        assert citation.quote == source.text[citation.start - source.start : citation.end - source.start]
