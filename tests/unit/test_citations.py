"""Citations: exact quotes, no invented markers, and a rewriter that streams."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from app.citations import cite
from app.markers import MARKER, MarkerRewriter
from tests.support.hits import hit

FERRY = "Ferries run daily. The ferry leaves at noon. Bring a ticket."
MOON = "The moon is far away. It has no air."
WORDS = [
    "ferry",
    "noon",
    "moon",
    "dragon",
    "leaves",
    "air",
    "[1]",
    "[2]",
    "[9]",
    "[12",
    "[",
    "]",
    ".",
    "!",
    "\n",
]
ANSWERS = st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join) | st.text("[]12 a.\n۱", max_size=40)


def test_a_supported_sentence_names_its_source() -> None:
    cited = cite("The ferry leaves at noon.", "When?", [hit(MOON), hit(FERRY, start=100)])
    [citation] = cited.citations
    assert cited.answer == "The ferry leaves at noon. [2]"
    assert (citation.marker, citation.quote) == (2, "The ferry leaves at noon.")
    assert citation.start == 100 + FERRY.index("The ferry")
    assert cited.groundedness == 1.0


def test_wrong_and_invented_markers_are_replaced() -> None:
    cited = cite("The ferry leaves at noon [1]. Dragons breathe fire [7].", "When?", [hit(MOON), hit(FERRY)])
    assert cited.answer == "The ferry leaves at noon. [2] Dragons breathe fire."
    assert 0 < cited.groundedness < 1


def test_nothing_to_cite() -> None:
    assert cite("", "Why?", [hit(FERRY)]).groundedness == 0.0
    cited = cite("Dragons [1].", "Why?", [])
    assert (cited.answer, cited.citations, cited.groundedness) == ("Dragons.", (), 0.0)


def test_what_nothing_supports_is_named_or_dropped() -> None:
    answer, sources = "The ferry leaves at noon. Dragons breathe fire.", [hit(FERRY)]
    cited = cite(answer, "When?", sources)
    assert cited.unsupported == ("Dragons breathe fire.",)
    assert cited.answer == "The ferry leaves at noon. [1] Dragons breathe fire."
    dropped = cite(answer, "When?", sources, drop=True)
    assert dropped.answer == "The ferry leaves at noon. [1]"
    assert dropped.groundedness == cited.groundedness


@given(ANSWERS)
@example("A [[1]2] dragon. The ferry [[9]1] leaves at noon.")
def test_quotes_are_exact_and_markers_are_those_of_the_citations(answer: str) -> None:
    document = "x" * 40 + FERRY + "\n" + MOON
    sources = [hit(FERRY, start=40), hit(MOON, start=41 + len(FERRY), chunk_id=2)]
    cited = cite(answer, "When does the ferry leave?", sources)
    for citation in cited.citations:
        assert citation.quote == document[citation.start : citation.end]
        assert citation.hit is sources[citation.marker - 1]
    markers = {int(number) for number in MARKER.findall(cited.answer)}
    assert markers == {citation.marker for citation in cited.citations}
    assert 0.0 <= cited.groundedness <= 1.0


PIECES = st.lists(st.text("[]0123 a۱", max_size=6), max_size=12)


@given(PIECES, st.dictionaries(st.integers(1, 12), st.integers(1, 12)))
def test_the_rewriter_gives_the_same_for_any_split(pieces: list[str], numbers: dict[int, int]) -> None:
    def renumber(match: re.Match[str]) -> str:
        number = numbers.get(int(match.group(1)))
        return f"[{number}]" if number else ""

    rewriter = MarkerRewriter(numbers)
    streamed = "".join([*map(rewriter.feed, pieces), rewriter.flush()])
    assert streamed == re.sub(r"\[(\d{1,3})\]", renumber, "".join(pieces))


@given(st.lists(st.text("ab[] 1", max_size=5), min_size=1, max_size=8))
def test_the_rewriter_holds_back_no_more_than_a_marker(pieces: list[str]) -> None:
    rewriter = MarkerRewriter({1: 1})
    given_, shown = "", ""
    for piece in pieces:
        given_ += piece
        shown += rewriter.feed(piece)
        assert len(re.sub(r"\[\d{1,3}\]", "", given_)) - len(re.sub(r"\[\d{1,3}\]", "", shown)) <= len("[123")
