"""Answers in the source's own words."""

from hypothesis import given, settings
from hypothesis import strategies as st

from app.extractive import best_sentence, read_answer
from app.gate import Evidence
from app.reader.port import FakeReader, Reading
from indexes.embedder import FakeEmbedder
from tests.support.hits import hit

EMBEDDER = FakeEmbedder()
HARBOUR = "Harbour guide\nFerries are old. The ferry leaves the harbour at noon. It is blue. Bring a ticket."


def test_the_nearest_sentence_is_quoted() -> None:
    found = best_sentence("When does the ferry leave the harbour?", [hit(HARBOUR, start=9)], EMBEDDER)
    assert found is not None
    [citation] = found.citations
    assert citation.quote.startswith("The ferry leaves the harbour at noon.")
    assert citation.quote == HARBOUR[citation.start - 9 : citation.end - 9]
    assert found.answer == f"{citation.quote} [1]"
    assert found.groundedness == 1.0


def evidence(*readings: Reading) -> Evidence:
    return Evidence(confidence=1.0, enough=True, readings=readings)


def test_the_words_that_were_read_are_cited_with_their_sentence() -> None:
    sources = [hit("Nothing here."), hit(HARBOUR, chunk_id=2, start=9)]
    readings = FakeReader().read("When does it leave the harbour at?", [one.text for one in sources])
    found = read_answer(sources, evidence(*readings))
    assert found is not None
    [citation] = found.citations
    assert found.answer == "noon. [2]"
    assert citation.quote == "The ferry leaves the harbour at noon."
    assert citation.quote == HARBOUR[citation.start - 9 : citation.end - 9]


def test_how_well_a_passage_was_found_weighs_too() -> None:
    sources = [hit(HARBOUR, score=0.9), hit(HARBOUR, chunk_id=2, score=0.5)]
    near, far = Reading(start=0, end=7, margin=8.0), Reading(start=0, end=13, margin=9.0)
    found = read_answer(sources, evidence(near, far))
    assert found is not None
    assert found.citations[0].marker == 1


def test_nothing_that_was_read_is_no_answer() -> None:
    nothing = evidence(Reading(start=0, end=0, margin=4.0), Reading(start=0, end=3, margin=-9.0))
    assert read_answer([hit(HARBOUR), hit(HARBOUR, chunk_id=2)], nothing) is None
    assert read_answer([], evidence()) is None


def test_where_the_evidence_is_enough_the_reader_need_not_be_sure() -> None:
    found = read_answer([hit(HARBOUR)], evidence(Reading(start=0, end=7, margin=-1.0)))
    assert found is not None
    assert found.answer == "Harbour [1]"


def test_a_source_without_sentences() -> None:
    assert best_sentence("Why?", [hit("-- !! --")], EMBEDDER) is None
    assert best_sentence("Why?", [], EMBEDDER) is None


@settings(max_examples=50)
@given(st.lists(st.text("ab .!?\nفم中。", max_size=60), max_size=4))
def test_every_quotation_stands_in_its_source(texts: list[str]) -> None:
    sources = [hit(text, chunk_id=number, start=number * 7) for number, text in enumerate(texts)]
    found = best_sentence("a b فم?", sources, EMBEDDER)
    if found is not None:
        [citation] = found.citations
        source = sources[citation.marker - 1]
        assert citation.quote == source.text[citation.start - source.start : citation.end - source.start]
