"""A comparison as JSON for programs, and as a report for people."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from evaluation.arm_figures import ArmFigures, Measured, measured
from evaluation.compare import Answered, LeftOut
from evaluation.forest import Forest
from evaluation.metrics import Estimate, signed
from evaluation.own import Outcome, short
from evaluation.plots import Line, Plot
from evaluation.recommend import Owner, Recommendation, recommend
from evaluation.report import Report, Section, Table, surroundings

PLACES = 4  # of a figure in JSON
CHOICES = {
    None: "Nothing can be recommended",
    "prompt": "A prompt to the model alone",
    "rag": "Retrieval (RAG)",
    "tuning": "Tuning",
    "both": "Tuning and retrieval",
}


@dataclass(frozen=True, kw_only=True)
class Training:
    """Of the adapter that was compared."""

    seconds: float
    device: str
    parameters: int  # that were trained


@dataclass(frozen=True, kw_only=True)
class Comparison:
    collection: str
    adapter: str | None
    top_k: int
    at_once: int
    owner: Owner
    answered: tuple[Answered, ...]
    left_out: tuple[LeftOut, ...]  # questions that an arm could not answer, and that none is measured by
    measured: Measured
    recommendation: Recommendation
    memory_bytes: int | None  # of the service, right after the questions; None: not known
    training: Training | None  # None: not known

    @property
    def questions(self) -> int:
        return len(self.answered[0].outcomes)


def compared(
    answered: tuple[Answered, ...],
    *,
    collection: str,
    adapter: str | None,
    top_k: int,
    owner: Owner,
    memory_bytes: int | None,
    training: Training | None,
    left_out: tuple[LeftOut, ...] = (),
    at_once: int = 1,
) -> Comparison:
    found = measured(answered)
    seconds = None if training is None else training.seconds
    return Comparison(
        collection=collection,
        adapter=adapter,
        top_k=top_k,
        at_once=at_once,
        owner=owner,
        answered=answered,
        left_out=left_out,
        measured=found,
        recommendation=recommend(found, owner, training_seconds=seconds),
        memory_bytes=memory_bytes,
        training=training,
    )


def as_json(found: Comparison) -> dict[str, Any]:
    advice = found.recommendation
    return {
        "collection": found.collection,
        "adapter": found.adapter,
        "top_k": found.top_k,
        "at_once": found.at_once,
        "questions": found.questions,
        "recommendation": {**asdict(advice), "sure": advice.sure},
        "owner": asdict(found.owner),
        "arms": [_rounded(asdict(arm)) for arm in found.measured.arms],
        "differences": [_rounded(asdict(one)) for one in found.measured.differences],
        "memory_bytes": found.memory_bytes,
        "training": None if found.training is None else asdict(found.training),
        "rows": list(_rows(found.answered)),
        "left_out": [
            {"question": one.question.text, "arm": one.arm, "why": one.why} for one in found.left_out
        ],
    }


def _rows(answered: Sequence[Answered]) -> Iterator[dict[str, Any]]:
    for outcomes in zip(*(one.outcomes for one in answered), strict=True):
        question = outcomes[0].question
        yield {
            "question": question.text,
            "answers": None if question.answers is None else list(question.answers),
            "document": question.document,
            "arms": {one.arm.name: _said(outcome) for one, outcome in zip(answered, outcomes, strict=True)},
        }


def _said(outcome: Outcome) -> dict[str, Any]:
    reply = outcome.reply
    return {
        "answer": reply["answer"],
        "model": reply["model"],
        "refused": outcome.refused,
        "score": None if outcome.f1 is None else round(outcome.f1, PLACES),
        "exact": outcome.exact if outcome.question.answers else None,
        "groundedness": reply["groundedness"],
        "rank": outcome.rank,
        "ms": reply["timings_ms"]["total"],
    }


def _rounded(figures: Any) -> Any:
    if isinstance(figures, Mapping):
        return {name: _rounded(value) for name, value in figures.items()}
    return round(figures, PLACES) if isinstance(figures, float) else figures


def report(found: Comparison) -> Report:
    return Report(
        title="Prompt, retrieval, tuning, or both?",
        facts=surroundings(
            collection=found.collection,
            adapter=found.adapter or "none",
            questions=str(found.questions),
            top_k=str(found.top_k),
            asked_at_once=str(found.at_once),
        ),
        sections=(
            _advice(found.recommendation),
            _figures(found),
            _side_by_side(found.answered),
            *([_left_out(found.left_out)] if found.left_out else []),
        ),
    )


def _advice(advice: Recommendation) -> Section:
    text = [f"{CHOICES[advice.choice]}" + (f" (`{advice.arm}`)." if advice.arm else ".")]
    if advice.thin:
        text += ["The evidence is too thin to be sure:", *(f"{_capital(one)}." for one in advice.thin)]
    text += [f"{_capital(one.about)}: {one.text}." for one in advice.reasons]
    return Section(title="Recommendation", text="\n\n".join(text))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _figures(found: Comparison) -> Section:
    arms = found.measured.arms
    names = ", ".join(f"`{arm.name}`: {arm.about}" for arm in arms)
    text = (
        f"{names}.\n\nScored as SQuAD does, after NFKC, Persian letters unified, Chinese by character; in "
        "brackets 95 % bootstrap intervals. The score is F1 where a question has an answer; where it "
        "has none, 1 for a refusal and 0 for anything else. Wrong: neither refused, nor with the gold answer "
        f"in it, nor with an F1 of half. {_times(found.at_once)}"
    )
    return Section(
        title="Figures",
        text=text,
        tables=(_quality(arms), _trust(arms), _apart(found.measured), _effort(found)),
        plots=(
            Forest(title="Score", rows=tuple((arm.name, arm.score) for arm in arms)),
            Forest(title="Answered wrongly", rows=tuple((arm.name, arm.wrong) for arm in arms)),
            _plot(arms),
        ),
    )


def _times(at_once: int) -> str:
    return (
        "Times are those of one user."
        if at_once == 1
        else f"Times are those of a service that is asked {at_once} questions at a time."
    )


def _quality(arms: Sequence[ArmFigures]) -> Table:
    return Table(
        title="Answers",
        header=("arm", "score", "F1", "EM", "contains"),
        rows=tuple(
            (arm.name, *map(str, (arm.score, arm.f1, arm.exact)), _share(arm.contains)) for arm in arms
        ),
    )


def _trust(arms: Sequence[ArmFigures]) -> Table:
    header = ("arm", "wrong", "refuses wrongly", "refuses rightly", "groundedness", "cites", "document found")
    return Table(
        title="Refusals and sources",
        header=header,
        rows=tuple(
            (
                arm.name,
                *map(_share, (arm.wrong, arm.refused_wrongly, arm.refused_rightly)),
                *map(_share, (arm.groundedness, arm.cited, arm.found)),
            )
            for arm in arms
        ),
    )


def _share(value: Estimate) -> str:
    return f"{value.mean:.3f}" if value.count else "–"


def _apart(found: Measured) -> Table:
    return Table(
        title="Differences",
        header=("", "score", "F1", "EM"),
        rows=tuple(
            (f"{one.ours} − {one.rival}", *map(signed, (one.score, one.f1, one.exact)))
            for one in found.differences
        ),
        note="Of the same questions. Where the interval holds 0, the two cannot be told apart.",
    )


def _effort(found: Comparison) -> Table:
    memory, training = found.memory_bytes, found.training
    notes = [
        "Memory of the service is not known."
        if memory is None
        else f"The service took {memory / 2**20:,.0f} MiB of memory (all arms are served by one)."
    ]
    if found.adapter is not None:
        notes.append(
            "What the adapter's training cost is not known: it was uploaded, or trained elsewhere."
            if training is None
            else f"The adapter was trained in {training.seconds:,.0f} s ({training.device}, "
            f"{training.parameters:,} parameters)."
        )
    return Table(
        title="Effort a question",
        header=("arm", "median ms", "95th percentile", "first token", "prompt tokens", "answer tokens"),
        rows=tuple(
            (
                arm.name,
                f"{arm.p50_ms:,.0f}",
                f"{arm.p95_ms:,.0f}",
                f"{arm.first_token_ms:,.0f}",
                f"{arm.prompt_tokens:,.0f}",
                f"{arm.completion_tokens:,.0f}",
            )
            for arm in found.measured.arms
        ),
        note=" ".join(notes),
    )


def _plot(arms: Sequence[ArmFigures]) -> Plot:
    seconds = {arm.name: arm.p50_ms / 1000 for arm in arms}
    return Plot(
        title="Score against time",
        x_label="median seconds",
        y_label="score",
        x_range=(0.0, max(seconds.values())),
        lines=tuple(
            Line(name=arm.name, points=((seconds[arm.name], arm.score.mean),), marked=True) for arm in arms
        ),
    )


def _side_by_side(answered: Sequence[Answered]) -> Section:
    rows = []
    for row in _rows(answered):
        golds = row["answers"]
        gold = "–" if golds is None else " / ".join(golds) or "(none: to be refused)"
        cells = [
            f"{'–' if one['score'] is None else format(one['score'], '.2f')} {_shown(one)}"
            for one in row["arms"].values()
        ]
        rows.append((short(row["question"]), short(gold), *cells))
    header = ("question", "right", *(one.arm.name for one in answered))
    table = Table(title="Each, with its score", header=header, rows=tuple(rows))
    return Section(title="Side by side", text="", tables=(table,))


def _left_out(some: Sequence[LeftOut]) -> Section:
    rows = tuple((short(one.question.text), one.arm, short(one.why)) for one in some)
    table = Table(title="Which, and why", header=("question", "arm", "what it said"), rows=rows)
    text = "Questions that an arm could not answer: no arm is measured by them."
    return Section(title="Left out", text=text, tables=(table,))


def _shown(said: Mapping[str, Any]) -> str:
    return "(refused)" if said["refused"] else short(said["answer"])
