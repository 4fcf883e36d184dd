"""What is recommended, from figures and what the owner says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations

import pytest

from evaluation.arm_figures import ArmFigures, Difference, Measured
from evaluation.compare import BASE, BOTH, RAG, SERVED, TUNED
from evaluation.metrics import Estimate
from evaluation.recommend import ORDER, Owner, recommend

MARGIN = 0.05  # half the width of every interval


def about(mean: float, count: int = 100) -> Estimate:
    return Estimate(mean=mean, low=mean - MARGIN, high=mean + MARGIN, count=count)


def measured(scores: Mapping[str, float], *, count: int = 100, served_adapter: str | None = None) -> Measured:
    """Two arms are told apart where their scores are further apart than MARGIN."""
    nothing = Estimate(mean=0.0, low=0.0, high=0.0, count=0)

    def arm(name: str, score: float) -> ArmFigures:
        adapters = {TUNED: "voice", BOTH: "voice", SERVED: served_adapter}
        return ArmFigures(
            name=name,
            about="",
            adapter=adapters.get(name),
            questions=count,
            score=about(score, count),
            f1=about(score, count),
            exact=about(score, count),
            contains=about(score, count),
            refused_wrongly=nothing,
            refused_rightly=nothing,
            wrong=about(1 - score, count),
            groundedness=nothing,
            cited=nothing,
            found=nothing,
            p50_ms=10.0,
            p95_ms=20.0,
            first_token_ms=5.0,
            prompt_tokens=100.0,
            completion_tokens=10.0,
        )

    names = [name for name in ORDER if name in scores]
    return Measured(
        arms=tuple(arm(name, scores[name]) for name in names),
        differences=tuple(
            Difference(
                ours=ours,
                rival=rival,
                score=about(scores[ours] - scores[rival], count),
                f1=nothing,
                exact=nothing,
            )
            for rival, ours in combinations(names, 2)
        ),
    )


@dataclass(frozen=True, kw_only=True)
class Case:
    name: str
    scores: Mapping[str, float]
    choice: str | None
    arm: str | None
    sure: bool
    owner: Owner = field(default_factory=Owner)
    count: int = 100
    served_adapter: str | None = None


FACTS = {BASE: 0.1, RAG: 0.7, TUNED: 0.3, BOTH: 0.8}
KNOWN = {BASE: 0.8, RAG: 0.81, TUNED: 0.82, BOTH: 0.82}
VOICE = {BASE: 0.2, RAG: 0.25, TUNED: 0.7, BOTH: 0.71}
CASES = [
    Case(name="both are worth it", scores=FACTS, choice="both", arm=BOTH, sure=True),
    Case(name="the model knows it already", scores=KNOWN, choice="prompt", arm=BASE, sure=False),
    Case(
        name="the adapter adds nothing to retrieval",
        scores={**FACTS, BOTH: 0.6},
        choice="rag",
        arm=RAG,
        sure=True,
    ),
    Case(
        name="what cannot be told apart is the simpler one",
        scores={**FACTS, BOTH: 0.72},
        choice="rag",
        arm=RAG,
        sure=False,
    ),
    Case(name="a skill is tuned", scores=VOICE, choice="tuning", arm=TUNED, sure=False),
    Case(
        name="but not where the facts change daily",
        scores=VOICE,
        choice="both",
        arm=BOTH,
        sure=True,
        owner=Owner(changes="daily"),
    ),
    Case(
        name="nor do stale facts count as a doubt",
        scores={BASE: 0.1, RAG: 0.7, TUNED: 0.7, BOTH: 0.5},
        choice="rag",
        arm=RAG,
        sure=True,
        owner=Owner(changes="monthly"),
    ),
    Case(
        name="a manner that is asked for, where it costs nothing",
        scores={**FACTS, BOTH: 0.69},
        choice="both",
        arm=BOTH,
        sure=False,
        owner=Owner(style=True),
    ),
    Case(
        name="a manner that would cost answers",
        scores={**FACTS, BOTH: 0.5},
        choice="rag",
        arm=RAG,
        sure=True,
        owner=Owner(style=True),
    ),
    Case(name="two arms", scores={BASE: 0.1, RAG: 0.7}, choice="rag", arm=RAG, sure=True),
    Case(
        name="the reader is retrieval too",
        scores={**FACTS, SERVED: 0.95},
        choice="rag",
        arm=SERVED,
        sure=True,
    ),
    Case(
        name="the bound adapter is both",
        scores={BASE: 0.1, RAG: 0.3, SERVED: 0.9},
        choice="both",
        arm=SERVED,
        sure=True,
        served_adapter="bound",
    ),
    Case(name="few questions", scores=FACTS, choice="both", arm=BOTH, sure=False, count=12),
    Case(name="no answers are known", scores=FACTS, choice=None, arm=None, sure=False, count=0),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_recommendation(case: Case) -> None:
    found = measured(case.scores, count=case.count, served_adapter=case.served_adapter)
    advice = recommend(found, case.owner)
    assert (advice.choice, advice.arm, advice.sure) == (case.choice, case.arm, case.sure)
    assert bool(advice.thin) is not case.sure


def reason(advice_about: str, scores: Mapping[str, float], owner: Owner | None = None) -> str:
    advice = recommend(measured(scores), owner or Owner(), training_seconds=61.0)
    (text,) = [one.text for one in advice.reasons if one.about == advice_about]
    return text


@pytest.mark.parametrize(
    ("asked", "scores", "owner", "told"),
    [
        ("answers", {BASE: 0.05, RAG: 0.1}, Owner(), "that is poor"),
        ("how often the data changes", FACTS, Owner(), "not said"),
        ("how often the data changes", FACTS, Owner(changes="daily"), "out of date"),
        ("how often the data changes", FACTS, Owner(changes="never"), "stays true"),
        ("need for outside knowledge", FACTS, Owner(), "+0.600"),
        ("need for outside knowledge", KNOWN, Owner(), "not shown"),
        ("need for outside knowledge", {BASE: 0.1, RAG: 0.12, TUNED: 0.1, BOTH: 0.5}, Owner(), "needed: "),
        ("need for outside knowledge", {BASE: 0.7, RAG: 0.2}, Owner(), "do harm"),
        ("hallucination", FACTS, Owner(), "`base` 90%"),
        ("style", FACTS, Owner(), "+0.100"),
        ("style", FACTS, Owner(style=True), "read the answers"),
        ("style", {BASE: 0.1, RAG: 0.7}, Owner(), "no adapter was measured"),
        ("cost", FACTS, Owner(), "61 s to train"),
    ],
)
def test_reasons(asked: str, scores: Mapping[str, float], owner: Owner, told: str) -> None:
    assert told in reason(asked, scores, owner)


def test_doubts_name_what_cannot_be_told_apart() -> None:
    advice = recommend(measured({**FACTS, BOTH: 0.72}), Owner())
    assert advice.thin == (
        "`tuned+RAG` and `RAG` cannot be told apart: the difference is +0.020 (-0.030 to +0.070)",
    )
