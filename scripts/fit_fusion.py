"""Learn how the two legs of retrieval are fused: `python scripts/fit_fusion.py` writes indexes/fusion.json.

Learnt on the `train` titles of the question sets, from answerable questions alone, with all passages of a set
indexed: the weights of a script by a grid search for the best mean reciprocal rank, and where questions in a
script lie on average. Printed for each set: recall@1 and recall@5 of the dense leg, of BM25, of reciprocal
rank fusion and of ours, for the questions of all titles and of the `test` titles. Equal scores count against
the passage that is sought. There is no chance in it, so there is no seed.
"""

import argparse
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from app import models
from app.settings import Settings
from evaluation.datasets import DataSet, data_folder, load
from indexes.embedder import Embedder
from indexes.fusion import OTHER, Fusion, Weights
from indexes.language import Script, script
from indexes.postings import PostingsIndex
from indexes.records import Vectors
from indexes.regions import Regions
from indexes.text import Analyzer
from indexes.vectors import Scores

SAME = ("fa", "zh", "en")  # asked in the language of the passages: these give the weights
ACROSS = ("en-zh", "zh-en")
LEXICAL = (0.0, 0.03, 0.06, 0.1, 0.15, 0.2, 0.25, 0.3)
COVERAGE = (0.0, 0.03, 0.06, 0.1, 0.15, 0.2, 0.25, 0.3)
BATCH = 64
RRF_K = 60
OUT = Path(__file__).parents[1] / "indexes" / "fusion.json"
Rows = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Legs:
    """What each leg says of every question [q] and passage [p] of a set."""

    data: DataSet
    questions: Vectors  # [q, dim]
    passages: Vectors  # [p, dim]
    regions: Regions
    lexical: Scores  # [q, p]
    coverage: Scores  # [q, p]
    gold: npt.NDArray[np.intp]  # [q]

    @property
    def script(self) -> Script:
        return Counter(script(one.text) for one in self.data.questions).most_common(1)[0][0]

    def part(self, name: str | None = None, *, answerable: bool = True) -> Rows:
        return np.array(
            [
                (name is None or one.part == name) and bool(one.answers) == answerable
                for one in self.data.questions
            ]
        )

    def near(self, home: Vectors | None = None) -> Scores:
        """[q, p]"""
        moves = self.regions.moved(np.zeros_like(self.passages[:1]), self.script, home)
        near = np.empty((len(self.questions), len(self.passages)), np.float32)
        for name, move in moves.items():
            there = self.regions.of(name)
            near[:, there] = (self.questions + move) @ self.passages[there].T
        return near


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, help="folder that keeps the vectors for the next time")
    parser.add_argument("--out", type=Path, default=OUT)
    asked = parser.parse_args()
    embedder, analyzer = models.build_embedder(Settings()), Analyzer()
    legs = {}
    for name in (*SAME, *ACROSS):
        legs[name] = measure(load(data_folder(), name), embedder, analyzer, asked.cache)
        print(
            f"{name}: {len(legs[name].passages)} passages, {len(legs[name].questions)} questions", flush=True
        )
    homes = learn_homes((legs[name] for name in SAME), (legs[name] for name in ACROSS))
    weights = learn_weights([legs[name] for name in SAME], homes)
    fusion = Fusion(weights, {embedder.identity.id: homes})
    figures = {name: report(name, some, fusion, embedder.identity.id) for name, some in legs.items()}
    write(
        asked.out, weights, {embedder.identity.id: homes}, figures, [one.data.source for one in legs.values()]
    )


def measure(data: DataSet, embedder: Embedder, analyzer: Analyzer, cache: Path | None) -> Legs:
    file = cache / f"fusion-{data.name}.npz" if cache else None
    if file is not None and file.exists():
        kept = np.load(file)
        questions, passages = kept["questions"], kept["passages"]
    else:
        questions = in_batches(embedder.embed_queries, [one.text for one in data.questions])
        passages = in_batches(embedder.embed_passages, [one.text for one in data.passages])
        if file is not None:
            np.savez(file, questions=questions, passages=passages)
    every, terms = np.arange(len(data.passages)), [analyzer.terms(one.text) for one in data.passages]
    index, regions = PostingsIndex(), Regions(passages.shape[1])
    index.change(added=every, terms=terms, removed=np.empty(0, np.int64))
    regions.append(passages, terms)
    lexical = np.zeros((len(questions), len(passages)), np.float32)
    coverage = np.zeros_like(lexical)
    for row, question in enumerate(data.questions):
        found = index.search(analyzer.terms(question.text), 0, allowed=None, also=every)
        lexical[row, found.ids], coverage[row, found.ids] = found.scores, found.coverage
    places = {one.id: number for number, one in enumerate(data.passages)}
    gold = np.array([places[one.gold[0]] for one in data.questions])
    return Legs(
        data=data,
        questions=questions,
        passages=passages,
        regions=regions,
        lexical=lexical,
        coverage=coverage,
        gold=gold,
    )


