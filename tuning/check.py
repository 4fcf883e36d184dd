"""What would be trained on, and how: read, cleaned, split, described and planned; nothing is trained yet."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.prompt import TEMPLATE_TOKENS
from app.tokens import LocalTokenCounter
from evaluation.report import Report
from indexes.errors import InvalidTrainingFile
from tuning.card import DataCard, Lengths, describe, report
from tuning.cleaning import clean
from tuning.paraphrases import Embed, without_paraphrases
from tuning.plan import Base, Data, Goal, Hardware, Plan, plan
from tuning.reading import read
from tuning.records import Dropped, Example, Split, TrainingFile
from tuning.spectrum import chosen
from tuning.splitting import split, without_leaks

TOO_LONG = 0.05  # of the examples, from which the file is refused


@dataclass(frozen=True, kw_only=True)
class Checked:
    split: Split
    card: DataCard
    plan: Plan
    modules: tuple[str, ...]  # that are trained, where the plan chooses among them; else none: all are
    report: Report


def check(
    training: Path,
    validation: Path | None,
    *,
    base: Base,
    weights: Path,
    hardware: Hardware,
    counter: LocalTokenCounter,
    language: Callable[[str], str],
    goal: Goal = "voice",
    force: bool = False,
    changes: Mapping[str, Any] | None = None,
    embed: Embed | None = None,
) -> Checked:
    """``weights``: the base's folder; without ``embed`` paraphrases are not looked for.

    Raises InvalidTrainingFile, TooFewExamples, InvalidRequest, OSError."""
    found = _read(training, "training_file")
    kept, dropped = clean(found.examples)
    repeated: tuple[Dropped, ...] = ()
    if embed is not None:
        kept, repeated = without_paraphrases(kept, embed)
    given = None if validation is None else clean(_read(validation, "validation_file").examples)[0]
    parts = split(kept) if given is None else without_leaks(kept, given)
    lengths = measured([*parts.train, *parts.validation], counter)
    left_out = [*dropped, *repeated, *parts.leaks]
    card = describe(
        parts, left_out, lengths, format_=found.format, read=len(found.examples), language=language
    )
    data = Data(
        examples=len(parts.train),
        pairs=sum(one.rejected is not None for one in parts.train),
        tokens=card.tokens[99],
        longest=card.tokens[100],
    )
    made = plan(data, base, hardware, goal=goal, force=force, changes=changes)
    _require_whole(lengths, made.max_length)
    told = report(card, left_out, lengths, file=training.name, base=base.id)
    modules = () if made.spectrum is None else tuple(chosen(weights, made.spectrum))
    return Checked(split=parts, card=card, plan=made, modules=modules, report=told)


def _read(file: Path, param: str) -> TrainingFile:
    """Raises InvalidTrainingFile, of this one of the two files; OSError."""
    try:
        return read(file)
    except InvalidTrainingFile as error:
        error.param = param
        raise


def measured(examples: Sequence[Example], counter: LocalTokenCounter) -> Lengths:
    turns = [counter.count_now([turn.content for turn in one.prompt]) for one in examples]
    answers = counter.count_now([one.answer for one in examples])
    return Lengths(
        prompts=tuple(sum(counts) + TEMPLATE_TOKENS * len(counts) for counts in turns),
        answers=tuple(answers),
    )


def _require_whole(lengths: Lengths, longest: int) -> None:
    """Raises InvalidTrainingFile: an answer that is cut teaches not to end."""
    cut = sum(total > longest for total in lengths.totals)
    if cut > TOO_LONG * len(lengths.totals):
        raise InvalidTrainingFile(
            f"{cut} of {len(lengths.totals)} examples have more than {longest} tokens: their answers would "
            "be cut. Shorten them, or split their documents",
            code="examples_too_long",
        )
