"""Scores as they stand in a report."""

from collections.abc import Iterator, Sequence

from app.inert import seen
from evaluation.judging.labels import Confusion
from evaluation.judging.paired import Paired
from evaluation.judging.rows import Row
from evaluation.judging.scores import Scores
from evaluation.metrics import signed
from evaluation.report import Section, Table

SHOWN = 10  # answers side by side
LONGEST = 160  # characters of each


def section(found: Scores, rows: Sequence[Row]) -> Section:
    told = [
        f"Both wrote their answers to the same {found.count} questions; in brackets 95 % intervals "
        "(paired bootstrap). A gain is certain where its interval does not hold 0."
    ]
    if found.trial is not None:
        told.append(f"G-Eval: {found.trial}.")
    told += [f"{note[0].upper()}{note[1:]}." for note in found.notes]
    return Section(
        title="Answers",
        text="\n\n".join(told),
        tables=tuple(_tables(found, rows)),
    )


def _tables(found: Scores, rows: Sequence[Row]) -> Iterator[Table]:
    yield _scores("Answers that were written", found.scores)
    for language, scores in found.languages.items():
        yield _scores(f"Questions in {language}", scores)
    if found.confusion is not None:
        yield from _confusions(found.confusion)
    yield Table(
        title="Side by side",
        header=("question", "wanted", "base", "tuned"),
        rows=tuple(
            (_end(row.question), _begin(row.gold), _begin(row.base), _begin(row.tuned))
            for row in rows[:SHOWN]
        ),
    )


def _scores(title: str, scores: Sequence[Paired]) -> Table:
    return Table(
        title=title,
        header=("", "base", "tuned", "gain", "answers"),
        rows=tuple(
            (one.title, str(one.base), str(one.tuned), signed(one.gain), str(one.gain.count))
            for one in scores
        ),
    )


def _confusions(found: Confusion) -> Iterator[Table]:
    for name, matrix in (("base", found.base), ("tuned", found.tuned)):
        yield Table(
            title=f"Confusion, {name}",
            header=("wanted / said", *found.labels, "none of them"),
            rows=tuple(
                (label, *map(str, counts)) for label, counts in zip(found.labels, matrix, strict=True)
            ),
        )


def _begin(text: str) -> str:
    text = " ".join(seen(text).split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _end(text: str) -> str:
    """The question stands at the end, behind its sources."""
    text = " ".join(seen(text).split())
    return text if len(text) <= LONGEST else f"…{text[1 - LONGEST :]}"