def learn_homes(same: Iterable[Legs], across: Iterable[Legs]) -> dict[str, Vectors]:
    """[1, dim] by script: the mean of its questions, from the parallel sets where they have the script: there
    the homes of two scripts are those of the same questions, and differ by language alone."""
    return {
        one.script: one.questions[one.part("train")].mean(axis=0, keepdims=True) for one in (*same, *across)
    }


def learn_weights(legs: Sequence[Legs], homes: dict[str, Vectors]) -> dict[str, Weights]:
    """The best of each script; for other scripts those that are best for all sets together."""
    grid = [Weights(lexical=lexical, coverage=coverage) for lexical in LEXICAL for coverage in COVERAGE]
    marks = np.array([[quality(one, weights, homes[one.script]) for weights in grid] for one in legs])
    best: dict[str, Weights] = {
        one.script: grid[int(row.argmax())] for one, row in zip(legs, marks, strict=True)
    }
    return {**best, OTHER: grid[int(marks.mean(axis=0).argmax())]}


def quality(legs: Legs, weights: Weights, home: Vectors) -> float:
    rows = legs.part("train")
    scores = weights.fuse(legs.near(home)[rows], legs.lexical[rows], legs.coverage[rows])
    return float((1 / (1 + places(scores, legs.gold[rows]))).mean())


def report(name: str, legs: Legs, fusion: Fusion, embedder: str) -> dict[str, dict[str, list[float]]]:
    question = legs.data.questions[0].text
    near = legs.near()
    arms = {
        "dense": near,
        "bm25": legs.lexical,
        "rrf": 1 / (RRF_K + 1 + order(near)) + (legs.lexical > 0) / (RRF_K + 1 + order(legs.lexical)),
        "ours": fusion.fuse(
            question, legs.near(fusion.home(question, embedder)), legs.lexical, legs.coverage
        ),
    }
    parts = {"all": legs.part(), "test": legs.part("test"), "unanswerable": legs.part(answerable=False)}
    found: dict[str, dict[str, list[float]]] = {}
    for arm, scores in arms.items():
        found[arm] = {
            part: recall(scores[rows], legs.gold[rows]) for part, rows in parts.items() if rows.any()
        }
        told = "  ".join(f"{part} {one:.4f}/{five:.4f}" for part, (one, five) in found[arm].items())
        print(f"{name:6} {arm:6} {told}", flush=True)
    return found


def recall(scores: Scores, gold: npt.NDArray[np.intp]) -> list[float]:
    there = places(scores, gold)
    return [round(float((there < k).mean()), 4) for k in (1, 5)]


def places(scores: Scores, gold: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
    """[q] how many passages stand at or above the one that is sought."""
    return np.asarray((scores >= scores[np.arange(len(gold)), gold][:, None]).sum(axis=1) - 1)


def order(scores: Scores) -> npt.NDArray[np.int64]:
    """[q, p] ranks from 0."""
    return np.asarray(np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1))


def in_batches(embed: Callable[[Sequence[str]], Vectors], texts: Sequence[str]) -> Vectors:
    """By length, so that a batch has little padding."""
    by_length = sorted(range(len(texts)), key=lambda at: len(texts[at]))
    parts = [embed([texts[at] for at in by_length[n : n + BATCH]]) for n in range(0, len(texts), BATCH)]
    vectors = np.concatenate(parts)
    return np.asarray(vectors[np.argsort(by_length)])


def write(
    file: Path,
    weights: dict[str, Weights],
    homes: dict[str, dict[str, Vectors]],
    figures: dict[str, dict[str, dict[str, list[float]]]],
    sources: Sequence[str],
) -> None:
    learnt = {
        "learnt": "scripts/fit_fusion.py, on the train titles (70 %, by the hash of the title)",
        "sources": sorted(set(sources)),
        "recall_at_1_and_5": figures,
        "weights": {name: asdict(one) for name, one in weights.items()},
        "homes": {
            embedder: {name: [round(float(one), 5) for one in home[0]] for name, home in some.items()}
            for embedder, some in homes.items()
        },
    }
    partial = file.with_suffix(".tmp")
    partial.write_text(json.dumps(learnt, ensure_ascii=False) + "\n", "utf-8")
    os.replace(partial, file)


if __name__ == "__main__":
    main()
