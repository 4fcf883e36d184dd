"""Questions with what retrieval brought for them: such that the index answers, and such that it does not."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from evaluation.datasets import DataSet, Part, Question, sampled
from evaluation.metrics import contains
from evaluation.stage import Stage
from indexes.records import Collection, Hit

Kind = Literal["answerable", "gold removed", "adversarial", "noise only"]
TOP_K = 5
SPARE = 10  # chunks asked for beyond, so that enough stay where the gold passage's are taken out

Weigh = Callable[[str, Sequence[Hit]], Mapping[str, float]]  # question, hits -> signal -> its value


@dataclass(frozen=True, kw_only=True)
class Case:
    kind: Kind
    part: Part
    signals: Mapping[str, float]  # the higher, the more likely the passages hold the answer
    enough: bool  # whether the service, as it is set, would answer
    holds: bool  # whether the passages do hold the answer: the gold passage is among them

    @property
    def answerable(self) -> bool:
        return self.kind == "answerable"


def cases(
    stage: Stage,
    collection: Collection,
    data: DataSet,
    weigh: Weigh,
    *,
    count: int | None,
    seed: int,
) -> Iterator[Case]:
    """``count`` questions of each kind and part; those of the calibrate and test titles only."""
    for part in ("calibrate", "test"):
        for question in _chosen(data.answerable, part, count, seed):
            found = stage.search(collection, question.text, top_k=TOP_K + SPARE)
            yield _case("answerable", question, found[:TOP_K], weigh)
            left = [hit for hit in found if passage_id(hit) not in question.gold][:TOP_K]
            # Another passage may answer too: then the answer is not gone, and refusing would be wrong.
            if left and not any(contains(hit.text, question.answers) for hit in left):
                yield _case("gold removed", question, left, weigh)
        for question in _chosen(data.unanswerable, part, count, seed):
            found = stage.search(collection, question.text, top_k=TOP_K)
            yield _case("adversarial", question, found, weigh)


def passage_id(hit: Hit) -> str:
    return hit.uri.removeprefix("payload:")


def case_of(kind: Kind, part: Part, question: str, hits: Sequence[Hit], weigh: Weigh, *, holds: bool) -> Case:
    signals = dict(weigh(question, hits))
    enough = bool(signals.pop("enough"))
    return Case(kind=kind, part=part, signals=signals, enough=enough, holds=holds)


def _case(kind: Kind, question: Question, hits: Sequence[Hit], weigh: Weigh) -> Case:
    holds = kind == "answerable" and any(passage_id(hit) in question.gold for hit in hits)
    return case_of(kind, question.part, question.text, hits, weigh, holds=holds)


def _chosen(questions: Sequence[Question], part: str, count: int | None, seed: int) -> list[Question]:
    return sampled([one for one in questions if one.part == part], count, seed=seed)
