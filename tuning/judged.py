"""The answers that a trained adapter and its base write to what validates, and their scores."""

from collections.abc import Callable, Sequence
from typing import Any

from evaluation.judging.local_rater import LocalRater
from evaluation.judging.rows import Row
from evaluation.judging.scores import judged
from indexes.embedder import Embedder
from tuning.records import Example
from tuning.workspace import TRAIN, Workspace
from tuning.written import Writer

WRITTEN = 8  # answers at once for each row that is learnt at once


def answers_judged(
    model: Any,
    tokenizer: Any,
    work: Workspace,
    validation: Sequence[Example],
    *,
    at_once: int,
    embedder: Callable[[], Embedder],
) -> dict[str, float]:
    """Figures of an outcome. Answers and scores are left in ``work``.

    ``model`` has the adapter; its base rates the answers, if it can tell good from bad. ``at_once``: rows of
    a training step, of which several fit into memory where nothing is learnt."""
    writer = Writer(model, tokenizer, validation, at_once=WRITTEN * at_once)
    with model.disable_adapter():
        base = writer.answers()
    tuned = writer.answers()
    rows = [
        Row(question=one.question, gold=one.answer, base=before.text, tuned=now.text)
        for one, before, now in zip(writer.asked, base, tuned, strict=True)
    ]
    with model.disable_adapter():
        found = judged(
            rows,
            learnt=[one.answer for one in work.examples(TRAIN)],
            embedder=embedder,
            rater=LocalRater(model, tokenizer),
        )
    work.write_scores(rows, found)
    return {**found.figures(), "ended": sum(one.ended for one in tuned) / len(tuned)}
