"""Fit the evidence gate: `python scripts/fit_gate.py` writes app/gate.json and prints what it reaches.

Weights and thresholds come from the `calibrate` titles of the question sets, whose passages neither trained
the reader nor are scored; the scores printed are those of the `test` titles.
"""

import argparse
import asyncio
import json
import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app import models
from app.cli.prepare import prepare_with_bar
from app.gate import CALIBRATION, OTHER, READ_PASSAGES, Calibration, features
from app.orders import without_orders
from app.reader.port import Reader, Reading
from app.settings import Settings
from evaluation.cases import Case, Weigh, cases
from evaluation.datasets import LANGUAGES, data_folder, load
from evaluation.refusal import curve
from evaluation.stage import Remembering, Stage, started
from indexes.records import Hit

Array = NDArray[Any]
SEED = 17
COUNT = {"fa": 250, "zh": 400, "en": 400}  # of a kind and part; more where few titles are to calibrate on
MARGINS = ("margin", "margin_first", "margin_best")
RETRIEVAL = ("lead", "dense", "lexical", "coverage")


@dataclass(frozen=True, kw_only=True)
class Form:
    signals: tuple[str, ...]
    freedom: float = 1.0  # inverse of the penalty on weights


PLAIN = Form(signals=(*MARGINS, *RETRIEVAL))
# That the question's words stand in a passage says that it speaks of the thing, not that it answers; and
# among encyclopaedia articles retrieval tells so well that, left free, it overrules the reader. Of RGB's
# Chinese questions without an answer .58 are refused by the plain form, .82 by this one.
FORMS = {"zh": Form(signals=(*MARGINS, "lead", "dense"), freedom=0.003)}
WITHOUT_READER = Form(signals=RETRIEVAL)
PRICE = 0.1  # share of the answerable questions that may be refused
ADVERSARIAL = 0.25  # what such a question weighs: real users' are seldom written to deceive


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=[*LANGUAGES, OTHER], help="the others' stay as they are in --out")
    parser.add_argument("--data-dir", type=Path, help="keep the index here (a temporary folder otherwise)")
    parser.add_argument("--out", type=Path, default=CALIBRATION)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        wanted = [asked.only] if asked.only else [*LANGUAGES, OTHER]
        found = asyncio.run(_gather(asked.data_dir or Path(temporary), wanted))
    fitted = fit(found)
    if asked.only:
        fitted = {kind: {**old, **fitted[kind]} for kind, old in json.loads(asked.out.read_text()).items()}
    partial = asked.out.with_suffix(".tmp")
    partial.write_text(json.dumps(fitted, indent=2, sort_keys=True) + "\n")
    os.replace(partial, asked.out)


def fit(found: Mapping[str, tuple[str, Sequence[Case]]]) -> dict[str, dict[str, object]]:
    return {
        "with_reader": {
            language: _fit(language, some, FORMS.get(language, PLAIN), reader)
            for language, (reader, some) in found.items()
        },
        "without_reader": {
            language: _fit(language, some, WITHOUT_READER, OTHER) for language, (_, some) in found.items()
        },
    }


async def _gather(folder: Path, wanted: Sequence[str]) -> dict[str, tuple[str, list[Case]]]:
    """By language who read and the cases; OTHER: those of all languages, by the reader that reads all."""
    settings = Settings(data_dir=folder, _env_file=None)
    prepare_with_bar(settings)
    readers = models.build_readers(settings)
    weighers = {name: _weigher(reader) for name, reader in readers.items()}  # OTHER's reads each passage once
    found = {}
    async with started(settings, Remembering(models.build_embedder(settings))) as stage:
        for language in wanted:
            reader = language if language in readers else OTHER
            some = LANGUAGES if language == OTHER else (language,)
            gathered = [await asyncio.to_thread(_cases, stage, one, weighers[reader]) for one in some]
            found[language] = reader, [case for one in gathered for case in one]
            print(language, len(found[language][1]), "cases, read by", reader, flush=True)
    return found


def _weigher(reader: Reader) -> Weigh:
    known: dict[tuple[str, str], Reading] = {}  # the same passages come with the gold one and without

    def weigh(question: str, hits: Sequence[Hit]) -> dict[str, float]:
        texts = [without_orders(hit.text) for hit in hits[:READ_PASSAGES]]
        new = [text for text in texts if (question, text) not in known]
        known.update(zip([(question, text) for text in new], reader.read(question, new), strict=True))
        readings = [known[question, text] for text in texts]
        return {**features(hits, readings), "enough": 1.0}

    return weigh


def _cases(stage: Stage, language: str, weigh: Weigh) -> list[Case]:
    data = load(data_folder(), language)
    collection = stage.ingest(language, data.passages)
    return list(cases(stage, collection, data, weigh, count=COUNT[language], seed=SEED))


def _fit(language: str, found: Sequence[Case], form: Form, reader: str) -> dict[str, object]:
    names = form.signals
    seen = [case for case in found if case.part == "calibrate"]
    rows = np.array([[case.signals[name] for name in names] for case in seen])
    holds = np.array([case.holds for case in seen])
    counts = np.where([case.kind == "adversarial" for case in seen], ADVERSARIAL, 1.0)
    # Both answers weigh alike: the share of unanswerable questions here is not that of anybody's users.
    counts[holds] *= counts[~holds].sum() / counts[holds].sum()
    weights, bias = _regressed(rows, holds, counts, form.freedom)
    lead = np.average(rows[:, names.index("lead")], weights=counts)
    fitted = Calibration(
        weights=dict(zip(names, weights.round(4).tolist(), strict=True)),
        bias=round(bias, 4),
        threshold=0.0,
        reader=reader,
        means={"lead": round(float(lead), 4)},
    )
    answerable = [fitted.probability(case.signals) for case in seen if case.answerable]
    gone = [fitted.probability(case.signals) for case in seen if case.kind == "gold removed"]
    # Where refusing more costs more answers than it saves wrong ones, the price is not paid in full.
    points = [point for point in curve(answerable, gone) if point.wrongly <= PRICE]
    best = max(points, key=lambda point: point.rightly - point.wrongly)
    least = math.floor(best.threshold * 1e4) / 1e4  # rounded up, it would refuse one more
    for part in ("calibrate", "test"):
        shares = {}
        for kind in ("answerable", "gold removed", "adversarial"):
            some = [case.signals for case in found if case.part == part and case.kind == kind]
            if some:
                refused = np.mean([fitted.probability(signals) < least for signals in some])
                shares[kind] = f"{refused:.3f} of {len(some)}"
        print(language, part, f"threshold {least}", "refused:", shares, flush=True)
    return asdict(replace(fitted, threshold=least))


def _regressed(rows: Array, holds: Array, counts: Array, freedom: float) -> tuple[Array, float]:
    """Weights and intercept. A penalty is to change what the signals weigh beside each other, not how sure
    they are together: that is fitted after it, freely."""
    from sklearn.linear_model import LogisticRegression

    spread = rows.std(axis=0) + 1e-9
    model = LogisticRegression(C=freedom, max_iter=1000).fit(rows / spread, holds, sample_weight=counts)
    weights = model.coef_[0] / spread
    together = rows @ weights
    sure = LogisticRegression(C=np.inf, max_iter=1000).fit(together[:, None], holds, sample_weight=counts)
    return weights * sure.coef_[0, 0], float(sure.intercept_[0])


if __name__ == "__main__":
    main()
