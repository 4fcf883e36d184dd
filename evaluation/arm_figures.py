"""What is measured of each arm, and how far they are apart on the same questions. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from evaluation import metrics
from evaluation.compare import Answered
from evaluation.metrics import Estimate, difference, estimate
from evaluation.own import Outcome

RIGHT = 0.5  # F1 from which an answer counts as right; so does one that holds the gold answer


@dataclass(frozen=True, kw_only=True)
class ArmFigures:
    """Estimates are shares or means, 0..1. Those without questions that they are about count 0."""

    name: str
    about: str
    adapter: str | None  # that answered; None for none
    questions: int
    score: Estimate  # F1 where there is an answer, else whether it refused: what is decided by
    f1: Estimate  # of questions that have an answer, as are the three below
    exact: Estimate
    contains: Estimate  # the gold answer stands in the answer
    refused_wrongly: Estimate
    refused_rightly: Estimate  # of questions that have none
    wrong: Estimate  # answered, and not rightly: of all questions of which it is known
    groundedness: Estimate  # of what was answered with sources
    cited: Estimate  # answers with a citation, likewise
    found: Estimate  # the document that answers is among the sources: where it is named and retrieved from
    p50_ms: float
    p95_ms: float
    first_token_ms: float  # median
    prompt_tokens: float  # mean of a question
    completion_tokens: float


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Of the means on the same questions, ``ours`` minus ``rival``."""

    ours: str
    rival: str
    score: Estimate
    f1: Estimate
    exact: Estimate


@dataclass(frozen=True, kw_only=True)
class Measured:
    arms: tuple[ArmFigures, ...]
    differences: tuple[Difference, ...]  # of every two, the later minus the earlier

    def arm(self, name: str) -> ArmFigures | None:
        return next((one for one in self.arms if one.name == name), None)

    def score(self, ours: str, rival: str) -> Estimate:
        """Of the difference of the scores. Raises KeyError for arms that were not measured."""
        for one in self.differences:
            if (one.ours, one.rival) == (ours, rival):
                return one.score
            if (one.rival, one.ours) == (ours, rival):
                turned = one.score
                return Estimate(mean=-turned.mean, low=-turned.high, high=-turned.low, count=turned.count)
        raise KeyError((ours, rival))


def measured(answered: Sequence[Answered], *, seed: int = 0) -> Measured:
    return Measured(
        arms=tuple(_figures(one, seed) for one in answered), differences=tuple(_differences(answered, seed))
    )


def right(outcome: Outcome) -> bool:
    """Of a question of which it is known what is right."""
    golds = outcome.question.answers or ()
    return metrics.contains(outcome.text, golds) or (outcome.f1 or 0.0) >= RIGHT


def _figures(one: Answered, seed: int) -> ArmFigures:
    def mean(values: Sequence[float]) -> Estimate:
        return estimate(values, seed=seed)

    every = one.outcomes
    known = [each for each in every if each.question.answers is not None]
    answerable, others = _answerable(every), [each for each in known if not each.question.answers]
    with_sources = [each for each in every if not each.refused and each.reply["groundedness"] is not None]
    named = [each for each in every if each.question.document is not None and one.arm.retrieves]
    times = [each.reply["timings_ms"] for each in every]
    usage = [each.reply["usage"] for each in every]
    adapters = {each.reply["adapter"]["name"] for each in every if each.reply["adapter"]}
    return ArmFigures(
        name=one.arm.name,
        about=one.arm.about,
        adapter=adapters.pop() if len(adapters) == 1 else None,
        questions=len(every),
        score=mean([each.f1 or 0.0 for each in known]),
        f1=mean([each.f1 or 0.0 for each in answerable]),
        exact=mean([each.exact for each in answerable]),
        contains=mean(
            [float(metrics.contains(each.text, each.question.answers or ())) for each in answerable]
        ),
        refused_wrongly=mean([float(each.refused) for each in answerable]),
        refused_rightly=mean([float(each.refused) for each in others]),
        wrong=mean([float(not each.refused and not right(each)) for each in known]),
        groundedness=mean([each.reply["groundedness"] for each in with_sources]),
        cited=mean([float(bool(each.reply["citations"])) for each in with_sources]),
        found=mean([float(each.rank is not None) for each in named]),
        p50_ms=_percentile([time["total"] for time in times], 50),
        p95_ms=_percentile([time["total"] for time in times], 95),
        first_token_ms=_percentile([time["first_token"] for time in times], 50),
        prompt_tokens=float(np.mean([used["prompt_tokens"] for used in usage])),
        completion_tokens=float(np.mean([used["completion_tokens"] for used in usage])),
    )


def _differences(answered: Sequence[Answered], seed: int) -> Iterator[Difference]:
    for rival, ours in combinations(answered, 2):
        known = [
            (one.f1 or 0.0, two.f1 or 0.0)
            for one, two in zip(ours.outcomes, rival.outcomes, strict=True)
            if one.question.answers is not None
        ]
        mine, theirs = _answerable(ours.outcomes), _answerable(rival.outcomes)
        yield Difference(
            ours=ours.arm.name,
            rival=rival.arm.name,
            score=difference([one for one, _ in known], [two for _, two in known], seed=seed),
            f1=difference([one.f1 or 0.0 for one in mine], [one.f1 or 0.0 for one in theirs], seed=seed),
            exact=difference([one.exact for one in mine], [one.exact for one in theirs], seed=seed),
        )


def _answerable(outcomes: Sequence[Outcome]) -> list[Outcome]:
    return [one for one in outcomes if one.question.answers]


def _percentile(values: Sequence[float], share: float) -> float:
    return round(float(np.percentile(values, share)), 1)
