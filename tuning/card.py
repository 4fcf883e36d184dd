"""The data card: what an owner should know of the examples before anything is trained on them."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from evaluation.plots import Line, Plot
from evaluation.report import Report, Section, Table
from tuning.cleaning import reasons
from tuning.records import Dropped, Format, Split

SHARES = (50, 90, 99, 100)  # percentiles
BINS = 24
LINES_SHOWN = 12


@dataclass(frozen=True, kw_only=True)
class DataCard:
    """Lengths are in tokens of the base model, with the chat template."""

    format: Format
    read: int  # examples
    train: int
    validation: int
    by_document: bool
    documents: int  # 0 where none is named
    prompt_tokens: Mapping[int, int]  # percentile -> length
    answer_tokens: Mapping[int, int]
    tokens: Mapping[int, int]  # of both
    languages: Mapping[str, int]  # ISO 639-1 of the questions -> examples
    dropped: Mapping[str, int]  # reason -> examples

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Lengths:
    prompts: tuple[int, ...]
    answers: tuple[int, ...]

    @property
    def totals(self) -> tuple[int, ...]:
        return tuple(one + other for one, other in zip(self.prompts, self.answers, strict=True))


def describe(
    split: Split,
    dropped: Sequence[Dropped],
    lengths: Lengths,
    *,
    format_: Format,
    read: int,
    language: Callable[[str], str],
) -> DataCard:
    every = [*split.train, *split.validation]
    return DataCard(
        format=format_,
        read=read,
        train=len(split.train),
        validation=len(split.validation),
        by_document=split.by_document,
        documents=len({one.document for one in every} - {None}),
        prompt_tokens=_percentiles(lengths.prompts),
        answer_tokens=_percentiles(lengths.answers),
        tokens=_percentiles(lengths.totals),
        languages=dict(Counter(language(one.question) for one in every).most_common()),
        dropped={reason: len(lines) for reason, lines in reasons(dropped)},
    )


def report(card: DataCard, dropped: Sequence[Dropped], lengths: Lengths, **facts: str) -> Report:
    """With the distributions as pictures."""
    named = [
        ("examples read", f"{card.read:,}"),
        ("kept to train on", f"{card.train:,}"),
        ("kept to validate with", f"{card.validation:,}"),
        ("documents", f"{card.documents:,}" if card.documents else "none named"),
    ]
    counts = Table(title="Counts", header=("", "examples"), rows=tuple(named))
    languages = Table(
        title="Languages of the questions",
        header=("language", "examples"),
        rows=tuple((name, f"{count:,}") for name, count in card.languages.items()),
    )
    left_out = Table(
        title="Left out",
        header=("reason", "examples", "lines"),
        rows=tuple((reason, f"{len(lines):,}", _shown(lines)) for reason, lines in reasons(dropped)),
    )
    parts = (
        ("prompt", card.prompt_tokens),
        ("answer", card.answer_tokens),
        ("both", card.tokens),
    )
    tokens = Table(
        title="Tokens, percentiles",
        header=("", *(f"p{share}" for share in SHARES)),
        rows=tuple((name, *(f"{found[share]:,}" for share in SHARES)) for name, found in parts),
    )
    split = (
        "Training and validation share no document."
        if card.by_document
        else "No two documents are named: training and validation share none that are nearly the same."
    )
    return Report(
        title="Data card",
        facts={"format": card.format, **facts},
        sections=(
            Section(title="Examples", text=split, tables=(counts, languages, left_out)),
            Section(
                title="Lengths",
                text="In tokens of the base model, with its chat template.",
                tables=(tokens,),
                plots=(_histogram(lengths),),
            ),
        ),
    )


def _percentiles(lengths: Sequence[int]) -> dict[int, int]:
    if not lengths:
        return dict.fromkeys(SHARES, 0)
    return {share: int(np.ceil(np.percentile(lengths, share))) for share in SHARES}


def _histogram(lengths: Lengths) -> Plot:
    longest = max(lengths.totals, default=1)
    edges = np.linspace(0, longest, BINS + 1)
    middles = (edges[:-1] + edges[1:]) / 2
    lines, top = [], 1
    for name, values in (("prompt", lengths.prompts), ("answer", lengths.answers)):
        counts, _ = np.histogram(values, edges)
        top = max(top, int(counts.max()))
        points = tuple((float(x), float(y)) for x, y in zip(middles, counts, strict=True))
        lines.append(Line(name=name, points=points))
    return Plot(
        title="Lengths",
        x_label="tokens",
        y_label="examples",
        x_range=(0.0, float(longest)),
        y_range=(0.0, float(top)),
        lines=tuple(lines),
    )


def _shown(lines: Sequence[int]) -> str:
    more = len(lines) - LINES_SHOWN
    return ", ".join(map(str, lines[:LINES_SHOWN])) + (f" and {more} more" if more > 0 else "")
