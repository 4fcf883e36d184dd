"""Answers from sources: whether what should be refused is, and whether markers [n] name a source."""

import re
from collections.abc import Sequence

from app.markers import MARKER
from evaluation.judging.paired import Paired, paired_means
from evaluation.judging.rows import Row
from evaluation.refusing import refuses

SOURCE = re.compile(r"<\s?source>\[(\d{1,3})\]")  # as app.prompt writes one; examples' have a space in it


def cites(answer: str, question: str) -> bool:
    """Whether it carries markers, and each is the number of a source in ``question``."""
    named = set(MARKER.findall(answer))
    return bool(named) and named <= set(SOURCE.findall(question))


def scores(rows: Sequence[Row], *, seed: int) -> tuple[Paired, ...]:
    """Of the rows whose gold answer is a refusal, and of those whose gold answer cites."""
    refused = [row for row in rows if refuses(row.gold)]
    cited = [row for row in rows if not refuses(row.gold) and MARKER.search(row.gold)]
    found = []
    for name, title, some in (
        ("refused_rightly", "refused, of what should be refused", refused),
        ("refused_wrongly", "refused, of what the sources answer", cited),
    ):
        if some:
            found.append(
                paired_means(
                    name,
                    title,
                    [float(refuses(row.base)) for row in some],
                    [float(refuses(row.tuned)) for row in some],
                    seed=seed,
                )
            )
    if cited:
        found.append(
            paired_means(
                "cited",
                "cited, by markers that name a source, of what the sources answer",
                [float(cites(row.base, row.question)) for row in cited],
                [float(cites(row.tuned, row.question)) for row in cited],
                seed=seed,
            )
        )
    return tuple(found)
