"""From what was measured, and what the owner says, to what serves them best: with reasons, and plainly where
the evidence does not carry it. Pure.

The arms are gone through from the one that is least work to keep up to the one that is most; another takes
the place of the best so far only where its score is higher beyond doubt (the difference's whole interval).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from evaluation.arm_figures import ArmFigures, Measured
from evaluation.compare import BASE, BOTH, RAG, SERVED, TUNED
from evaluation.metrics import Estimate, signed

Choice = Literal["prompt", "rag", "tuning", "both"]
Changes = Literal["daily", "monthly", "yearly", "never"]
CHANGES: tuple[Changes, ...] = get_args(Changes)
STALE: tuple[Changes, ...] = ("daily", "monthly")  # oftener than anybody trains again
ORDER = (BASE, RAG, SERVED, TUNED, BOTH)  # by what they are to keep up
FEW = 30  # questions
POOR = 0.3  # score


@dataclass(frozen=True, kw_only=True)
class Owner:
    changes: Changes | None = None  # how often the documents change
    style: bool = False  # whether answers must keep a manner of their own


@dataclass(frozen=True, kw_only=True)
class Reason:
    about: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    choice: Choice | None  # None: nothing can be said
    arm: str | None  # that stands for it
    reasons: tuple[Reason, ...]
    thin: tuple[str, ...]  # why the evidence does not carry it; none: it does

    @property
    def sure(self) -> bool:
        return self.choice is not None and not self.thin


def recommend(found: Measured, owner: Owner, *, training_seconds: float | None = None) -> Recommendation:
    """``training_seconds``: of the adapter, where that is known."""
    known = max(arm.score.count for arm in found.arms)
    if not known:
        unknown = "no question comes with its answers, so nothing is known of what is right"
        return Recommendation(choice=None, arm=None, reasons=(), thin=(unknown,))
    best = _best(found, owner)
    chosen = _with_style(found, owner, best)
    arm = _arm(found, chosen)
    return Recommendation(
        choice=_choice(arm),
        arm=chosen,
        reasons=(
            Reason(about="answers", text=_quality(arm)),
            Reason(about="how often the data changes", text=_changes(owner)),
            Reason(about="need for outside knowledge", text=_knowledge(found)),
            Reason(about="hallucination", text=_hallucination(found)),
            Reason(about="style", text=_style(found, owner)),
            Reason(about="cost", text=_cost(found, arm, training_seconds)),
        ),
        thin=tuple(_thin(found, owner, chosen, known)),
    )


def _eligible(found: Measured, owner: Owner) -> list[str]:
    stale = owner.changes in STALE
    return [name for name in ORDER if found.arm(name) and not (stale and name == TUNED)]


def _best(found: Measured, owner: Owner) -> str:
    best, *others = _eligible(found, owner)
    for name in others:
        if found.score(name, best).low > 0:
            best = name
    return best


def _with_style(found: Measured, owner: Owner, best: str) -> str:
    """What was tuned, where a manner is asked for and it answers no worse: F1 does not see manners."""
    if not owner.style or _choice(_arm(found, best)) in ("tuning", "both"):
        return best
    tuned = [TUNED, BOTH] if best == BASE else [BOTH]
    eligible = [name for name in tuned if name in _eligible(found, owner)]
    return next((name for name in eligible if found.score(name, best).high >= 0), best)


def _choice(arm: ArmFigures) -> Choice:
    match arm.name:
        case "base":
            return "prompt"
        case "tuned":
            return "tuning"
    return "both" if arm.adapter else "rag"


def _thin(found: Measured, owner: Owner, chosen: str, known: int) -> Iterator[str]:
    if known < FEW:
        yield f"only {known} questions come with answers: below {FEW} one answer more or less decides"
    for name in _eligible(found, owner):
        if name != chosen and _holds_0(apart := found.score(name, chosen)):
            yield f"`{name}` and `{chosen}` cannot be told apart: the difference is {signed(apart)}"


def _quality(arm: ArmFigures) -> str:
    told = f"`{arm.name}` scores {arm.score}, with {_percent(arm.wrong)} of the questions answered wrongly"
    if arm.score.mean < POOR:
        told += "; that is poor: read the answers before choosing anything"
    return told


def _changes(owner: Owner) -> str:
    match owner.changes:
        case None:
            return (
                "not said; what is retrieved is as new as the documents, what was learnt is as old as the "
                "training"
            )
        case "daily" | "monthly":
            return (
                f"{owner.changes}: facts that were learnt would be out of date before the next training, so "
                "`tuned` without documents is left out"
            )
    return f"{owner.changes}: what was learnt stays true for long"


def _knowledge(found: Measured) -> str:
    """A weak generator may make nothing of documents that its adapter answers from, so each is looked at."""
    writers = {"the generator": found.score(RAG, BASE)}
    if found.arm(BOTH) is not None:
        writers["the adapter"] = found.score(BOTH, TUNED)
    told = ", ".join(f"{writer} {signed(apart)}" for writer, apart in writers.items())
    apart = writers.values()
    if any(one.low > 0 for one in apart):
        told = f"needed: with the documents the same model scores more than without: {told}"
    elif any(one.high < 0 for one in apart):
        told = f"the documents do harm: with them the same model scores less: {told}"
    else:
        told = f"not shown: with and without the documents cannot be told apart: {told}"
    rag = _arm(found, RAG)
    if rag.found.count:
        told += f"; the document that answers was among the sources of {_percent(rag.found)} of the questions"
    return told


def _hallucination(found: Measured) -> str:
    shares = ", ".join(f"`{arm.name}` {_percent(arm.wrong)}" for arm in found.arms)
    told = f"answered wrongly instead of refusing: {shares}"
    if found.arms[0].refused_rightly.count:
        shares = ", ".join(f"`{arm.name}` {_percent(arm.refused_rightly)}" for arm in found.arms)
        told += f"; of the questions that have no answer were refused: {shares}"
    return told


def _style(found: Measured, owner: Owner) -> str:
    if found.arm(BOTH) is None:
        return "no adapter was measured: train one (`simurgh tune`) and compare again" + (
            ", for a manner is what tuning gives" if owner.style else ""
        )
    apart = found.score(BOTH, RAG)
    if apart.low > 0:
        told = f"with the same sources the adapter's way to answer scores {signed(apart)} more"
    elif apart.high < 0:
        told = f"with the same sources the adapter's way to answer scores {signed(apart)}, which is less"
    else:
        told = f"with the same sources the adapter makes no difference that could be told, {signed(apart)}"
    if owner.style:
        told += "; a manner is asked for, which tuning gives and no figure here sees: read the answers"
    return told


def _cost(found: Measured, arm: ArmFigures, training_seconds: float | None) -> str:
    base = _arm(found, BASE)
    told = (
        f"a question costs `{arm.name}` {arm.prompt_tokens:,.0f} tokens of prompt and "
        f"{arm.completion_tokens:,.0f} of answer, and {arm.p50_ms:,.0f} ms (median)"
    )
    if arm is not base:
        told += (
            f"; `{BASE}` {base.prompt_tokens:,.0f}, {base.completion_tokens:,.0f} and {base.p50_ms:,.0f} ms"
        )
    if found.arm(BOTH) is not None:
        told += "; the adapter took " + (
            "a training of unknown cost"
            if training_seconds is None
            else f"{training_seconds:,.0f} s to train"
        )
    return told


def _arm(found: Measured, name: str) -> ArmFigures:
    arm = found.arm(name)
    if arm is None:
        raise KeyError(name)
    return arm


def _holds_0(apart: Estimate) -> bool:
    return apart.low <= 0 <= apart.high


def _percent(share: Estimate) -> str:
    return f"{share.mean:.0%}"
