"""Whether an adapter may be served: it must still know what the base knew; no gain is said plainly. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

FORGOTTEN = 2.0  # points of general accuracy that it may lose
ENDS = 0.95  # share of its answers that must end by themselves
GAIN = 0.99  # of the base's perplexity on the target: what is above is no gain
TARGETS = (  # the first of them that was measured tells whether there is a gain
    ("label_macro_f1", "macro-F1 of the labels that validate"),
    ("f1", "F1 of the answers that validate"),
)
FEW = 10  # answers, below which an interval tells little
NO_GAIN = "there is no gain, and the base serves as well"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    passed: bool
    reasons: tuple[str, ...]  # each a sentence
    code: str | None = None  # of the first that it failed by


def verdict(figures: Mapping[str, float]) -> Verdict:
    """``figures``: those of an Outcome."""
    base, now = figures["general_accuracy_base"], figures["general_accuracy"]
    lost = 100 * (base - now)  # below 0 where it gained
    told, failed = [], []
    if forgot(base, now):
        failed.append("forgetting")
        told.append(
            f"it forgot: {lost:.1f} points of general accuracy are lost, and {FORGOTTEN:g} are allowed. "
            "Train for fewer epochs, at a lower learning rate, or with more `replay`"
        )
    else:
        told.append(f"it kept what the base knew: {max(0.0, lost):.1f} points of general accuracy are lost")
    if (scale := figures.get("scale", 1.0)) < 1:
        told.append(f"it was made weaker for that: {scale:.0%} of what was learnt is in it")
    if figures["ended"] < ENDS:
        failed.append("does_not_end")
        told.append(
            f"only {figures['ended']:.0%} of its answers end by themselves ({ENDS:.0%} are asked): look for "
            "answers in the examples that are cut"
        )
    told += _target(figures)
    return Verdict(passed=not failed, reasons=tuple(told), code=failed[0] if failed else None)


def forgot(base: float, now: float) -> bool:
    """Whether an adapter with ``now`` of general accuracy lost more of ``base`` than it may."""
    return 100 * (base - now) > FORGOTTEN


def _target(figures: Mapping[str, float]) -> list[str]:
    """What was gained. Answers that were written count more than how likely the wanted ones have become."""
    base, now = figures["target_perplexity_base"], figures["target_perplexity"]
    perplexity = f"perplexity of the answers that validate: {base:.2f} of the base, {now:.2f} now"
    for name, title in TARGETS:
        if name in figures:
            return [perplexity, f"{title}: {_gain(name, figures)}"]
    return [f"{perplexity}: {NO_GAIN}" if now / base > GAIN else perplexity]


def _gain(name: str, figures: Mapping[str, float]) -> str:
    low, high = figures[f"{name}_gain_low"], figures[f"{name}_gain_high"]
    told = (
        f"{figures[f'{name}_base']:.3f} of the base, {figures[name]:.3f} now, a difference of {low:+.3f} to "
        f"{high:+.3f} (95 %)"
    )
    if figures["answers"] < FEW:
        return f"{told}, of {figures['answers']:.0f} answers: too few to tell whether there is a gain"
    if low > 0:
        return told
    return f"{told}: it is worse than the base" if high < 0 else f"{told}: {NO_GAIN}"
